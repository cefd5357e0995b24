//! Whether one direction of a tunnel is a bulk transfer or a conversation.
//!
//! A conversation is cheapest with a receive that stays armed and small buffers; a transfer with large buffers, or none,
//! one piece at a time. A direction starts as a conversation. It is a transfer once much has come in a row in pieces that
//! were large, or had more right behind them; a conversation again after some small pieces.

/// A piece of at least this size is large, in bytes: a full receive buffer of a client.
const LARGE_BYTES_MIN: u64 = 4 * 1024;

/// Bytes in a row that make a transfer. Switching costs two operations; that is nothing beside eight full buffers.
const BULK_BYTES_MIN: u64 = 32 * 1024;

/// Small pieces in a row that make a conversation again.
const SMALL_PIECES_MAX: u32 = 8;

/// What a direction has been like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Conversation {
        /// Bytes of the pieces that look like a transfer, so far.
        run_bytes: u64,
    },
    Bulk {
        /// Small pieces in a row.
        small_pieces: u32,
    },
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace::Conversation { run_bytes: 0 }
    }

    pub(super) fn is_bulk(self) -> bool {
        matches!(self, Pace::Bulk { .. })
    }

    /// A piece of `bytes` came; `more`: another one is there already.
    pub(super) fn note(&mut self, bytes: u64, more: bool) {
        let is_part = bytes >= LARGE_BYTES_MIN || more;
        *self = match *self {
            Pace::Conversation { .. } if !is_part => Pace::new(),
            Pace::Conversation { run_bytes } if run_bytes + bytes >= BULK_BYTES_MIN => {
                Pace::Bulk { small_pieces: 0 }
            }
            Pace::Conversation { run_bytes } => Pace::Conversation { run_bytes: run_bytes + bytes },
            Pace::Bulk { .. } if is_part => Pace::Bulk { small_pieces: 0 },
            Pace::Bulk { small_pieces } if small_pieces + 1 == SMALL_PIECES_MAX => Pace::new(),
            Pace::Bulk { small_pieces } => Pace::Bulk { small_pieces: small_pieces + 1 },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[(u64, bool)]) -> Pace {
        let mut pace = Pace::new();
        for &(bytes, more) in pieces {
            pace.note(bytes, more);
        }
        pace
    }

    #[test]
    fn full_buffers_in_a_row_are_a_transfer() {
        assert!(!after(&[(4096, false); 7]).is_bulk());
        assert!(after(&[(4096, false); 8]).is_bulk());
    }

    #[test]
    fn many_small_pieces_at_once_are_a_transfer() {
        assert!(after(&[(256, true); 128]).is_bulk());
    }

    #[test]
    fn small_messages_are_a_conversation_however_many() {
        assert!(!after(&[(200, false); 10_000]).is_bulk());
        // A large one now and then does not change that.
        let mixed: Vec<_> =
            (0..10_000).map(|at| if at % 4 == 0 { (16 * 1024, false) } else { (50, false) }).collect();
        assert!(!after(&mixed).is_bulk());
    }

    #[test]
    fn a_transfer_becomes_a_conversation_after_some_small_pieces() {
        let mut pace = after(&[(65_536, false)]);
        assert!(pace.is_bulk());
        for _ in 1..SMALL_PIECES_MAX {
            pace.note(10, false);
            assert!(pace.is_bulk());
        }
        pace.note(10, false);
        assert_eq!(pace, Pace::new());
    }
}

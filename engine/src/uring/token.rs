//! User data: what an operation is, whose, and of which generation, in 64 bits: `kind:8 | slot:24 | generation:32`.
//!
//! Never a descriptor or a pointer: both are used again while late completions are still under way.

use crate::slab::Key;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Wakeups,
    /// Cancels an operation of a connection, a listener, or the wake-ups.
    CancelConn,
    CancelAccept,
    CancelWakeups,
    Accept,
    Connect,
    Send,
    Close,
    /// A descriptor that never got a slot, or lost it, is being closed.
    CloseStray,
    /// A poll.
    Readable,
    Writable,
    /// A receive into this buffer group.
    Recv(u16),
}

const RECV: u8 = 0x40;

pub(crate) fn encode(kind: Kind, key: Key) -> u64 {
    let kind = match kind {
        Kind::Wakeups => 0,
        Kind::CancelConn => 1,
        Kind::CancelAccept => 7,
        Kind::CancelWakeups => 8,
        Kind::Accept => 2,
        Kind::Connect => 3,
        Kind::Send => 4,
        Kind::Close => 5,
        Kind::CloseStray => 6,
        Kind::Readable => 9,
        Kind::Writable => 10,
        Kind::Recv(group) => RECV | group as u8,
    };
    u64::from(kind) << 56 | u64::from(key.index) << 32 | u64::from(key.generation)
}

/// `None` for user data that [`encode`] did not make.
pub(crate) fn decode(user_data: u64) -> Option<(Kind, Key)> {
    let kind = match (user_data >> 56) as u8 {
        0 => Kind::Wakeups,
        1 => Kind::CancelConn,
        7 => Kind::CancelAccept,
        8 => Kind::CancelWakeups,
        2 => Kind::Accept,
        3 => Kind::Connect,
        4 => Kind::Send,
        5 => Kind::Close,
        6 => Kind::CloseStray,
        9 => Kind::Readable,
        10 => Kind::Writable,
        kind if kind & RECV != 0 => Kind::Recv(u16::from(kind & !RECV)),
        _ => return None,
    };
    let key = Key { index: (user_data >> 32) as u32 & 0xff_ffff, generation: user_data as u32 };
    Some((kind, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_survives_the_round_trip() {
        for kind in [
            Kind::Wakeups,
            Kind::CancelConn,
            Kind::CancelWakeups,
            Kind::Accept,
            Kind::Send,
            Kind::Readable,
            Kind::Writable,
            Kind::Recv(0),
            Kind::Recv(2),
        ] {
            for (index, generation) in [(0, 0), (0xff_ffff, u32::MAX), (7, 9)] {
                let key = Key { index, generation };
                assert_eq!(decode(encode(kind, key)), Some((kind, key)));
            }
        }
        assert_eq!(decode(u64::from(u8::MAX >> 2) << 56), None);
    }
}

//! Frames of HTTP/2 (RFC 9113 sections 4 and 6).

use super::super::reason::Reason;
use super::STREAM;
use crate::limits::FRAME_BYTES_MAX;

/// Length, type, flags, stream (section 4.1).
const HEADER_BYTES: usize = 9;

/// Which frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data = 0,
    Headers = 1,
    Priority = 2,
    Reset = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
    /// An extension, to be ignored (section 5.5).
    Unknown = 255,
}

pub(super) mod flag {
    //! Flags, each for the frames that have it.
    pub(in super::super) const ACK: u8 = 0x1;
    pub(in super::super) const END_STREAM: u8 = 0x1;
    pub(in super::super) const END_HEADERS: u8 = 0x4;
    pub(in super::super) const PADDED: u8 = 0x8;
    pub(in super::super) const PRIORITY: u8 = 0x20;
}

/// A frame that is there as a whole.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    flags: u8,
    pub(super) stream: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a frame off `bytes`; `None`: it is not there yet. The `first` must be settings, or something else is spoken here.
    pub(super) fn read(bytes: &mut &'a [u8], first: bool) -> Result<Option<Frame<'a>>, Reason> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let [long, middle, short, kind, flags, stream @ ..] = *header;
        let length = u32::from_be_bytes([0, long, middle, short]) as usize;
        let kind = Kind::of(kind);
        // The highest bit is reserved (section 4.1).
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        let is_settings = kind == Kind::Settings && flags & flag::ACK == 0 && stream == 0;
        if first && (!is_settings || length > FRAME_BYTES_MAX) {
            return Err(Reason::NotHttp2);
        }
        if length > FRAME_BYTES_MAX {
            return Err(Reason::Http2("a frame that is too long"));
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        *bytes = rest;
        Ok(Some(Frame { kind, flags, stream, payload }))
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// A frame of the connection, whose length must be as the section of its type says.
    pub(super) fn check_connection(&self, is_length_right: bool) -> Result<(), Reason> {
        self.check(self.stream == 0, is_length_right)
    }

    /// The same for a frame of the request.
    pub(super) fn check_stream(&self, is_length_right: bool) -> Result<(), Reason> {
        self.check(self.stream == STREAM, is_length_right)
    }

    fn check(&self, is_stream_right: bool, is_length_right: bool) -> Result<(), Reason> {
        match (is_stream_right, is_length_right) {
            (true, true) => Ok(()),
            (false, _) => Err(Reason::Http2("a frame on the wrong stream")),
            (true, false) => Err(Reason::Http2("a frame of the wrong length")),
        }
    }

    /// The payload without its padding (section 6.1).
    pub(super) fn unpadded(&self) -> Result<&'a [u8], Reason> {
        if !self.has(flag::PADDED) {
            return Ok(self.payload);
        }
        let content = self.payload.split_first().and_then(|(padding, rest)| {
            let content_bytes = rest.len().checked_sub(usize::from(*padding))?;
            rest.get(..content_bytes)
        });
        content.ok_or(Reason::Http2("more padding than the frame is long"))
    }
}

impl Kind {
    fn of(kind: u8) -> Kind {
        const KINDS: [Kind; 10] = [
            Kind::Data,
            Kind::Headers,
            Kind::Priority,
            Kind::Reset,
            Kind::Settings,
            Kind::PushPromise,
            Kind::Ping,
            Kind::GoAway,
            Kind::WindowUpdate,
            Kind::Continuation,
        ];
        KINDS.get(usize::from(kind)).copied().unwrap_or(Kind::Unknown)
    }
}

/// Appends a frame; its payload is at most [`FRAME_BYTES_MAX`] long.
pub(super) fn write(to: &mut Vec<u8>, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
    debug_assert!(payload.len() <= FRAME_BYTES_MAX && kind != Kind::Unknown, "a frame that nobody takes");
    to.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    to.extend_from_slice(&[kind as u8, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

/// The number at `at` of a payload that is long enough.
pub(super) fn u32_at(payload: &[u8], at: usize) -> u32 {
    payload[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Whether six bytes of settings are what a server may say (section 6.5.2).
pub(super) fn is_sound_setting(setting: &[u8]) -> bool {
    let value = u32_at(setting, 2);
    match setting[..2] {
        [0, 2] => value == 0,
        [0, 4] => value <= u32::MAX >> 1,
        [0, 5] => (1 << 14..1 << 24).contains(&value),
        _ => true,
    }
}

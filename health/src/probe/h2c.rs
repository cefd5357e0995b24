//! HTTP/2 in clear, with prior knowledge (RFC 9113 section 3.3): the request of a probe, and its answer.
//!
//! One stream, one request. What comes is read strictly: whoever breaks the protocol here breaks it with clients as well.

use super::body::Search;
use super::expect::{Expect, Head};
use super::hpack::{self, Field};
use super::reason::Reason;
use crate::limits::{FRAMES_MAX, HEAD_BYTES_MAX, HPACK_TABLE_BYTES_MAX};

mod frame;
mod request;

pub(super) use request::request;

use frame::{Frame, Kind, flag};

/// The stream of the request, the first that a client opens.
const STREAM: u32 = 1;

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Answer {
    expect: Expect,
    /// Starts with a frame.
    buffer: Vec<u8>,
    hpack: hpack::Decoder,
    phase: Phase,
    /// A header block that goes on in the next frame.
    block: Option<Block>,
    /// Those that carried none of the body.
    frames: u32,
}

#[derive(Debug)]
enum Phase {
    /// The server's settings come first (section 3.4).
    Preface,
    Head,
    Body(Search),
}

#[derive(Debug)]
struct Block {
    fragments: Vec<u8>,
    ends_stream: bool,
}

type Verdict = Result<(), Reason>;

impl Answer {
    pub(super) fn new(expect: Expect) -> Answer {
        Answer {
            expect,
            buffer: Vec::new(),
            hpack: hpack::Decoder::new(HPACK_TABLE_BYTES_MAX),
            phase: Phase::Preface,
            block: None,
            frames: 0,
        }
    }

    /// The next bytes; tells the verdict once there is one, and what to reply.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (Option<Verdict>, Vec<u8>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let (mut rest, mut reply) = (&buffer[..], Vec::new());
        let verdict = loop {
            let frame = match Frame::read(&mut rest, matches!(self.phase, Phase::Preface)) {
                Ok(Some(frame)) => frame,
                Ok(None) => break None,
                Err(reason) => break Some(Err(reason)),
            };
            match self.frame(&frame, &mut reply) {
                Ok(None) => {}
                Ok(verdict) => break verdict,
                Err(reason) => break Some(Err(reason)),
            }
        };
        let read = buffer.len() - rest.len();
        buffer.drain(..read);
        self.buffer = buffer;
        (verdict, reply)
    }

    fn frame(&mut self, frame: &Frame<'_>, reply: &mut Vec<u8>) -> Result<Option<Verdict>, Reason> {
        if frame.kind != Kind::Data || frame.payload.is_empty() {
            self.frames += 1;
            if self.frames > FRAMES_MAX {
                return Err(Reason::Http2("it is made of too many frames"));
            }
        }
        // Section 6.10: nothing comes between the frames of a header block.
        if self.block.is_some() != (frame.kind == Kind::Continuation) {
            return Err(Reason::Http2("a header block is interrupted"));
        }
        match frame.kind {
            Kind::Settings => self.settings(frame, reply)?,
            Kind::Ping => {
                frame.check_connection(frame.payload.len() == 8)?;
                if !frame.has(flag::ACK) {
                    frame::write(reply, Kind::Ping, flag::ACK, 0, frame.payload);
                }
            }
            Kind::GoAway => {
                frame.check_connection(frame.payload.len() >= 8)?;
                return Err(Reason::GoAway(frame::u32_at(frame.payload, 4)));
            }
            Kind::WindowUpdate => {
                let is_sound =
                    frame.payload.len() == 4 && frame::u32_at(frame.payload, 0) & (u32::MAX >> 1) != 0;
                if !is_sound || frame.stream > STREAM {
                    return Err(Reason::Http2("a WINDOW_UPDATE that is none"));
                }
            }
            Kind::Reset => {
                frame.check_stream(frame.payload.len() == 4)?;
                return Err(Reason::Reset(frame::u32_at(frame.payload, 0)));
            }
            Kind::Priority => {
                if frame.stream == 0 || frame.payload.len() != 5 {
                    return Err(Reason::Http2("a PRIORITY that is none"));
                }
            }
            Kind::PushPromise => return Err(Reason::Http2("it pushes what was not asked for")),
            Kind::Headers => {
                frame.check_stream(true)?;
                let fragment = frame.unpadded()?;
                let priority_bytes = if frame.has(flag::PRIORITY) { 5 } else { 0 };
                let fragment =
                    fragment.get(priority_bytes..).ok_or(Reason::Http2("a HEADERS that is cut"))?;
                let ends_stream = frame.has(flag::END_STREAM);
                return self.fragment(Block { fragments: Vec::new(), ends_stream }, fragment, frame);
            }
            Kind::Continuation => {
                frame.check_stream(true)?;
                if let Some(block) = self.block.take() {
                    return self.fragment(block, frame.payload, frame);
                }
            }
            Kind::Data => return self.data(frame),
            Kind::Unknown => {}
        }
        Ok(None)
    }

    /// Section 6.5. Nothing that a server may set matters to one short request that is sent already.
    fn settings(&mut self, frame: &Frame<'_>, reply: &mut Vec<u8>) -> Result<(), Reason> {
        let is_ack = frame.has(flag::ACK);
        let bytes = frame.payload.len();
        frame.check_connection(if is_ack { bytes == 0 } else { bytes.is_multiple_of(6) })?;
        if is_ack {
            return Ok(());
        }
        if !frame.payload.chunks_exact(6).all(frame::is_sound_setting) {
            return Err(Reason::Http2("a setting out of its bounds"));
        }
        if let Phase::Preface = self.phase {
            self.phase = Phase::Head;
        }
        frame::write(reply, Kind::Settings, flag::ACK, 0, &[]);
        Ok(())
    }

    fn fragment(
        &mut self,
        mut block: Block,
        fragment: &[u8],
        frame: &Frame<'_>,
    ) -> Result<Option<Verdict>, Reason> {
        block.fragments.extend_from_slice(fragment);
        if block.fragments.len() > HEAD_BYTES_MAX {
            return Err(Reason::HeadTooLong);
        }
        if !frame.has(flag::END_HEADERS) {
            self.block = Some(block);
            return Ok(None);
        }
        let fields = self.hpack.decode(&block.fragments);
        let fields = fields.map_err(|_| Reason::Http2("a header block that can not be decoded"))?;
        self.head(&fields, block.ends_stream)
    }

    fn head(&mut self, fields: &[Field], ends_stream: bool) -> Result<Option<Verdict>, Reason> {
        if let Phase::Body(search) = &self.phase {
            // Section 8.1: trailers end the stream.
            return if ends_stream {
                Ok(Some(search.over()))
            } else {
                Err(Reason::Http2("trailers that end nothing"))
            };
        }
        let status = status(fields).ok_or(Reason::Http2("a head without a proper :status"))?;
        // Section 8.1: interim answers do not end the stream. There is no 101 (section 8.6).
        if status < 200 {
            let is_interim = status != 101 && !ends_stream;
            return if is_interim { Ok(None) } else { Err(Reason::Http2("an interim answer that is none")) };
        }
        match self.expect.head(status) {
            Head::Decided(verdict) => Ok(Some(verdict)),
            Head::Body(search) if ends_stream => Ok(Some(search.over())),
            Head::Body(search) => {
                self.phase = Phase::Body(search);
                Ok(None)
            }
        }
    }

    fn data(&mut self, frame: &Frame<'_>) -> Result<Option<Verdict>, Reason> {
        frame.check_stream(true)?;
        let Phase::Body(search) = &mut self.phase else {
            return Err(Reason::Http2("a body before its head"));
        };
        let verdict = search.feed(frame.unpadded()?);
        Ok(verdict.or_else(|| frame.has(flag::END_STREAM).then(|| search.over())))
    }
}

/// The status: the one pseudo-field of an answer, before all others (section 8.3).
fn status(fields: &[Field]) -> Option<u16> {
    let ((name, status), others) = fields.split_first()?;
    let is_pseudo = |(name, _): &Field| name.first() == Some(&b':');
    if name != b":status"
        || others.iter().any(is_pseudo)
        || status.len() != 3
        || !status.iter().all(u8::is_ascii_digit)
    {
        return None;
    }
    let status = status.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    (status >= 100).then_some(status)
}

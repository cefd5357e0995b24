//! A connection to the command socket: frames, and anything else.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use prost::Message;

use super::wire::{Answer, Ask, Request};

/// How long any one step may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// Far more than any answer that a test asks for.
const FRAME_BYTES_MAX: u64 = 64 << 20;

pub(crate) struct Channel {
    pub(crate) stream: UnixStream,
}

impl Channel {
    pub(crate) fn connect(socket: &Path) -> io::Result<Channel> {
        Ok(Channel::over(UnixStream::connect(socket)?))
    }

    pub(crate) fn over(stream: UnixStream) -> Channel {
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes it");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket takes it");
        Channel { stream }
    }

    pub(crate) fn send(&mut self, ask: Ask) -> io::Result<()> {
        self.stream.write_all(&framed(ask))
    }

    /// The next message; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> io::Result<Option<Answer>> {
        let Some(body) = self.frame()? else { return Ok(None) };
        Answer::decode(&*body).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 8];
        if self.stream.read(&mut length[..1])? == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut length[1..])?;
        let length = u64::from_le_bytes(length);
        assert!((8..=FRAME_BYTES_MAX).contains(&length), "a frame of {length} bytes");
        let mut body = vec![0; length as usize - 8];
        self.stream.read_exact(&mut body)?;
        Ok(Some(body))
    }
}

/// A question as it goes over the socket: behind a length that counts itself.
pub(crate) fn framed(ask: Ask) -> Vec<u8> {
    let message = Request { ask: Some(ask) }.encode_to_vec();
    let mut frame = (message.len() as u64 + 8).to_le_bytes().to_vec();
    frame.extend(message);
    frame
}

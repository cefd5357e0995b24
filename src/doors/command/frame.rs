//! Messages on the stream: an 8-byte little-endian length that counts itself, then so many bytes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prost::bytes::BufMut;
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::limits::{LARGE_MESSAGE_BYTES, MESSAGE_BYTES_MAX, READ_BYTES};

/// The bytes of a length.
pub(super) const LENGTH_BYTES: usize = 8;

/// Why there is no more to read from a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error(
        "a message of {length} bytes can not be: the length counts its own {LENGTH_BYTES} bytes; does this client speak \
         the command protocol?"
    )]
    Short { length: u64 },
    #[error(
        "a message of {length} bytes is more than the {MESSAGE_BYTES_MAX} bytes of the longest; send it in parts"
    )]
    Long { length: u64 },
    #[error("too many messages of more than {LARGE_MESSAGE_BYTES} bytes are on their way; try again")]
    Busy,
    #[error("a message was begun and not ended within {limit:?}")]
    Late { limit: Duration },
    #[error("the connection ended within a message")]
    Cut,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes messages from a stream as their bytes come. Between two messages it holds no memory.
pub(super) struct FrameReader {
    length: [u8; LENGTH_BYTES],
    /// Of `length`.
    have: usize,
    body: Vec<u8>,
    /// From the first byte of a message to its last.
    limit: Duration,
    deadline: Option<Instant>,
    /// Large messages of all sessions.
    large: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

/// A message, and its share of the large ones for as long as it is kept.
pub(super) struct Frame {
    pub(super) body: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl FrameReader {
    pub(super) fn new(large: Arc<Semaphore>, limit: Duration) -> FrameReader {
        let length = [0; LENGTH_BYTES];
        FrameReader { length, have: 0, body: Vec::new(), limit, deadline: None, large, permit: None }
    }

    /// The next message; none: the stream has ended between two. Cancel-safe.
    pub(super) async fn read(&mut self, stream: &UnixStream) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            match self.deadline {
                Some(deadline) => {
                    timeout_at(deadline, stream.readable())
                        .await
                        .map_err(|_| FrameError::Late { limit: self.limit })??;
                }
                None => stream.readable().await?,
            }
            let read = match self.wanted() {
                Wanted::Length => {
                    stream.try_read(&mut self.length[self.have..]).inspect(|read| self.have += read)
                }
                Wanted::Body(missing) => {
                    if self.body.len() == self.body.capacity() {
                        self.body.reserve(missing.min(READ_BYTES));
                    }
                    stream.try_read_buf(&mut (&mut self.body).limit(missing))
                }
            };
            match read {
                Ok(0) if self.have == 0 => return Ok(None),
                Ok(0) => return Err(FrameError::Cut),
                Ok(_) => _ = self.deadline.get_or_insert_with(|| Instant::now() + self.limit),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn wanted(&self) -> Wanted {
        if self.have < LENGTH_BYTES {
            return Wanted::Length;
        }
        // `take` has refused any other length.
        let length = u64::from_le_bytes(self.length) as usize;
        Wanted::Body(length - LENGTH_BYTES - self.body.len())
    }

    /// The message, if all of it is there.
    fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.have < LENGTH_BYTES {
            return Ok(None);
        }
        let length = u64::from_le_bytes(self.length);
        if length < LENGTH_BYTES as u64 {
            return Err(FrameError::Short { length });
        }
        if length > MESSAGE_BYTES_MAX {
            return Err(FrameError::Long { length });
        }
        if length > LARGE_MESSAGE_BYTES && self.permit.is_none() {
            let permit = Arc::clone(&self.large).try_acquire_owned().map_err(|_| FrameError::Busy)?;
            self.permit = Some(permit);
        }
        if self.body.len() as u64 + (LENGTH_BYTES as u64) < length {
            return Ok(None);
        }
        (self.have, self.deadline) = (0, None);
        Ok(Some(Frame { body: std::mem::take(&mut self.body), _permit: self.permit.take() }))
    }
}

enum Wanted {
    Length,
    /// So many bytes more.
    Body(usize),
}

/// Appends a message to `out`. One that would be too long is not appended: its length in bytes is the error.
pub(super) fn encode(message: &impl prost::Message, out: &mut Vec<u8>) -> Result<(), u64> {
    let length = (LENGTH_BYTES + message.encoded_len()) as u64;
    if length > MESSAGE_BYTES_MAX {
        return Err(length);
    }
    out.reserve(length as usize);
    out.extend_from_slice(&length.to_le_bytes());
    message.encode_raw(out);
    Ok(())
}

/// Writes all of `bytes`, to a client that may take nothing for as long as `limit`; none: it is waited for.
pub(super) async fn write(stream: &UnixStream, mut bytes: &[u8], limit: Option<Duration>) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match limit {
                Some(limit) => timeout(limit, stream.writable()).await??,
                None => stream.writable().await?,
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

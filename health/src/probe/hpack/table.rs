//! The tables of HPACK: the static one (RFC 7541 appendix A) and the dynamic one of a connection (section 2.3).

use std::collections::VecDeque;

use super::{FIELD_OVERHEAD_BYTES, Field, Malformed};

/// From index 1 on.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
];

/// Both tables, in one line of indices.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first. Weighs at most `bytes_max`.
    dynamic: VecDeque<Field>,
    bytes: usize,
    bytes_max: usize,
    /// The most that the other side may ask for.
    bytes_limit: usize,
}

impl Table {
    pub(super) fn new(bytes_limit: usize) -> Table {
        Table { dynamic: VecDeque::new(), bytes: 0, bytes_max: bytes_limit, bytes_limit }
    }

    pub(super) fn get(&self, index: usize) -> Result<Field, Malformed> {
        let index = index.checked_sub(1).ok_or(Malformed)?;
        match STATIC.get(index) {
            Some((name, value)) => Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec())),
            None => self.dynamic.get(index - STATIC.len()).cloned().ok_or(Malformed),
        }
    }

    /// A field that is larger than the table empties it, and is no mistake (section 4.4).
    pub(super) fn insert(&mut self, field: Field) {
        let bytes = weight(&field);
        self.evict(self.bytes_max.saturating_sub(bytes));
        if bytes <= self.bytes_max {
            self.bytes += bytes;
            self.dynamic.push_front(field);
        }
    }

    pub(super) fn resize(&mut self, bytes_max: usize) -> Result<(), Malformed> {
        if bytes_max > self.bytes_limit {
            return Err(Malformed);
        }
        self.bytes_max = bytes_max;
        self.evict(bytes_max);
        Ok(())
    }

    /// Drops the oldest until at most `bytes` are left.
    fn evict(&mut self, bytes: usize) {
        while self.bytes > bytes
            && let Some(oldest) = self.dynamic.pop_back()
        {
            self.bytes -= weight(&oldest);
        }
    }

    #[cfg(test)]
    pub(super) fn contents(&self) -> (usize, Vec<&Field>) {
        (self.bytes, self.dynamic.iter().collect())
    }
}

fn weight((name, value): &Field) -> usize {
    name.len() + value.len() + FIELD_OVERHEAD_BYTES
}

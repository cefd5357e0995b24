//! The response head that a client gets.

use super::super::body::Framing;
use super::super::decimal;
use super::super::field::Field;
use super::super::framing::Connection;
use super::super::head::{BodyLength, LineSet, Version};
use super::super::response::Response;
use super::edit::Edit;
use super::rules::ResponseRules;

/// The client's side of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSide {
    /// The version of its request.
    pub version: Version,
    /// Whether its connection may be kept: it wants that, and so do we.
    pub keep_alive: bool,
}

/// How the head goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadOut {
    /// As it was received: the receive buffer can be sent.
    Untouched,
    /// As it was received, but for this edit of the receive buffer.
    InPlace(Edit),
    /// From the output buffer; in the receive buffer it is to be skipped.
    Written,
}

/// The decisions about one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseRewrite {
    /// How the head goes out.
    pub head: HeadOut,
    /// Whether the client's connection is kept after the body. The head says the same, unless it begins a tunnel.
    pub keep_alive: bool,
    /// How a chunked body goes out.
    pub framing: Framing,
}

/// Which Connection field the client must see.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// None. `keep-alive` says nothing new to an HTTP/1.1 client and may stay.
    Implied,
    Close,
    KeepAlive,
}

/// Decides how `response` goes to `client`, appending to `out` only if the answer is [`HeadOut::Written`].
///
/// An HTTP/1.0 client gets no chunks: its body ends with the connection. Interim responses keep the connection and are
/// given no field; they are not for HTTP/1.0 clients. A response that grants an upgrade says so in our own words. `rules`
/// have every other final response written, and so has `cookie`, a whole field that is added.
#[inline]
pub fn response(
    response: &Response<'_>,
    client: ClientSide,
    rules: Option<&ResponseRules>,
    cookie: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> ResponseRewrite {
    if response.tunnel {
        return tunnel(response, out);
    }
    let old_client = client.version == Version::Http10;
    let strip = old_client && response.body == BodyLength::Chunked;
    let keep_alive = client.keep_alive && !strip && response.body != BodyLength::UntilClose;
    let wanted = match (keep_alive, old_client) {
        _ if response.is_interim() => Wanted::Implied,
        (false, _) => Wanted::Close,
        (true, true) => Wanted::KeepAlive,
        (true, false) => Wanted::Implied,
    };
    let mut cut = response.lines.cut;
    let add = settle_connection(&response.connection, wanted, &mut cut);
    if old_client {
        cut_chunked(response, &mut cut);
    }
    let raise_version = response.version == Version::Http10;
    let is_final = !response.is_interim();
    let (rules, cookie) = (rules.filter(|_| is_final), cookie.filter(|_| is_final));
    let head = if rules.is_some() || cookie.is_some() {
        let lines = rules.map_or(&[][..], |rules| {
            rules.fields.cut(&response.lines, &mut cut);
            &rules.fields.lines
        });
        write(response, cut, &[add, lines, cookie.unwrap_or_default()], out)
    } else if add.is_empty() && response.length.is_none() {
        if cut == LineSet::default() && !raise_version {
            HeadOut::Untouched
        } else if let Some(edit) = Edit::plan(&response.lines, cut, raise_version) {
            HeadOut::InPlace(edit)
        } else {
            write(response, cut, &[add], out)
        }
    } else {
        write(response, cut, &[add], out)
    };
    let framing = if strip { Framing::Strip } else { Framing::AsIs };
    ResponseRewrite { head, keep_alive: keep_alive || response.is_interim(), framing }
}

/// The Connection line to add, after cutting the received one unless it says just what is wanted.
#[inline(always)]
fn settle_connection(received: &Connection, wanted: Wanted, cut: &mut LineSet) -> &'static [u8] {
    if let Some(line) = received.plain_line {
        let says_it = match wanted {
            Wanted::Implied | Wanted::KeepAlive => received.keep_alive,
            Wanted::Close => received.close,
        };
        if says_it {
            return b"";
        }
        cut.insert(usize::from(line));
    }
    match wanted {
        Wanted::Implied => b"",
        Wanted::Close => b"Connection: close\r\n",
        Wanted::KeepAlive => b"Connection: keep-alive\r\n",
    }
}

/// The head that begins a tunnel. It says nothing of the connection but what it turns into.
#[cold]
fn tunnel(response: &Response<'_>, out: &mut Vec<u8>) -> ResponseRewrite {
    let cut = response.lines.cut;
    let head = match response.upgrade() {
        Some(protocol) => {
            let add: [&[u8]; 3] = [b"Connection: upgrade\r\nUpgrade: ", protocol, b"\r\n"];
            write(response, cut, &add, out)
        }
        None => write(response, cut, &[], out),
    };
    ResponseRewrite { head, keep_alive: false, framing: Framing::AsIs }
}

/// HTTP/1.0 does not know these fields, whether or not there is a body.
#[cold]
fn cut_chunked(response: &Response<'_>, cut: &mut LineSet) {
    response.lines.cut_field(Field::TransferEncoding, cut);
    response.lines.cut_field(Field::Trailer, cut);
}

fn write(response: &Response<'_>, cut: LineSet, add: &[&[u8]], out: &mut Vec<u8>) -> HeadOut {
    const LENGTH_LINE_BYTES: usize = "Content-Length: 9223372036854775807\r\n".len();
    let add_len: usize = add.iter().map(|part| part.len()).sum();
    out.reserve(response.lines.head.len() + add_len + LENGTH_LINE_BYTES);
    out.extend_from_slice(b"HTTP/1.1");
    response.lines.copy_kept(b"HTTP/1.1".len(), cut, out);
    if let Some(length) = response.length {
        out.extend_from_slice(b"Content-Length: ");
        decimal::push(out, length);
        out.extend_from_slice(b"\r\n");
    }
    for part in add {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
    HeadOut::Written
}

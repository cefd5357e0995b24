//! What is sent: classes of request variants, and what stands for what in them.

use rand::rngs::StdRng;

/// Variants of one kind, and what Ringway makes of them for which reason.
pub(crate) struct Class {
    pub(crate) title: &'static str,
    pub(crate) why: &'static str,
    pub(crate) variants: Vec<Variant>,
}

/// One request, or what somebody passes off as one.
pub(crate) struct Variant {
    pub(crate) name: String,
    template: Vec<u8>,
    /// How many requests the client sent: what an origin may see at most.
    pub(crate) requests: usize,
}

/// The host that everything asks for.
pub(crate) const HOST: &str = "differential.test";

impl Class {
    pub(crate) fn new(title: &'static str, why: &'static str) -> Class {
        Class { title, why, variants: Vec::new() }
    }

    /// Adds a variant. In the template `{M}` is its marker, `{H}` the Host field and a field with the marker, `{S}` a hidden
    /// request, `{SX}` its length in hexadecimal, `{ALL}` the number of bytes behind the head.
    pub(crate) fn with(mut self, name: impl Into<String>, template: impl AsRef<[u8]>) -> Class {
        let (name, template) = (name.into(), template.as_ref().to_vec());
        assert!(self.variants.iter().all(|variant| variant.name != name), "{}: {name} twice", self.title);
        self.variants.push(Variant { name, template, requests: 1 });
        self
    }

    /// Adds a variant for each of `parts`, which names it and takes the place of `{X}` in the template.
    pub(crate) fn each<P: AsRef<[u8]>>(
        self,
        parts: impl IntoIterator<Item = P>,
        template: impl AsRef<[u8]>,
    ) -> Class {
        let template = template.as_ref();
        parts.into_iter().fold(self, |class, part| {
            let part = part.as_ref();
            class.with(short(part), replace(template, b"{X}", part))
        })
    }

    /// The variant added last is so many requests.
    pub(crate) fn requests(mut self, requests: usize) -> Class {
        self.variants.last_mut().expect("a variant").requests = requests;
        self
    }
}

fn short(part: &[u8]) -> String {
    const CHARACTERS_MAX: usize = 48;
    let text = part.escape_ascii().to_string();
    if text.len() <= CHARACTERS_MAX {
        text
    } else {
        format!("{}… ({} bytes)", &text[..CHARACTERS_MAX], part.len())
    }
}

impl Variant {
    /// The bytes to send, with this marker in them.
    pub(crate) fn bytes(&self, marker: &str) -> Vec<u8> {
        let hidden = format!("GET /{marker}/hidden HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        let fields = format!("Host: {HOST}\r\nX-Marker: {marker}\r\n");
        let bytes = [
            (&b"{H}"[..], fields.as_str()),
            (b"{M}", marker),
            (b"{SX}", &format!("{:x}", hidden.len())),
            (b"{S}", &hidden),
        ];
        let bytes = bytes
            .iter()
            .fold(self.template.clone(), |bytes, (sign, text)| replace(&bytes, sign, text.as_bytes()));
        let head = find(&bytes, b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
        let behind = (bytes.len() - head).to_string();
        replace(&bytes, b"{ALL}", behind.as_bytes())
    }
}

/// Where `part` begins in `bytes`. Nothing is everywhere.
pub(crate) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    bytes.windows(part.len()).position(|window| window == part)
}

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

fn replace(bytes: &[u8], sign: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, sign) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + sign.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// Requests that are valid, to begin mutations with.
const BASES: [&str; 6] = [
    "GET /{M} HTTP/1.1\r\n{H}\r\n",
    "POST /{M} HTTP/1.1\r\n{H}Content-Length: {ALL}\r\n\r\n{S}",
    "POST /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n{SX}\r\n{S}\r\n0\r\n\r\n",
    "PUT /{M} HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nX: y\r\n\r\n5;a=b\r\nhello\r\n5\r\nworld\r\n0\r\nT: v\r\n\r\n",
    "GET http://differential.test/{M}?a=b HTTP/1.1\r\n{H}Connection: keep-alive, X\r\nX: y\r\n\r\n",
    "POST /{M} HTTP/1.0\r\n{H}Content-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
];

/// What a mutation puts in.
const PIECES: [&[u8]; 30] = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b"\x0b",
    b"\x7f",
    b"\xff",
    b":",
    b",",
    b";",
    b"#",
    b"+",
    b"0",
    b"5",
    b"\"",
    b"\r\n ",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Host: other.test\r\n",
    b"Connection: close\r\n",
    b"X: y\n",
    b" HTTP/1.1",
    b" chunked",
    b"HTTP/1.0",
    b"%00",
];

/// A request that was valid before one to three changes at random places. Its marker is still wherever it was.
pub(crate) fn mutated(rng: &mut StdRng, marker: &str) -> Vec<u8> {
    use rand::RngExt;
    loop {
        let base = BASES[rng.random_range(0..BASES.len())];
        let base = Variant { name: String::new(), template: base.into(), requests: 1 };
        let mut bytes = base.bytes(marker);
        let markers = count(&bytes, marker);
        for _ in 0..rng.random_range(1..=3) {
            let at = rng.random_range(0..bytes.len());
            let piece = PIECES[rng.random_range(0..PIECES.len())];
            let line = line_at(&bytes, at);
            match rng.random_range(0..8) {
                0..3 => drop(bytes.splice(at..at, piece.iter().copied())),
                3 => drop(bytes.splice(at..=at, piece.iter().copied())),
                4 => drop(bytes.splice(line.start..line.start, piece.iter().copied())),
                5 => bytes[at] ^= 1 << rng.random_range(0..8),
                6 => drop(bytes.remove(at)),
                _ => drop(bytes.splice(line.start..line.start, bytes[line].to_vec())),
            }
        }
        if count(&bytes, marker) >= markers {
            return bytes;
        }
    }
}

/// The line that `at` stands in, with its end.
fn line_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let start = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |lf| lf + 1);
    let end = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |lf| at + lf + 1);
    start..end
}

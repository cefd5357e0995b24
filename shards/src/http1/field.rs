//! Field names the codec acts on, and the bytes names and values are made of (RFC 9110 §5).

/// Bytes of a token (RFC 9110 §5.6.2).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

/// Whether `bytes` is a token: not empty, no separator, no control.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| TOKEN[byte as usize])
}

/// Whether every byte may stand in a field value: visible, obs-text, space or tab.
pub(super) fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// Whether `text` is `lower`, ignoring case. `lower` is made of lower-case letters, digits and `-`; `text` has no control
/// bytes but tab. Setting bit 5 then maps nothing else onto those, and the comparison needs no branch per byte.
#[inline(always)]
pub(super) fn is<const N: usize>(text: &[u8], lower: &[u8; N]) -> bool {
    let Ok(text): Result<&[u8; N], _> = text.try_into() else { return false };
    let mut differs = 0;
    for at in 0..N {
        differs |= (text[at] | 0x20) ^ lower[at];
    }
    differs == 0
}

/// The fields that parsing or rewriting treats by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Connection,
    ContentLength,
    Expect,
    Forwarded,
    Host,
    Http2Settings,
    KeepAlive,
    ProxyConnection,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedProto,
    XRequestId,
    /// A name that becomes `Content-Length` or `Transfer-Encoding` where `_` and `-` are the same: in the variables of CGI,
    /// which WSGI and PHP have taken over.
    FramingAlike,
    Other,
}

impl Field {
    /// The field a name means. The length decides which one or two names it is compared with.
    #[inline(always)]
    pub(super) fn of(name: &[u8]) -> Field {
        match name.len() {
            2 if is(name, b"te") => Field::Te,
            4 if is(name, b"host") => Field::Host,
            6 if is(name, b"expect") => Field::Expect,
            7 if is(name, b"upgrade") => Field::Upgrade,
            7 if is(name, b"trailer") => Field::Trailer,
            9 if is(name, b"forwarded") => Field::Forwarded,
            10 if is(name, b"connection") => Field::Connection,
            10 if is(name, b"keep-alive") => Field::KeepAlive,
            12 if is(name, b"x-request-id") => Field::XRequestId,
            14 if is(name, b"content-length") => Field::ContentLength,
            14 if is(name, b"http2-settings") => Field::Http2Settings,
            15 if is(name, b"x-forwarded-for") => Field::XForwardedFor,
            16 if is(name, b"x-forwarded-host") => Field::XForwardedHost,
            16 if is(name, b"x-forwarded-port") => Field::XForwardedPort,
            16 if is(name, b"proxy-connection") => Field::ProxyConnection,
            17 if is(name, b"transfer-encoding") => Field::TransferEncoding,
            17 if is(name, b"x-forwarded-proto") => Field::XForwardedProto,
            14 if name[7] == b'_' => Field::alike(name),
            17 if name[8] == b'_' => Field::alike(name),
            15..=17 if name[1] == b'_' || name[11] == b'_' => Field::alike(name),
            _ => Field::Other,
        }
    }

    /// The field that a name with `_` means to those for whom that is `-`. A forwarding field so spelt is one: an
    /// application would believe it.
    #[cold]
    fn alike(name: &[u8]) -> Field {
        const LONGEST: usize = 17;
        let mut spelt = [0; LONGEST];
        let spelt = &mut spelt[..name.len()];
        for (to, from) in spelt.iter_mut().zip(name) {
            *to = if *from == b'_' { b'-' } else { *from };
        }
        match Field::of(spelt) {
            Field::ContentLength | Field::TransferEncoding => Field::FramingAlike,
            forwarding @ (Field::XForwardedFor
            | Field::XForwardedHost
            | Field::XForwardedPort
            | Field::XForwardedProto) => forwarding,
            _ => Field::Other,
        }
    }

    /// Whether the field must not arrive as a trailer: it frames, routes, controls, or belongs to one hop (RFC 9110
    /// §6.5.1), or it is one that only a proxy may set.
    pub(super) fn is_forbidden_trailer(self) -> bool {
        self != Field::Other
    }

    /// Whether a configured edit may touch it: what frames, routes or belongs to one hop is not for it. The reader of the
    /// configuration refuses such names; this is the second lock on the same door.
    pub(super) fn is_editable(self) -> bool {
        matches!(self, Field::Other | Field::XRequestId)
    }
}

/// A set of the fields treated by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FieldSet(u32);

impl FieldSet {
    #[inline(always)]
    pub(super) fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u32;
    }

    #[inline(always)]
    pub(super) fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u32) != 0
    }

    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What of it is not in `other`.
    #[inline(always)]
    pub(super) fn without(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & !other.0)
    }
}

/// The members of a comma-separated list, without the white space around them. Empty members are yielded.
pub(super) fn members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim)
}

/// `bytes` without the optional white space (space, tab) around it.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        for (name, field) in [
            ("Connection", Field::Connection),
            ("CONTENT-LENGTH", Field::ContentLength),
            ("expect", Field::Expect),
            ("hOST", Field::Host),
            ("HTTP2-Settings", Field::Http2Settings),
            ("Keep-Alive", Field::KeepAlive),
            ("Proxy-Connection", Field::ProxyConnection),
            ("TE", Field::Te),
            ("Trailer", Field::Trailer),
            ("Transfer-Encoding", Field::TransferEncoding),
            ("Upgrade", Field::Upgrade),
            ("X-Forwarded-For", Field::XForwardedFor),
            ("Forwarded", Field::Forwarded),
            ("X-Forwarded-Host", Field::XForwardedHost),
            ("X-Forwarded-Port", Field::XForwardedPort),
            ("X-Forwarded-Proto", Field::XForwardedProto),
            ("X-Request-ID", Field::XRequestId),
            ("Content_Length", Field::FramingAlike),
            ("TRANSFER_encoding", Field::FramingAlike),
            ("X_Forwarded_For", Field::XForwardedFor),
            ("x-forwarded_proto", Field::XForwardedProto),
            ("X_Forwarded-Host", Field::XForwardedHost),
            ("http2_settings", Field::Other),
            ("Content_Langua", Field::Other),
            ("X_Something_Else", Field::Other),
            ("Accept-Encoding", Field::Other),
        ] {
            assert_eq!(Field::of(name.as_bytes()), field, "{name}");
        }
    }

    #[test]
    fn comparison_without_case_agrees_with_the_standard_library_on_every_byte() {
        for byte in (b' '..=u8::MAX).chain([b'\t']) {
            for (want, position) in [(b"keep-alive", 4), (b"keep-alive", 0), (b"http2-abcd", 4)] {
                let mut text = *want;
                text[position] = byte;
                assert_eq!(is(&text, want), text.eq_ignore_ascii_case(want), "byte {byte:#x} for {position}");
            }
        }
    }

    #[test]
    fn list_members_lose_the_white_space_around_them_and_empty_ones_stay_visible() {
        assert_eq!(members(b" a,b\t, ,c d ").collect::<Vec<_>>(), [&b"a"[..], b"b", b"", b"c d"]);
    }
}

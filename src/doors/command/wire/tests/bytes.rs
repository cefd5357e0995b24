//! Messages as bytes, written by the table of the protocol and not by the code under test.

use std::sync::LazyLock;

/// A line of the table.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) message: &'static str,
    pub(super) number: u32,
    /// Empty, where a message has none.
    pub(super) name: &'static str,
    kind: &'static str,
    pub(super) label: Label,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    One,
    Repeated,
    Map,
    OneOf,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let lines = include_str!("fields.txt").lines().filter(|line| !line.starts_with('#'));
    let mut fields: Vec<_> = lines.map(read).collect();
    fields.sort_by_key(|field| field.message);
    fields
});

/// In the order of their messages.
pub(super) fn fields() -> &'static [Field] {
    &FIELDS
}

fn read(line: &'static str) -> Field {
    let words: Vec<_> = line.split(' ').collect();
    match words.as_slice() {
        [message] => Field { message, number: 0, name: "", kind: "", label: Label::One },
        [message, number, name, "map", kind] => {
            Field { message, number: number.parse().expect("a number"), name, kind, label: Label::Map }
        }
        [message, number, name, kind] => {
            let label = match kind.as_bytes().last() {
                Some(b'*') => Label::Repeated,
                Some(b'|') => Label::OneOf,
                _ => Label::One,
            };
            let kind = kind.trim_end_matches(['?', '*', '|']);
            Field { message, number: number.parse().expect("a number"), name, kind, label }
        }
        _ => panic!("{line}"),
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Where a field begins: its number and its wire type.
pub(super) fn tag(number: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | wire), out);
}

/// One field, and in a message that it holds one field again. `pick` chooses from 0 to a bound.
pub(super) fn field(field: &Field, pick: &mut impl FnMut(u32) -> u32) -> Vec<u8> {
    let mut out = Vec::new();
    write(field, 0, &mut *pick, &mut out);
    out
}

/// A message with some of its fields. At depth 0 it has the first one only.
pub(super) fn payload(message: &str, depth: u32, pick: &mut dyn FnMut(u32) -> u32) -> Vec<u8> {
    let mut out = Vec::new();
    let fields = FIELDS.iter().filter(|field| field.message == message && !field.name.is_empty());
    if depth == 0 {
        if let Some(first) = fields.min_by_key(|field| (is_message(field.kind), field.number)) {
            write(first, 0, pick, &mut out);
        }
        return out;
    }
    for field in fields {
        let times = match field.label {
            Label::Repeated | Label::Map => pick(2),
            Label::One => pick(1),
            // The last one counts.
            Label::OneOf => u32::from(pick(7) == 0),
        };
        for _ in 0..times {
            write(field, depth - 1, pick, &mut out);
        }
    }
    out
}

fn is_message(kind: &str) -> bool {
    FIELDS.iter().any(|field| field.message == kind)
}

fn write(field: &Field, depth: u32, pick: &mut dyn FnMut(u32) -> u32, out: &mut Vec<u8>) {
    if field.label != Label::Map {
        return value(field.number, field.kind, depth, pick, out);
    }
    let mut entry = Vec::new();
    value(1, "string", depth, pick, &mut entry);
    value(2, field.kind, depth, pick, &mut entry);
    bytes(field.number, &entry, out);
}

fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    tag(number, 2, out);
    varint(content.len() as u64, out);
    out.extend(content);
}

fn value(number: u32, kind: &str, depth: u32, pick: &mut dyn FnMut(u32) -> u32, out: &mut Vec<u8>) {
    match kind {
        "string" | "bytes" => bytes(number, &b"text"[..pick(4) as usize], out),
        "fixed32" => {
            tag(number, 5, out);
            out.extend(pick(u32::MAX - 1).to_le_bytes());
        }
        "bool" | "enum" => {
            tag(number, 0, out);
            varint(u64::from(pick(1)), out);
        }
        "uint32" | "uint64" => {
            tag(number, 0, out);
            varint(u64::from(pick(u32::MAX - 1)), out);
        }
        "int32" | "int64" => {
            tag(number, 0, out);
            // Negative numbers take all ten bytes.
            let value = i64::from(pick(1000)) * if pick(1) == 0 { -1 } else { 1 };
            varint(value as u64, out);
        }
        message => {
            assert!(is_message(message), "{message}");
            bytes(number, &payload(message, depth, pick), out);
        }
    }
}

//! HPACK (RFC 7541): a complete decoder within bounds, and the little of an encoder that a probe needs.

use crate::limits::HEAD_BYTES_MAX;

mod encode;
mod huffman;
mod table;

pub(super) use encode::{indexed, literal, literal_named};

use table::Table;

/// What a field weighs beyond its bytes (section 4.1).
const FIELD_OVERHEAD_BYTES: usize = 32;

/// A header block that can not be decoded: the connection is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// A name and a value.
pub(super) type Field = (Vec<u8>, Vec<u8>);

/// The decoder of one connection: each block may refer to the ones before it.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Table,
}

impl Decoder {
    /// A decoder whose dynamic table has at most `table_bytes_max`, as the settings that were sent say.
    pub(super) fn new(table_bytes_max: usize) -> Decoder {
        Decoder { table: Table::new(table_bytes_max) }
    }

    /// The fields of a block. Refused beyond [`HEAD_BYTES_MAX`]: a few bytes can refer to long fields.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Vec<Field>, Malformed> {
        let mut fields = Vec::new();
        let mut list_bytes = 0;
        let mut reader = Reader(block);
        while let Some(first) = reader.0.first().copied() {
            let (name, value) = match first {
                // Section 6.1: a field of the tables.
                0x80.. => self.table.get(reader.integer(7)?)?,
                // Section 6.2.1: a literal that enters the dynamic table.
                0x40.. => {
                    let field = self.literal(&mut reader, 6)?;
                    self.table.insert(field.clone());
                    field
                }
                // Section 6.3: a new size of the table, before the first field only (section 4.2).
                0x20.. if fields.is_empty() => {
                    self.table.resize(reader.integer(5)?)?;
                    continue;
                }
                0x20.. => return Err(Malformed),
                // Sections 6.2.2 and 6.2.3: literals that do not.
                _ => self.literal(&mut reader, 4)?,
            };
            list_bytes += name.len() + value.len() + FIELD_OVERHEAD_BYTES;
            if list_bytes > HEAD_BYTES_MAX {
                return Err(Malformed);
            }
            fields.push((name, value));
        }
        Ok(fields)
    }

    fn literal(&self, reader: &mut Reader<'_>, prefix_bits: u32) -> Result<Field, Malformed> {
        let name = match reader.integer(prefix_bits)? {
            0 => reader.string()?,
            index => self.table.get(index)?.0,
        };
        Ok((name, reader.string()?))
    }
}

/// The rest of a block.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    /// Section 5.1. Refused beyond 28 bits in the continuation: nothing here is that large.
    fn integer(&mut self, prefix_bits: u32) -> Result<usize, Malformed> {
        let most = (1usize << prefix_bits) - 1;
        let prefix = usize::from(self.byte()?) & most;
        if prefix < most {
            return Ok(prefix);
        }
        let mut more = 0usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            more |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(prefix + more);
            }
        }
        Err(Malformed)
    }

    /// Section 5.2.
    fn string(&mut self) -> Result<Vec<u8>, Malformed> {
        let is_huffman = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let bytes = self.integer(7)?;
        let (string, rest) = self.0.split_at_checked(bytes).ok_or(Malformed)?;
        self.0 = rest;
        if is_huffman { huffman::decode(string) } else { Ok(string.to_vec()) }
    }
}

#[cfg(test)]
mod tests;

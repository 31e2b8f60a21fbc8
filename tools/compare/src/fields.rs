//! The few protobuf fields that are needed, read by hand: varints and length-delimited fields, the latest wins.

/// A message's fields in their order.
pub(crate) struct Fields<'a>(Vec<(u64, Field<'a>)>);

#[derive(Clone, Copy)]
enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// Takes a message apart; `None` if it is none.
    pub(crate) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let field = match key & 7 {
                0 => Field::Varint(varint(&mut bytes)?),
                1 => Field::Bytes(take(&mut bytes, 8)?),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    Field::Bytes(take(&mut bytes, length)?)
                }
                5 => Field::Bytes(take(&mut bytes, 4)?),
                _ => return None,
            };
            fields.push((key >> 3, field));
        }
        Some(Self(fields))
    }

    /// A number; 0 if it is absent.
    pub(crate) fn number(&self, wanted: u64) -> u64 {
        let found = self.0.iter().rev().find_map(|(number, field)| match field {
            Field::Varint(value) if *number == wanted => Some(*value),
            _ => None,
        });
        found.unwrap_or(0)
    }

    /// A number with a sign, in the zigzag form.
    pub(crate) fn signed(&self, wanted: u64) -> i64 {
        let raw = self.number(wanted);
        ((raw >> 1) as i64) ^ -((raw & 1) as i64)
    }

    /// Bytes; empty if they are absent.
    pub(crate) fn bytes(&self, wanted: u64) -> &'a [u8] {
        self.every(wanted).last().unwrap_or_default()
    }

    /// Text; empty if it is absent or not text.
    pub(crate) fn text(&self, wanted: u64) -> String {
        String::from_utf8(self.bytes(wanted).to_vec()).unwrap_or_default()
    }

    /// Every element of a repeated field.
    pub(crate) fn every(&self, wanted: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(number, field)| match field {
            Field::Bytes(bytes) if *number == wanted => Some(*bytes),
            _ => None,
        })
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn numbers_signs_texts_and_lists_are_read() {
        let bytes = [0x08, 0x96, 0x01, 0x10, 0x03, 0x1A, 0x02, b'a', b'b', 0x1A, 0x01, b'c'];
        let fields = Fields::read(&bytes).unwrap();
        assert_eq!((fields.number(1), fields.signed(2), fields.number(9)), (150, -2, 0));
        assert_eq!(fields.text(3), "c");
        assert_eq!(fields.every(3).count(), 2);
    }

    #[test]
    fn a_cut_message_is_none() {
        for cut in [&[0x08][..], &[0x1A, 0x05, b'a'], &[0x0B, 0x01], &[0xFF; 11]] {
            assert!(Fields::read(cut).is_none(), "{cut:?}");
        }
    }
}

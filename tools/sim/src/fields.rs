//! The top-level fields of a stored row, so that a mutant can change one without knowing the row.

/// A field's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// A varint.
    Number(u64),
    /// Anything with a length.
    Bytes(Vec<u8>),
}

/// The fields of a message, in order.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(u64, Value)>);

impl Fields {
    /// Reads a message. Rows of books have numbers and lengths only; what does not fit ends it.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while let Some(tag) = varint(&mut bytes) {
            let value = match tag & 7 {
                0 => varint(&mut bytes).map(Value::Number),
                2 => varint(&mut bytes).and_then(|length| {
                    let (value, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
                    bytes = rest;
                    Some(Value::Bytes(value.to_vec()))
                }),
                _ => None,
            };
            let Some(value) = value else { break };
            fields.push((tag >> 3, value));
        }
        Self(fields)
    }

    /// The number of a field.
    #[must_use]
    pub fn number(&self, field: u64) -> Option<u64> {
        self.0.iter().find_map(|(of, value)| match value {
            Value::Number(number) if *of == field => Some(*number),
            _ => None,
        })
    }

    /// The bytes of a field.
    #[must_use]
    pub fn bytes(&self, field: u64) -> Option<Vec<u8>> {
        self.0.iter().find_map(|(of, value)| match value {
            Value::Bytes(bytes) if *of == field => Some(bytes.clone()),
            _ => None,
        })
    }

    /// Removes a field.
    pub fn clear(&mut self, field: u64) {
        self.0.retain(|(of, _)| *of != field);
    }

    /// Gives a field this value.
    pub fn set(&mut self, field: u64, value: Value) {
        self.clear(field);
        self.0.push((field, value));
        self.0.sort_by_key(|(of, _)| *of);
    }

    /// The message again.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (field, value) in &self.0 {
            match value {
                Value::Number(number) => {
                    put(&mut out, field << 3);
                    put(&mut out, *number);
                }
                Value::Bytes(bytes) => {
                    put(&mut out, field << 3 | 2);
                    put(&mut out, bytes.len() as u64);
                    out.extend(bytes);
                }
            }
        }
        out
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

//! Every field of every strict message, with every kind of mutation that the schema's own rules allow.
//!
//! A case is the smallest canonical message that has the field, with that field changed. Each kind says at which step
//! it has to fail; what the validator makes of it is checked against that.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::characters::characters;
use crate::schema::{Bounds, Schema, inner};

/// One case: where, what kind, the step at which it fails (0: it passes), and the bytes.
pub(crate) struct Made {
    pub(crate) message: String,
    /// Field names from the message down, with dots.
    pub(crate) field: String,
    pub(crate) kind: &'static str,
    pub(crate) step: u8,
    pub(crate) bytes: Vec<u8>,
}

/// Every case of a message.
pub(crate) fn of(schema: &Schema, name: &str) -> Result<Vec<Made>, String> {
    let message = schema.message(name)?;
    let mut made = Vec::new();
    for path in paths(&message) {
        let field = path.last().ok_or("a path of no fields")?;
        let shaped = Field { schema, bounds: schema.bounds(field), field };
        let below: Vec<&str> = path.iter().map(FieldDescriptor::name).collect();
        for Variant { kind, step, bytes, last } in shaped.variants() {
            let Some(bytes) = build(schema, &message, &path, &bytes, last) else { continue };
            made.push(Made { message: name.to_owned(), field: below.join("."), kind, step, bytes });
        }
    }
    Ok(made)
}

/// The way to each field, through the messages that stand inside.
fn paths(message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    let mut paths = Vec::new();
    for field in sorted(message) {
        paths.push(vec![field.clone()]);
        if let Some(below) = inner(&field) {
            paths.extend(paths_below(&field, &below));
        }
    }
    paths
}

fn paths_below(field: &FieldDescriptor, message: &MessageDescriptor) -> Vec<Vec<FieldDescriptor>> {
    paths(message).into_iter().map(|path| [vec![field.clone()], path].concat()).collect()
}

fn sorted(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    fields
}

/// The smallest message with `bytes` in the place of the field at the end of the path. `last`: nothing follows in the
/// field's own message. Nothing if a message on the way would be empty, which is a case of its own.
fn build(
    schema: &Schema,
    message: &MessageDescriptor,
    path: &[FieldDescriptor],
    bytes: &[u8],
    last: bool,
) -> Option<Vec<u8>> {
    let (field, rest) = path.split_first()?;
    let mut out = Vec::new();
    for other in sorted(message) {
        if other.number() != field.number() {
            if schema.bounds(&other).required {
                out.extend(smallest(schema, &other));
            }
            continue;
        }
        if rest.is_empty() {
            out.extend(bytes);
            if last {
                return Some(out);
            }
        } else {
            let below = build(schema, &inner(field)?, rest, bytes, last)?;
            if below.is_empty() {
                return None;
            }
            out.extend([key(field, 2), varint(below.len() as u64), below].concat());
        }
    }
    Some(out)
}

/// The smallest canonical form of a field, its key included.
fn smallest(schema: &Schema, field: &FieldDescriptor) -> Vec<u8> {
    Field { schema, bounds: schema.bounds(field), field }.canonical()
}

struct Variant {
    kind: &'static str,
    step: u8,
    bytes: Vec<u8>,
    last: bool,
}

fn variant(kind: &'static str, step: u8, bytes: Vec<u8>) -> Variant {
    Variant { kind, step, bytes, last: false }
}

fn ending(kind: &'static str, step: u8, bytes: Vec<u8>) -> Variant {
    Variant { kind, step, bytes, last: true }
}

/// A field and its rules.
struct Field<'a> {
    schema: &'a Schema,
    bounds: Bounds,
    field: &'a FieldDescriptor,
}

impl Field<'_> {
    fn is_packed(&self) -> bool {
        self.field.is_list() && self.is_number()
    }

    fn is_number(&self) -> bool {
        !matches!(self.field.kind(), Kind::String | Kind::Bytes | Kind::Message(_))
    }

    fn wire_type(&self) -> u32 {
        if self.is_number() && !self.field.is_list() { 0 } else { 2 }
    }

    fn key(&self) -> Vec<u8> {
        key(self.field, self.wire_type())
    }

    /// The field with this content, under its own key and a right length.
    fn with(&self, content: &[u8]) -> Vec<u8> {
        [self.key(), varint(content.len() as u64), content.to_vec()].concat()
    }

    fn number(&self, value: u64) -> Vec<u8> {
        [self.key(), varint(value)].concat()
    }

    fn canonical(&self) -> Vec<u8> {
        if self.is_packed() {
            self.with(&[1])
        } else if self.wire_type() == 0 {
            self.number(1)
        } else {
            self.with(&self.content())
        }
    }

    /// The smallest content.
    fn content(&self) -> Vec<u8> {
        match inner(self.field) {
            Some(message) => {
                let fields = sorted(&message);
                let required: Vec<u8> = fields
                    .iter()
                    .filter(|field| self.schema.bounds(field).required)
                    .flat_map(|field| smallest(self.schema, field))
                    .collect();
                // A message without required fields has its first one.
                let first = fields.first().map(|field| smallest(self.schema, field));
                if required.is_empty() { first.unwrap_or_default() } else { required }
            }
            None => vec![b'1'; self.bounds.min.max(1) as usize],
        }
    }

    fn variants(&self) -> Vec<Variant> {
        let mut variants = self.variants_of_keys();
        variants.extend(match (self.is_packed(), self.wire_type()) {
            (true, _) => self.variants_of_runs(),
            (false, 0) => self.variants_of_numbers(),
            _ => self.variants_of_contents(),
        });
        variants
    }

    /// What can be wrong, or right, with any field.
    fn variants_of_keys(&self) -> Vec<Variant> {
        let canonical = self.canonical();
        let value = canonical.get(self.key().len()..).unwrap_or_default().to_vec();
        let keyed = |key: Vec<u8>| [key, value.clone()].concat();
        let mut variants = vec![
            variant("least", 0, canonical.clone()),
            variant("key not minimal", 1, keyed(not_minimal(&self.key()))),
            variant("key of six bytes", 1, keyed(padded(&self.key(), 6))),
            variant("64-bit wire type", 1, [key(self.field, 1), vec![1; 8]].concat()),
            variant("group", 1, [key(self.field, 3), key(self.field, 4)].concat()),
            variant("32-bit wire type", 1, [key(self.field, 5), vec![1; 4]].concat()),
            variant("unknown field before it", 2, [key_of(2_000, 0), vec![1], canonical.clone()].concat()),
            ending("key cut off", 10, not_ended(&self.key())),
        ];
        let other = if self.wire_type() == 0 { vec![1, b'1'] } else { vec![1] };
        let other_type = [key(self.field, 2 - self.wire_type()), other].concat();
        variants.push(variant("other wire type", 3, other_type));
        if !self.field.is_list() || self.is_packed() {
            variants.push(variant("twice", 2, [canonical.clone(), canonical.clone()].concat()));
        }
        let next =
            sorted(self.field.parent_message()).into_iter().find(|next| next.number() > self.field.number());
        if let Some(next) = next {
            let swapped = [smallest(self.schema, &next), canonical.clone()].concat();
            variants.push(variant("behind the next field", 2, swapped));
        }
        variants.push(match self.bounds.required {
            true => variant("absent", 9, Vec::new()),
            false => variant("absent", 0, Vec::new()),
        });
        variants
    }

    fn variants_of_numbers(&self) -> Vec<Variant> {
        let (greatest, bytes, above): (u64, usize, Vec<u8>) = match self.field.kind() {
            Kind::Bool => (1, 1, vec![2]),
            Kind::Enum(_) => (0x7FFF_FFFF, 5, varint(0x8000_0000)),
            Kind::Uint64 | Kind::Sint64 => (u64::MAX, 10, [vec![0xFF; 9], vec![2]].concat()),
            _ => (0xFFFF_FFFF, 5, varint(0x1_0000_0000)),
        };
        let keyed = |value: Vec<u8>| [self.key(), value].concat();
        let mut variants = vec![
            variant("value of zero", 5, keyed(vec![0])),
            variant("value not minimal", 4, keyed(vec![0x81, 0])),
            variant("value too long", 4, keyed(padded(&[1], bytes + 1))),
            variant("value above the greatest", 4, keyed(above)),
            ending("value missing", 10, self.key()),
        ];
        if bytes > 1 {
            variants.push(ending("value cut off", 10, keyed(vec![0x81])));
            variants.push(variant("greatest", 0, keyed(varint(greatest))));
            variants.push(variant("shortest value of two bytes", 0, keyed(varint(128))));
        }
        variants
    }

    fn variants_of_runs(&self) -> Vec<Variant> {
        let count = self.bounds.count as usize;
        vec![
            variant("empty run", 3, self.with(&[])),
            variant("length not minimal", 4, [self.key(), vec![0x81, 0, 1]].concat()),
            variant("length of six bytes", 4, [self.key(), padded(&[1], 6), vec![1]].concat()),
            ending("length missing", 10, self.key()),
            ending("length cut off", 10, [self.key(), vec![0x81]].concat()),
            ending("length beyond its message", 6, [self.key(), vec![2, 1]].concat()),
            variant("element of zero", 5, self.with(&[1, 0])),
            variant("element not minimal", 4, self.with(&[0x81, 0])),
            variant("element of six bytes", 4, self.with(&padded(&[1], 6))),
            variant("element above the greatest", 4, self.with(&varint(0x1_0000_0000))),
            variant("element cut off", 10, self.with(&[1, 0x81])),
            variant("too many elements", 6, self.with(&vec![1; count + 1])),
            variant("greatest number of elements", 0, self.with(&vec![1; count])),
            variant("greatest element", 0, self.with(&varint(0xFFFF_FFFF))),
        ]
    }

    fn variants_of_contents(&self) -> Vec<Variant> {
        let content = self.content();
        let (least, most) = (self.bounds.min.max(1) as usize, self.bounds.max as usize);
        let of_length = |length: usize| self.with(&vec![b'1'; length]);
        let length = varint(content.len() as u64);
        let mut variants = vec![
            variant("empty", 5, self.with(&[])),
            variant("length not minimal", 4, [self.key(), not_minimal(&length), content.clone()].concat()),
            variant("length of six bytes", 4, [self.key(), padded(&length, 6), content.clone()].concat()),
            variant("length above 32 bits", 4, [self.key(), varint(0x1_0000_0000), content.clone()].concat()),
            ending("length missing", 10, self.key()),
            ending("length cut off", 10, [self.key(), vec![0x81]].concat()),
            ending("one byte missing at the end", 6, {
                let whole = self.with(&content);
                whole.get(..whole.len().saturating_sub(1)).unwrap_or_default().to_vec()
            }),
        ];
        if least > 1 {
            variants.push(variant("one byte too short", 6, of_length(least - 1)));
        }
        if most > 0 {
            variants.push(variant("one byte too long", 6, of_length(most + 1)));
        }
        let count = self.bounds.count as usize;
        if self.field.is_list() && count > 0 {
            variants.push(variant("too many elements", 6, self.canonical().repeat(count + 1)));
            variants.push(variant("greatest number of elements", 0, self.canonical().repeat(count)));
        }
        if inner(self.field).is_none() {
            if most > least {
                variants.push(variant("greatest length", 0, of_length(most)));
            }
            variants.extend(self.variants_of_texts(least));
        }
        variants
    }

    /// Characters that the class of the field does not allow, and those at its edges.
    fn variants_of_texts(&self, least: usize) -> Vec<Variant> {
        let Some((good, bad)) = characters(&self.bounds.class) else { return Vec::new() };
        let filled = |characters: &[u8], last: bool| {
            let fill = vec![b'1'; least.saturating_sub(characters.len())];
            self.with(&if last {
                [fill, characters.to_vec()].concat()
            } else {
                [characters.to_vec(), fill].concat()
            })
        };
        let fits = |characters: &[u8]| characters.len() <= (self.bounds.max as usize);
        let mut variants = Vec::new();
        for (kind, characters) in good.iter().filter(|(_, characters)| fits(characters)) {
            variants.push(variant(kind, 0, filled(characters, true)));
        }
        for (kind, characters) in bad.iter().filter(|(_, characters)| fits(characters)) {
            variants.push(variant(kind, 7, filled(characters, true)));
        }
        if (self.bounds.max as usize) > 1 {
            let first = [b" \x7f".as_slice(), b"1"].concat();
            let first = first.get(1..).unwrap_or_default();
            variants.push(variant("DEL before the last character", 7, filled(first, false)));
        }
        variants
    }
}

fn key(field: &FieldDescriptor, wire_type: u32) -> Vec<u8> {
    key_of(field.number(), wire_type)
}

fn key_of(number: u32, wire_type: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire_type))
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// The same value in one byte more.
fn not_minimal(varint: &[u8]) -> Vec<u8> {
    padded(varint, varint.len() + 1)
}

/// The same value in so many bytes.
fn padded(varint: &[u8], bytes: usize) -> Vec<u8> {
    let mut out = not_ended(varint);
    out.resize(bytes.saturating_sub(1).max(out.len()), 0x80);
    out.push(0);
    out
}

/// A varint that says that another byte follows.
fn not_ended(varint: &[u8]) -> Vec<u8> {
    varint.iter().map(|byte| byte | 0x80).collect()
}

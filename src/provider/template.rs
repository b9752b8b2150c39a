//! `CK_ATTRIBUTE` arrays and `token::Template`s: from one into the other, by the shape that the
//! attribute table gives each attribute. What an attribute means is the engine's to say.

use std::mem::size_of;

use cryptoki_sys::{CK_ATTRIBUTE, CK_BBOOL, CK_FALSE, CK_TRUE, CK_ULONG, CKF_ARRAY_ATTRIBUTE};
use token::{
    Asked, Attribute, AttributeType, MechanismId, Reason, SecretBytes, Shape, Template, Told,
    Value, attribute_row, limits,
};

use crate::{
    boundary::{Error, Result},
    memory::{Array, Input, Pointer},
};

/// `CK_UNAVAILABLE_INFORMATION`: the length of a value that is not told (§3.1).
pub(crate) const UNAVAILABLE: CK_ULONG = CK_ULONG::MAX;

/// How deep templates may stand in templates: the standard has one level.
const DEPTH: usize = 2;

/// The template of a caller.
pub(crate) fn read(template: &Array<CK_ATTRIBUTE>) -> Result<Template> {
    read_at(template, 1)
}

/// Hands what a caller asks for to `verb`; a few need no memory.
pub(crate) fn with_asked<T>(
    template: &Array<CK_ATTRIBUTE>,
    verb: impl FnOnce(&[Asked]) -> Result<T>,
) -> Result<T> {
    const FEW: usize = 8;
    let attributes = template.pointers(limits::TEMPLATE_ATTRIBUTES, Reason::ArgumentsBad)?;
    let asked = attributes.map(|attribute| Ok(asked(attribute.read()?)));
    let len = template.len(limits::TEMPLATE_ATTRIBUTES, Reason::ArgumentsBad)?;
    let (kind, room) = (AttributeType(0), 0);
    let mut few = [Asked { kind, room }; FEW];
    match few.get_mut(..len) {
        Some(few) => {
            for (place, asked) in few.iter_mut().zip(asked) {
                *place = asked?;
            }
            verb(few)
        }
        None => verb(&asked.collect::<Result<Vec<_>>>()?),
    }
}

fn asked(attribute: CK_ATTRIBUTE) -> Asked {
    Asked {
        kind: AttributeType(attribute.type_),
        room: match attribute.pValue.is_null() {
            true => 0,
            false => attribute.ulValueLen,
        },
    }
}

/// The answers of `C_GetAttributeValue` (§5.7.5) on their way to the caller: every attribute that
/// can be told is told, also when another one cannot; the error is then the first of sensitive,
/// unknown, too small.
pub(crate) struct Answers<P> {
    places: P,
    worst: Result<Verdict>,
}

impl Answers<()> {
    /// Answers to the attributes of `template`, in their order.
    pub(crate) fn to(
        template: &Array<CK_ATTRIBUTE>,
    ) -> Result<Answers<impl Iterator<Item = Pointer<CK_ATTRIBUTE>> + use<>>> {
        Ok(Answers {
            places: template.pointers(limits::TEMPLATE_ATTRIBUTES, Reason::ArgumentsBad)?,
            worst: Ok(Verdict::Told),
        })
    }
}

impl<P: Iterator<Item = Pointer<CK_ATTRIBUTE>>> Answers<P> {
    /// The next one.
    pub(crate) fn take(&mut self, told: &Told<'_>) {
        if let (Ok(worst), Some(place)) = (&self.worst, self.places.next()) {
            self.worst = write_one(&place, told).map(|verdict| verdict.max(*worst));
        }
    }

    /// What the caller is told of all of them.
    pub(crate) fn end(self) -> Result<()> {
        match self.worst? {
            Verdict::Told => Ok(()),
            Verdict::TooSmall => Err(Error::BufferTooSmall),
            Verdict::Unknown => Err(Reason::AttributeTypeInvalid.into()),
            Verdict::Sensitive => Err(Reason::AttributeSensitive.into()),
        }
    }
}

/// What became of an attribute that was asked for, from the best to the worst.
// A word, for the reason that `token::Reason` is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u64)]
pub(crate) enum Verdict {
    Told,
    TooSmall,
    Unknown,
    Sensitive,
}

fn read_at(template: &Array<CK_ATTRIBUTE>, depth: usize) -> Result<Template> {
    let attributes = template.pointers(limits::TEMPLATE_ATTRIBUTES, Reason::ArgumentsBad)?;
    let mut read = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let attribute = attribute.read()?;
        let kind = AttributeType(attribute.type_);
        read.push(Attribute {
            kind,
            value: read_value(kind, &attribute, depth)?,
        });
    }
    Ok(Template(read))
}

fn read_value(kind: AttributeType, attribute: &CK_ATTRIBUTE, depth: usize) -> Result<Value> {
    let invalid = || Error::from(named(Reason::AttributeValueInvalid, kind));
    // SAFETY: who vouches for a template vouches for the values that it points to.
    let value = unsafe { Input::claim(attribute.pValue.cast_const().cast(), attribute.ulValueLen) };
    let bytes = || {
        let bytes = value.bytes(limits::ATTRIBUTE_BYTES, Reason::AttributeValueInvalid);
        bytes.map_err(|_| invalid())
    };
    Ok(match shape(kind)? {
        Shape::Flag => match *bytes()? {
            [CK_FALSE] => Value::Flag(false),
            [CK_TRUE] => Value::Flag(true),
            _ => return Err(invalid()),
        },
        Shape::Number => {
            let number = bytes()?.try_into().map_err(|_| invalid())?;
            Value::Number(CK_ULONG::from_ne_bytes(number))
        }
        Shape::Bytes => Value::Bytes(bytes()?.to_vec()),
        Shape::Secret => Value::Secret(SecretBytes::copied(bytes()?)),
        Shape::Date => match bytes()? {
            date if matches!(date.len(), 0 | 8) => Value::Bytes(date.to_vec()),
            _ => return Err(invalid()),
        },
        Shape::Mechanisms => {
            let (numbers, rest) = bytes()?.as_chunks();
            if !rest.is_empty() {
                return Err(invalid());
            }
            let numbers = numbers
                .iter()
                .map(|number| CK_ULONG::from_ne_bytes(*number));
            Value::Mechanisms(numbers.map(MechanismId).collect())
        }
        Shape::Template if depth < DEPTH => {
            let nested = nested(attribute).ok_or_else(invalid)?;
            // Its value is what it points to, all the way.
            if values_len(&nested).map_err(|_| invalid())? > limits::ATTRIBUTE_BYTES as CK_ULONG {
                return Err(invalid());
            }
            Value::Template(read_at(&nested, depth + 1).map_err(|_| invalid())?)
        }
        Shape::Template => return Err(invalid()),
    })
}

/// The shape of an attribute; one that no table knows is bytes, and the engine refuses or does not
/// find it. An unknown array would be full of pointers, and those never go further than here.
fn shape(kind: AttributeType) -> Result<Shape> {
    match attribute_row(kind) {
        Some(row) => Ok(row.shape),
        None if kind.0 & CKF_ARRAY_ATTRIBUTE != 0 => {
            Err(named(Reason::AttributeTypeInvalid, kind).into())
        }
        None => Ok(Shape::Bytes),
    }
}

fn named(reason: Reason, kind: AttributeType) -> token::Error {
    match attribute_row(kind) {
        Some(row) => token::Error::new(reason, row.name),
        None => token::Error::new(reason, format!("0x{:x}", kind.0)),
    }
}

/// Bytes in the values of all attributes of a template.
fn values_len(template: &Array<CK_ATTRIBUTE>) -> Result<CK_ULONG> {
    let attributes =
        template.pointers(limits::TEMPLATE_ATTRIBUTES, Reason::AttributeValueInvalid)?;
    attributes
        .map(|attribute| attribute.read().map(|attribute| attribute.ulValueLen))
        .try_fold(0, |sum: CK_ULONG, len| Ok(sum.saturating_add(len?)))
}

/// The template that is the value of `attribute`, if its length is that of whole attributes.
fn nested(attribute: &CK_ATTRIBUTE) -> Option<Array<CK_ATTRIBUTE>> {
    const SIZE: CK_ULONG = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
    let whole = attribute.ulValueLen.is_multiple_of(SIZE);
    // SAFETY: as in `read_value`.
    whole.then(|| unsafe { Array::claim(attribute.pValue.cast(), attribute.ulValueLen / SIZE) })
}

fn write_one(place: &Pointer<CK_ATTRIBUTE>, told: &Told<'_>) -> Result<Verdict> {
    let asked = place.read()?;
    let verdict = match told {
        Told::Bytes(bytes) => return write_bytes(place, &asked, bytes),
        Told::Value(Value::Template(template)) => return write_nested(place, &asked, template),
        Told::Value(value) => return write_value(place, &asked, value),
        Told::Length(length) => return write_length(place, &asked, *length),
        Told::Sensitive => Verdict::Sensitive,
        Told::Unknown => Verdict::Unknown,
    };
    place.write(CK_ATTRIBUTE {
        ulValueLen: UNAVAILABLE,
        ..asked
    })?;
    Ok(verdict)
}

fn write_value(
    place: &Pointer<CK_ATTRIBUTE>,
    asked: &CK_ATTRIBUTE,
    value: &Value,
) -> Result<Verdict> {
    let number;
    let flag;
    let mechanisms: Vec<u8>;
    let bytes: &[u8] = match value {
        Value::Flag(value) => {
            flag = [CK_BBOOL::from(*value)];
            &flag
        }
        Value::Number(value) => {
            number = value.to_ne_bytes();
            &number
        }
        Value::Bytes(bytes) => bytes,
        Value::Secret(secret) => secret.reveal(),
        Value::Mechanisms(list) => {
            mechanisms = list.iter().flat_map(|id| id.0.to_ne_bytes()).collect();
            &mechanisms
        }
        Value::Template(_) => return Err(Reason::Internal.into()),
    };
    write_bytes(place, asked, bytes)
}

fn write_bytes(
    place: &Pointer<CK_ATTRIBUTE>,
    asked: &CK_ATTRIBUTE,
    bytes: &[u8],
) -> Result<Verdict> {
    let length = bytes.len() as CK_ULONG;
    if !asked.pValue.is_null() && asked.ulValueLen < length {
        return write_length(place, asked, length);
    }
    if !asked.pValue.is_null() {
        // SAFETY: the caller's buffer has `ulValueLen` writable bytes, at least as many as these.
        unsafe { Array::claim(asked.pValue.cast::<u8>(), length) }.write(bytes)?;
    }
    place.write(CK_ATTRIBUTE {
        ulValueLen: length,
        ..*asked
    })?;
    Ok(Verdict::Told)
}

/// The length of a value that is not written: the caller asked for it, or has too little room.
fn write_length(
    place: &Pointer<CK_ATTRIBUTE>,
    asked: &CK_ATTRIBUTE,
    length: CK_ULONG,
) -> Result<Verdict> {
    let (length, verdict) = match asked.pValue.is_null() {
        true => (length, Verdict::Told),
        false => (UNAVAILABLE, Verdict::TooSmall),
    };
    place.write(CK_ATTRIBUTE {
        ulValueLen: length,
        ..*asked
    })?;
    Ok(verdict)
}

/// An attribute that is a template: the caller asks first for the length of the array, then for
/// the types and lengths in it, then for the values.
fn write_nested(
    place: &Pointer<CK_ATTRIBUTE>,
    asked: &CK_ATTRIBUTE,
    Template(inner): &Template,
) -> Result<Verdict> {
    let length = (inner.len() * size_of::<CK_ATTRIBUTE>()) as CK_ULONG;
    let mut worst = Verdict::Told;
    if !asked.pValue.is_null() {
        if asked.ulValueLen < length {
            place.write(CK_ATTRIBUTE {
                ulValueLen: UNAVAILABLE,
                ..*asked
            })?;
            return Ok(Verdict::TooSmall);
        }
        // SAFETY: the caller's array has `ulValueLen` writable bytes, at least as many as these.
        let array =
            unsafe { Array::<CK_ATTRIBUTE>::claim(asked.pValue.cast(), inner.len() as CK_ULONG) };
        let places = array.pointers(limits::TEMPLATE_ATTRIBUTES, Reason::Internal)?;
        for (place, attribute) in places.zip(inner) {
            let asked = CK_ATTRIBUTE {
                type_: attribute.kind.0,
                ..place.read()?
            };
            worst = worst.max(match &attribute.value {
                // The standard has no template in a template in a template.
                Value::Template(_) => Verdict::Unknown,
                value => write_value(&place, &asked, value)?,
            });
        }
    }
    place.write(CK_ATTRIBUTE {
        ulValueLen: length,
        ..*asked
    })?;
    Ok(worst)
}

#[cfg(test)]
mod tests;

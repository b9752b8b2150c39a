//! Values from outside, of the shape that their attributes have: nothing longer, and nothing else.

use token::{
    Attribute, AttributeType, Error, Reason, Result, SecretBytes, Shape, Template, Value,
    attribute_row, limits,
};

use super::{Attributes, Plain};

/// A value of the shape that its attribute has.
pub(super) enum Shaped {
    Plain(Plain),
    Secret(SecretBytes),
}

impl Shaped {
    /// Whether it is a flag that is true.
    pub(super) fn is_true(&self) -> bool {
        matches!(self, Shaped::Plain(Plain::Flag(true)))
    }
}

/// The value of `attribute`, if it has the shape of its attribute and is not too long.
pub(super) fn shaped(attribute: &Attribute) -> Result<Shaped> {
    let kind = attribute.kind;
    let shape = attribute_row(kind).map(|row| row.shape);
    let bad = |words: &str| refusal(Reason::AttributeValueInvalid, kind, words);
    let len = match &attribute.value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Secret(bytes) => bytes.len(),
        Value::Mechanisms(mechanisms) => mechanisms.len().saturating_mul(8),
        Value::Flag(_) | Value::Number(_) | Value::Template(_) => 0,
    };
    if len > limits::ATTRIBUTE_BYTES {
        return Err(bad(&format!(
            "is longer than {} bytes",
            limits::ATTRIBUTE_BYTES
        )));
    }
    Ok(match (shape, &attribute.value) {
        (Some(Shape::Flag), Value::Flag(flag)) => Shaped::Plain((*flag).into()),
        (Some(Shape::Number), Value::Number(number)) => Shaped::Plain((*number).into()),
        (Some(Shape::Bytes), Value::Bytes(bytes)) => Shaped::Plain(bytes.clone().into()),
        (Some(Shape::Secret), Value::Secret(bytes)) => {
            Shaped::Secret(SecretBytes::copied(bytes.reveal()))
        }
        (Some(Shape::Date), Value::Bytes(bytes)) if is_date(bytes) => {
            Shaped::Plain(bytes.clone().into())
        }
        (Some(Shape::Date), Value::Bytes(_)) => {
            return Err(bad("is neither empty nor a date as YYYYMMDD"));
        }
        (Some(Shape::Mechanisms), Value::Mechanisms(mechanisms)) => {
            Shaped::Plain(Plain::Mechanisms(mechanisms.clone()))
        }
        (Some(Shape::Template), Value::Template(template)) => {
            Shaped::Plain(Plain::Template(nested(kind, template)?))
        }
        _ => return Err(bad("has a value of the wrong type")),
    })
}

/// A template within a template: of plain values alone, because it is no secret itself.
fn nested(kind: AttributeType, template: &Template) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    for attribute in &template.0 {
        match shaped(attribute)? {
            Shaped::Plain(Plain::Template(_)) | Shaped::Secret(_) => {
                let words = "has an attribute that no template in a template can have";
                return Err(refusal(Reason::AttributeValueInvalid, kind, words));
            }
            Shaped::Plain(value) if attributes.plain(attribute.kind).is_none() => {
                attributes.set(attribute.kind, value);
            }
            Shaped::Plain(_) => {
                let words = "has an attribute twice";
                return Err(refusal(Reason::AttributeValueInvalid, kind, words));
            }
        }
    }
    Ok(attributes)
}

fn is_date(bytes: &[u8]) -> bool {
    let number = |from: usize, to: usize| {
        let digits = std::str::from_utf8(bytes.get(from..to)?).ok()?;
        digits
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| digits.parse::<u32>().ok())?
    };
    match bytes.len() {
        0 => true,
        8 => {
            number(0, 4).is_some()
                && number(4, 6).is_some_and(|month| (1..=12).contains(&month))
                && number(6, 8).is_some_and(|day| (1..=31).contains(&day))
        }
        _ => false,
    }
}
/// The number that `template` gives `kind`.
pub(crate) fn number_of(template: &Template, kind: AttributeType) -> Result<Option<u64>> {
    match template
        .0
        .iter()
        .find(|attribute| attribute.kind == kind)
        .map(|found| &found.value)
    {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(*number)),
        Some(_) => Err(refusal(
            Reason::AttributeValueInvalid,
            kind,
            "has a value of the wrong type",
        )),
    }
}

/// A refusal that names its attribute.
pub(super) fn refusal(reason: Reason, kind: AttributeType, words: &str) -> Error {
    match attribute_row(kind) {
        Some(row) => Error::new(reason, format!("{} {words}", row.name)),
        None => Error::new(reason, format!("attribute {:#x} {words}", kind.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_empty_or_a_day_of_the_calendar() {
        for date in ["", "20261122", "19990101"] {
            assert!(is_date(date.as_bytes()), "{date}");
        }
        for date in [
            "2026",
            "20261301",
            "20260100",
            "2026112x",
            "+0261122",
            "202611222",
        ] {
            assert!(!is_date(date.as_bytes()), "{date}");
        }
    }
}

//! Whether a key may be used with a mechanism: one function, one order.

use cryptoki_sys as sys;
use token::{AttributeType, Error, MechanismId, ObjectClass, Operation, Reason, Result};

use super::{Material, Row, Work, table::ROWS};
use crate::object::Attributes;

/// The row of `mechanism`.
pub(crate) fn find(mechanism: MechanismId) -> Result<&'static Row> {
    let row = ROWS.iter().find(|row| row.id == mechanism);
    row.ok_or_else(|| {
        Error::new(
            Reason::MechanismInvalid,
            format!("mechanism {:#x}", mechanism.0),
        )
    })
}

/// The column that does `operation` with `mechanism`, if the key may be used so: the mechanism
/// exists, has the column, takes the key's class and type and length, the key has the usage
/// attribute, and the key's own list of mechanisms allows it.
pub(crate) fn check_use(
    operation: Operation,
    mechanism: MechanismId,
    key: Option<(&Attributes, &Material)>,
) -> Result<Work> {
    let row = find(mechanism)?;
    let work = row.work(operation).ok_or_else(|| {
        Error::new(
            Reason::MechanismInvalid,
            format!("{} does not {operation:?}", row.name),
        )
    })?;
    let (rule, (attributes, material)) = match (&row.key, key) {
        (None, None) => return Ok(work),
        (Some(rule), Some(key)) => (rule, key),
        (None, Some(_)) => return Err(Reason::ArgumentsBad.into()),
        (Some(_), None) => return Err(Reason::KeyHandleInvalid.into()),
    };

    let class = attributes.class().filter(|class| KEYS.contains(class));
    let class = class.ok_or_else(|| Error::new(Reason::KeyHandleInvalid, "it is not a key"))?;
    let key_type = attributes.key_type();
    if class != rule.class || !key_type.is_some_and(|kind| rule.types.contains(&kind)) {
        return Err(Error::new(Reason::KeyTypeInconsistent, row.name));
    }
    if !(rule.min_bits..=rule.max_bits).contains(&material.bits()) {
        return Err(Error::new(Reason::KeySizeRange, row.name));
    }
    if !usage(operation).is_none_or(|usage| attributes.flag(usage)) {
        return Err(Error::new(
            Reason::KeyFunctionNotPermitted,
            format!("{operation:?}"),
        ));
    }
    // An empty list is the attribute's default and allows everything.
    let allowed = attributes
        .mechanisms(AttributeType::ALLOWED_MECHANISMS)
        .unwrap_or_default();
    if !allowed.is_empty() && !allowed.contains(&mechanism) {
        let context = format!(
            "CKA_ALLOWED_MECHANISMS of the key does not have {}",
            row.name
        );
        return Err(Error::new(Reason::MechanismInvalid, context));
    }
    Ok(work)
}

const KEYS: [ObjectClass; 3] = [
    ObjectClass(sys::CKO_SECRET_KEY),
    ObjectClass(sys::CKO_PRIVATE_KEY),
    ObjectClass(sys::CKO_PUBLIC_KEY),
];

/// The attribute that allows a key to be used for `operation`.
fn usage(operation: Operation) -> Option<AttributeType> {
    match operation {
        Operation::Encrypt | Operation::MessageEncrypt => Some(AttributeType::ENCRYPT),
        Operation::Decrypt | Operation::MessageDecrypt => Some(AttributeType::DECRYPT),
        Operation::Sign | Operation::MessageSign => Some(AttributeType::SIGN),
        Operation::Verify | Operation::MessageVerify => Some(AttributeType::VERIFY),
        Operation::SignRecover => Some(AttributeType::SIGN_RECOVER),
        Operation::VerifyRecover => Some(AttributeType::VERIFY_RECOVER),
        Operation::Digest => None,
    }
}

#[cfg(test)]
mod tests;

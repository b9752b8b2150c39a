//! Whether a key may be used with a mechanism: one function, one order.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::LazyLock};

use cryptoki_sys as sys;
use token::{AttributeType, Error, MechanismId, ObjectClass, Operation, Reason, Result};

use super::{Material, Row, Work, row::KeyClass, table};
use crate::{object::Attributes, table::Spread};

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Operation(Operation),
    Wrap,
    Unwrap,
    Derive,
    Encapsulate,
    Decapsulate,
}

/// The row of `mechanism`.
pub(crate) fn find(mechanism: MechanismId) -> Result<&'static Row> {
    type Rows = HashMap<MechanismId, &'static Row, BuildHasherDefault<Spread>>;
    /// The table by its numbers: every Init looks here.
    static ROWS: LazyLock<Rows> =
        LazyLock::new(|| table::rows().map(|row| (row.id, row)).collect());
    ROWS.get(&mechanism).copied().ok_or_else(|| {
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
    let function = Function::Operation(operation);
    let work = row
        .work(operation)
        .ok_or_else(|| no_column(row, function))?;
    match (&row.key, key) {
        (None, None) => Ok(work),
        (Some(_), Some((attributes, material))) => {
            check_key(row, function, attributes, material).map(|()| work)
        }
        (None, Some(_)) => Err(Reason::ArgumentsBad.into()),
        (Some(_), None) => Err(Reason::KeyHandleInvalid.into()),
    }
}

/// Whether the key may be used for `function` with the mechanism of `row`, whose column is there.
pub(crate) fn check_key(
    row: &Row,
    function: Function,
    attributes: &Attributes,
    material: &Material,
) -> Result<()> {
    let (public, usage) = function.asks();
    let rule = row.key.as_ref().ok_or(Reason::KeyHandleInvalid)?;
    let class = match (rule.class, public) {
        (KeyClass::Secret, _) => sys::CKO_SECRET_KEY,
        (KeyClass::Pair, true) => sys::CKO_PUBLIC_KEY,
        (KeyClass::Pair, false) => sys::CKO_PRIVATE_KEY,
    };
    let key_class = attributes.class().filter(|class| KEYS.contains(&class.0));
    let key_class =
        key_class.ok_or_else(|| Error::new(Reason::KeyHandleInvalid, "it is not a key"))?;
    let key_type = attributes.key_type();
    if key_class != ObjectClass(class) || !key_type.is_some_and(|kind| rule.types.contains(&kind)) {
        return Err(Error::new(Reason::KeyTypeInconsistent, row.name));
    }
    if !(rule.min_bits..=rule.max_bits).contains(&material.bits()) {
        return Err(Error::new(Reason::KeySizeRange, row.name));
    }
    check_rights(row, function, usage, attributes)
}

/// Whether the mechanism of `row` may derive from this key too, which its parameter names.
pub(crate) fn check_other_key(row: &Row, attributes: &Attributes) -> Result<()> {
    let (_, usage) = Function::Derive.asks();
    check_rights(row, Function::Derive, usage, attributes)
}

/// Whether the key's attributes allow `function`, which `usage` stands for, and the mechanism.
fn check_rights(
    row: &Row,
    function: Function,
    usage: Option<AttributeType>,
    attributes: &Attributes,
) -> Result<()> {
    if !usage.is_none_or(|usage| attributes.flag(usage)) {
        return Err(Error::new(
            Reason::KeyFunctionNotPermitted,
            format!("{function:?}"),
        ));
    }
    // An empty list is the attribute's default and allows everything.
    let allowed = attributes
        .mechanisms(AttributeType::ALLOWED_MECHANISMS)
        .unwrap_or_default();
    if !allowed.is_empty() && !allowed.contains(&row.id) {
        let context = format!(
            "CKA_ALLOWED_MECHANISMS of the key does not have {}",
            row.name
        );
        return Err(Error::new(Reason::MechanismInvalid, context));
    }
    Ok(())
}

/// The refusal of a function that the mechanism does not have.
pub(crate) fn no_column(row: &Row, function: Function) -> Error {
    let function = match function {
        Function::Operation(operation) => format!("{operation:?}"),
        other => format!("{other:?}"),
    };
    Error::new(
        Reason::MechanismInvalid,
        format!("{} does not {function}", row.name),
    )
}

const KEYS: [u64; 3] = [
    sys::CKO_SECRET_KEY,
    sys::CKO_PRIVATE_KEY,
    sys::CKO_PUBLIC_KEY,
];

impl Function {
    /// Whether it takes the public half of a pair, and the attribute that allows a key to be used so.
    fn asks(self) -> (bool, Option<AttributeType>) {
        let operation = match self {
            Function::Wrap => return (true, Some(AttributeType::WRAP)),
            Function::Unwrap => return (false, Some(AttributeType::UNWRAP)),
            Function::Derive => return (false, Some(AttributeType::DERIVE)),
            Function::Encapsulate => return (true, Some(AttributeType::ENCAPSULATE)),
            Function::Decapsulate => return (false, Some(AttributeType::DECAPSULATE)),
            Function::Operation(operation) => operation,
        };
        match operation {
            Operation::Encrypt | Operation::MessageEncrypt => (true, Some(AttributeType::ENCRYPT)),
            Operation::Decrypt | Operation::MessageDecrypt => (false, Some(AttributeType::DECRYPT)),
            Operation::Sign | Operation::MessageSign => (false, Some(AttributeType::SIGN)),
            Operation::Verify | Operation::MessageVerify => (true, Some(AttributeType::VERIFY)),
            Operation::SignRecover => (false, Some(AttributeType::SIGN_RECOVER)),
            Operation::VerifyRecover => (true, Some(AttributeType::VERIFY_RECOVER)),
            Operation::Digest => (false, None),
        }
    }
}

#[cfg(test)]
mod tests;

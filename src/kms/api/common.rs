//! Members that several operations share: checked, or refused because this version lacks them.

use aws::{Call, Error, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    errors::{self, INVALID_GRANT_TOKEN, INVALID_KEY_USAGE},
    keys::Key,
    limits,
};

/// The one algorithm that symmetric keys have.
pub(super) const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";

const ALGORITHMS: &[&str] = &[
    "SM2PKE",
    "SYMMETRIC_DEFAULT",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
];

/// The answer of an operation that has none.
#[derive(Debug, Serialize)]
pub(super) struct Empty {}

/// A request that names a key and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyRequest {
    pub(super) key_id: Option<String>,
}

impl KeyRequest {
    /// The key's name.
    pub(super) fn checked(self) -> Result<String> {
        let mut check = Validation::new();
        key_id(&mut check, "keyId", &self.key_id);
        check.finish()?;
        aws::required("keyId", self.key_id)
    }
}

/// A key's name must be there and not be too long.
pub(super) fn key_id(check: &mut Validation, member: &str, value: &Option<String>) {
    check.present(member, value);
    check.length(member, value.as_deref(), limits::KEY_ID);
}

/// An algorithm must be one that there is.
pub(super) fn algorithm(check: &mut Validation, member: &str, value: &Option<String>) {
    check.one_of(member, value.as_deref(), ALGORITHMS);
}

/// An algorithm must be the one that `key` has.
pub(super) fn usable_algorithm(value: Option<&str>) -> Result<()> {
    match value {
        None | Some(SYMMETRIC_DEFAULT) => Ok(()),
        Some(other) => {
            let text =
                format!("Algorithm {other} is incompatible with key spec SYMMETRIC_DEFAULT.");
            Err(Error::new(INVALID_KEY_USAGE, text))
        }
    }
}

/// Nobody can have a grant token: there are no grants.
pub(super) fn no_grant_tokens(tokens: Option<&[String]>) -> Result<()> {
    match tokens {
        None | Some([]) => Ok(()),
        Some(_) => Err(Error::new(
            INVALID_GRANT_TOKEN,
            "No grant has this grant token.",
        )),
    }
}

/// An answer for an enclave would have to be encrypted to it: refused, not ignored.
pub(super) fn no_recipient(recipient: Option<&IgnoredAny>) -> Result<()> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(errors::unsupported(
            "Recipient is not supported: there are no enclaves.",
        )),
    }
}

/// The request would have been carried out.
pub(super) fn not_dry(dry_run: Option<bool>) -> Result<()> {
    match dry_run {
        Some(true) => Err(errors::dry_run()),
        _ => Ok(()),
    }
}

/// The event of a call that is about `key`.
pub(super) fn note(call: &Call, key: &Key) {
    call.resource(key.arn.as_str());
    call.requested("keyId", key.arn.as_str());
    call.additional("customKeyStoreId", key.store.id.as_str());
}

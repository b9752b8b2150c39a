//! How a key is called: its id, its ARN, and the four forms in which a request names it.

use std::{fmt, str::FromStr};

use aws::{Error, Result, Scope};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::errors::{INVALID_ARN, NOT_FOUND};

/// The id of a key: a random UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct KeyId([u8; 16]);

impl KeyId {
    /// An id that no key has.
    pub(crate) fn random() -> Result<Self> {
        let bytes = crypto::random::array()
            .map_err(|error| crate::errors::internal(format!("No randomness: {error}.")))?;
        Ok(Self(
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .into_bytes(),
        ))
    }

    /// As it stands in records, in ciphertexts and in `CKA_ID`.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id in those bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The key's ARN, which is also the label of its material.
    pub(crate) fn arn(&self, scope: &Scope) -> String {
        scope.arn("kms", &format!("key/{self}"))
    }

    /// The id in a key's ARN of this scope.
    pub(crate) fn from_arn(scope: &Scope, arn: &str) -> Option<Self> {
        scope
            .resource("kms", arn)?
            .strip_prefix("key/")?
            .parse()
            .ok()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Only the hyphenated form: other spellings of a UUID are not ids.
impl FromStr for KeyId {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let id = Uuid::try_parse(text).map_err(|_| ())?;
        (text.len() == 36)
            .then_some(Self(id.into_bytes()))
            .ok_or(())
    }
}

/// What a request calls a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// By id or ARN.
    Key(KeyId),
    /// By alias or the alias's ARN: the name with `alias/`.
    Alias(String),
}

impl Reference {
    /// What `text` means here. A key that cannot be here is already not found.
    pub(crate) fn parse(scope: &Scope, text: &str) -> Result<Self> {
        let name = if text.starts_with("arn:") {
            resource(scope, text)?
        } else {
            text
        };
        if name.starts_with("alias/") {
            return Ok(Self::Alias(name.to_owned()));
        }
        // Without `key/` it is a bare id; in an ARN the type is not optional.
        let id = match (name.strip_prefix("key/"), text.starts_with("arn:")) {
            (Some(id), true) => id,
            (None, false) => name,
            _ => return Err(invalid_id(text)),
        };
        match id.parse() {
            Ok(id) => Ok(Self::Key(id)),
            Err(()) => Err(invalid_id(text)),
        }
    }

    /// What `text` means to an operation that takes no alias.
    pub(crate) fn parse_key(scope: &Scope, text: &str) -> Result<KeyId> {
        match Self::parse(scope, text)? {
            Self::Key(id) => Ok(id),
            Self::Alias(_) => Err(invalid_id(text)),
        }
    }
}

/// The resource that a KMS ARN of this scope names.
fn resource<'a>(scope: &Scope, arn: &'a str) -> Result<&'a str> {
    if let Some(resource) = scope.resource("kms", arn) {
        return Ok(resource);
    }
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, region, account) = (parts.next(), parts.next(), parts.next());
    match (service, region, account, parts.next()) {
        (Some("kms"), Some(region), _, Some(_)) if region != scope.region => {
            Err(Error::new(NOT_FOUND, format!("Invalid arn {region}")))
        }
        (Some("kms"), Some(_), Some(account), Some(_)) if account != scope.account => {
            Err(Error::new(NOT_FOUND, format!("Key '{arn}' does not exist")))
        }
        _ => Err(Error::new(
            INVALID_ARN,
            format!("'{arn}' is not the ARN of a KMS key or alias."),
        )),
    }
}

fn invalid_id(text: &str) -> Error {
    Error::new(NOT_FOUND, format!("Invalid keyId '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    fn scope() -> Scope {
        Scope::new("us-east-1", "111122223333").unwrap()
    }

    #[test]
    fn a_key_is_named_by_id_arn_alias_or_alias_arn() {
        let key = Reference::Key(ID.parse().unwrap());
        let alias = Reference::Alias("alias/a/b".to_owned());
        for (text, meaning) in [
            (ID.to_owned(), &key),
            (format!("arn:aws:kms:us-east-1:111122223333:key/{ID}"), &key),
            ("alias/a/b".to_owned(), &alias),
            (
                "arn:aws:kms:us-east-1:111122223333:alias/a/b".to_owned(),
                &alias,
            ),
        ] {
            assert_eq!(
                &Reference::parse(&scope(), &text).unwrap(),
                meaning,
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_key_is_refused_in_aws_words() {
        let arn = |tail: &str| format!("arn:aws:kms:{tail}");
        for (text, error) in [
            (
                "nonsense".to_owned(),
                "NotFoundException: Invalid keyId 'nonsense'",
            ),
            (
                format!("key/{ID}"),
                &format!("NotFoundException: Invalid keyId 'key/{ID}'"),
            ),
            (
                ID.replace('-', ""),
                "NotFoundException: Invalid keyId '1234abcd12ab34cd56ef1234567890ab'",
            ),
            (
                arn(&format!("eu-west-1:111122223333:key/{ID}")),
                "NotFoundException: Invalid arn eu-west-1",
            ),
            (
                arn(&format!("us-east-1:999999999999:key/{ID}")),
                &format!(
                    "NotFoundException: Key 'arn:aws:kms:us-east-1:999999999999:key/{ID}' does not exist"
                ),
            ),
            (
                "arn:aws:sns:us-east-1:111122223333:topic".to_owned(),
                "InvalidArnException: 'arn:aws:sns:us-east-1:111122223333:topic' is not the ARN of a KMS key or alias.",
            ),
        ] {
            let answer = Reference::parse(&scope(), &text).unwrap_err();
            assert_eq!(answer.to_string(), error, "{text}");
        }
    }

    #[test]
    fn an_operation_without_aliases_refuses_them() {
        let error = Reference::parse_key(&scope(), "alias/x").unwrap_err();
        assert_eq!(error.message, "Invalid keyId 'alias/x'");
    }

    #[test]
    fn the_arn_of_an_id_leads_back_to_it() {
        let id = KeyId::random().unwrap();
        assert_eq!(KeyId::from_arn(&scope(), &id.arn(&scope())), Some(id));
    }
}

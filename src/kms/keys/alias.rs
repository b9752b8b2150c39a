//! Aliases: names of keys that can be moved from one key to another.

use std::sync::Arc;

use aws::{Error, Result, Scope, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Directory, KeyId, cache::Cache, state::Demand};
use crate::{
    errors::{self, ALREADY_EXISTS, INVALID_ALIAS_NAME, LIMIT_EXCEEDED, NOT_AUTHORIZED, NOT_FOUND},
    limits,
    records::{Records, at, keyspace},
};

/// An alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// The key that it names.
    pub(crate) target: KeyId,
    /// When it was made.
    pub(crate) created_ms: i64,
    /// When it was moved last, or made.
    pub(crate) updated_ms: i64,
}

/// Every alias of the account.
pub(crate) struct Aliases {
    records: Arc<Records>,
    cached: Cache<String, Alias>,
}

/// The form of an alias's name in the model.
pub(crate) const PATTERN: &str = "^[a-zA-Z0-9:/_-]+$";

/// Whether `name` has the form of [`PATTERN`].
pub(crate) fn is_name(name: &str) -> bool {
    name.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b))
        && !name.is_empty()
}

/// Whether a customer may have an alias with this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let invalid = |message: &str| Err(Error::new(INVALID_ALIAS_NAME, message));
    match name.strip_prefix("alias/") {
        None => Err(errors::validation(
            "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        )),
        Some("") => invalid("The name of an alias must not be empty."),
        Some(rest) if rest.starts_with("aws/") => Err(Error::new(
            NOT_AUTHORIZED,
            "The prefix alias/aws/ is reserved for AWS managed keys.",
        )),
        Some(rest) if rest.contains(':') => invalid("An alias must not contain a colon."),
        Some(_) => Ok(()),
    }
}

impl Aliases {
    pub(crate) fn new(records: Arc<Records>) -> Self {
        Self {
            records,
            cached: Cache::new(),
        }
    }

    /// The key that `name` names.
    pub(crate) fn target(&self, name: &str) -> Result<Option<KeyId>> {
        let name = name.to_owned();
        let alias = self.cached.find(&name, || self.records.read(&key(&name)))?;
        Ok(alias.map(|alias| alias.target))
    }

    /// Deletes `name`.
    pub(crate) fn delete(&self, scope: &Scope, name: &str) -> Result<KeyId> {
        let mut target = None;
        self.write(name, |there| {
            let alias = there.ok_or_else(|| not_found(scope, name))?;
            target = Some(alias.target);
            self.records
                .change()
                .delete(key(name))
                .delete(of_key(alias.target, name))
                .commit()?;
            Ok(None)
        })?;
        target.ok_or_else(|| not_found(scope, name))
    }

    /// Deletes every alias of a key that is gone.
    pub(super) fn delete_all(&self, target: KeyId) -> Result<()> {
        for name in self.records.all_names(&of_key(target, ""))? {
            let Ok(name) = String::from_utf8(name) else {
                continue;
            };
            self.write(&name, |there| {
                let change = self.records.change().delete(of_key(target, &name));
                match there {
                    Some(alias) if alias.target != target => change.commit().map(|()| Some(alias)),
                    _ => change.delete(key(&name)).commit().map(|()| None),
                }
            })?;
        }
        Ok(())
    }

    /// At most `limit` aliases after the one called `after`, by name; of one key or of all.
    pub(crate) fn list(
        &self,
        of: Option<KeyId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Alias)>> {
        let text = |name: Vec<u8>| String::from_utf8(name).ok();
        let Some(target) = of else {
            let after = after.map(key);
            let found = self
                .records
                .scan(&[keyspace::ALIAS], after.as_deref(), limit)?;
            let named =
                |(key, alias): (Vec<u8>, Alias)| Some((text(key.get(1..)?.to_vec())?, alias));
            return Ok(found.into_iter().filter_map(named).collect());
        };
        let after = after.map(|name| of_key(target, name));
        let names = self
            .records
            .names(&of_key(target, ""), after.as_deref(), limit)?;
        let mut found = Vec::new();
        for name in names.into_iter().filter_map(text) {
            // It can have gone or moved between the two reads.
            let alias = self.records.read::<Alias>(&key(&name))?;
            found.extend(
                alias
                    .filter(|alias| alias.target == target)
                    .map(|alias| (name, alias)),
            );
        }
        Ok(found)
    }

    fn write(
        &self,
        name: &str,
        work: impl FnOnce(Option<Alias>) -> Result<Option<Alias>>,
    ) -> Result<()> {
        let changed = self
            .cached
            .change(&name.to_owned(), || work(self.records.read(&key(name))?));
        changed.map(drop)
    }

    fn check_quota(&self, target: KeyId) -> Result<()> {
        let most = limits::ALIASES;
        if self.records.names(&of_key(target, ""), None, most)?.len() < most {
            return Ok(());
        }
        Err(Error::new(
            LIMIT_EXCEEDED,
            format!("The key has {most} aliases already."),
        ))
    }
}

/// Both sides of an alias at once: its name, and the key that it names.
impl Directory {
    /// Makes `name` an alias of `target`.
    pub(crate) fn create_alias(&self, name: &str, target: KeyId, now: Timestamp) -> Result<()> {
        self.aliases.write(name, |there| {
            if there.is_some() {
                let arn = arn(&self.scope, name);
                let text = format!("An alias with the name {arn} already exists");
                return Err(Error::new(ALREADY_EXISTS, text));
            }
            let alias = Alias {
                target,
                created_ms: now.0,
                updated_ms: now.0,
            };
            self.change(target, Demand::Change, |_, _, change| {
                self.aliases.check_quota(target)?;
                let change = change.if_absent(key(name)).put(key(name), &alias);
                Ok(change.mark(of_key(target, name)))
            })?;
            Ok(Some(alias))
        })
    }

    /// Makes `name` an alias of `target` instead of what it named.
    pub(crate) fn update_alias(&self, name: &str, target: KeyId, now: Timestamp) -> Result<()> {
        self.aliases.write(name, |there| {
            let before = there.ok_or_else(|| not_found(&self.scope, name))?;
            let moved = before.target != target;
            let alias = Alias {
                target,
                created_ms: before.created_ms,
                updated_ms: now.0,
            };
            self.change(target, Demand::Change, |_, _, change| {
                let change = change.put(key(name), &alias);
                if !moved {
                    return Ok(change);
                }
                self.aliases.check_quota(target)?;
                Ok(change
                    .delete(of_key(before.target, name))
                    .mark(of_key(target, name)))
            })?;
            Ok(Some(alias))
        })
    }
}

/// That there is no such alias, in AWS's words.
pub(crate) fn not_found(scope: &Scope, name: &str) -> Error {
    Error::new(
        NOT_FOUND,
        format!("Alias {} is not found.", arn(scope, name)),
    )
}

/// The ARN of an alias.
pub(crate) fn arn(scope: &Scope, name: &str) -> String {
    scope.arn("kms", name)
}

fn key(name: &str) -> Vec<u8> {
    at(keyspace::ALIAS, &[name.as_bytes()])
}

fn of_key(target: KeyId, name: &str) -> Vec<u8> {
    at(keyspace::KEY_ALIAS, &[target.bytes(), name.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_has_its_prefix_and_keeps_out_of_awss_names() {
        assert!(check_name("alias/a/b_c-1").is_ok());
        for (name, kind) in [
            ("a", aws::error::VALIDATION),
            ("alias/", INVALID_ALIAS_NAME),
            ("alias/a:b", INVALID_ALIAS_NAME),
            ("alias/aws/ebs", NOT_AUTHORIZED),
        ] {
            assert_eq!(check_name(name).unwrap_err().kind, kind, "{name}");
        }
    }
}

//! Tags of keys: one record a tag, so that fifty of them fit.

use std::collections::BTreeSet;

use aws::{Error, Result};
use serde::{Deserialize, Serialize};

use super::KeyId;
use crate::{
    errors::{LIMIT_EXCEEDED, TAG},
    limits,
    records::{Records, at, keyspace},
};

/// A tag, as requests and responses have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(rename = "TagKey")]
    pub(crate) key: String,
    #[serde(rename = "TagValue")]
    pub(crate) value: String,
}

/// Whether these tags can be given to a key at once.
pub(crate) fn check(tags: &[Tag]) -> Result<()> {
    if tags.len() > limits::TAGS {
        return Err(Error::new(TAG, "Too many tags"));
    }
    let keys: BTreeSet<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    if keys.len() < tags.len() {
        return Err(Error::new(TAG, "Duplicate tag keys"));
    }
    check_keys(keys)
}

/// Whether these keys are a customer's.
pub(crate) fn check_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<()> {
    for key in keys {
        if key
            .get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
        {
            return Err(Error::new(TAG, "Tags beginning with aws: are reserved"));
        }
    }
    Ok(())
}

/// Whether the key has room for these tags beside the ones that it has.
pub(crate) fn check_room(records: &Records, id: KeyId, tags: &[Tag]) -> Result<()> {
    let there = records.names(&key(id, ""), None, limits::TAGS)?;
    let new = tags
        .iter()
        .filter(|tag| !there.iter().any(|name| name == tag.key.as_bytes()));
    match there.len() + new.count() <= limits::TAGS {
        true => Ok(()),
        false => Err(Error::new(LIMIT_EXCEEDED, "Too many tags")),
    }
}

/// At most `limit` tags of a key after the one with the key `after`.
pub(crate) fn list(
    records: &Records,
    id: KeyId,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<Tag>> {
    let after = after.map(|name| key(id, name));
    let found = records.scan(&key(id, ""), after.as_deref(), limit)?;
    Ok(found.into_iter().map(|(_, tag)| tag).collect())
}

/// Where a tag stands.
pub(crate) fn key(id: KeyId, tag_key: &str) -> Vec<u8> {
    at(keyspace::TAG, &[id.bytes(), tag_key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> Tag {
        Tag {
            key: key.to_owned(),
            value: String::new(),
        }
    }

    #[test]
    fn tags_are_refused_in_aws_words() {
        let many: Vec<Tag> = (0..51).map(|n| tag(&n.to_string())).collect();
        for (tags, message) in [
            (many.as_slice(), "Too many tags"),
            (&[tag("a"), tag("a")], "Duplicate tag keys"),
            (&[tag("AWS:a")], "Tags beginning with aws: are reserved"),
        ] {
            assert_eq!(check(tags).unwrap_err().message, message);
        }
        assert!(check(&[tag("a"), tag("A")]).is_ok());
    }
}

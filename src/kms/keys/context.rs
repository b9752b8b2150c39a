//! Encryption contexts in canonical form: the same pairs are the same bytes, in whatever order
//! they came.

use std::collections::BTreeMap;

use aws::Result;

use crate::{errors, limits};

/// An encryption context: sorted by key, as the bytes of its UTF-8.
pub(crate) type Context = BTreeMap<String, String>;

/// The length of each key and value as u32 BE before its bytes, in the order of the keys: no two
/// contexts have the same form.
pub(crate) fn canonical(context: Option<&Context>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for text in context
        .into_iter()
        .flatten()
        .flat_map(|(key, value)| [key, value])
    {
        let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    let pairs = context.map_or(0, BTreeMap::len);
    if bytes.len().saturating_sub(pairs * 8) > limits::CONTEXT_BYTES {
        let most = limits::CONTEXT_BYTES;
        return Err(errors::validation(format!(
            "EncryptionContext has more than {most} bytes."
        )));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(pairs: &[(&str, &str)]) -> Context {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_order_of_pairs_does_not_matter() {
        let a = canonical(Some(&context(&[("a", "1"), ("b", "2")]))).unwrap();
        let b = canonical(Some(&context(&[("b", "2"), ("a", "1")]))).unwrap();
        assert_eq!(a, b);
        assert_eq!(a, b"\0\0\0\x01a\0\0\0\x011\0\0\0\x01b\0\0\0\x012");
    }

    #[test]
    fn no_context_and_an_empty_one_are_the_same() {
        assert_eq!(
            canonical(None).unwrap(),
            canonical(Some(&Context::new())).unwrap()
        );
    }

    #[test]
    fn pairs_that_only_join_to_the_same_text_differ() {
        let a = canonical(Some(&context(&[("ab", "c")]))).unwrap();
        assert_ne!(a, canonical(Some(&context(&[("a", "bc")]))).unwrap());
    }

    #[test]
    fn a_context_is_bounded() {
        let long = "x".repeat(limits::CONTEXT_BYTES);
        assert!(canonical(Some(&context(&[("", &long)]))).is_ok());
        assert!(canonical(Some(&context(&[("k", &long)]))).is_err());
    }
}

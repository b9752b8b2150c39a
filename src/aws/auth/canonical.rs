//! The canonical request: what a request says, written in the one way that both sides sign.

use std::fmt::Write as _;

use crate::Headers;

/// The canonical request. `signed` are the lower-case names of the signed headers, in order.
pub(crate) fn request(
    method: &str,
    target: &str,
    headers: Headers<'_>,
    signed: &[&str],
    body: &[u8],
) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut text = format!(
        "{method}\n{}\n{}\n",
        canonical_path(path),
        canonical_query(query)
    );
    for name in signed {
        text.push_str(name);
        let mut before = ':';
        for value in headers.all(name) {
            text.push(before);
            push_trimmed(&mut text, value);
            before = ',';
        }
        text.push('\n');
    }
    let hash = hex::encode(crypto::hash::sha256(&[body]));
    // A String takes every write.
    let _ = write!(text, "\n{}\n{hash}", signed.join(";"));
    text
}

/// Without leading, trailing and repeated blanks.
fn push_trimmed(text: &mut String, value: &[u8]) {
    let value = String::from_utf8_lossy(value);
    let words = value.split([' ', '\t', '\r', '\n']);
    for (position, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// RFC 3986 §5.2.4, and no empty segments; every byte that is not unreserved is encoded, also the
/// `%` of what was encoded before (services other than S3 sign a path encoded twice).
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut text = String::from("/");
    text.push_str(
        &segments
            .iter()
            .map(|s| encoded(s.as_bytes()))
            .collect::<Vec<_>>()
            .join("/"),
    );
    if path.ends_with('/') && text.len() > 1 {
        text.push('/');
    }
    text
}

fn canonical_query(query: &str) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(&decoded(name)), encoded(&decoded(value)))
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten();
        match escape.and_then(|digits| hex::decode(digits).ok()) {
            Some(byte) => {
                bytes.extend(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_its_dots_and_empty_segments() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./example", "/example"),
            ("//example//", "/example/"),
            ("/example1/example2/../..", "/"),
            ("/../../..", "/"),
            ("/a%20b", "/a%2520b"),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn a_query_is_sorted_and_encoded_once() {
        assert_eq!(canonical_query("b=2&a=%2f&a=1&c"), "a=%2F&a=1&b=2&c=");
    }
}

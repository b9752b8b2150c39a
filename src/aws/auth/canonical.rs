//! The canonical request: what a request says, written in the one way that both sides sign.

use crate::Headers;

/// Room for the canonical request of most requests.
const REQUEST_BYTES: usize = 1024;

/// A SHA-256 hash in hexadecimal.
pub(crate) type HexHash = [u8; 64];

/// The hash of the canonical request. `signed` are the lower-case names of the signed headers, in
/// order.
pub(crate) fn hash(
    method: &str,
    target: &str,
    headers: Headers<'_>,
    signed: &[&str],
    body: &[u8],
) -> HexHash {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut text = Vec::with_capacity(REQUEST_BYTES);
    text.extend_from_slice(method.as_bytes());
    text.push(b'\n');
    push_path(&mut text, path);
    text.push(b'\n');
    push_query(&mut text, query);
    text.push(b'\n');
    for name in signed {
        text.extend_from_slice(name.as_bytes());
        let mut before = b':';
        for value in headers.all(name) {
            text.push(before);
            push_trimmed(&mut text, value);
            before = b',';
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(signed.join(";").as_bytes());
    text.push(b'\n');
    text.extend_from_slice(&hex_sha256(body));
    hex_sha256(&text)
}

fn hex_sha256(bytes: &[u8]) -> HexHash {
    let mut text = [0; 64];
    // Two digits a byte fit exactly.
    let _ = hex::encode_to_slice(crypto::hash::sha256(&[bytes]), &mut text);
    text
}

/// Without leading, trailing and repeated blanks.
fn push_trimmed(text: &mut Vec<u8>, value: &[u8]) {
    let words = value.split(|byte| b" \t\r\n".contains(byte));
    for (position, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if position > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// RFC 3986 §5.2.4, and no empty segments; every byte that is not unreserved is encoded, also the
/// `%` of what was encoded before (services other than S3 sign a path encoded twice).
fn push_path(text: &mut Vec<u8>, path: &str) {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    for segment in &segments {
        text.push(b'/');
        push_encoded(text, segment.as_bytes());
    }
    if segments.is_empty() || path.ends_with('/') {
        text.push(b'/');
    }
}

fn push_query(text: &mut Vec<u8>, query: &str) {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (encoded(&decoded(name)), encoded(&decoded(value)))
    };
    let pairs = query.split('&').filter(|text| !text.is_empty());
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = pairs.map(pair).collect();
    pairs.sort();
    for (position, (name, value)) in pairs.iter().enumerate() {
        if position > 0 {
            text.push(b'&');
        }
        text.extend_from_slice(name);
        text.push(b'=');
        text.extend_from_slice(value);
    }
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    push_encoded(&mut text, bytes);
    text
}

fn push_encoded(text: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(*byte),
            _ => text.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
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
            let mut text = Vec::new();
            push_path(&mut text, path);
            assert_eq!(text, canonical.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_query_is_sorted_and_encoded_once() {
        let mut text = Vec::new();
        push_query(&mut text, "b=2&a=%2f&a=1&c");
        assert_eq!(text, b"a=%2F&a=1&b=2&c=");
    }
}

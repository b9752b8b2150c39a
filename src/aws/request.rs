//! A request and a response, whatever HTTP library carries them.

use std::net::IpAddr;

use crypto::Zeroizing;

/// Bytes in a request's body: the largest legal one (two certificates, escaped) is smaller.
pub const BODY_BYTES: usize = 256 * 1024;

/// An HTTP request, read completely.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// Path and query, as they were sent.
    pub target: &'a str,
    /// All headers in the order they were sent.
    pub headers: Headers<'a>,
    /// At most [`BODY_BYTES`].
    pub body: &'a [u8],
    /// Where it came from.
    pub source: IpAddr,
}

/// Headers: names in any case, and values.
#[derive(Clone, Copy)]
pub struct Headers<'a>(&'a [(&'a str, &'a [u8])]);

impl<'a> Headers<'a> {
    /// These headers.
    pub fn new(headers: &'a [(&'a str, &'a [u8])]) -> Self {
        Self(headers)
    }

    /// The first value under `name`.
    pub(crate) fn one(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Every value under `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| *value)
    }

    /// Every name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(name, _)| *name)
    }
}

/// An HTTP response with a JSON 1.1 body.
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The value of `x-amzn-RequestId`.
    pub request_id: String,
    /// The body; it may hold what was decrypted, and is overwritten when dropped.
    pub body: Zeroizing<Vec<u8>>,
}

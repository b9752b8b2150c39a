//! The other side: signs a request as an AWS SDK does. For our own calls of our own API, and tests.

use crypto::Secret;

use super::{
    canonical,
    sigv4::{ALGORITHM, SigningKey, TERMINATOR},
};
use crate::{Headers, Timestamp};

/// Signs requests to one service with one access key.
pub struct Signer {
    key: SigningKey,
    region: String,
    service: String,
}

impl Signer {
    /// A signer for `service` in `region`.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &Secret,
        region: &str,
        service: &str,
    ) -> Self {
        Self {
            key: SigningKey::new(access_key_id, "", secret_access_key),
            region: region.to_owned(),
            service: service.to_owned(),
        }
    }

    /// The headers of a POST to `/` that asks for `operation` (`TrentService.ListKeys`), the
    /// signature among them. `host` is the request's, the port included.
    pub fn headers(
        &self,
        host: &str,
        operation: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("host", host.to_owned()),
            ("x-amz-date", now.compact()),
            ("x-amz-target", operation.to_owned()),
        ];
        let authorization = {
            let view: Vec<(&str, &[u8])> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes()))
                .collect();
            self.authorization("POST", "/", Headers::new(&view), body, &now.compact())
        };
        headers.push(("authorization", authorization));
        headers
    }

    /// The `Authorization` header that signs all of `headers`.
    pub(crate) fn authorization(
        &self,
        method: &str,
        target: &str,
        headers: Headers<'_>,
        body: &[u8],
        date: &str,
    ) -> String {
        let mut signed: Vec<String> = headers.names().map(str::to_ascii_lowercase).collect();
        signed.sort();
        signed.dedup();
        let signed: Vec<&str> = signed.iter().map(String::as_str).collect();
        let hash = canonical::hash(method, target, headers, &signed, body);
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/{}/{TERMINATOR}", self.region, self.service);
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={}",
            self.key.access_key_id,
            signed.join(";"),
            hex::encode(self.key.signature(date, &scope, &hash)),
        )
    }
}

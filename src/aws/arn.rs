//! Where resources live: partition, region and account, and the ARNs made of them.

use std::{cell::RefCell, fmt};

/// The one account in the one region that a server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `aws`, `aws-cn` or `aws-us-gov`; follows from the region.
    pub partition: &'static str,
    /// For example `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

/// Why a region and an account make no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// The region is not of the form `us-east-1`.
    Region,
    /// The account is not twelve digits.
    Account,
}

impl Scope {
    /// The scope of `account` in `region`.
    pub fn new(region: &str, account: &str) -> Result<Self, ScopeError> {
        if !is_region(region) {
            return Err(ScopeError::Region);
        }
        if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ScopeError::Account);
        }
        let partition = match region {
            _ if region.starts_with("cn-") => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Ok(Self {
            partition,
            region: region.to_owned(),
            account: account.to_owned(),
        })
    }

    /// The ARN of one of `service`'s resources here, such as `key/1234…`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.region, self.account
        )
    }

    /// The resource in `arn`, if it is one of `service`'s in this scope.
    pub fn resource<'a>(&self, service: &str, arn: &'a str) -> Option<&'a str> {
        let mut parts = arn.splitn(6, ':');
        let mut is = |expected: &str| parts.next() == Some(expected);
        (is("arn") && is(self.partition) && is(service) && is(&self.region) && is(&self.account))
            .then(|| parts.next())
            .flatten()
    }
}

/// An id that follows from `parts`: `prefix` and 17 hexadecimal digits, as AWS's network ids have.
pub fn derived_id(prefix: &str, parts: &[&str]) -> String {
    let parts: Vec<&[u8]> = parts
        .iter()
        .flat_map(|part| [part.as_bytes(), &b"/"[..]])
        .collect();
    let digits = hex::encode(crypto::hash::sha256(&parts));
    format!("{prefix}{}", digits.get(..17).unwrap_or_default())
}

/// A random id in the form of a UUID, for requests and events: nothing secret rests on it.
pub(crate) fn random_id() -> String {
    let bytes = DRAWN.with_borrow_mut(|drawn| {
        if drawn.is_empty() {
            *drawn = draw();
        }
        drawn.pop().unwrap_or_default()
    });
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// How many ids' random bytes are drawn at once: a draw costs more than all else of an id.
const DRAW: usize = 64;

thread_local! {
    static DRAWN: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

fn draw() -> Vec<[u8; 16]> {
    let mut ids = vec![[0; 16]; DRAW];
    if let Err(error) = crypto::random::fill(ids.as_flattened_mut()) {
        log::error!("ids of zeros: {error}");
    }
    ids
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScopeError::Region => "a region looks like us-east-1",
            ScopeError::Account => "an account id has twelve digits",
        })
    }
}

impl std::error::Error for ScopeError {}

/// At least three words of lower-case letters and digits, the last one a number.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let word = |w: &&str| {
        !w.is_empty()
            && w.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.len() <= 32
        && words.len() >= 3
        && words.iter().all(word)
        && words
            .last()
            .is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::new("us-east-1", "111122223333").unwrap()
    }

    #[test]
    fn an_arn_made_here_is_understood_here() {
        let arn = scope().arn("kms", "key/0f6b:1");
        assert_eq!(scope().resource("kms", &arn), Some("key/0f6b:1"));
    }

    #[test]
    fn an_arn_of_another_account_region_or_service_is_not_ours() {
        for arn in [
            "arn:aws:kms:us-east-1:999999999999:key/1",
            "arn:aws:kms:eu-west-1:111122223333:key/1",
            "arn:aws:sns:us-east-1:111122223333:key/1",
            "arn:aws-cn:kms:us-east-1:111122223333:key/1",
            "arn:aws:kms:us-east-1:111122223333",
        ] {
            assert_eq!(scope().resource("kms", arn), None, "{arn}");
        }
    }

    #[test]
    fn the_partition_follows_from_the_region() {
        let partition = |region| Scope::new(region, "111122223333").unwrap().partition;
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }

    #[test]
    fn what_is_no_region_or_account_is_refused() {
        assert_eq!(
            Scope::new("us east", "111122223333"),
            Err(ScopeError::Region)
        );
        assert_eq!(
            Scope::new("us-east-one", "111122223333"),
            Err(ScopeError::Region)
        );
        assert_eq!(Scope::new("us-east-1", "1111"), Err(ScopeError::Account));
    }
}

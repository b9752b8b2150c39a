//! The first things that are said on a connection: who a client is, and whether it is welcome.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use token::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::held::Held;

/// The oldest version of the protocol that is spoken here: 1 told otherwise how long an output becomes.
pub(crate) const OLDEST: u16 = 2;
/// The newest one.
pub(crate) const NEWEST: u16 = 2;
/// What a greeting says of its sender.
pub(crate) const SOFTWARE: &str = concat!("strongroom ", env!("CARGO_PKG_VERSION"));
/// The longest `software` that is read.
const SOFTWARE_BYTES: usize = 64;

/// The first thing that a client says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello<'a> {
    pub(crate) oldest: u16,
    pub(crate) newest: u16,
    #[serde(borrow)]
    pub(crate) purpose: Held<'a, Purpose>,
    #[serde(borrow)]
    pub(crate) software: &'a str,
}

/// What a connection is to be.
#[derive(Serialize, Deserialize)]
pub(crate) enum Purpose {
    New,
    Attach { secret: Proof },
    Resume { secret: Proof },
}

/// hsmd's yes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Welcome<'a> {
    pub(crate) version: u16,
    pub(crate) secret: Proof,
    #[serde(borrow)]
    pub(crate) software: &'a str,
}

/// hsmd's no.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) reason: Refused,
    pub(crate) error: Error,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refused {
    Version,
    Unknown,
    Denied,
}

/// The secret that proves an application to be its own.
#[derive(Default)]
pub(crate) struct Proof(Zeroizing<[u8; 32]>);

impl Proof {
    /// A copy of a secret.
    pub(crate) fn copied(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*secret))
    }

    /// A new one.
    pub(crate) fn draw() -> Result<Self, crypto::Error> {
        let mut new = Self::default();
        crypto::random::fill(new.0.as_mut_slice())?;
        Ok(new)
    }
}

impl Deref for Proof {
    type Target = [u8; 32];

    fn deref(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = <[u8; 32]>::deserialize(deserializer)?;
        let proof = Self::copied(&read);
        read.zeroize();
        Ok(proof)
    }
}

impl<'a> Hello<'a> {
    /// A greeting, if it is one.
    pub(crate) fn decode(body: &'a [u8]) -> Option<Self> {
        super::read(body).filter(|hello: &Self| hello.software.len() <= SOFTWARE_BYTES)
    }
}

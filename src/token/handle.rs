//! Handles and ids: a type for each, so that two numbers cannot swap.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);
    };
}

number!(
    /// `CK_SLOT_ID`: allotted once in the home's registry and never reused.
    SlotId
);
number!(
    /// `CK_SESSION_HANDLE`: unique in its application; 0 is never valid (§5.6).
    SessionHandle
);
number!(
    /// `CK_OBJECT_HANDLE`: for a token object its key reference, the same in every process and
    /// slot; for a session object a number with [`ObjectHandle::SESSION`] set. 0 is never valid.
    ObjectHandle
);
number!(
    /// `CK_OBJECT_CLASS`, a `CKO_` number.
    ObjectClass
);
number!(
    /// `CK_KEY_TYPE`, a `CKK_` number.
    KeyType
);

impl ObjectHandle {
    /// The bit that tells session objects from token objects.
    pub const SESSION: u64 = 1 << 62;

    /// Whether the handle is in the range of session objects.
    pub fn is_session(self) -> bool {
        self.0 & Self::SESSION != 0
    }
}

/// An application between `C_Initialize` and `C_Finalize`: random, chosen by hsmd at its first
/// connection and presented again, with a secret, by its further ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApplicationId(pub [u8; 16]);

/// The id that the caller of a changing verb gives it, so that a verb said twice (because its
/// answer was lost) is done once and answered the same both times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Unique in the application. Where an answer can be lost, it rises from one to the next.
    pub number: u64,
    /// Every request with a smaller number has had its answer; answers below are forgotten. Above its
    /// own number, nobody will ask for its answer again.
    pub settled: u64,
}

impl Request {
    /// Whether nobody will ask for its answer again, so that it need not be kept.
    pub fn is_settled(self) -> bool {
        self.number < self.settled
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// The id in `text`: the prefix and 11 to 16 characters of `[2-7a-zA-Z]`.
            pub fn parse(text: &str) -> Option<Self> {
                let tail = text.strip_prefix($prefix)?;
                let legal = |c: char| c.is_ascii_alphabetic() || ('2'..='7').contains(&c);
                ((11..=16).contains(&tail.len()) && tail.chars().all(legal))
                    .then(|| Self(text.to_owned()))
            }

            /// The id as text, prefix included.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id without its prefix: the serial number of its token.
            pub fn tail(&self) -> &str {
                self.0.strip_prefix($prefix).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A cluster: `cluster-[2-7a-zA-Z]{11,16}`.
    ClusterId,
    "cluster-"
);
id!(
    /// An HSM of a cluster: `hsm-[2-7a-zA-Z]{11,16}`.
    HsmId,
    "hsm-"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_outside_the_alphabet_is_no_id() {
        for text in [
            "cluster-abcdefghij1",
            "cluster-short",
            "hsm-abcdefghijk",
            "../abcdefghijkl",
        ] {
            assert_eq!(ClusterId::parse(text), None, "{text}");
        }
        assert!(ClusterId::parse("cluster-abcdefghijk").is_some());
    }
}

//! Why an algorithm gave no answer.

use std::fmt;

/// What a function of this crate answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an algorithm gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A key, nonce, tag or buffer has a length that the algorithm does not take.
    Length,
    /// The ciphertext or its context was altered, or another key made it.
    Authentication,
    /// A key that an algorithm must not be used with.
    WeakKey,
    /// The bytes are no key of the algorithm, or its parts contradict each other.
    Key,
    /// The data is a number that the key's operation does not take: not smaller than the modulus, or
    /// one of those that are their own result (0, 1, n − 1). Or a public exponent that no key has.
    Range,
    /// The counter of CTR mode would come round to blocks that were used.
    CounterExhausted,
    /// The operating system gave no randomness.
    Random,
    /// The library refused what it should take.
    Library,
    /// A known answer came out wrong: this build or machine must not be used.
    SelfTest(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Length => f.write_str("a length that the algorithm does not take"),
            Error::Authentication => f.write_str("altered, or made with another key"),
            Error::WeakKey => f.write_str("a key that the algorithm must not be used with"),
            Error::Key => f.write_str("not a key of the algorithm"),
            Error::Range => f.write_str("a number that the key does not take"),
            Error::CounterExhausted => f.write_str("the counter would overflow"),
            Error::Random => f.write_str("the operating system gave no randomness"),
            Error::Library => f.write_str("the cryptographic library failed"),
            Error::SelfTest(name) => write!(f, "the known-answer test of {name} failed"),
        }
    }
}

impl std::error::Error for Error {}

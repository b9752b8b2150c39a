//! What algorithms have in common whose keys are made of a seed (ML-DSA, ML-KEM): sets of parameters,
//! keys of a seed or of a value, and PKCS #8 of either (RFC 9881 §6, RFC 9935 §6).

use std::ffi::c_int;

use crate::{Error, Result, Secret, eq};

/// An algorithm with one set of parameters: its number in the library, the last two of its numbers in
/// NIST's arc (2.16.840.1.101.3.4), and how many bytes things have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm {
    pub(crate) library: c_int,
    pub(crate) oid_end: [u8; 2],
    pub(crate) seed_len: usize,
    pub(crate) public_len: usize,
    pub(crate) private_len: usize,
    /// In a signature or a ciphertext.
    pub(crate) output_len: usize,
}

/// The sets of parameters of one algorithm: `ParameterSet` with a variant for each row. `$output` is
/// what the length of its output is called.
macro_rules! parameter_sets {
    (
        $(#[$output_doc:meta])* $output:ident, seed $seed_len:expr;
        $($(#[$doc:meta])* $set:ident = $library:expr, $oid_end:expr, $public:expr, $private:expr, $bytes:expr;)*
    ) => {
        /// A set of parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ParameterSet {
            $($(#[$doc])* $set,)*
        }

        impl ParameterSet {
            /// Every set.
            pub const ALL: [Self; [$(Self::$set,)*].len()] = [$(Self::$set,)*];

            /// Bytes in a public key.
            pub const fn public_len(self) -> usize {
                self.algorithm().public_len
            }

            /// Bytes in a private key.
            pub const fn private_len(self) -> usize {
                self.algorithm().private_len
            }

            $(#[$output_doc])*
            pub const fn $output(self) -> usize {
                self.algorithm().output_len
            }

            const fn algorithm(self) -> &'static $crate::seeded::Algorithm {
                match self {
                    $(Self::$set => &$crate::seeded::Algorithm {
                        library: $library,
                        oid_end: $oid_end,
                        seed_len: $seed_len,
                        public_len: $public,
                        private_len: $private,
                        output_len: $bytes,
                    },)*
                }
            }
        }
    };
}
pub(crate) use parameter_sets;

/// A private key that is made of a seed, or of a value where its seed is not known.
pub(crate) trait Seeded: Sized {
    /// Its set of parameters.
    type Set: Copy + 'static;
    /// Every set.
    const SETS: &'static [Self::Set];

    /// What is said of `set`.
    fn algorithm(set: Self::Set) -> &'static Algorithm;
    /// The key's own set.
    fn set(&self) -> Self::Set;
    /// The key of a seed of the right length.
    fn of_seed(set: Self::Set, seed: Secret) -> Result<Self>;
    /// The key of a value of the right length.
    fn of_value(set: Self::Set, value: &[u8]) -> Result<Self>;
    /// Its seed, where it is known.
    fn seed(&self) -> Option<&Secret>;
    /// Its value.
    fn value(&self) -> Result<Secret>;

    /// A key of its seed, of its value, or of both, which must agree.
    fn made(set: Self::Set, said: &Said<'_>) -> Result<Self> {
        if !Self::algorithm(set).fits(said) {
            return Err(Error::Key);
        }
        match (said.seed, said.expanded) {
            (Some(seed), value) => {
                let key = Self::of_seed(set, Secret::from(seed))?;
                match value {
                    Some(value) if !eq(key.value()?.reveal(), value) => Err(Error::Key),
                    _ => Ok(key),
                }
            }
            (None, Some(value)) => Self::of_value(set, value),
            (None, None) => Err(Error::Key),
        }
    }

    /// A key of PKCS #8 of any of the three forms.
    fn of_pkcs8(der: &[u8]) -> Result<Self> {
        let mut sets = Self::SETS.iter();
        let said = sets.find_map(|set| Some((*set, Self::algorithm(*set).said(der).ok()?)));
        let (set, said) = said.ok_or(Error::Key)?;
        Self::made(set, &said)
    }

    /// The key in PKCS #8: its seed, or where that is not known its value.
    fn to_pkcs8(&self) -> Result<Secret> {
        let algorithm = Self::algorithm(self.set());
        Ok(match self.seed() {
            Some(seed) => algorithm.pkcs8(Some(seed.reveal()), &[]),
            None => algorithm.pkcs8(None, self.value()?.reveal()),
        })
    }
}

/// What a private key was said to be: at least one of the two.
pub(crate) struct Said<'a> {
    pub(crate) seed: Option<&'a [u8]>,
    pub(crate) expanded: Option<&'a [u8]>,
}

const INTEGER: u8 = 0x02;
const BIT_STRING_1: u8 = 0x81;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SEED_0: u8 = 0x80;
const ATTRIBUTES_0: u8 = 0xa0;

const ARC: [u8; 7] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04];

impl Algorithm {
    /// PKCS #8 of the seed, or where that is not known of the expanded key.
    pub(crate) fn pkcs8(&self, seed: Option<&[u8]>, expanded: &[u8]) -> Secret {
        let private = match seed {
            Some(seed) => element(SEED_0, &[seed]),
            None => element(OCTET_STRING, &[expanded]),
        };
        let identifier = element(OBJECT_IDENTIFIER, &[&ARC, &self.oid_end]);
        let fields = [
            element(INTEGER, &[&[0]]),
            element(SEQUENCE, &[identifier.reveal()]),
            element(OCTET_STRING, &[private.reveal()]),
        ];
        element(SEQUENCE, &fields.each_ref().map(Secret::reveal))
    }

    /// What a PKCS #8 says, if it is of this algorithm.
    pub(crate) fn said<'a>(&self, der: &'a [u8]) -> Result<Said<'a>> {
        self.parse(der)
            .filter(|said| self.fits(said))
            .ok_or(Error::Key)
    }

    fn fits(&self, said: &Said<'_>) -> bool {
        said.seed.is_none_or(|seed| seed.len() == self.seed_len)
            && said
                .expanded
                .is_none_or(|expanded| expanded.len() == self.private_len)
    }

    fn parse<'a>(&self, der: &'a [u8]) -> Option<Said<'a>> {
        let mut whole = Reader(der);
        let mut fields = Reader(whole.take(SEQUENCE)?);
        let version = fields.take(INTEGER)?;
        let mut algorithm = Reader(fields.take(SEQUENCE)?);
        let identifier = algorithm.take(OBJECT_IDENTIFIER)?;
        let mut private = Reader(fields.take(OCTET_STRING)?);
        // RFC 5958: attributes, and in version 2 the public key, which follows from the private one.
        let _ = fields.take(ATTRIBUTES_0);
        let _ = (version == [1]).then(|| fields.take(BIT_STRING_1));
        let known = identifier.strip_prefix(&ARC) == Some(&self.oid_end);
        let said = match private.tag()? {
            SEED_0 => Said {
                seed: private.take(SEED_0),
                expanded: None,
            },
            OCTET_STRING => Said {
                seed: None,
                expanded: private.take(OCTET_STRING),
            },
            _ => {
                let mut both = Reader(private.take(SEQUENCE)?);
                let (seed, expanded) = (both.take(OCTET_STRING)?, both.take(OCTET_STRING)?);
                both.end()?;
                Said {
                    seed: Some(seed),
                    expanded: Some(expanded),
                }
            }
        };
        whole.end()?;
        fields.end()?;
        algorithm.end()?;
        private.end()?;
        (known && matches!(version, [0] | [1])).then_some(said)
    }
}

/// DER: a tag, and the parts one after the other.
fn element(tag: u8, parts: &[&[u8]]) -> Secret {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let [.., high, low] = len.to_be_bytes();
    // No key here is longer than two bytes of length can say.
    let header: &[u8] = match len {
        0..=0x7f => &[tag, low],
        0x80..=0xff => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    let mut all = vec![header];
    all.extend(parts);
    Secret::joined(&all)
}

/// What was not read yet of DER.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The value of the next element, if it has `tag`.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (len, rest) = match self.0 {
            [found, len @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*len), rest),
            [found, 0x81, len @ 0x80..=0xff, rest @ ..] if *found == tag => {
                (usize::from(*len), rest)
            }
            [found, 0x82, high @ 1..=0xff, low, rest @ ..] if *found == tag => {
                (usize::from(u16::from_be_bytes([*high, *low])), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(value)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOY: Algorithm = Algorithm {
        library: 0,
        oid_end: [3, 0x11],
        seed_len: 2,
        public_len: 0,
        private_len: 300,
        output_len: 0,
    };

    #[test]
    fn what_is_written_is_read_again() {
        let expanded = [7; 300];
        let seed = TOY.pkcs8(Some(&[1, 2]), &expanded);
        let said = TOY.said(seed.reveal()).unwrap();
        assert_eq!((said.seed, said.expanded), (Some(&[1, 2][..]), None));
        let whole = TOY.pkcs8(None, &expanded);
        let said = TOY.said(whole.reveal()).unwrap();
        assert_eq!((said.seed, said.expanded), (None, Some(&expanded[..])));
    }

    #[test]
    fn a_cut_a_longer_and_another_algorithm_s_pkcs8_are_refused() {
        let whole = TOY.pkcs8(None, &[7; 300]);
        let whole = whole.reveal();
        for len in 0..whole.len() {
            assert!(TOY.said(&whole[..len]).is_err(), "{len}");
        }
        assert!(TOY.said(&[whole, &[0]].concat()).is_err());
        let other = Algorithm {
            oid_end: [3, 0x12],
            ..TOY
        };
        assert!(other.said(whole).is_err());
    }
}

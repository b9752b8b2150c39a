//! PKCS #8 of keys that are made of a seed: ML-DSA's (RFC 9881 §6) and ML-KEM's (RFC 9935 §6) say
//! the seed, the expanded key, or both.

use crate::{Error, Result, Secret};

/// An algorithm of NIST's arc, 2.16.840.1.101.3.4: the last two numbers of its identifier, and the
/// lengths of its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm {
    pub(crate) oid_end: [u8; 2],
    pub(crate) seed_len: usize,
    pub(crate) expanded_len: usize,
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
                .is_none_or(|expanded| expanded.len() == self.expanded_len)
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
        oid_end: [3, 0x11],
        seed_len: 2,
        expanded_len: 300,
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

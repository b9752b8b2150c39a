//! Initialisation vectors of messages: the caller's, or made here so that none comes twice under
//! one Init (PKCS#11 3.0 §6.13.3: `CKG_`, and the first bits that stay as they are).
//!
//! What is counted begins again with the next Init. A caller that lets the HSM count must give each
//! Init of a key other fixed bits, as TLS does; with `CKG_GENERATE` the count begins at a random
//! place, and with enough free bits nothing more is needed.

use cryptoki_sys as sys;
use token::{Error, MessageParameters, Reason, Result};

use crate::failure::internal;

/// Random vectors under one Init at most: SP 800-38D §8.3 for 96 free bits.
const RANDOM_BITS_MAX: u32 = 32;

/// The vectors of the messages of one Init.
#[derive(Default)]
pub(super) struct Nonces {
    rule: Option<Rule>,
    given: u64,
}

/// What the first message with a made vector has settled.
struct Rule {
    generator: u64,
    fixed_bits: u64,
    /// The fixed bits as the caller gave them. Of the free bits: where `CKG_GENERATE` begins to
    /// count, what `CKG_GENERATE_COUNTER_XOR` counts over.
    base: Vec<u8>,
}

impl Nonces {
    /// The parameters of the next message, with the vector that it is to use.
    pub(super) fn next(&mut self, message: &MessageParameters) -> Result<MessageParameters> {
        if message.generator == sys::CKG_NO_GENERATE {
            return Ok(message.clone());
        }
        check(message)?;
        let rule = match &mut self.rule {
            Some(rule) if rule.fits(message) => rule,
            Some(_) => {
                return Err(Error::new(
                    Reason::MechanismParamInvalid,
                    "the fixed bits and the generator stay the same for all messages of an Init",
                ));
            }
            none => none.insert(Rule::of(message)?),
        };
        if self.given >= rule.most() {
            return Err(Error::new(
                Reason::LimitExceeded,
                "the free bits of the vector are used up: start again with another key or fixed \
                 bits",
            ));
        }
        let iv = rule.vector(self.given)?;
        self.given = self.given.saturating_add(1);
        Ok(MessageParameters {
            iv,
            ..message.clone()
        })
    }
}

/// Whether a vector can be made as `message` says.
pub(super) fn check(message: &MessageParameters) -> Result<()> {
    let bits = (message.iv.len() as u64).saturating_mul(8);
    let known = matches!(
        message.generator,
        sys::CKG_NO_GENERATE
            | sys::CKG_GENERATE
            | sys::CKG_GENERATE_COUNTER
            | sys::CKG_GENERATE_RANDOM
            | sys::CKG_GENERATE_COUNTER_XOR
    );
    if known && message.fixed_bits <= bits {
        Ok(())
    } else {
        Err(Reason::MechanismParamInvalid.into())
    }
}

impl Rule {
    fn of(message: &MessageParameters) -> Result<Self> {
        let mut rule = Self {
            generator: message.generator,
            fixed_bits: message.fixed_bits,
            base: message.iv.clone(),
        };
        if rule.generator == sys::CKG_GENERATE {
            rule.base = rule.merged(&random(rule.base.len())?);
        }
        Ok(rule)
    }

    fn fits(&self, message: &MessageParameters) -> bool {
        (self.generator, self.fixed_bits) == (message.generator, message.fixed_bits)
            && self.base.len() == message.iv.len()
            && self.merged(&message.iv) == message.iv
    }

    /// How many messages there can be before a vector could come twice.
    fn most(&self) -> u64 {
        let free = (self.base.len() as u64)
            .saturating_mul(8)
            .saturating_sub(self.fixed_bits);
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        let bits = match self.generator {
            sys::CKG_GENERATE_RANDOM => (free / 3).min(RANDOM_BITS_MAX),
            _ => free,
        };
        1_u64.checked_shl(bits).unwrap_or(u64::MAX)
    }

    /// The vector of message `number`.
    fn vector(&self, number: u64) -> Result<Vec<u8>> {
        let len = self.base.len();
        Ok(match self.generator {
            sys::CKG_GENERATE_RANDOM => self.merged(&random(len)?),
            sys::CKG_GENERATE_COUNTER => self.merged(&counted(&vec![0; len], number)),
            sys::CKG_GENERATE_COUNTER_XOR => {
                let counter = counted(&vec![0; len], number);
                let mixed = self
                    .base
                    .iter()
                    .zip(counter)
                    .map(|(base, count)| base ^ count);
                self.merged(&mixed.collect::<Vec<u8>>())
            }
            _ => self.merged(&counted(&self.base, number)),
        })
    }

    /// The fixed bits, and `free` behind them.
    fn merged(&self, free: &[u8]) -> Vec<u8> {
        let mut fixed_bits = self.fixed_bits;
        let bytes = self.base.iter().zip(free).map(|(base, free)| {
            let fixed = u32::try_from(fixed_bits.min(8)).unwrap_or(8);
            fixed_bits = fixed_bits.saturating_sub(8);
            let free_mask = 0xFF_u8.checked_shr(fixed).unwrap_or(0);
            (base & !free_mask) | (free & free_mask)
        });
        bytes.collect()
    }
}

/// `bytes` as a number, and `count` more; what does not fit is dropped.
fn counted(bytes: &[u8], count: u64) -> Vec<u8> {
    let mut sum = bytes.to_vec();
    let mut left = count;
    for byte in sum.iter_mut().rev() {
        let total = u64::from(*byte).wrapping_add(left & 0xFF);
        *byte = total.to_le_bytes()[0];
        left = (left >> 8).wrapping_add(total >> 8);
    }
    sum
}

fn random(len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    crypto::random::fill(&mut bytes).map_err(internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(generator: u64, fixed_bits: u64, iv: &[u8]) -> MessageParameters {
        MessageParameters {
            iv: iv.to_vec(),
            fixed_bits,
            generator,
            ..MessageParameters::default()
        }
    }

    /// The vectors of so many messages, each asked for with the one before.
    fn vectors(count: usize, first: &MessageParameters) -> Vec<Vec<u8>> {
        let mut nonces = Nonces::default();
        let mut message = first.clone();
        let mut made = Vec::new();
        for _ in 0..count {
            message = nonces.next(&message).unwrap();
            made.push(message.iv.clone());
        }
        made
    }

    #[test]
    fn a_counter_stands_behind_the_fixed_bits() {
        let made = vectors(3, &message(sys::CKG_GENERATE_COUNTER, 32, &[9; 12]));
        let expected = |count| [9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, count].to_vec();
        assert_eq!(made, [expected(0), expected(1), expected(2)]);
    }

    #[test]
    fn a_counter_is_mixed_into_the_first_vector_as_tls_does() {
        let made = vectors(3, &message(sys::CKG_GENERATE_COUNTER_XOR, 32, &[0xFF; 12]));
        let last: Vec<u8> = made.iter().map(|vector| vector[11]).collect();
        assert_eq!(last, [0xFF, 0xFE, 0xFD]);
        assert!(made.iter().all(|vector| vector[..11] == [0xFF; 11]));
    }

    #[test]
    fn fixed_bits_need_not_be_whole_bytes() {
        let made = vectors(8, &message(sys::CKG_GENERATE_COUNTER, 13, &[0xFF, 0xF8]));
        let counted = |count: u8| vec![0xFF, 0xF8 | count];
        assert_eq!(made, (0..8).map(counted).collect::<Vec<_>>());
    }

    #[test]
    fn a_vector_never_comes_twice_under_one_init() {
        let generators = [
            sys::CKG_GENERATE,
            sys::CKG_GENERATE_COUNTER,
            sys::CKG_GENERATE_COUNTER_XOR,
        ];
        for generator in generators {
            let first = message(generator, 90, &[0xA5; 12]);
            let made = vectors(64, &first);
            let different: std::collections::HashSet<_> = made.iter().collect();
            assert_eq!(different.len(), 64, "{generator}");
            let mut nonces = Nonces::default();
            (0..64).for_each(|_| drop(nonces.next(&first).unwrap()));
            let failed = nonces.next(&first).unwrap_err();
            assert_eq!(failed.reason, Reason::LimitExceeded, "{generator}");
        }
    }

    #[test]
    fn two_inits_begin_at_different_places() {
        let first = message(sys::CKG_GENERATE, 32, &[1; 12]);
        assert_ne!(vectors(1, &first), vectors(1, &first));
        let first = message(sys::CKG_GENERATE_RANDOM, 32, &[1; 12]);
        assert_ne!(vectors(1, &first), vectors(1, &first));
    }

    #[test]
    fn what_is_fixed_stays_fixed() {
        let mut nonces = Nonces::default();
        let first = message(sys::CKG_GENERATE_COUNTER, 32, &[9; 12]);
        nonces.next(&first).unwrap();
        for other in [
            message(sys::CKG_GENERATE_COUNTER, 32, &[8; 12]),
            message(sys::CKG_GENERATE_COUNTER, 40, &[9; 12]),
            message(sys::CKG_GENERATE_RANDOM, 32, &[9; 12]),
            message(sys::CKG_GENERATE_COUNTER, 32, &[9; 13]),
            message(9, 32, &[9; 12]),
            message(sys::CKG_GENERATE_COUNTER, 97, &[9; 12]),
        ] {
            let failed = nonces.next(&other).unwrap_err();
            assert_eq!(failed.reason, Reason::MechanismParamInvalid);
        }
    }

    #[test]
    fn counting_carries_over_bytes() {
        assert_eq!(counted(&[0, 0xFF, 0xFF], 1), [1, 0, 0]);
        assert_eq!(counted(&[0xFF, 0xFF], 2), [0, 1]);
        assert_eq!(counted(&[0, 0, 1], 0x01_00FF), [1, 1, 0]);
    }
}

//! The initialisation vectors that the HSM makes (PKCS#11 3.2 §6.13.3: `CKG_`, and the first bits
//! that stay as they are). What was made is counted with the key, whoever asks for it: in one login no
//! Init, and no other session, has a vector of that object and its copies come twice (SP 800-38D §8).
//! In another login, after a crash, and for a copy that an earlier login put on the token it is
//! counted anew, from a random place.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cryptoki_sys as sys;
use parking_lot::Mutex;
use token::{Error, MessageParameters, Reason, Result};

use super::failure::internal;

/// Free bits of a random vector at least (SP 800-38D §8.2.2).
const RANDOM_BITS: u64 = 96;
/// Random vectors of a key at most (SP 800-38D §8.3).
const RANDOM_MAX: u64 = 1 << 32;
/// Free bits in which two counts that began at random places do not meet.
const APART_BITS: u64 = 64;
/// Bytes in the vector that GCM is made for.
const GCM_LEN: usize = 12;
/// Counts that are taken at once at most.
const RESERVED_MAX: u64 = 64;

/// The vectors that were made for one key, as long as it is in memory.
#[derive(Default)]
pub(crate) struct Nonces {
    /// Whether there are other counts of the same key: in other logins, after a restart, in the
    /// copies of a backup.
    on_token: AtomicBool,
    counted: Mutex<Option<Box<Count>>>,
    /// Random ones that were drawn, or may be by who has reserved them.
    drawn: AtomicU64,
}

/// Random vectors that one Init may draw: each time as many as before and as many again, so that its
/// session does not write to the key for each of them. Those that it never draws are lost.
#[derive(Default)]
pub(crate) struct Reserved {
    left: u64,
    taken: u64,
}

/// What the first counted vector of a key has settled, and how many there were.
struct Count {
    /// Whether the count is mixed into a vector of the caller (`CKG_GENERATE_COUNTER_XOR`).
    mixed: bool,
    fixed_bits: u64,
    /// What is counted from, or mixed into.
    base: Vec<u8>,
    /// The first number that is mixed in.
    first: u64,
    given: u64,
}

impl Nonces {
    /// Those of a key on the token.
    pub(crate) fn on_token() -> Self {
        let new = Self::default();
        new.goes_on_token();
        new
    }

    /// From here on the key is on the token, too, and will be counted elsewhere.
    pub(crate) fn goes_on_token(&self) {
        self.on_token.store(true, Ordering::Relaxed);
    }

    /// Whether any vector was made, or may be by who has reserved it.
    pub(crate) fn has_made_any(&self) -> bool {
        self.drawn.load(Ordering::Relaxed) > 0 || self.counted.lock().is_some()
    }

    /// `message` with the vector that it is to use.
    pub(crate) fn next(
        &self,
        message: &MessageParameters,
        reserved: &mut Reserved,
    ) -> Result<MessageParameters> {
        if message.generator == sys::CKG_NO_GENERATE {
            return Ok(message.clone());
        }
        check(message)?;
        let free = match message.generator {
            sys::CKG_GENERATE_RANDOM => self.draw(message, reserved)?,
            _ => self.count(message)?,
        };
        Ok(MessageParameters {
            data_len: message.data_len,
            iv: merged(message, free),
            fixed_bits: message.fixed_bits,
            generator: message.generator,
            tag_bits: message.tag_bits,
            tag: message.tag.clone(),
        })
    }

    /// A random vector of the length that GCM is made for.
    pub(crate) fn random(&self) -> Result<[u8; GCM_LEN]> {
        self.admit_random(&mut Reserved::default())?;
        crypto::random::array().map_err(internal)
    }

    fn draw(&self, message: &MessageParameters, reserved: &mut Reserved) -> Result<Vec<u8>> {
        if free_bits(message) < RANDOM_BITS {
            let words = format!("a random vector has at least {RANDOM_BITS} free bits");
            return Err(Error::new(Reason::MechanismParamInvalid, words));
        }
        self.admit_random(reserved)?;
        random(message.iv.len())
    }

    fn admit_random(&self, reserved: &mut Reserved) -> Result<()> {
        if reserved.left == 0 {
            let more = reserved.taken.clamp(1, RESERVED_MAX);
            let before = self.drawn.fetch_add(more, Ordering::Relaxed);
            reserved.left = RANDOM_MAX.saturating_sub(before).min(more);
            reserved.taken = reserved.taken.saturating_add(reserved.left);
        }
        reserved.left = reserved.left.checked_sub(1).ok_or_else(used_up)?;
        Ok(())
    }

    fn count(&self, message: &MessageParameters) -> Result<Vec<u8>> {
        let on_token = self.on_token.load(Ordering::Relaxed);
        if on_token && free_bits(message) < APART_BITS {
            let words = format!(
                "the same key is counted elsewhere too: {APART_BITS} free bits are needed to keep \
                 the counts apart"
            );
            return Err(Error::new(Reason::MechanismParamInvalid, words));
        }
        let mut counted = self.counted.lock();
        let count = match &mut *counted {
            Some(count) if count.fits(message) => count,
            Some(_) => {
                return Err(Error::new(
                    Reason::MechanismParamInvalid,
                    "all counted vectors of a key have the same length, number of fixed bits, and \
                     way of counting",
                ));
            }
            none => none.insert(Box::new(Count::of(message, on_token)?)),
        };
        let bits = u32::try_from(free_bits(message)).unwrap_or(u32::MAX);
        if count.given >= 1_u64.checked_shl(bits).unwrap_or(u64::MAX) {
            return Err(used_up());
        }
        let vector = count.vector();
        count.given = count.given.saturating_add(1);
        Ok(vector)
    }
}

impl Count {
    fn of(message: &MessageParameters, on_token: bool) -> Result<Self> {
        let mixed = message.generator == sys::CKG_GENERATE_COUNTER_XOR;
        let base = match mixed {
            true => message.iv.clone(),
            // No peer expects a certain number, so copies of the key do not begin at the same one.
            false => random(message.iv.len())?,
        };
        // TLS 1.3 and HPKE begin at zero, and no key of theirs is on a token.
        let first = match mixed && on_token {
            true => u64::from_be_bytes(crypto::random::array().map_err(internal)?),
            false => 0,
        };
        Ok(Self {
            mixed,
            fixed_bits: message.fixed_bits,
            base,
            first,
            given: 0,
        })
    }

    fn fits(&self, message: &MessageParameters) -> bool {
        self.mixed == (message.generator == sys::CKG_GENERATE_COUNTER_XOR)
            && self.fixed_bits == message.fixed_bits
            && self.base.len() == message.iv.len()
    }

    fn vector(&self) -> Vec<u8> {
        if !self.mixed {
            return sum(&self.base, self.given);
        }
        let number = sum(
            &vec![0; self.base.len()],
            self.first.wrapping_add(self.given),
        );
        let pairs = self.base.iter().zip(number);
        pairs.map(|(base, number)| base ^ number).collect()
    }
}

/// Whether a vector can be made as `message` says.
pub(crate) fn check(message: &MessageParameters) -> Result<()> {
    let known = matches!(
        message.generator,
        sys::CKG_NO_GENERATE
            | sys::CKG_GENERATE
            | sys::CKG_GENERATE_COUNTER
            | sys::CKG_GENERATE_RANDOM
            | sys::CKG_GENERATE_COUNTER_XOR
    );
    if known && message.fixed_bits <= bits(message) {
        Ok(())
    } else {
        Err(Reason::MechanismParamInvalid.into())
    }
}

fn bits(message: &MessageParameters) -> u64 {
    (message.iv.len() as u64).saturating_mul(8)
}

fn free_bits(message: &MessageParameters) -> u64 {
    bits(message).saturating_sub(message.fixed_bits)
}

/// The fixed bits of `message`, and `free` behind them.
fn merged(message: &MessageParameters, mut free: Vec<u8>) -> Vec<u8> {
    let mut fixed_bits = message.fixed_bits;
    for (kept, free) in message.iv.iter().zip(&mut free) {
        let fixed = u32::try_from(fixed_bits.min(8)).unwrap_or(8);
        fixed_bits = fixed_bits.saturating_sub(8);
        let free_mask = 0xFF_u8.checked_shr(fixed).unwrap_or(0);
        *free = (kept & !free_mask) | (*free & free_mask);
    }
    free
}

/// `bytes` as a number, and `more`; what does not fit is dropped.
fn sum(bytes: &[u8], more: u64) -> Vec<u8> {
    let mut sum = bytes.to_vec();
    let mut left = more;
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

fn used_up() -> Error {
    Error::new(
        Reason::LimitExceeded,
        "the vectors of the key are used up: go on with another key",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const COUNTED: [u64; 3] = [
        sys::CKG_GENERATE,
        sys::CKG_GENERATE_COUNTER,
        sys::CKG_GENERATE_COUNTER_XOR,
    ];

    fn message(generator: u64, fixed_bits: u64, iv: &[u8]) -> MessageParameters {
        MessageParameters {
            iv: iv.to_vec(),
            fixed_bits,
            generator,
            ..MessageParameters::default()
        }
    }

    /// The vectors of so many messages, each asked for with the one before.
    fn vectors(nonces: &Nonces, count: usize, first: &MessageParameters) -> Vec<Vec<u8>> {
        let mut message = first.clone();
        let mut made = Vec::new();
        for _ in 0..count {
            message = next(nonces, &message).unwrap();
            made.push(message.iv.clone());
        }
        made
    }

    /// The vector of an Init that makes no other.
    fn next(nonces: &Nonces, message: &MessageParameters) -> Result<MessageParameters> {
        nonces.next(message, &mut Reserved::default())
    }

    fn reason(nonces: &Nonces, message: &MessageParameters) -> Option<Reason> {
        next(nonces, message).err().map(|error| error.reason)
    }

    #[test]
    fn a_counter_stands_behind_the_fixed_bits() {
        let first = message(sys::CKG_GENERATE_COUNTER, 32, &[9; 12]);
        let made = vectors(&Nonces::default(), 3, &first);
        let expected = (0..3).map(|count| merged(&first, sum(&made[0], count)));
        assert_eq!(made, expected.collect::<Vec<_>>());
        assert!(made.iter().all(|vector| vector[..4] == [9; 4]));
    }

    #[test]
    fn a_counter_is_mixed_into_the_first_vector_as_tls_does() {
        let first = message(sys::CKG_GENERATE_COUNTER_XOR, 32, &[0xFF; 12]);
        let made = vectors(&Nonces::default(), 3, &first);
        let last: Vec<u8> = made.iter().map(|vector| vector[11]).collect();
        assert_eq!(last, [0xFF, 0xFE, 0xFD]);
        assert!(made.iter().all(|vector| vector[..11] == [0xFF; 11]));
    }

    #[test]
    fn fixed_bits_need_not_be_whole_bytes() {
        let first = message(sys::CKG_GENERATE_COUNTER, 13, &[0xFF, 0xF8]);
        let made: HashSet<_> = vectors(&Nonces::default(), 8, &first).into_iter().collect();
        let counted = |count: u8| vec![0xFF, 0xF8 | count];
        assert_eq!(made, (0..8).map(counted).collect());
    }

    #[test]
    fn a_vector_of_a_key_never_comes_twice_whoever_asks() {
        for generator in COUNTED {
            let nonces = Nonces::default();
            let first = message(generator, 90, &[0xA5; 12]);
            let mut made = Vec::new();
            for _ in 0..8 {
                // Each asks with what it began with, as every new Init does.
                made.extend(vectors(&nonces, 8, &first));
            }
            let different: HashSet<_> = made.iter().collect();
            assert_eq!(different.len(), 64, "{generator}");
            assert_eq!(
                reason(&nonces, &first),
                Some(Reason::LimitExceeded),
                "{generator}"
            );
        }
    }

    #[test]
    fn other_fixed_bits_take_the_next_number() {
        let nonces = Nonces::default();
        let made = |fixed: u8| {
            let message = message(sys::CKG_GENERATE_COUNTER, 32, &[fixed; 12]);
            next(&nonces, &message).unwrap().iv
        };
        let (one, other) = (made(1), made(2));
        assert_eq!((&one[..4], &other[..4]), (&[1; 4][..], &[2; 4][..]));
        assert_eq!(sum(&one[4..], 1), other[4..]);
    }

    #[test]
    fn two_counts_of_one_key_on_the_token_begin_at_different_places() {
        for generator in COUNTED {
            let first = message(generator, 32, &[1; 12]);
            let begin = || vectors(&Nonces::on_token(), 1, &first);
            assert_ne!(begin(), begin(), "{generator}");
            let narrow = message(generator, 33, &[1; 12]);
            let refused = reason(&Nonces::on_token(), &narrow);
            assert_eq!(refused, Some(Reason::MechanismParamInvalid));
        }
    }

    #[test]
    fn a_key_has_one_way_of_counting() {
        let nonces = Nonces::default();
        next(&nonces, &message(sys::CKG_GENERATE_COUNTER, 32, &[9; 12])).unwrap();
        for other in [
            message(sys::CKG_GENERATE_COUNTER, 40, &[9; 12]),
            message(sys::CKG_GENERATE_COUNTER_XOR, 32, &[9; 12]),
            message(sys::CKG_GENERATE_COUNTER, 32, &[9; 13]),
            message(9, 32, &[9; 12]),
            message(sys::CKG_GENERATE_COUNTER, 97, &[9; 12]),
        ] {
            assert_eq!(reason(&nonces, &other), Some(Reason::MechanismParamInvalid));
        }
        assert_eq!(
            reason(&nonces, &message(sys::CKG_GENERATE, 32, &[9; 12])),
            None
        );
    }

    #[test]
    fn a_random_vector_is_wide_so_that_it_meets_no_other_of_its_key() {
        let nonces = Nonces::default();
        let counted = message(sys::CKG_GENERATE, 90, &[0xA5; 12]);
        vectors(&nonces, 64, &counted);
        for (fixed_bits, iv) in [(90, &[0xA5; 12][..]), (1, &[0; 12]), (33, &[0; 16])] {
            let narrow = message(sys::CKG_GENERATE_RANDOM, fixed_bits, iv);
            let refused = reason(&nonces, &narrow);
            assert_eq!(refused, Some(Reason::MechanismParamInvalid), "{fixed_bits}");
        }
        let wide = message(sys::CKG_GENERATE_RANDOM, 32, &[7; 16]);
        let made = vectors(&nonces, 16, &wide);
        assert!(made.iter().all(|vector| vector[..4] == [7; 4]));
        let different: HashSet<_> = made.iter().map(|vector| &vector[4..]).collect();
        assert_eq!(different.len(), 16);
    }

    #[test]
    fn random_vectors_of_a_key_are_2_to_the_32_however_they_are_drawn() {
        let nonces = Nonces::default();
        let drawn = message(sys::CKG_GENERATE_RANDOM, 0, &[0; 12]);
        nonces.drawn.store((1 << 32) - 2, Ordering::Relaxed);
        assert_eq!(reason(&nonces, &drawn), None);
        assert!(nonces.random().is_ok());
        assert_eq!(reason(&nonces, &drawn), Some(Reason::LimitExceeded));
        assert!(nonces.random().is_err());
    }

    #[test]
    fn what_an_init_has_reserved_counts_whether_it_draws_it_or_not() {
        let nonces = Nonces::default();
        let drawn = message(sys::CKG_GENERATE_RANDOM, 0, &[0; 12]);
        let mut idle = Reserved::default();
        for _ in 0..3 {
            nonces.next(&drawn, &mut idle).unwrap();
        }
        // It has taken one, one more, and two.
        assert_eq!(nonces.drawn.load(Ordering::Relaxed), 4);
        nonces.drawn.store(1 << 32, Ordering::Relaxed);
        assert_eq!(reason(&nonces, &drawn), Some(Reason::LimitExceeded));
        assert!(nonces.next(&drawn, &mut idle).is_ok());
        assert!(nonces.next(&drawn, &mut idle).is_err());
    }

    #[test]
    fn who_reserves_more_than_is_left_gets_what_is_left() {
        let nonces = Nonces::default();
        let drawn = message(sys::CKG_GENERATE_RANDOM, 0, &[0; 12]);
        let mut busy = Reserved::default();
        for _ in 0..64 {
            nonces.next(&drawn, &mut busy).unwrap();
        }
        nonces.drawn.store((1 << 32) - 3, Ordering::Relaxed);
        let made = (0..100).map_while(|_| nonces.next(&drawn, &mut busy).ok());
        assert_eq!(made.count(), 3);
    }

    #[test]
    fn counting_carries_over_bytes() {
        assert_eq!(sum(&[0, 0xFF, 0xFF], 1), [1, 0, 0]);
        assert_eq!(sum(&[0xFF, 0xFF], 2), [0, 1]);
        assert_eq!(sum(&[0, 0, 1], 0x01_00FF), [1, 1, 0]);
    }
}

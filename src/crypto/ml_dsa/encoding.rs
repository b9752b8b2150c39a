//! What the bytes of an expanded private key may be. This is a check of input, not arithmetic of the algorithm:
//! FIPS 204 leaves it to who decodes a key (Algorithm 25, skDecode), and not every version of the library does it.

use super::ParameterSet;

/// ρ, K and tr, which stand before the vectors s1 and s2.
const BEFORE: usize = 32 + 32 + 64;
/// Coefficients in a polynomial.
const COEFFICIENTS: usize = 256;

/// How s1 and s2 are packed: coefficients from −η to η, as η minus each.
struct Short {
    bits: u8,
    /// 2η.
    greatest: u32,
    /// ℓ + k.
    polynomials: usize,
}

impl ParameterSet {
    // FIPS 204 Table 1.
    const fn short(self) -> Short {
        let (bits, greatest, polynomials) = match self {
            Self::MlDsa44 => (3, 4, 4 + 4),
            Self::MlDsa65 => (4, 8, 5 + 6),
            Self::MlDsa87 => (3, 4, 7 + 8),
        };
        Short {
            bits,
            greatest,
            polynomials,
        }
    }
}

/// Whether each coefficient of s1 and s2 in `value` is one. Takes the same time for every value of its length.
pub(super) fn coefficients_are_short(set: ParameterSet, value: &[u8]) -> bool {
    let short = set.short();
    let len = short.polynomials * COEFFICIENTS * usize::from(short.bits) / 8;
    let Some(packed) = value.get(BEFORE..BEFORE + len) else {
        return false;
    };
    let mask = (1 << short.bits) - 1;
    // Three bytes hold a whole number of coefficients of either length; what the last part lacks is zero.
    let outside = packed.chunks(3).fold(0, |outside, part| {
        let word = part
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
        (0..24)
            .step_by(short.bits.into())
            .fold(outside, |outside, shift| {
                outside | short.greatest.wrapping_sub(word >> shift & mask)
            })
    });
    // A coefficient that is too great has left a negative difference.
    outside >> 31 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ml_dsa::PrivateKey;

    #[test]
    fn a_coefficient_out_of_its_range_is_found_wherever_it_is() {
        for set in ParameterSet::ALL {
            let key = PrivateKey::generate(set).unwrap();
            let value = key.value().unwrap().reveal().to_vec();
            assert!(coefficients_are_short(set, &value), "{set:?}");
            let short = set.short();
            let bits = usize::from(short.bits);
            let end = short.polynomials * COEFFICIENTS;
            for index in [0, 1, 2, 5, end / 2 + 7, end - 1] {
                for coefficient in [short.greatest, short.greatest + 1, (1 << bits) - 1] {
                    let mut value = value.clone();
                    for bit in 0..bits {
                        let place = index * bits + bit;
                        let byte = &mut value[BEFORE + place / 8];
                        *byte &= !(1 << (place % 8));
                        *byte |= u8::from(coefficient >> bit & 1 == 1) << (place % 8);
                    }
                    let expected = coefficient <= short.greatest;
                    let found = coefficients_are_short(set, &value);
                    assert_eq!(found, expected, "{set:?} {index} {coefficient}");
                }
            }
            // What follows, t0, has no such range.
            let mut value = value;
            value[BEFORE + end * bits / 8..].fill(0xff);
            assert!(coefficients_are_short(set, &value), "{set:?}");
            assert!(
                !coefficients_are_short(set, &value[..BEFORE + 9]),
                "{set:?}"
            );
        }
    }
}

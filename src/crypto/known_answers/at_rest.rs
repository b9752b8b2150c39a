//! What keeps records and passwords: sealing, HKDF, Argon2id, comparison.

use crate::{Cost, Error, Secret, aes, argon2id, eq, hash, hkdf_sha256, hmac_sha256, seal, xaes};

#[test]
fn a_sealed_record_opens_with_its_key_and_purpose_alone() {
    let (key, other) = (Secret::random(32).unwrap(), Secret::random(32).unwrap());
    let sealed = seal::seal(&key, b"here", b"hello").unwrap();
    assert_eq!(sealed.len(), 5 + seal::OVERHEAD);
    assert_eq!(*seal::open(&key, b"here", &sealed).unwrap(), b"hello");
    assert_eq!(
        seal::open_secret(&key, b"here", &sealed).unwrap().reveal(),
        b"hello"
    );
    assert_eq!(
        seal::open(&key, b"there", &sealed),
        Err(Error::Authentication)
    );
    assert_eq!(
        seal::open(&other, b"here", &sealed),
        Err(Error::Authentication)
    );
}

#[test]
fn no_bit_of_a_sealed_record_can_change() {
    let key = Secret::random(32).unwrap();
    let sealed = seal::seal(&key, b"", b"hello").unwrap();
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 1;
        assert_eq!(
            seal::open(&key, b"", &altered),
            Err(Error::Authentication),
            "{place}"
        );
    }
    for len in 0..seal::OVERHEAD {
        assert!(seal::open(&key, b"", &sealed[..len]).is_err(), "{len}");
    }
}

#[test]
fn two_seals_of_the_same_record_differ() {
    let key = Secret::random(32).unwrap();
    let [a, b] = [(); 2].map(|()| seal::seal(&key, b"", b"hello").unwrap());
    assert_ne!(a, b);
}

#[test]
fn an_empty_record_can_be_sealed() {
    let key = Secret::random(32).unwrap();
    let sealed = seal::seal(&key, b"", b"").unwrap();
    assert!(seal::open(&key, b"", &sealed).unwrap().is_empty());
}

#[test]
fn both_libraries_make_the_same_xaes() {
    let key = Secret::random(32).unwrap();
    let sealed = seal::seal(&key, b"purpose", b"hello").unwrap();
    let mut output = [0; 5];
    let aes_key = aes::Key::new(Secret::from(key.reveal())).unwrap();
    xaes::open(&aes_key, b"purpose", &sealed[1..], &mut output).unwrap();
    assert_eq!(&output, b"hello");
}

#[test]
fn a_key_of_the_wrong_length_seals_nothing() {
    let refused = seal::seal(&Secret::from(&[0; 16][..]), b"", b"");
    assert_eq!(refused, Err(Error::Length));
}

#[test]
fn derived_keys_differ_by_purpose() {
    let key = Secret::random(32).unwrap();
    assert_ne!(
        hkdf_sha256(&key, b"a").reveal(),
        hkdf_sha256(&key, b"b").reveal()
    );
}

#[test]
fn argon2id_agrees_with_its_reference_implementation() {
    // phc-winner-argon2, src/test.c: version 0x13, t = 2, m = 2^8, p = 1.
    let cost = Cost {
        memory_kib: 256,
        passes: 2,
        lanes: 1,
    };
    let key = argon2id(b"password", b"somesalt", cost).unwrap();
    let answer = "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe";
    assert_eq!(hex::encode(key.reveal()), answer);
}

#[test]
fn argon2id_refuses_a_cost_or_salt_that_it_does_not_have() {
    let free = Cost {
        memory_kib: 0,
        passes: 0,
        lanes: 0,
    };
    assert_eq!(
        argon2id(b"password", b"somesalt", free).err(),
        Some(Error::Length)
    );
    let cost = Cost {
        memory_kib: 256,
        passes: 1,
        lanes: 1,
    };
    assert_eq!(
        argon2id(b"password", b"short", cost).err(),
        Some(Error::Length)
    );
}

#[test]
fn equal_means_the_same_bytes_and_length() {
    assert!(eq(b"", b"") && eq(b"ab", b"ab"));
    assert!(!eq(b"ab", b"ac") && !eq(b"ab", b"abc"));
}

#[test]
fn parts_are_hashed_and_authenticated_one_after_the_other() {
    assert_eq!(
        hash::sha256(&[&b"a"[..], b"", b"bc"]),
        hash::sha256(&[b"abc"])
    );
    assert_eq!(
        hmac_sha256(b"key", &[&b"a"[..], b"bc"]),
        hmac_sha256(b"key", &[b"abc"])
    );
    assert_ne!(
        hmac_sha256(b"key", &[b"abc"]),
        hmac_sha256(b"other", &[b"abc"])
    );
}

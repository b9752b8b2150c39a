//! RSA and elliptic curves.

use super::Test;
use crate::{
    Result,
    ec::{self, Curve},
    edwards::{self, Variant},
    hash::Hash,
    montgomery,
    rsa::{Oaep, Parts, PrivateKey, Pss},
    vector::{
        hex,
        rsa::{CIPHERTEXTS, MODULUS, PRIME_1, PRIME_2, PRIVATE_EXPONENT},
    },
};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "RSA",
        passes: rsa,
    },
    Test {
        name: "ECDSA",
        passes: ecdsa,
    },
    Test {
        name: "ECDH",
        passes: ecdh,
    },
    Test {
        name: "Ed25519",
        passes: ed25519,
    },
    Test {
        name: "X25519",
        passes: x25519,
    },
];

const N: [u8; 256] = hex(MODULUS);
const D: [u8; 256] = hex(PRIVATE_EXPONENT);
const P: [u8; 128] = hex(PRIME_1);
const Q: [u8; 128] = hex(PRIME_2);
/// Right padding, and wrong padding in its first byte.
const RIGHT: [u8; 256] = hex(CIPHERTEXTS[0].0);
const WRONG: [u8; 256] = hex(CIPHERTEXTS[5].0);

/// Decryption, right and rejected, as the vectors say; the other ways undo each other.
fn rsa() -> Result<bool> {
    let key = PrivateKey::new(&Parts {
        modulus: &N,
        public_exponent: &[1, 0, 1],
        private_exponent: &D,
        primes: Some([&P, &Q]),
        ..Parts::default()
    })?;
    let message: [u8; 26] = hex(CIPHERTEXTS[0].1);
    let stand_in: [u8; 11] = hex(CIPHERTEXTS[5].1);
    let decrypted = key.decrypt_pkcs1(&RIGHT)?.reveal() == message
        && key.decrypt_pkcs1(&WRONG)?.reveal() == stand_in;

    let public = key.public()?;
    let (digest, other, mut block) = ([0xa5; 32], [0xa6; 32], [0; 256]);
    key.sign_hash(Hash::Sha256, &digest, &mut block)?;
    let signed = public.verify_hash(Hash::Sha256, &digest, &block).is_ok()
        && public.verify_hash(Hash::Sha256, &other, &block).is_err();
    let pss = Pss {
        hash: Hash::Sha256,
        mgf: Hash::Sha256,
        salt_len: 32,
    };
    key.sign_pss(pss, &digest, &mut block)?;
    let signed = signed
        && public.verify_pss(pss, &digest, &block).is_ok()
        && public.verify_pss(pss, &other, &block).is_err();
    let oaep = Oaep {
        hash: Hash::Sha256,
        mgf: Hash::Sha256,
        label: b"",
    };
    public.encrypt_oaep(oaep, &digest, &mut block)?;
    let opened = key.decrypt_oaep(oaep, &block)?.reveal() == digest;
    Ok(decrypted && signed && opened)
}

/// RFC 6979 A.2.5: "sample" with SHA-1 on P-256.
fn ecdsa() -> Result<bool> {
    const VALUE: [u8; 32] = hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    const SIGNATURE: [u8; 64] = hex(concat!(
        "61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d32",
        "6d7f147dac089441bb2e2fe8f7a3fa264b9c475098fdcf6e00d7c996e1b8b7eb",
    ));
    let mut digest = [0; 20];
    Hash::Sha1.of(b"sample", &mut digest)?;
    let key = ec::PrivateKey::new(Curve::P256, &VALUE)?;
    let public = key.public()?;
    let mut signature = [0; 64];
    key.sign(&digest, &mut signature)?;
    Ok(public.verify(&digest, &SIGNATURE).is_ok()
        && public.verify(&digest, &signature).is_ok()
        && public.verify(&[1; 20], &SIGNATURE).is_err())
}

/// Wycheproof, ecdh_secp256r1_ecpoint, test 1.
fn ecdh() -> Result<bool> {
    const VALUE: [u8; 32] = hex("0612465c89a023ab17855b0a6bcebfd3febb53aef84138647b5352e02c10c346");
    const POINT: [u8; 65] = hex(concat!(
        "0462d5bd3372af75fe85a040715d0f502428e07046868b0bfdfa61d731afe44f26",
        "ac333a93a9e70a81cd5a95b5bf8d13990eb741c8c38872b4a07d275a014e30cf",
    ));
    const SHARED: [u8; 32] =
        hex("53020d908b0219328b658b525f26780e3ae12bcd952bb25a93bc0895e1714285");
    let key = ec::PrivateKey::new(Curve::P256, &VALUE)?;
    Ok(key.agree(&POINT)?.reveal() == SHARED)
}

/// RFC 8032 §7.1, test 3.
fn ed25519() -> Result<bool> {
    const SEED: [u8; 32] = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    const SIGNATURE: [u8; 64] = hex(concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ));
    let key = edwards::PrivateKey::new(&SEED)?;
    let mut signature = [0; 64];
    key.sign(Variant::Pure, &[0xaf, 0x82], &mut signature)?;
    let public = key.public()?;
    Ok(signature == SIGNATURE
        && public
            .verify(Variant::Pure, &[0xaf, 0x82], &SIGNATURE)
            .is_ok()
        && public
            .verify(Variant::Pure, &[0xaf, 0x83], &SIGNATURE)
            .is_err())
}

/// RFC 7748 §6.1.
fn x25519() -> Result<bool> {
    const VALUE: [u8; 32] = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const PUBLIC: [u8; 32] =
        hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const SHARED: [u8; 32] =
        hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    let key = montgomery::PrivateKey::new(&VALUE)?;
    Ok(key.agree(&PUBLIC)?.reveal() == SHARED)
}

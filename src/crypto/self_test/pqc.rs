//! Known answers of ML-DSA and ML-KEM: the keys of known seeds, by their hashes, and that what one
//! half of a pair does the other half undoes. The library tests each step for itself as well.

use super::Test;
use crate::{Result, hash::sha256, ml_dsa, ml_kem, vector::hex};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "ML-DSA",
        passes: signatures,
    },
    #[cfg(not(feature = "fips"))]
    Test {
        name: "deterministic ML-DSA",
        passes: deterministic_signatures,
    },
    Test {
        name: "ML-KEM",
        passes: encapsulation,
    },
];

/// Wycheproof, mldsa_44_sign_seed_test, the first group.
fn signatures() -> Result<bool> {
    const PUBLIC: [u8; 32] =
        hex("d87f8ca136ac1aa55e2d6c4521680efb3a378cbb9bc0bfb446e9c60893931ea3");
    let set = ml_dsa::ParameterSet::MlDsa44;
    let key = ml_dsa::PrivateKey::new(set, Some(&[0x2a; ml_dsa::SEED_LEN]), None)?;
    let message = |text: &[u8]| {
        let mut message = key.public().message(b"context")?;
        message.update(text).map(|()| message)
    };
    let mut signature = vec![0; set.signature_len()];
    key.sign(message(b"abc")?, &mut signature)?;
    let right = key.public().verify(message(b"abc")?, &signature);
    let wrong = key.public().verify(message(b"abd")?, &signature);
    Ok(sha256(&[key.public().bytes()]) == PUBLIC && right.is_ok() && wrong.is_err())
}

/// Wycheproof, mldsa_44_sign_seed_test, 1: the hash of the signature of "Hello world".
#[cfg(not(feature = "fips"))]
fn deterministic_signatures() -> Result<bool> {
    const SIGNATURE: [u8; 32] =
        hex("8cd6fc03daa72e87210a4e721523e84c14f27733789075e65736744d4787fdd5");
    let set = ml_dsa::ParameterSet::MlDsa44;
    let key = ml_dsa::PrivateKey::new(set, Some(&[0x2a; ml_dsa::SEED_LEN]), None)?;
    let mut message = key.public().message(b"")?;
    message.update(b"Hello world")?;
    let mut signature = vec![0; set.signature_len()];
    key.sign_deterministically(message, &mut signature)?;
    Ok(sha256(&[&signature]) == SIGNATURE)
}

/// Wycheproof, mlkem_512_keygen_seed_test, 1: encapsulation and decapsulation key; and what a
/// ciphertext of zeroes, which nobody encapsulated, gives by FIPS 203 §6.3: SHAKE256 of z and it.
fn encapsulation() -> Result<bool> {
    const SEED: [u8; ml_kem::SEED_LEN] = hex(concat!(
        "7c9935a0b07694aa0c6d10e4db6b1add2fd81a25ccb148032dcd739936737f2d",
        "8626ed79d451140800e03b59b956f8210e556067407d13dc90fa9e8b872bfb8f",
    ));
    const KEYS: [u8; 32] = hex("031dc7d1c7e66ced818bc9da68c45df9da8e4186bf82f810703921dfb3fbb781");
    const REJECTED: [u8; 32] =
        hex("5ac14adb3fba23f4f93f6feb37203ec8394d1c29c1d6e595867219814f7aaee5");
    let set = ml_kem::ParameterSet::MlKem512;
    let key = ml_kem::PrivateKey::new(set, Some(&SEED), None)?;
    let public = key.public()?;
    let mut ciphertext = vec![0; set.ciphertext_len()];
    let secret = public.encapsulate(&mut ciphertext)?;
    let opened = key.decapsulate(&ciphertext)?;
    let rejected = key.decapsulate(&vec![0; set.ciphertext_len()])?;
    let keys = sha256(&[public.bytes(), key.value()?.reveal()]);
    Ok(keys == KEYS && opened.reveal() == secret.reveal() && rejected.reveal() == REJECTED)
}

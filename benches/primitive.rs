//! The primitives alone, without a module around them: what no module can be faster than.

use std::{io::Write, os::unix::fs::FileExt, sync::LazyLock};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    cipher::{
        AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    digest, hmac,
    iv::FixedLength,
    rand::{SecureRandom, SystemRandom},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
        ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
        VerificationAlgorithm,
    },
};

use crate::{place::on_disk, rows::Work};

const MESSAGE: [u8; 32] = [7; 32];

/// All threads use one, as those of a module do.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(new_rsa_key);

/// AES-GCM with a ready key, from one buffer into another as a row's program has them: over so much
/// memory as a long message takes, that is slower than in place.
pub(crate) fn encrypt_gcm(bytes: usize) -> Work<'static> {
    let (key, data) = (gcm_key(), vec![7_u8; bytes]);
    let (mut output, mut tag) = (vec![0; bytes], [0; MAX_TAG_LEN]);
    Box::new(move || {
        let aad = Aad::empty();
        let sealed = key.seal_out_of_place_scatter(nonce(), aad, &data, &mut output, &[], &mut tag);
        assert!(sealed.is_ok());
    })
}

/// AES-GCM with a ready key.
pub(crate) fn decrypt_gcm(bytes: usize) -> Work<'static> {
    let (key, mut data) = (gcm_key(), vec![7_u8; bytes]);
    let tag = key
        .seal_in_place_separate_tag(nonce(), Aad::empty(), &mut data)
        .unwrap();
    let mut output = vec![0; bytes];
    Box::new(move || {
        let opened =
            key.open_separate_gather(nonce(), Aad::empty(), &data, tag.as_ref(), &mut output);
        assert!(opened.is_ok());
    })
}

/// AES-CBC with PKCS #7's padding and a ready key.
pub(crate) fn encrypt_cbc(bytes: usize) -> Work<'static> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cbc_key()).unwrap();
    let mut data = vec![7; bytes];
    Box::new(move || {
        data.truncate(bytes);
        let context = EncryptionContext::Iv128(FixedLength::from([1; 16]));
        assert!(key.less_safe_encrypt(&mut data, context).is_ok());
    })
}

/// The same the other way, and the copy of the ciphertext that it is decrypted in.
pub(crate) fn decrypt_cbc(bytes: usize) -> Work<'static> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cbc_key()).unwrap();
    let mut ciphertext = vec![7; bytes];
    let context = EncryptionContext::Iv128(FixedLength::from([1; 16]));
    key.less_safe_encrypt(&mut ciphertext, context).unwrap();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(cbc_key()).unwrap();
    let mut data = ciphertext.clone();
    Box::new(move || {
        data.copy_from_slice(&ciphertext);
        let context = DecryptionContext::Iv128(FixedLength::from([1; 16]));
        assert!(key.decrypt(&mut data, context).is_ok());
    })
}

/// HMAC-SHA256 with a ready key.
pub(crate) fn hmac(bytes: usize) -> Work<'static> {
    let (key, data) = (hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]), vec![7; bytes]);
    Box::new(move || assert_eq!(hmac::sign(&key, &data).as_ref().len(), 32))
}

/// SHA-256.
pub(crate) fn digest(bytes: usize) -> Work<'static> {
    let data = vec![7; bytes];
    Box::new(move || assert_eq!(digest::digest(&digest::SHA256, &data).as_ref().len(), 32))
}

/// Random bytes.
pub(crate) fn random(bytes: usize) -> Work<'static> {
    let (random, mut data) = (SystemRandom::new(), vec![0; bytes]);
    Box::new(move || assert!(random.fill(&mut data).is_ok()))
}

/// ECDSA, and the digest of 32 bytes.
pub(crate) fn sign_ecdsa(_bytes: usize) -> Work<'static> {
    let (key, random) = (p256_key(), SystemRandom::new());
    Box::new(move || assert!(key.sign(&random, &MESSAGE).is_ok()))
}

/// ECDSA, and the digest of 32 bytes.
pub(crate) fn verify_ecdsa(_bytes: usize) -> Work<'static> {
    let key = p256_key();
    let signature = key.sign(&SystemRandom::new(), &MESSAGE).unwrap();
    let public = key.public_key().as_ref();
    verify(&ECDSA_P256_SHA256_FIXED, public, signature.as_ref())
}

/// RSA as PKCS #1 1.5 has it, and the digest of 32 bytes.
pub(crate) fn sign_rsa(_bytes: usize) -> Work<'static> {
    let (key, random) = (&*RSA, SystemRandom::new());
    let mut signature = vec![0; key.public_modulus_len()];
    Box::new(move || {
        let signed = key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature);
        assert!(signed.is_ok());
    })
}

/// RSA as PKCS #1 1.5 has it, and the digest of 32 bytes.
pub(crate) fn verify_rsa(_bytes: usize) -> Work<'static> {
    let (key, random) = (&*RSA, SystemRandom::new());
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)
        .unwrap();
    let public = key.public_key().as_ref();
    verify(&RSA_PKCS1_2048_8192_SHA256, public, &signature)
}

/// A new pair on P-256.
pub(crate) fn p256_pair(_bytes: usize) -> Work<'static> {
    Box::new(|| drop(p256_key()))
}

/// A new RSA pair of 2048 bits.
pub(crate) fn rsa_pair(_bytes: usize) -> Work<'static> {
    Box::new(|| drop(new_rsa_key()))
}

/// 1 KiB that is on the disk when it is done: a program that keeps what it acknowledges does at
/// least this for each commit, and less only if it commits for several threads at once.
pub(crate) fn durable(_bytes: usize) -> Work<'static> {
    const BYTES: usize = 1 << 10;
    const SLOTS: u64 = 256;
    let mut file = tempfile::tempfile_in(on_disk()).unwrap();
    for _ in 0..SLOTS {
        file.write_all(&[0; BYTES]).unwrap();
    }
    file.sync_all().unwrap();
    let mut slots = (0..SLOTS).cycle();
    Box::new(move || {
        let offset = slots.next().unwrap() * BYTES as u64;
        file.write_all_at(&[7; BYTES], offset).unwrap();
        file.sync_data().unwrap();
    })
}

/// Argon2id with what our module takes for a password: 19 MiB, two passes.
pub(crate) fn login(_bytes: usize) -> Work<'static> {
    let parameters = Params::new(19 * 1024, 2, 1, Some(32)).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    Box::new(move || {
        let mut key = [0; 32];
        let hashed = argon2.hash_password_into(b"1234", &[1; 16], &mut key);
        assert!(hashed.is_ok());
    })
}

fn verify(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    signature: &[u8],
) -> Work<'static> {
    let key = ParsedPublicKey::new(algorithm, key).unwrap();
    let signature = signature.to_vec();
    Box::new(move || assert!(key.verify_sig(&MESSAGE, &signature).is_ok()))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([1; NONCE_LEN])
}

fn gcm_key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).unwrap())
}

fn cbc_key() -> UnboundCipherKey {
    UnboundCipherKey::new(&AES_256, &[1; 32]).unwrap()
}

fn p256_key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn new_rsa_key() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).unwrap()
}

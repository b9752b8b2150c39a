//! Known answers of what AWS-LC does beyond AES-GCM and its simple modes: CCM, CMAC, XTS, key
//! wraps, triple DES, and the derivations of keys.

use super::Test;
use crate::{
    Result, Secret, aes, ccm, cmac, des3,
    hash::Hash,
    hmac,
    kdf::{self, Mode, Number, Part, Prf},
    key_wrap,
    vector::{KEY_256, hex},
    xts,
};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "AES-CCM",
        passes: aes_ccm,
    },
    Test {
        name: "CMAC",
        passes: cmacs,
    },
    Test {
        name: "AES-XTS",
        passes: aes_xts,
    },
    Test {
        name: "AES key wrap",
        passes: key_wraps,
    },
    Test {
        name: "triple DES",
        passes: triple_des,
    },
    Test {
        name: "key derivation",
        passes: derivations,
    },
];

/// SP 800-38C, example 1.
fn aes_ccm() -> Result<bool> {
    let key = aes::Key::new(Secret::from(
        &hex::<16>("404142434445464748494a4b4c4d4e4f")[..],
    ))?;
    let (nonce, additional) = (hex::<7>("10111213141516"), hex::<8>("0001020304050607"));
    let (plaintext, ciphertext) = (hex::<4>("20212223"), hex::<4>("7162015b"));
    let tag = hex::<4>("4dac255d");
    let (mut sealed, mut sealed_tag, mut opened) = ([0; 4], [0; 4], [0; 4]);
    ccm::seal(
        &key,
        &nonce,
        &additional,
        &plaintext,
        &mut sealed,
        &mut sealed_tag,
    )?;
    ccm::open(&key, &nonce, &additional, &ciphertext, &tag, &mut opened)?;
    let refused = ccm::open(&key, &nonce, &additional, &ciphertext, &[0; 4], &mut {
        opened
    });
    Ok((sealed, sealed_tag, opened) == (ciphertext, tag, plaintext) && refused.is_err())
}

/// SP 800-38B D.3 (AES-256, 40 bytes) and its example for three-key triple DES (20 bytes).
fn cmacs() -> Result<bool> {
    let input: [u8; 40] = hex(concat!(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        "30c81c46a35ce411",
    ));
    let mut code = [0; 16];
    let mut stream = cmac::Stream::aes(&aes::Key::new(Secret::from(&KEY_256[..]))?)?;
    stream.update(&input)?;
    stream.finish(&mut code)?;
    let over_aes = code == hex("aaf3d8f1de5640c232f5b169b9c911e6");

    let key: [u8; 24] = hex("8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5");
    let mut code = [0; 8];
    let mut stream = cmac::Stream::des3(&des3::Key::new(Secret::from(&key[..]))?)?;
    stream.update(input.first_chunk::<20>().map_or(&[][..], |head| head))?;
    stream.finish(&mut code)?;
    Ok(over_aes && code == hex("743ddbe0ce2dc2ed"))
}

/// NIST CAVP, XTSGenAES256, encryption 1.
fn aes_xts() -> Result<bool> {
    let key: [u8; 64] = hex(concat!(
        "1ea661c58d943a0e4801e42f4b0947149e7f9f8e3e68d0c7505210bd311a0e7c",
        "d6e13ffdf2418d8d1911c004cda58da3d619b7e2b9141e58318eea392cf41b08",
    ));
    let key = xts::Key::new(Secret::from(&key[..]))?;
    let tweak = hex("adf8d92627464ad2f0428e84a9f87564");
    let plaintext: [u8; 32] =
        hex("2eedea52cd8215e1acc647e810bbc3642e87287f8d2e57e36c0a24fbc12a202e");
    let ciphertext: [u8; 32] =
        hex("cbaad0e2f6cea3f50b37f934d46a9b130b9d54f07e34f36af793e86f73c6d7db");
    let (mut encrypted, mut decrypted) = ([0; 32], [0; 32]);
    key.encrypt(&tweak, &plaintext, &mut encrypted)?;
    key.decrypt(&tweak, &ciphertext, &mut decrypted)?;
    Ok(encrypted == ciphertext && decrypted == plaintext)
}

/// RFC 3394 §4.6, and RFC 5649 §6 for 20 bytes.
fn key_wraps() -> Result<bool> {
    let key: [u8; 32] = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let key = aes::Key::new(Secret::from(&key[..]))?;
    let value: [u8; 32] = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let answer: [u8; 40] = hex(concat!(
        "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326",
        "cbc7f0e71a99f43bfb988b9b7a02dd21",
    ));
    let mut wrapped = [0; 40];
    key_wrap::wrap(&key, &key_wrap::IV, &value, &mut wrapped)?;
    let unwrapped = key_wrap::unwrap(&key, &key_wrap::IV, &answer)?;
    let whole = wrapped == answer && unwrapped.reveal() == value;

    let key: [u8; 24] = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    let key = aes::Key::new(Secret::from(&key[..]))?;
    let value: [u8; 20] = hex("c37b7e6492584340bed12207808941155068f738");
    let answer: [u8; 32] = hex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
    let mut wrapped = [0; 32];
    key_wrap::wrap_padded(&key, &key_wrap::PADDED_IV, &value, &mut wrapped)?;
    let unwrapped = key_wrap::unwrap_padded(&key, &key_wrap::PADDED_IV, &answer)?;
    Ok(whole && wrapped == answer && unwrapped.reveal() == value)
}

/// NIST CAVP, TCBCMMT3, encryption 2.
fn triple_des() -> Result<bool> {
    let key: [u8; 24] = hex("1a5d4c0825072a15a8ad9dfdaeda8c048adffb85bc4fced0");
    let key = des3::Key::new(Secret::from(&key[..]))?;
    let iv: [u8; 8] = hex("7fcfa736f7548b6f");
    let plaintext: [u8; 24] = hex("983c3edacd939406010e1bc6ff9e12320ac5008117fa8f84");
    let ciphertext: [u8; 24] = hex("d84fa24f38cf451ca2c9adc960120bd8ff9871584fe31cee");
    let (mut encrypted, mut decrypted) = ([0; 24], [0; 24]);
    key.cbc_encrypt(&mut { iv }, &plaintext, &mut encrypted)?;
    key.cbc_decrypt(&mut { iv }, &ciphertext, &mut decrypted)?;
    Ok(encrypted == ciphertext && decrypted == plaintext)
}

/// RFC 5869 §A.1, RFC 6070 (2 iterations), NIST CAVP for SP 800-108 (HMAC-SHA-256, counter of 32
/// bits before the fixed data, 30) and X9.63 (SHA-256, first of 1,024 bits, cut).
fn derivations() -> Result<bool> {
    let salt: [u8; 13] = hex("000102030405060708090a0b0c");
    let extracted = kdf::hkdf_extract(Hash::Sha256, &salt, &[0x0b; 22])?;
    let info: [u8; 10] = hex("f0f1f2f3f4f5f6f7f8f9");
    let expanded = kdf::hkdf_expand(Hash::Sha256, extracted.reveal(), &info, 42)?;
    let hkdf: [u8; 42] = hex(concat!(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
        "34007208d5b887185865",
    ));

    let password = kdf::pbkdf2(Hash::Sha1, b"password", b"salt", 2, 20)?;
    let pbkdf2: [u8; 20] = hex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");

    let key: [u8; 32] = hex("c4bedbddb66493e7c7259a3bbbc25f8c7e0ca7fe284d92d431d9cd99a0d214ac");
    let fixed: [u8; 60] = hex(concat!(
        "1c69c54766791e315c2cc5c47ecd3ffab87d0d273dd920e70955814c220eacac",
        "e6a5946542da3dfe24ff626b4897898cafb7db83bdff3c14fa46fd4b",
    ));
    let counted: [u8; 40] = hex(concat!(
        "1da47638d6c9c4d04d74d4640bbd42ab814d9e8cc22f4326695239f96b0693f1",
        "2d0dd1152cf44430",
    ));
    let counter = Number {
        bytes: 4,
        little_endian: false,
    };
    let key = hmac::Key::new(Secret::from(&key[..]));
    let prf = Prf::Hmac(Hash::Sha256, &key);
    let parts = [Part::Iteration, Part::Bytes(&fixed)];
    let segments = kdf::sp800_108(prf, Mode::Counter(counter), &parts, 2)?;

    let secret: [u8; 24] = hex("22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d");
    let shared: [u8; 16] = hex("75eef81aa3041e33b80971203d2c0c52");
    let x963: [u8; 40] = hex(concat!(
        "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e",
        "52a13d9c7c6fc878",
    ));
    let agreed = kdf::x963(Hash::Sha256, &secret, &shared, 40)?;

    Ok(expanded.reveal() == hkdf
        && password.reveal() == pbkdf2
        && segments.reveal().starts_with(&counted)
        && agreed.reveal() == x963)
}

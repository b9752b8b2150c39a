//! Public test vectors, as bytes. The self-test and the unit tests read the same ones.

pub(crate) mod rsa;

/// The bytes that `digits` write. Only constants call it: a wrong digit does not compile.
pub(crate) const fn hex<const N: usize>(digits: &str) -> [u8; N] {
    let digits = digits.as_bytes();
    assert!(digits.len() == 2 * N, "two digits a byte");
    let mut bytes = [0; N];
    let mut place = 0;
    while place < N {
        #[allow(clippy::indexing_slicing)] // In bounds by the assertion, when compiled.
        {
            bytes[place] = nibble(digits[2 * place]) << 4 | nibble(digits[2 * place + 1]);
        }
        place += 1;
    }
    bytes
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("lower-case hexadecimal"),
    }
}

/// The plaintext of all examples in SP 800-38A, appendix F.
pub(crate) const BLOCKS: [u8; 64] = hex(concat!(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
));
/// The AES-256 key of SP 800-38A, appendix F.
pub(crate) const KEY_256: [u8; 32] =
    hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
/// SP 800-38A F.1.5, ECB-AES256.
pub(crate) const ECB_256: [u8; 64] = hex(concat!(
    "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
    "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
));
/// The initialisation vector of SP 800-38A F.2.
pub(crate) const CBC_IV: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f");
/// SP 800-38A F.2.5, CBC-AES256.
pub(crate) const CBC_256: [u8; 64] = hex(concat!(
    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
));
/// The first counter block of SP 800-38A F.5.
pub(crate) const COUNTER: [u8; 16] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
/// SP 800-38A F.5.5, CTR-AES256.
pub(crate) const CTR_256: [u8; 64] = hex(concat!(
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
    "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
));

/// The key of the GCM specification's test case 16.
pub(crate) const GCM_KEY: [u8; 32] =
    hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
/// Its plaintext, also of cases 4 to 6 and 10.
pub(crate) const GCM_PLAINTEXT: [u8; 60] = hex(concat!(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
));
/// Its additional data, also theirs.
pub(crate) const GCM_ADDITIONAL: [u8; 20] = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
/// Its initialisation vector.
pub(crate) const GCM_IV: [u8; 12] = hex("cafebabefacedbaddecaf888");
/// Its ciphertext.
pub(crate) const GCM_CIPHERTEXT: [u8; 60] = hex(concat!(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
));
/// Its tag.
pub(crate) const GCM_TAG: [u8; 16] = hex("76fc6ece0f4e1768cddf8853bb2d551b");

/// The nonce of both vectors of C2SP XAES-256-GCM.
pub(crate) const XAES_NONCE: [u8; 24] = *b"ABCDEFGHIJKLMNOPQRSTUVWX";
/// Their plaintext.
pub(crate) const XAES_PLAINTEXT: [u8; 12] = *b"XAES-256-GCM";
/// The second vector's key.
pub(crate) const XAES_KEY: [u8; 32] = [3; 32];
/// The second vector's additional data.
pub(crate) const XAES_ADDITIONAL: [u8; 21] = *b"c2sp.org/XAES-256-GCM";
/// The second vector's ciphertext and tag.
pub(crate) const XAES_SEALED: [u8; 28] =
    hex("986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");

/// RFC 4231 §4.2 (and RFC 2202 §3 for SHA-1): key and input of test case 1.
pub(crate) const HMAC_KEY: [u8; 20] = [0x0b; 20];
/// See [`HMAC_KEY`].
pub(crate) const HMAC_INPUT: [u8; 8] = *b"Hi There";

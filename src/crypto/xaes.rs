//! XAES-256-GCM (C2SP, <https://c2sp.org/XAES-256-GCM>): AES-256-GCM with 192-bit nonces, which may
//! be random without a limit in practice. Each message has a key of its own.

use zeroize::Zeroizing;

use crate::{Error, Result, aes, native::gcm::Context, random};

/// Bytes in a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes in a tag.
pub const TAG_LEN: usize = 16;
/// Bytes that the output of [`seal`] is longer than its input.
pub const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

/// Encrypts under a nonce drawn here, to nonce ‖ ciphertext ‖ tag in `output`, which is
/// [`OVERHEAD`] longer than `input`.
pub fn seal(key: &aes::Key, additional: &[u8], input: &[u8], output: &mut [u8]) -> Result<()> {
    seal_with(key, &random::array()?, additional, input, output)
}

/// Checks and decrypts what [`seal`] made; `output` is [`OVERHEAD`] shorter than `sealed`.
pub fn open(key: &aes::Key, additional: &[u8], sealed: &[u8], output: &mut [u8]) -> Result<()> {
    let (nonce, rest) = sealed.split_first_chunk().ok_or(Error::Length)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(Error::Length)?;
    let (message_key, message_nonce) = message_key(key, nonce)?;
    let context = Context::new(&message_key[..], TAG_LEN)?;
    context.open(&message_nonce, additional, ciphertext, tag, output)
}

/// [`seal`] under a given nonce: for the known-answer tests.
pub(crate) fn seal_with(
    key: &aes::Key,
    nonce: &[u8; NONCE_LEN],
    additional: &[u8],
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    let (head, rest) = output.split_first_chunk_mut().ok_or(Error::Length)?;
    let (ciphertext, tag) = rest
        .split_last_chunk_mut::<TAG_LEN>()
        .ok_or(Error::Length)?;
    let (message_key, message_nonce) = message_key(key, nonce)?;
    let context = Context::new(&message_key[..], TAG_LEN)?;
    context.seal(&message_nonce, additional, input, ciphertext, tag)?;
    *head = *nonce;
    Ok(())
}

fn message_key(key: &aes::Key, nonce: &[u8; NONCE_LEN]) -> Result<(Zeroizing<[u8; 32]>, [u8; 12])> {
    if key.bits() != 256 {
        return Err(Error::Length);
    }
    derive(|block| key.encrypt_block(block), nonce)
}

/// The AES-256-GCM key and nonce of one message. `encrypt` is AES-256 on one block under the
/// long-term key, of whichever library.
pub(crate) fn derive(
    encrypt: impl Fn(&mut [u8; 16]) -> Result<()>,
    nonce: &[u8; NONCE_LEN],
) -> Result<(Zeroizing<[u8; 32]>, [u8; 12])> {
    let [
        p0,
        p1,
        p2,
        p3,
        p4,
        p5,
        p6,
        p7,
        p8,
        p9,
        p10,
        p11,
        message_nonce @ ..,
    ] = *nonce;
    // The first subkey of CMAC: E(0) doubled in GF(2^128).
    let mut zero = Zeroizing::new([0; 16]);
    encrypt(&mut zero)?;
    let zero = Zeroizing::new(u128::from_be_bytes(*zero));
    let subkey = Zeroizing::new((*zero << 1) ^ (0x87 * (*zero >> 127)));

    // SP 800-108 in counter mode over CMAC, written out: each message is one whole block.
    let mut key = Zeroizing::new([0; 32]);
    for (counter, half) in (1..).zip(key.as_chunks_mut::<16>().0) {
        let message = [
            0, counter, b'X', 0, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11,
        ];
        *half = (u128::from_be_bytes(message) ^ *subkey).to_be_bytes();
        encrypt(half)?;
    }
    Ok((key, message_nonce))
}

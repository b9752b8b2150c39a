//! AES-GCM and GMAC (SP 800-38D) with nonces of any length and tags of 32, 64 and 96 to 128 bits.

use crate::{
    Error, Result, aes,
    native::{gcm::Context, gcm_stream},
};

/// Bytes in a whole tag.
pub const TAG_LEN: usize = 16;

/// Whether SP 800-38D §5.2.1.2 allows tags of this many bytes.
pub fn is_tag_len(len: usize) -> bool {
    matches!(len, 4 | 8 | 12..=16)
}

/// Encrypts into `output`, which is as long as `input`, and `tag`, whose length is the tag's.
pub fn seal(
    key: &aes::Key,
    nonce: &[u8],
    additional: &[u8],
    input: &[u8],
    output: &mut [u8],
    tag: &mut [u8],
) -> Result<()> {
    check(nonce, tag.len())?;
    if tag.len() == TAG_LEN {
        return key.gcm()?.seal(nonce, additional, input, output, tag);
    }
    let mut whole = [0; TAG_LEN];
    key.gcm()?
        .seal(nonce, additional, input, output, &mut whole)?;
    cut(&whole, tag)
}

/// Checks the tag and decrypts into `output`, which is as long as `input`. Nothing of the
/// plaintext is in `output` when the tag is wrong.
pub fn open(
    key: &aes::Key,
    nonce: &[u8],
    additional: &[u8],
    input: &[u8],
    tag: &[u8],
    output: &mut [u8],
) -> Result<()> {
    check(nonce, tag.len())?;
    if tag.len() == TAG_LEN {
        return key.gcm()?.open(nonce, additional, input, tag, output);
    }
    let context = Context::new(key.value().reveal(), tag.len())?;
    context.open(nonce, additional, input, tag, output)
}

/// An encryption whose input comes in parts.
pub struct Encryption(gcm_stream::Encryption);

impl Encryption {
    /// Begins, with all of the additional data.
    pub fn new(key: &aes::Key, nonce: &[u8], additional: &[u8]) -> Result<Self> {
        check(nonce, TAG_LEN)?;
        gcm_stream::Encryption::new(key.value().reveal(), nonce, additional).map(Self)
    }

    /// Encrypts a part into `output`, which is as long as `input`.
    pub fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.0.update(input, output)
    }

    /// Writes the tag, whose length is that of `tag`.
    pub fn finish(self, tag: &mut [u8]) -> Result<()> {
        check(&[0], tag.len())?;
        cut(&self.0.finish()?, tag)
    }
}

/// GMAC: the tag of additional data that comes in parts, without any input.
pub struct Authentication(gcm_stream::Encryption);

impl Authentication {
    /// Begins.
    pub fn new(key: &aes::Key, nonce: &[u8]) -> Result<Self> {
        check(nonce, TAG_LEN)?;
        gcm_stream::Encryption::new(key.value().reveal(), nonce, &[]).map(Self)
    }

    /// More data.
    pub fn update(&mut self, additional: &[u8]) -> Result<()> {
        self.0.authenticate(additional)
    }

    /// The whole tag.
    pub fn finish(self, tag: &mut [u8; TAG_LEN]) -> Result<()> {
        *tag = self.0.finish()?;
        Ok(())
    }
}

fn check(nonce: &[u8], tag_len: usize) -> Result<()> {
    if nonce.is_empty() || !is_tag_len(tag_len) {
        Err(Error::Length)
    } else {
        Ok(())
    }
}

fn cut(whole: &[u8; TAG_LEN], tag: &mut [u8]) -> Result<()> {
    let head = whole.get(..tag.len()).ok_or(Error::Length)?;
    tag.copy_from_slice(head);
    Ok(())
}

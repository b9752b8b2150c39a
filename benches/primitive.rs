//! The primitives alone, without a module around them: what no module can be faster than.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey},
    digest, hmac,
    iv::FixedLength,
    rand::{SecureRandom, SystemRandom},
};

use crate::rows::Row;

/// One operation of `row`, again and again; `None` where there is no primitive.
pub(crate) fn work(row: &Row) -> Option<Box<dyn FnMut()>> {
    let mut data = vec![7_u8; row.bytes];
    Some(match row.name.split(' ').next()? {
        "AES-256-GCM" => {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).ok()?);
            Box::new(move || {
                let nonce = Nonce::assume_unique_for_key([1; 12]);
                let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut data);
                assert!(tag.is_ok());
            })
        }
        "AES-256-CBC-PAD" => {
            let key = UnboundCipherKey::new(&AES_256, &[1; 32]).ok()?;
            let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
            Box::new(move || {
                data.truncate(1 << 10);
                let context = EncryptionContext::Iv128(FixedLength::from([1; 16]));
                assert!(key.less_safe_encrypt(&mut data, context).is_ok());
            })
        }
        "HMAC-SHA256" => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
            Box::new(move || assert_eq!(hmac::sign(&key, &data).as_ref().len(), 32))
        }
        "SHA-256" => {
            Box::new(move || assert_eq!(digest::digest(&digest::SHA256, &data).as_ref().len(), 32))
        }
        "random" => Box::new(move || assert!(SystemRandom::new().fill(&mut data).is_ok())),
        _ => return None,
    })
}

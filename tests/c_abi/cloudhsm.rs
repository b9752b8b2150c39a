//! CloudHSM's own mechanisms, with its numbers and structures: a program made for its library.

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, everywhere, plain, with};

// Of cloudhsm_pkcs11_vendor_defs.h; include/strongroom.h has the same.
const AES_GCM: CK_MECHANISM_TYPE = 0x8000_1087;
const KEY_WRAP_NO_PAD: CK_MECHANISM_TYPE = 0x8000_2109;
const KEY_WRAP_PKCS5_PAD: CK_MECHANISM_TYPE = 0x8000_210a;
const KEY_WRAP_ZERO_PAD: CK_MECHANISM_TYPE = 0x8000_216f;
const COUNTER_KDF: CK_MECHANISM_TYPE = 0x8000_0001;

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

/// A key that may be read.
fn open_key(key_type: CK_KEY_TYPE) -> Attributes {
    Attributes::new()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, key_type)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true)
}

#[test]
fn its_gcm_draws_the_iv_and_puts_it_before_the_ciphertext() {
    with_session(|session| {
        let key = session.generate(false, "key").unwrap();
        let mut additional = *b"additional";
        let mut gcm = CK_GCM_PARAMS {
            pIv: ptr::null_mut(),
            ulIvLen: 0,
            ulIvBits: 0,
            pAAD: additional.as_mut_ptr(),
            ulAADLen: 10,
            ulTagBits: 128,
        };
        let mut seal = || {
            session
                .run(Kind::Encrypt, with(AES_GCM, &mut gcm), key, b"message")
                .unwrap()
        };
        let (mut one, other) = (seal(), seal());
        assert_eq!(one.len(), 12 + 7 + 16);
        assert_ne!(one[..12], other[..12]);
        let mut open =
            |sealed: &[u8]| session.run(Kind::Decrypt, with(AES_GCM, &mut gcm), key, sealed);
        assert_eq!(open(&other).as_deref(), Ok(&b"message"[..]));
        one[3] ^= 1;
        assert_eq!(open(&one), Err(CKR_ENCRYPTED_DATA_INVALID));
    });
}

#[test]
fn its_key_wraps_give_back_what_they_took() {
    with_session(|session| {
        let usage = Attributes::new()
            .flag(CKA_WRAP, true)
            .flag(CKA_UNWRAP, true)
            .number(CKA_VALUE_LEN, 32);
        let wrapping = session
            .generate_with(plain(CKM_AES_KEY_GEN), usage)
            .unwrap();
        let value = [7; 32];
        let template = open_key(CKK_AES).bytes(CKA_VALUE, &value);
        let key = session.create(template).unwrap();
        for (id, wrapped_len) in [
            (KEY_WRAP_NO_PAD, 40),
            (KEY_WRAP_PKCS5_PAD, 48),
            (KEY_WRAP_ZERO_PAD, 40),
        ] {
            let wrapped = session.wrap(plain(id), wrapping, key).unwrap();
            assert_eq!(wrapped.len(), wrapped_len, "{id:x}");
            let again = session.unwrap(plain(id), wrapping, &wrapped, open_key(CKK_AES));
            assert_eq!(
                session.attribute(again.unwrap(), CKA_VALUE).as_deref(),
                Ok(&value[..]),
                "{id:x}"
            );
        }
    });
}

#[test]
fn its_counter_kdf_is_that_of_the_standard_with_the_parts_in_order() {
    with_session(|session| {
        let base = |key_type| {
            let template = Attributes::new()
                .number(CKA_CLASS, CKO_SECRET_KEY)
                .number(CKA_KEY_TYPE, key_type)
                .flag(CKA_DERIVE, true)
                .bytes(CKA_VALUE, &[9; 32]);
            session.create(template).unwrap()
        };
        // Its programs derive from AES keys with HMAC.
        let (secret, aes) = (base(CKK_GENERIC_SECRET), base(CKK_AES));
        let part = |type_, value: &mut [u8]| CK_PRF_DATA_PARAM {
            type_,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as CK_ULONG,
        };
        let words = |words: &[CK_ULONG]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_ne_bytes()).collect()
        };
        let (mut width, mut length) = (words(&[32]), words(&[1, 32]));
        let (mut label, mut context) = (*b"label", *b"context");
        let mut theirs = [
            part(4, &mut width),
            part(7, &mut length),
            part(5, &mut label),
            part(6, &mut context),
        ];
        // Their structure ends after the parts.
        let mut parameter = [
            CKM_SHA512_HMAC,
            4,
            theirs.as_mut_ptr().expose_provenance() as CK_ULONG,
        ];
        let becomes = || open_key(CKK_AES).number(CKA_VALUE_LEN, 32);
        let one = session.derive(with(COUNTER_KDF, &mut parameter), aes, becomes());
        let (mut counter, mut all) = (words(&[0, 32]), words(&[1, 0, 32]));
        let mut fixed = *b"label\0context";
        let mut ours = [
            part(CK_SP800_108_ITERATION_VARIABLE, &mut counter),
            part(CK_SP800_108_BYTE_ARRAY, &mut fixed),
            part(CK_SP800_108_DKM_LENGTH, &mut all),
        ];
        let mut kdf = CK_SP800_108_KDF_PARAMS {
            prfType: CKM_SHA512_HMAC,
            ulNumberOfDataParams: 3,
            pDataParams: ours.as_mut_ptr(),
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: ptr::null_mut(),
        };
        let other = session.derive(with(CKM_SP800_108_COUNTER_KDF, &mut kdf), secret, becomes());
        assert_eq!(
            session.attribute(one.unwrap(), CKA_VALUE),
            session.attribute(other.unwrap(), CKA_VALUE)
        );
    });
}

//! What C_UnwrapKey is given: wrapped bytes as they are, and, wrapped by the token itself so that they are
//! opened, what is in them: values of secret keys and PKCS#8 of private ones.
#![no_main]

use std::ptr::null_mut;

use cryptoki_sys::*;
use fuzz::{Input, token};
use strongroom::functions::*;

/// With what is wrapped.
const MECHANISMS: &[CK_MECHANISM_TYPE] = &[
    CKM_AES_KEY_WRAP_KWP,
    CKM_AES_KEY_WRAP,
    CKM_AES_CBC_PAD,
    CKM_AES_ECB,
    CKM_AES_GCM,
    CKM_RSA_PKCS,
    CKM_AES_KEY_WRAP_PKCS7,
];
/// What is unwrapped: class and type.
const KEYS: &[(CK_OBJECT_CLASS, CK_KEY_TYPE)] = &[
    (CKO_PRIVATE_KEY, CKK_RSA),
    (CKO_PRIVATE_KEY, CKK_EC),
    (CKO_PRIVATE_KEY, CKK_EC_EDWARDS),
    (CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY),
    (CKO_PRIVATE_KEY, CKK_ML_KEM),
    (CKO_PRIVATE_KEY, CKK_ML_DSA),
    (CKO_SECRET_KEY, CKK_AES),
    (CKO_SECRET_KEY, CKK_GENERIC_SECRET),
    (CKO_SECRET_KEY, CKK_DES3),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let token = token();
    let session = token.session;
    let mut input = Input::new(bytes);
    let with = input.byte();
    let (class, key_type) = KEYS[usize::from(input.byte()) % KEYS.len()];
    let opened = with & 1 == 0;
    let mut iv = [0u8; 16];
    let mut mechanism = CK_MECHANISM {
        mechanism: if opened {
            CKM_AES_CBC_PAD
        } else {
            MECHANISMS[usize::from(with) % MECHANISMS.len()]
        },
        pParameter: iv.as_mut_ptr().cast(),
        ulParameterLen: iv.len() as CK_ULONG,
    };
    if !matches!(mechanism.mechanism, CKM_AES_CBC_PAD) {
        mechanism.pParameter = null_mut();
        mechanism.ulParameterLen = 0;
    }
    let mut wrapped = input.rest().to_vec();
    let (mut class, mut key_type, mut handle) = (class, key_type, 0);
    let mut template = [
        fuzz::attribute(CKA_CLASS, &mut class),
        fuzz::attribute(CKA_KEY_TYPE, &mut key_type),
    ];
    // SAFETY: every pointer is to memory that lives here, as long as it says.
    unsafe {
        if opened {
            let mut sealed = vec![0u8; wrapped.len() + 16];
            let mut len = sealed.len() as CK_ULONG;
            C_EncryptInit(session, &raw mut mechanism, token.aes);
            C_Encrypt(
                session,
                wrapped.as_mut_ptr(),
                wrapped.len() as CK_ULONG,
                sealed.as_mut_ptr(),
                &raw mut len,
            );
            sealed.truncate(len as usize);
            wrapped = sealed;
        }
        let rv = C_UnwrapKey(
            session,
            &raw mut mechanism,
            token.aes,
            wrapped.as_mut_ptr(),
            wrapped.len() as CK_ULONG,
            template.as_mut_ptr(),
            template.len() as CK_ULONG,
            &raw mut handle,
        );
        if rv == CKR_OK {
            C_DestroyObject(session, handle);
        }
    }
});

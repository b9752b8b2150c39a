//! The life of an operation: what keeps it, what ends it.

use std::ptr;

use cryptoki_sys::*;
use tests::{Session, Token, call, everywhere, mechanism, ok};

fn with_key(body: impl Fn(&Session<'_>, CK_OBJECT_HANDLE)) {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        body(&session, key);
    });
}

fn gcm(session: &Session<'_>, key: CK_OBJECT_HANDLE, decrypt: bool, iv: &mut [u8]) -> CK_RV {
    let mut parameters = CK_GCM_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: iv.len() as CK_ULONG,
        ulIvBits: 0,
        pAAD: ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    };
    let mut mechanism = CK_MECHANISM {
        mechanism: CKM_AES_GCM,
        pParameter: (&raw mut parameters).cast(),
        ulParameterLen: size_of::<CK_GCM_PARAMS>() as CK_ULONG,
    };
    match decrypt {
        true => call!(
            session.module,
            C_DecryptInit(session.handle, &raw mut mechanism, key)
        ),
        false => call!(
            session.module,
            C_EncryptInit(session.handle, &raw mut mechanism, key)
        ),
    }
}

#[test]
fn length_query_keeps_the_operation() {
    with_key(|session, key| {
        assert_eq!(session.start_encrypting(key), CKR_OK);
        let mut message = *b"twenty bytes of text";
        for _ in 0..3 {
            let (data, mut length) = (message.as_mut_ptr(), 0);
            let null = ptr::null_mut();
            ok!(
                session.module,
                C_Encrypt(session.handle, data, 20, null, &raw mut length)
            );
            assert!(length >= 32, "{length}");
        }
        let sealed = session.encrypt(&message).unwrap();
        assert_eq!(session.decrypt(key, &sealed).unwrap(), message);
    });
}

#[test]
fn a_one_shot_call_ends_the_operation() {
    with_key(|session, key| {
        assert_eq!(session.encrypt(b"none"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.start_encrypting(key);
        assert!(session.encrypt(b"once").is_ok());
        assert_eq!(
            session.encrypt(b"twice"),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
    });
}

#[test]
fn a_buffer_where_none_can_be_ends_the_operation() {
    with_key(|session, key| {
        let (module, handle) = (session.module, session.handle);
        let (mut data, mut length) = ([1_u8; 16], 64);
        let (data, length) = (data.as_mut_ptr(), &raw mut length);
        let nowhere = std::ptr::without_provenance_mut(70);
        let calls: [&dyn Fn() -> CK_RV; 3] = [
            &|| call!(module, C_Encrypt(handle, data, 16, nowhere, length)),
            &|| call!(module, C_EncryptUpdate(handle, data, 16, nowhere, length)),
            &|| call!(module, C_EncryptFinal(handle, nowhere, length)),
        ];
        for call in calls {
            assert_eq!(gcm(session, key, false, &mut [1; 12]), CKR_OK);
            assert_eq!(call(), CKR_ARGUMENTS_BAD);
        }
        assert_eq!(gcm(session, key, false, &mut [1; 12]), CKR_OK);
    });
}

#[test]
fn one_shot_after_update_fails_and_the_parts_go_on() {
    with_key(|session, key| {
        session.start_encrypting(key);
        let (mut part, mut output, mut length) = ([1_u8; 32], [0_u8; 64], 64);
        let (data, out) = (part.as_mut_ptr(), output.as_mut_ptr());
        ok!(
            session.module,
            C_EncryptUpdate(session.handle, data, 32, out, &raw mut length)
        );
        assert_eq!(session.encrypt(&part), Err(CKR_OPERATION_ACTIVE));
        length = 64;
        ok!(
            session.module,
            C_EncryptFinal(session.handle, out, &raw mut length)
        );
        assert_eq!(session.encrypt(&part), Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn an_init_without_a_mechanism_lacks_it_where_nothing_is_active() {
    with_key(|session, key| {
        let (module, handle) = (session.module, session.handle);
        for answer in [
            call!(module, C_EncryptInit(handle, ptr::null_mut(), key)),
            call!(module, C_DecryptInit(handle, ptr::null_mut(), key)),
            call!(module, C_SignInit(handle, ptr::null_mut(), key)),
            call!(module, C_VerifyInit(handle, ptr::null_mut(), key)),
            call!(module, C_DigestInit(handle, ptr::null_mut())),
            call!(module, C_MessageEncryptInit(handle, ptr::null_mut(), key)),
        ] {
            assert_eq!(answer, CKR_ARGUMENTS_BAD);
        }
    });
}

#[test]
fn a_second_init_is_refused_and_the_first_goes_on() {
    with_key(|session, key| {
        assert_eq!(session.start_encrypting(key), CKR_OK);
        assert_eq!(session.start_encrypting(key), CKR_OPERATION_ACTIVE);
        assert!(session.encrypt(b"message").is_ok());
    });
}

#[test]
fn an_init_without_a_mechanism_and_a_cancel_end_the_operation() {
    with_key(|session, key| {
        session.start_encrypting(key);
        ok!(
            session.module,
            C_EncryptInit(session.handle, ptr::null_mut(), key)
        );
        assert_eq!(session.encrypt(b"none"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.start_encrypting(key);
        ok!(session.module, C_SessionCancel(session.handle, CKF_ENCRYPT));
        assert_eq!(session.encrypt(b"none"), Err(CKR_OPERATION_NOT_INITIALIZED));
        ok!(
            session.module,
            C_SessionCancel(session.handle, CKF_ENCRYPT | CKF_DIGEST)
        );
    });
}

#[test]
fn operations_of_different_kinds_do_not_end_one_another() {
    with_key(|session, key| {
        let mut mechanism = mechanism(CKM_SHA256, &mut []);
        ok!(
            session.module,
            C_DigestInit(session.handle, &raw mut mechanism)
        );
        session.start_encrypting(key);
        assert!(session.encrypt(b"message").is_ok());
        let (mut part, mut digest, mut length) = (*b"abc", [0_u8; 32], 32);
        ok!(
            session.module,
            C_DigestUpdate(session.handle, part.as_mut_ptr(), 3)
        );
        let out = digest.as_mut_ptr();
        ok!(
            session.module,
            C_DigestFinal(session.handle, out, &raw mut length)
        );
        // FIPS 180-4's example.
        assert_eq!((length, &digest[..4]), (32, &[0xba, 0x78, 0x16, 0xbf][..]));
    });
}

#[test]
fn an_altered_ciphertext_is_refused_and_ends_the_operation() {
    with_key(|session, key| {
        let mut iv = [3; 12];
        assert_eq!(gcm(session, key, false, &mut iv), CKR_OK);
        let sealed = session.encrypt(b"message").unwrap();
        assert_eq!(sealed.len(), 7 + 16);
        for position in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[position] ^= 1;
            assert_eq!(gcm(session, key, true, &mut iv), CKR_OK);
            let (mut output, mut length) = ([0_u8; 64], 64);
            let (data, count) = (altered.as_mut_ptr(), altered.len() as CK_ULONG);
            let out = output.as_mut_ptr();
            let answer = call!(
                session.module,
                C_Decrypt(session.handle, data, count, out, &raw mut length)
            );
            assert!(
                matches!(answer, CKR_ENCRYPTED_DATA_INVALID | CKR_AEAD_DECRYPT_FAILED),
                "0x{answer:x}"
            );
            assert_eq!(output, [0; 64], "nothing of the plaintext comes out");
            assert_eq!(
                call!(
                    session.module,
                    C_Decrypt(session.handle, data, count, out, &raw mut length)
                ),
                CKR_OPERATION_NOT_INITIALIZED
            );
        }
    });
}

#[test]
fn parameters_that_make_no_sense_are_refused() {
    with_key(|session, key| {
        assert_eq!(
            gcm(session, key, false, &mut []),
            CKR_MECHANISM_PARAM_INVALID
        );
        for length in [0, 1, 15, 17] {
            let mut iv = vec![0; length];
            let mut mechanism = mechanism(CKM_AES_CBC_PAD, &mut iv);
            assert_eq!(
                call!(
                    session.module,
                    C_EncryptInit(session.handle, &raw mut mechanism, key)
                ),
                CKR_MECHANISM_PARAM_INVALID
            );
        }
        let mut unknown = mechanism(0x7fff_0000, &mut [1, 2, 3]);
        assert_eq!(
            call!(
                session.module,
                C_EncryptInit(session.handle, &raw mut unknown, key)
            ),
            CKR_MECHANISM_INVALID
        );
        let mut digest = mechanism(CKM_SHA256, &mut []);
        assert_eq!(
            call!(
                session.module,
                C_EncryptInit(session.handle, &raw mut digest, key)
            ),
            CKR_MECHANISM_INVALID
        );
    });
}

#[test]
fn a_part_at_a_time_gives_what_one_call_gives() {
    with_key(|session, key| {
        let message: Vec<u8> = (0..=255).cycle().take(1000).collect();
        session.start_encrypting(key);
        let whole = session.encrypt(&message).unwrap();
        session.start_encrypting(key);
        let mut parts: Vec<u8> = vec![];
        for part in message.chunks(37) {
            let (mut output, mut length) = ([0_u8; 64], 64);
            let (data, count) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
            let out = output.as_mut_ptr();
            ok!(
                session.module,
                C_EncryptUpdate(session.handle, data, count, out, &raw mut length)
            );
            parts.extend(&output[..length as usize]);
        }
        let (mut output, mut length) = ([0_u8; 64], 64);
        let out = output.as_mut_ptr();
        ok!(
            session.module,
            C_EncryptFinal(session.handle, out, &raw mut length)
        );
        parts.extend(&output[..length as usize]);
        assert_eq!(parts, whole);
    });
}

#[test]
fn a_mac_verifies_and_an_altered_one_does_not() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut template = tests::Attributes::new()
            .flag(CKA_TOKEN, false)
            .flag(CKA_SIGN, true)
            .flag(CKA_VERIFY, true)
            .number(CKA_VALUE_LEN, 32);
        let (count, first) = (template.count(), template.pointer());
        let mut generate = mechanism(CKM_GENERIC_SECRET_KEY_GEN, &mut []);
        let mut key = 0;
        let handle = session.handle;
        ok!(
            token.module,
            C_GenerateKey(handle, &raw mut generate, first, count, &raw mut key)
        );
        let mut hmac = mechanism(CKM_SHA256_HMAC, &mut []);
        let (mut message, mut mac, mut length) = (*b"message", [0_u8; 32], 32);
        let (data, out) = (message.as_mut_ptr(), mac.as_mut_ptr());
        ok!(token.module, C_SignInit(handle, &raw mut hmac, key));
        ok!(token.module, C_Sign(handle, data, 7, out, &raw mut length));
        let mut check = |mac: &mut [u8]| {
            ok!(token.module, C_VerifyInit(handle, &raw mut hmac, key));
            call!(
                token.module,
                C_Verify(handle, data, 7, mac.as_mut_ptr(), mac.len() as CK_ULONG)
            )
        };
        assert_eq!(check(&mut mac), CKR_OK);
        assert_eq!(check(&mut mac[..31]), CKR_SIGNATURE_LEN_RANGE);
        // Longer than what any message to an HSM carries beside its data.
        assert_eq!(check(&mut vec![0; 17 << 20]), CKR_SIGNATURE_LEN_RANGE);
        mac[0] ^= 1;
        assert_eq!(check(&mut mac), CKR_SIGNATURE_INVALID);
    });
}

#[test]
fn what_is_not_supported_says_so() {
    with_key(|session, _| {
        let (mut name, mut id) = (*b"C_Sign\0", 0);
        assert_eq!(
            call!(
                session.module,
                C_AsyncGetID(session.handle, name.as_mut_ptr(), &raw mut id)
            ),
            CKR_FUNCTION_NOT_SUPPORTED
        );
        assert_eq!(
            call!(session.module, C_GetFunctionStatus(session.handle)),
            CKR_FUNCTION_NOT_PARALLEL
        );
    });
}

#[test]
fn a_seed_is_taken_and_what_is_none_is_refused() {
    with_key(|session, _| {
        let (mut seed, handle) = ([1; 8], session.handle);
        ok!(session.module, C_SeedRandom(handle, seed.as_mut_ptr(), 8));
        assert_eq!(
            call!(session.module, C_SeedRandom(handle, ptr::null_mut(), 8)),
            CKR_ARGUMENTS_BAD
        );
    });
}

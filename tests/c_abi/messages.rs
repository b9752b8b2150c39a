//! The message functions: one key, a message a call, initialisation vectors from the HSM.

use std::{collections::BTreeSet, ptr};

use cryptoki_sys::*;
use tests::{Answer, Attributes, Session, Token, call, everywhere, ok, plain};

/// The parameter of a message and the memory that it points to.
struct Gcm {
    iv: Vec<u8>,
    tag: Vec<u8>,
    fixed_bits: CK_ULONG,
    generator: CK_GENERATOR_FUNCTION,
}

impl Gcm {
    fn generated() -> Self {
        Self {
            iv: vec![0; 12],
            tag: vec![0; 16],
            fixed_bits: 0,
            generator: CKG_GENERATE_RANDOM,
        }
    }

    fn parameter(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.iv.as_mut_ptr(),
            ulIvLen: self.iv.len() as CK_ULONG,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: 128,
        }
    }
}

const LENGTH: CK_ULONG = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;

fn with_key(body: impl Fn(&Session<'_>, CK_OBJECT_HANDLE)) {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        body(&session, key);
    });
}

fn start(session: &Session<'_>, decrypt: bool, key: CK_OBJECT_HANDLE) -> CK_RV {
    let (mut mechanism, handle) = (plain(CKM_AES_GCM), session.handle);
    let mechanism = &raw mut mechanism;
    match decrypt {
        true => call!(session.module, C_MessageDecryptInit(handle, mechanism, key)),
        false => call!(session.module, C_MessageEncryptInit(handle, mechanism, key)),
    }
}

/// One message in one call.
fn message(
    session: &Session<'_>,
    decrypt: bool,
    gcm: &mut Gcm,
    additional: &[u8],
    data: &[u8],
) -> Answer<Vec<u8>> {
    let mut parameter = gcm.parameter();
    let (parameter, handle) = ((&raw mut parameter).cast(), session.handle);
    let (additional, additional_len) =
        (additional.as_ptr().cast_mut(), additional.len() as CK_ULONG);
    let (first, count) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
    let mut output = vec![0; data.len()];
    let (place, mut length) = (output.as_mut_ptr(), count);
    let answer = match decrypt {
        true => call!(
            session.module,
            C_DecryptMessage(
                handle,
                parameter,
                LENGTH,
                additional,
                additional_len,
                first,
                count,
                place,
                &raw mut length
            )
        ),
        false => call!(
            session.module,
            C_EncryptMessage(
                handle,
                parameter,
                LENGTH,
                additional,
                additional_len,
                first,
                count,
                place,
                &raw mut length
            )
        ),
    };
    output.truncate(length as usize);
    if answer == CKR_OK {
        Ok(output)
    } else {
        Err(answer)
    }
}

#[test]
fn every_message_gets_an_iv_of_its_own_and_its_tag() {
    with_key(|session, key| {
        assert_eq!(start(session, false, key), CKR_OK);
        let mut sealed = vec![];
        for number in 0..20_u8 {
            let mut gcm = Gcm::generated();
            let data = vec![number; usize::from(number)];
            let output = message(session, false, &mut gcm, b"additional", &data).unwrap();
            assert_eq!(output.len(), data.len());
            sealed.push((gcm, data, output));
        }
        ok!(session.module, C_MessageEncryptFinal(session.handle));
        let ivs: BTreeSet<_> = sealed.iter().map(|(gcm, ..)| gcm.iv.clone()).collect();
        assert_eq!(ivs.len(), 20);
        assert_eq!(start(session, true, key), CKR_OK);
        for (gcm, data, output) in &mut sealed {
            gcm.generator = CKG_NO_GENERATE;
            let opened = message(session, true, gcm, b"additional", output).unwrap();
            assert_eq!(opened, *data);
        }
        ok!(session.module, C_MessageDecryptFinal(session.handle));
    });
}

#[test]
fn the_fixed_bits_of_an_iv_are_the_callers() {
    with_key(|session, key| {
        assert_eq!(start(session, false, key), CKR_OK);
        let mut gcm = Gcm::generated();
        gcm.iv[..4].fill(0xab);
        gcm.fixed_bits = 32;
        gcm.generator = CKG_GENERATE;
        message(session, false, &mut gcm, b"", b"data").unwrap();
        let first = gcm.iv.clone();
        message(session, false, &mut gcm, b"", b"data").unwrap();
        assert_eq!(
            (&first[..4], &gcm.iv[..4]),
            (&[0xab; 4][..], &[0xab; 4][..])
        );
        assert_ne!(first, gcm.iv);
    });
}

#[test]
fn a_message_that_was_altered_is_refused_and_the_next_one_is_not() {
    with_key(|session, key| {
        start(session, false, key);
        let mut gcm = Gcm::generated();
        let output = message(session, false, &mut gcm, b"additional", b"data").unwrap();
        start(session, true, key);
        gcm.generator = CKG_NO_GENERATE;
        gcm.tag[3] ^= 1;
        let altered = message(session, true, &mut gcm, b"additional", &output);
        assert!(
            matches!(
                altered,
                Err(CKR_ENCRYPTED_DATA_INVALID | CKR_AEAD_DECRYPT_FAILED)
            ),
            "{altered:x?}"
        );
        gcm.tag[3] ^= 1;
        assert!(message(session, true, &mut gcm, b"other", &output).is_err());
        let opened = message(session, true, &mut gcm, b"additional", &output);
        assert_eq!(opened.as_deref(), Ok(&b"data"[..]));
    });
}

#[test]
fn a_message_in_parts_is_the_same_message() {
    with_key(|session, key| {
        let (module, handle) = (session.module, session.handle);
        start(session, false, key);
        let mut gcm = Gcm::generated();
        let mut parameter = gcm.parameter();
        let parameter: CK_VOID_PTR = (&raw mut parameter).cast();
        let mut additional = *b"additional";
        let (first, length) = (additional.as_mut_ptr(), 10);
        ok!(
            module,
            C_EncryptMessageBegin(handle, parameter, LENGTH, first, length)
        );
        let data: Vec<u8> = (0..100).collect();
        let mut sealed = vec![];
        for (position, part) in data.chunks(30).enumerate() {
            let (first, count) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
            let (mut output, mut length) = ([0; 64], 64);
            let flags = if position == 3 { CKF_END_OF_MESSAGE } else { 0 };
            let place = output.as_mut_ptr();
            ok!(
                module,
                C_EncryptMessageNext(
                    handle,
                    parameter,
                    LENGTH,
                    first,
                    count,
                    place,
                    &raw mut length,
                    flags
                )
            );
            sealed.extend(&output[..length as usize]);
        }
        ok!(module, C_MessageEncryptFinal(handle));
        start(session, true, key);
        gcm.generator = CKG_NO_GENERATE;
        let opened = message(session, true, &mut gcm, b"additional", &sealed);
        assert_eq!(opened.as_ref(), Ok(&data));
    });
}

/// With the one code for it that all functions list which take additional data (§5.9, §5.11, §5.18): that of data
/// is said of the plaintext, and `C_EncryptMessageBegin` lists neither it nor `CKR_ARGUMENTS_BAD`.
#[test]
fn additional_data_that_no_message_takes_is_refused_and_the_next_message_is_not() {
    with_key(|session, key| {
        assert_eq!(start(session, false, key), CKR_OK);
        let mut gcm = Gcm::generated();
        for len in [64 * 1024 + 1, 17 << 20] {
            let refused = message(session, false, &mut gcm, &vec![0; len], b"data");
            assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{len}");
        }
        message(session, false, &mut gcm, &vec![0; 64 * 1024], b"data").unwrap();
    });
}

/// One byte more than a call takes: who claims so many is refused before they are looked at.
const TOO_MUCH: CK_ULONG = 64 * 1024 * 1024 + 1;

#[test]
fn a_part_that_is_refused_ends_its_message_and_not_the_messages() {
    with_key(|session, key| {
        let (module, handle) = (session.module, session.handle);
        start(session, false, key);
        let mut gcm = Gcm::generated();
        let mut parameter = gcm.parameter();
        let parameter: CK_VOID_PTR = (&raw mut parameter).cast();
        let begin = || {
            call!(
                module,
                C_EncryptMessageBegin(handle, parameter, LENGTH, ptr::null_mut(), 0)
            )
        };
        let mut output = [0; 4];
        let output = output.as_mut_ptr();
        let next = |parameter_len, count, output, length| {
            let mut data = [1; 4];
            let data = data.as_mut_ptr();
            call!(
                module,
                C_EncryptMessageNext(
                    handle,
                    parameter,
                    parameter_len,
                    data,
                    count,
                    output,
                    length,
                    0
                )
            )
        };
        let mut length: CK_ULONG = 4;
        let (there, nowhere) = (&raw mut length, ptr::null_mut());
        let no_buffer = ptr::without_provenance_mut(70);
        for (parameter_len, count, buffer, place, refusal) in [
            (LENGTH, TOO_MUCH, output, there, CKR_DATA_LEN_RANGE),
            (LENGTH, 4, output, nowhere, CKR_ARGUMENTS_BAD),
            (LENGTH, 4, no_buffer, there, CKR_ARGUMENTS_BAD),
            (LENGTH - 1, 4, output, there, CKR_MECHANISM_PARAM_INVALID),
        ] {
            assert_eq!(begin(), CKR_OK);
            assert_eq!(begin(), CKR_OPERATION_ACTIVE);
            assert_eq!(next(parameter_len, count, buffer, place), refusal);
            assert_eq!(
                next(LENGTH, 4, output, there),
                CKR_OPERATION_NOT_INITIALIZED
            );
        }
        message(session, false, &mut gcm, b"", b"data").unwrap();
        ok!(module, C_MessageEncryptFinal(handle));
    });
}

#[test]
fn a_refused_part_to_sign_or_to_verify_ends_its_message() {
    with_key(|session, _| {
        let (module, handle) = (session.module, session.handle);
        let template = Attributes::new()
            .flag(CKA_SIGN, true)
            .flag(CKA_VERIFY, true)
            .number(CKA_VALUE_LEN, 32);
        let key = session.generate_with(plain(CKM_GENERIC_SECRET_KEY_GEN), template);
        let key = key.unwrap();
        let mut mechanism = plain(CKM_SHA256_HMAC);
        let (nothing, mut data) = (ptr::null_mut(), [1; 4]);
        let data = data.as_mut_ptr();
        ok!(module, C_MessageSignInit(handle, &raw mut mechanism, key));
        for _ in 0..2 {
            ok!(module, C_SignMessageBegin(handle, nothing, 0));
            let refused = call!(
                module,
                C_SignMessageNext(
                    handle,
                    nothing,
                    0,
                    data,
                    TOO_MUCH,
                    ptr::null_mut(),
                    ptr::null_mut()
                )
            );
            assert_eq!(refused, CKR_DATA_LEN_RANGE);
            ok!(module, C_SignMessageBegin(handle, nothing, 0));
            let no_buffer = ptr::without_provenance_mut(70);
            let mut length: CK_ULONG = 32;
            let refused = call!(
                module,
                C_SignMessageNext(handle, nothing, 0, data, 4, no_buffer, &raw mut length)
            );
            assert_eq!(refused, CKR_ARGUMENTS_BAD);
        }
        ok!(module, C_MessageVerifyInit(handle, &raw mut mechanism, key));
        for _ in 0..2 {
            ok!(module, C_VerifyMessageBegin(handle, nothing, 0));
            let refused = call!(
                module,
                C_VerifyMessageNext(handle, nothing, 0, data, TOO_MUCH, ptr::null_mut(), 0)
            );
            assert_eq!(refused, CKR_DATA_LEN_RANGE);
        }
    });
}

#[test]
fn a_message_without_its_init_or_parameter_is_refused() {
    with_key(|session, key| {
        let mut gcm = Gcm::generated();
        assert_eq!(
            message(session, false, &mut gcm, b"", b"data"),
            Err(CKR_OPERATION_NOT_INITIALIZED)
        );
        let final_answer = call!(session.module, C_MessageEncryptFinal(session.handle));
        assert_eq!(final_answer, CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(start(session, false, key), CKR_OK);
        assert_eq!(start(session, false, key), CKR_OPERATION_ACTIVE);
        let (mut data, mut output, mut length) = ([1_u8; 4], [0_u8; 4], 4);
        let (data, output) = (data.as_mut_ptr(), output.as_mut_ptr());
        for parameter_len in [1, LENGTH - 1, CK_ULONG::MAX] {
            let mut parameter = [0_u8; 64];
            let answer = call!(
                session.module,
                C_EncryptMessage(
                    session.handle,
                    parameter.as_mut_ptr().cast(),
                    parameter_len,
                    ptr::null_mut(),
                    0,
                    data,
                    4,
                    output,
                    &raw mut length
                )
            );
            assert_eq!(answer, CKR_MECHANISM_PARAM_INVALID, "{parameter_len}");
        }
        ok!(
            session.module,
            C_SessionCancel(session.handle, CKF_MESSAGE_ENCRYPT)
        );
        assert_eq!(start(session, false, key), CKR_OK);
    });
}

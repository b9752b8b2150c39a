//! Keys under keys: wrapped and unwrapped, with authentication, and templates within templates.

use std::ptr;

use cryptoki_sys::*;
use tests::{Answer, Attributes, Kind, Session, Token, call, everywhere, plain};

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

fn aes(session: &Session<'_>, more: Attributes) -> CK_OBJECT_HANDLE {
    let template = more.number(CKA_VALUE_LEN, 32);
    session
        .generate_with(plain(CKM_AES_KEY_GEN), template)
        .unwrap()
}

fn wrapper(session: &Session<'_>) -> CK_OBJECT_HANDLE {
    let usage = Attributes::new()
        .flag(CKA_WRAP, true)
        .flag(CKA_UNWRAP, true);
    aes(session, usage)
}

/// A key that may leave, and be read after it has come back.
fn leaves() -> Attributes {
    Attributes::new()
        .flag(CKA_EXTRACTABLE, true)
        .flag(CKA_SENSITIVE, false)
}

/// What a wrapped AES key becomes.
fn becomes() -> Attributes {
    leaves()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_AES)
}

#[test]
fn a_key_comes_back_as_it_left() {
    const WAYS: [(CK_MECHANISM_TYPE, &[u8]); 5] = [
        (CKM_AES_KEY_WRAP, &[]),
        (CKM_AES_KEY_WRAP_KWP, &[]),
        (CKM_AES_KEY_WRAP_PKCS7, &[]),
        (CKM_AES_CBC_PAD, &[7; 16]),
        (CKM_AES_CBC, &[7; 16]),
    ];
    with_session(|session| {
        let (wrapping, key) = (wrapper(session), aes(session, leaves()));
        let value = session.attribute(key, CKA_VALUE).unwrap();
        for (id, parameter) in WAYS {
            let mut parameter = parameter.to_vec();
            let wrapped = session.wrap(tests::mechanism(id, &mut parameter), wrapping, key);
            let wrapped = wrapped.unwrap_or_else(|code| panic!("{id:x}: 0x{code:x}"));
            let mechanism = tests::mechanism(id, &mut parameter);
            let again = session.unwrap(mechanism, wrapping, &wrapped, becomes());
            let again = again.unwrap_or_else(|code| panic!("{id:x}: 0x{code:x}"));
            assert_eq!(session.attribute(again, CKA_VALUE).as_ref(), Ok(&value));
            assert_eq!(session.attribute(again, CKA_LOCAL), Ok(vec![0]));
        }
    });
}

#[test]
fn what_was_altered_is_no_key() {
    with_session(|session| {
        let (wrapping, key) = (wrapper(session), aes(session, leaves()));
        let mechanism = || plain(CKM_AES_KEY_WRAP_KWP);
        let wrapped = session.wrap(mechanism(), wrapping, key).unwrap();
        for position in [0, wrapped.len() / 2, wrapped.len() - 1] {
            let mut altered = wrapped.clone();
            altered[position] ^= 1;
            assert_eq!(
                session.unwrap(mechanism(), wrapping, &altered, becomes()),
                Err(CKR_WRAPPED_KEY_INVALID)
            );
        }
        for length in [0, 1, 8, wrapped.len() - 1] {
            let code = session
                .unwrap(mechanism(), wrapping, &wrapped[..length], becomes())
                .unwrap_err();
            assert!(
                [CKR_WRAPPED_KEY_LEN_RANGE, CKR_WRAPPED_KEY_INVALID].contains(&code),
                "{length}: 0x{code:x}"
            );
        }
    });
}

#[test]
fn a_key_leaves_only_by_its_attributes() {
    with_session(|session| {
        let wrapping = wrapper(session);
        let mechanism = || plain(CKM_AES_KEY_WRAP);
        let stays = aes(session, Attributes::new().flag(CKA_EXTRACTABLE, false));
        assert_eq!(
            session.wrap(mechanism(), wrapping, stays),
            Err(CKR_KEY_UNEXTRACTABLE)
        );
        let trusting = aes(session, leaves().flag(CKA_WRAP_WITH_TRUSTED, true));
        assert_eq!(
            session.wrap(mechanism(), wrapping, trusting),
            Err(CKR_KEY_NOT_WRAPPABLE)
        );
        let leaves = aes(session, leaves());
        let not_wrapping = aes(session, Attributes::new().flag(CKA_WRAP, false));
        assert_eq!(
            session.wrap(mechanism(), not_wrapping, leaves),
            Err(CKR_KEY_FUNCTION_NOT_PERMITTED)
        );
        assert_eq!(
            session.wrap(mechanism(), 0xdead, leaves),
            Err(CKR_WRAPPING_KEY_HANDLE_INVALID)
        );
        assert_eq!(
            session.wrap(mechanism(), wrapping, 0xdead),
            Err(CKR_KEY_HANDLE_INVALID)
        );
        assert_eq!(
            session.wrap(plain(CKM_SHA256), wrapping, leaves),
            Err(CKR_MECHANISM_INVALID)
        );
    });
}

#[test]
fn a_copy_never_gains_rights() {
    with_session(|session| {
        let key = aes(session, Attributes::new().flag(CKA_SENSITIVE, true));
        let copy = session.copy(key, Attributes::new().bytes(CKA_LABEL, b"copy"));
        let copy = copy.unwrap();
        assert_eq!(
            session.attribute(copy, CKA_LABEL).as_deref(),
            Ok(&b"copy"[..])
        );
        assert_eq!(
            session.attribute(copy, CKA_VALUE),
            Err(CKR_ATTRIBUTE_SENSITIVE)
        );
        let gains = Attributes::new().flag(CKA_SENSITIVE, false);
        let code = session.copy(key, gains).unwrap_err();
        assert!(
            [CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT].contains(&code),
            "0x{code:x}"
        );
        let stays = aes(session, Attributes::new().flag(CKA_COPYABLE, false));
        assert_eq!(
            session.copy(stays, Attributes::new()),
            Err(CKR_ACTION_PROHIBITED)
        );
        let mut size = 0;
        let answer = call!(
            session.module,
            C_GetObjectSize(session.handle, key, &raw mut size)
        );
        assert!(answer == CKR_OK && size > 32, "0x{answer:x} {size}");
    });
}

#[test]
fn a_template_within_a_template_is_read_back_in_two_steps() {
    with_session(|session| {
        let (mut class, mut extractable) = (CKO_SECRET_KEY, CK_TRUE);
        let inner = |class: *mut CK_ULONG, flag: *mut CK_BBOOL| {
            [
                CK_ATTRIBUTE {
                    type_: CKA_CLASS,
                    pValue: class.cast(),
                    ulValueLen: 8,
                },
                CK_ATTRIBUTE {
                    type_: CKA_EXTRACTABLE,
                    pValue: flag.cast(),
                    ulValueLen: 1,
                },
            ]
        };
        let mut given = inner(&raw mut class, &raw mut extractable);
        let (mut length, mut wraps) = (32 as CK_ULONG, CK_TRUE);
        let attribute = |type_, value: CK_VOID_PTR, length| CK_ATTRIBUTE {
            type_,
            pValue: value,
            ulValueLen: length,
        };
        let bytes = size_of_val(&given) as CK_ULONG;
        let mut template = [
            attribute(CKA_VALUE_LEN, (&raw mut length).cast(), 8),
            attribute(CKA_WRAP, (&raw mut wraps).cast(), 1),
            attribute(CKA_WRAP_TEMPLATE, given.as_mut_ptr().cast(), bytes),
        ];
        let (mut mechanism, mut key) = (plain(CKM_AES_KEY_GEN), 0);
        let answer = call!(
            session.module,
            C_GenerateKey(
                session.handle,
                &raw mut mechanism,
                template.as_mut_ptr(),
                3,
                &raw mut key
            )
        );
        assert_eq!(answer, CKR_OK);
        let read = |asked: &mut CK_ATTRIBUTE| {
            call!(
                session.module,
                C_GetAttributeValue(session.handle, key, asked, 1)
            )
        };
        let mut asked = attribute(CKA_WRAP_TEMPLATE, ptr::null_mut(), 0);
        assert_eq!((read(&mut asked), asked.ulValueLen), (CKR_OK, bytes));
        // First their types and lengths, then their values.
        let mut told = [attribute(0, ptr::null_mut(), 0); 2];
        asked.pValue = told.as_mut_ptr().cast();
        assert_eq!(read(&mut asked), CKR_OK);
        let mut values = [[0_u8; 8]; 2];
        for (told, value) in told.iter_mut().zip(&mut values) {
            assert!(told.ulValueLen <= 8);
            told.pValue = value.as_mut_ptr().cast();
        }
        asked.pValue = told.as_mut_ptr().cast();
        assert_eq!(read(&mut asked), CKR_OK);
        let told: Vec<_> = told
            .iter()
            .map(|told| (told.type_, told.ulValueLen))
            .collect();
        assert!(told.contains(&(CKA_CLASS, 8)) && told.contains(&(CKA_EXTRACTABLE, 1)));
        // A key that does not match it does not leave.
        let stays = aes(session, Attributes::new().flag(CKA_EXTRACTABLE, true));
        assert!(session.wrap(plain(CKM_AES_KEY_WRAP), key, stays).is_ok());
        let other = session.create(
            Attributes::new()
                .number(CKA_CLASS, CKO_SECRET_KEY)
                .number(CKA_KEY_TYPE, CKK_AES)
                .flag(CKA_EXTRACTABLE, false)
                .bytes(CKA_VALUE, &[1; 16]),
        );
        let left = session.wrap(plain(CKM_AES_KEY_WRAP), key, other.unwrap());
        assert!(left.is_err());
    });
}

/// `C_WrapKeyAuthenticated` with an initialisation vector of the HSM's.
fn wrap_authenticated(
    session: &Session<'_>,
    gcm: &mut CK_GCM_WRAP_PARAMS,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    additional: &mut [u8],
) -> Answer<Vec<u8>> {
    let mut mechanism = tests::with(CKM_AES_GCM, gcm);
    let (mut wrapped, mut length) = (vec![0; 200], 200);
    let (additional, additional_len) = (additional.as_mut_ptr(), additional.len() as CK_ULONG);
    let answer = call!(
        session.module,
        C_WrapKeyAuthenticated(
            session.handle,
            &raw mut mechanism,
            wrapping,
            key,
            additional,
            additional_len,
            wrapped.as_mut_ptr(),
            &raw mut length
        )
    );
    wrapped.truncate(length as usize);
    if answer == CKR_OK {
        Ok(wrapped)
    } else {
        Err(answer)
    }
}

#[test]
fn an_authenticated_wrap_needs_the_same_additional_data_to_come_back() {
    with_session(|session| {
        let (wrapping, key) = (wrapper(session), aes(session, leaves()));
        let mut iv = [0_u8; 12];
        let mut gcm = CK_GCM_WRAP_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvFixedBits: 0,
            ivGenerator: CKG_GENERATE_RANDOM,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let mut additional = *b"additional";
        let wrapped = wrap_authenticated(session, &mut gcm, wrapping, key, &mut additional);
        let mut wrapped = wrapped.unwrap();
        assert_eq!(wrapped.len(), 32 + 16);
        assert_ne!(iv, [0; 12], "the HSM's");
        gcm.ivGenerator = CKG_NO_GENERATE;
        let mut unwrap = |additional: &mut [u8]| {
            let (mut mechanism, mut template) = (tests::with(CKM_AES_GCM, &mut gcm), becomes());
            let (first, length) = (additional.as_mut_ptr(), additional.len() as CK_ULONG);
            let (count, attributes, mut key) = (template.count(), template.pointer(), 0);
            let (place, wrapped_len) = (wrapped.as_mut_ptr(), wrapped.len() as CK_ULONG);
            let answer = call!(
                session.module,
                C_UnwrapKeyAuthenticated(
                    session.handle,
                    &raw mut mechanism,
                    wrapping,
                    place,
                    wrapped_len,
                    attributes,
                    count,
                    first,
                    length,
                    &raw mut key
                )
            );
            if answer == CKR_OK {
                Ok(key)
            } else {
                Err(answer)
            }
        };
        let again = unwrap(&mut additional).unwrap();
        assert_eq!(
            session.attribute(again, CKA_VALUE),
            session.attribute(key, CKA_VALUE)
        );
        assert!(unwrap(&mut [1; 7]).is_err());
        // And it is a key that can be used.
        assert_eq!(
            session.start(Kind::Encrypt, plain(CKM_AES_ECB), again),
            CKR_OK
        );
    });
}

//! Objects: templates that make no sense, handles that never were, and what is revealed.

use cryptoki_sys::*;
use tests::{Attributes, Session, Token, USER_PIN, call, everywhere, ok};

fn create(session: &Session<'_>, mut template: Attributes) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    let (count, first) = (template.count(), template.pointer());
    let mut object = 0;
    match call!(
        session.module,
        C_CreateObject(session.handle, first, count, &raw mut object)
    ) {
        CKR_OK => Ok(object),
        error => Err(error),
    }
}

fn secret_key() -> Attributes {
    Attributes::new()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_AES)
        .flag(CKA_TOKEN, false)
}

fn value(
    session: &Session<'_>,
    object: CK_OBJECT_HANDLE,
    kind: CK_ATTRIBUTE_TYPE,
) -> Result<Vec<u8>, CK_RV> {
    let mut value = [0_u8; 256];
    let mut attribute = CK_ATTRIBUTE {
        type_: kind,
        pValue: value.as_mut_ptr().cast(),
        ulValueLen: value.len() as CK_ULONG,
    };
    match call!(
        session.module,
        C_GetAttributeValue(session.handle, object, &raw mut attribute, 1)
    ) {
        CKR_OK => Ok(value[..attribute.ulValueLen as usize].to_vec()),
        error => Err(error),
    }
}

#[test]
fn templates_that_make_no_sense_are_refused_and_leave_nothing() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = [1_u8; 16];
        let cases = [
            ("empty", Attributes::new(), CKR_TEMPLATE_INCOMPLETE),
            ("no value", secret_key(), CKR_TEMPLATE_INCOMPLETE),
            (
                "no class",
                Attributes::new()
                    .number(CKA_KEY_TYPE, CKK_AES)
                    .bytes(CKA_VALUE, &key),
                CKR_TEMPLATE_INCOMPLETE,
            ),
            (
                "a class of two bytes",
                Attributes::new().bytes(CKA_CLASS, &[4, 0]),
                CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            (
                "a flag of two bytes",
                secret_key()
                    .bytes(CKA_VALUE, &key)
                    .bytes(CKA_ENCRYPT, &[1, 0]),
                CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            (
                "an AES key of five bytes",
                secret_key().bytes(CKA_VALUE, b"five."),
                CKR_ATTRIBUTE_VALUE_INVALID,
            ),
            (
                "an attribute of another class",
                secret_key()
                    .bytes(CKA_VALUE, &key)
                    .bytes(CKA_MODULUS, &[1; 64]),
                CKR_ATTRIBUTE_TYPE_INVALID,
            ),
            (
                "an attribute that only the HSM sets",
                secret_key()
                    .bytes(CKA_VALUE, &key)
                    .flag(CKA_ALWAYS_SENSITIVE, true),
                CKR_ATTRIBUTE_READ_ONLY,
            ),
            (
                "an attribute twice",
                secret_key()
                    .bytes(CKA_VALUE, &key)
                    .bytes(CKA_LABEL, b"a")
                    .bytes(CKA_LABEL, b"b"),
                CKR_TEMPLATE_INCONSISTENT,
            ),
        ];
        for (name, template, expected) in cases {
            let answer = create(&session, template).expect_err(name);
            let near = [expected, CKR_TEMPLATE_INCONSISTENT];
            assert!(
                near.contains(&answer),
                "{name}: 0x{answer:x} for 0x{expected:x}"
            );
        }
        assert_eq!(session.find(Attributes::new()).unwrap(), []);
    });
}

#[test]
fn a_template_longer_than_the_limit_is_refused() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut object = 0;
        let mut template = vec![CK_ATTRIBUTE::default(); 10_000];
        let first = template.as_mut_ptr();
        for count in [10_000, CK_ULONG::MAX] {
            let answer = call!(
                token.module,
                C_CreateObject(session.handle, first, count, &raw mut object)
            );
            assert_eq!(answer, CKR_ARGUMENTS_BAD);
        }
    });
}

#[test]
fn a_template_that_contains_itself_ends() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut attribute = CK_ATTRIBUTE {
            type_: CKA_WRAP_TEMPLATE,
            ..Default::default()
        };
        attribute.ulValueLen = size_of::<CK_ATTRIBUTE>() as CK_ULONG;
        let itself = &raw mut attribute;
        // SAFETY: the attribute's own memory.
        unsafe { (*itself).pValue = itself.cast() };
        let mut object = 0;
        let answer = call!(
            token.module,
            C_CreateObject(session.handle, itself, 1, &raw mut object)
        );
        assert_eq!(answer, CKR_ATTRIBUTE_VALUE_INVALID);
    });
}

#[test]
fn an_object_that_never_was_is_an_invalid_handle_to_every_function() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        for handle in [0, 77, 1 << 62, CK_ULONG::MAX] {
            assert_eq!(
                value(&session, handle, CKA_CLASS),
                Err(CKR_OBJECT_HANDLE_INVALID)
            );
            assert_eq!(
                call!(token.module, C_DestroyObject(session.handle, handle)),
                CKR_OBJECT_HANDLE_INVALID
            );
            assert_eq!(session.start_encrypting(handle), CKR_KEY_HANDLE_INVALID);
        }
    });
}

#[test]
fn a_key_says_its_value_only_if_it_is_neither_sensitive_nor_unextractable() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let bytes = [9_u8; 32];
        let with = |sensitive, extractable| {
            let template = secret_key()
                .bytes(CKA_VALUE, &bytes)
                .flag(CKA_SENSITIVE, sensitive)
                .flag(CKA_EXTRACTABLE, extractable);
            value(&session, create(&session, template).unwrap(), CKA_VALUE)
        };
        assert_eq!(with(false, true), Ok(bytes.to_vec()));
        assert_eq!(with(true, true), Err(CKR_ATTRIBUTE_SENSITIVE));
        assert_eq!(with(false, false), Err(CKR_ATTRIBUTE_SENSITIVE));
    });
}

#[test]
fn a_sensitive_key_does_not_become_readable_and_cannot_be_made_sensitive_again() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let template = secret_key()
            .bytes(CKA_VALUE, &[9; 32])
            .flag(CKA_SENSITIVE, true);
        let key = create(&session, template).unwrap();
        for sensitive in [false, true] {
            let mut change = Attributes::new().flag(CKA_SENSITIVE, sensitive);
            let (count, first) = (change.count(), change.pointer());
            let answer = call!(
                token.module,
                C_SetAttributeValue(session.handle, key, first, count)
            );
            assert_eq!(answer, CKR_ATTRIBUTE_READ_ONLY);
        }
        assert_eq!(value(&session, key, CKA_SENSITIVE), Ok(vec![CK_TRUE]));
    });
}

#[test]
fn a_label_is_changed_and_found() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "old").unwrap();
        let mut change = Attributes::new().bytes(CKA_LABEL, b"new");
        let (count, first) = (change.count(), change.pointer());
        ok!(
            token.module,
            C_SetAttributeValue(session.handle, key, first, count)
        );
        let named = |label: &[u8]| {
            session
                .find(Attributes::new().bytes(CKA_LABEL, label))
                .unwrap()
        };
        assert_eq!((named(b"old"), named(b"new")), (vec![], vec![key]));
        ok!(token.module, C_DestroyObject(session.handle, key));
        assert_eq!(named(b"new"), []);
    });
}

#[test]
fn private_objects_are_not_there_without_a_login() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "secret").unwrap();
        ok!(token.module, C_Logout(session.handle));
        let visible = session.find(Attributes::new()).unwrap();
        let private = value(&session, key, CKA_PRIVATE);
        assert!(
            visible.is_empty() || private == Ok(vec![CK_FALSE]),
            "{visible:?}"
        );
        assert_ne!(session.start_encrypting(key), CKR_OK);
    });
}

#[test]
fn an_object_of_the_session_is_private_by_default_only_where_a_user_is_logged_in() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        let key = || {
            Attributes::new()
                .number(CKA_CLASS, CKO_SECRET_KEY)
                .number(CKA_KEY_TYPE, CKK_AES)
                .bytes(CKA_VALUE, &[7; 16])
        };
        let private = |made: Result<CK_OBJECT_HANDLE, CK_RV>| {
            let private = value(&session, made?, CKA_PRIVATE)?;
            Ok::<_, CK_RV>(private == [CK_TRUE])
        };
        let without = [
            (key(), Ok(false)),
            (key().flag(CKA_PRIVATE, true), Err(CKR_USER_NOT_LOGGED_IN)),
            (key().flag(CKA_TOKEN, true), Err(CKR_USER_NOT_LOGGED_IN)),
        ];
        for (template, expected) in without {
            assert_eq!(private(create(&session, template)), expected);
        }
        assert_eq!(session.login(CKU_USER, USER_PIN), CKR_OK);
        assert_eq!(private(create(&session, key())), Ok(true));
    });
}

#[test]
fn a_read_only_session_makes_no_token_object() {
    everywhere(|| {
        let token = Token::make();
        token.logged_in();
        let session = token.open(CKF_SERIAL_SESSION).unwrap();
        assert_eq!(session.generate(true, "no"), Err(CKR_SESSION_READ_ONLY));
        assert!(session.generate(false, "yes").is_ok());
    });
}

//! Validations that the operator declares: their objects, which nobody else can make, and what a
//! session says of its last operation.

use std::{fs, io::Write};

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, call, everywhere, home, ok, plain, with};

const DECLARED: &str = r#"
[[validation]]
type = "software"
authority = "nist-cmvp"
version = "3.0"
level = 1
module_id = "An example, not a validation"
country = "US"
certificate = "0000"
certificate_uri = "https://example.com/0000"

[[validation]]
authority = "common-criteria"
version = "3.1"
level = 4
module_id = "Another example"
vendor_uri = "https://example.com/"
profile = "EN 419221-5"
"#;

/// A token in a home whose operator has declared both.
fn with_declared(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let path = home().join("strongroom.toml");
        let mut file = fs::File::options().append(true).open(path).unwrap();
        file.write_all(DECLARED.as_bytes()).unwrap();
        let token = Token::make();
        body(&token.logged_in());
    });
}

fn validations() -> Attributes {
    Attributes::new().number(CKA_CLASS, CKO_VALIDATION)
}

fn flags(session: &Session<'_>) -> CK_FLAGS {
    let mut flags = CK_FLAGS::MAX;
    ok!(
        session.module,
        C_GetSessionValidationFlags(session.handle, CKS_LAST_VALIDATION_OK, &raw mut flags)
    );
    flags
}

/// What an approved operation gives: nothing without AWS-LC's FIPS module.
fn within_both(session: &Session<'_>) -> CK_FLAGS {
    if session.module.is_fips() { 0b11 } else { 0 }
}

#[test]
fn without_a_declaration_nothing_is_said_to_be_validated() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        assert_eq!(session.find(validations()), Ok(vec![]));
        session.generate(false, "key").unwrap();
        assert_eq!(flags(&session), 0);
    });
}

#[test]
fn a_declared_validation_is_an_object_that_everybody_reads() {
    with_declared(|session| {
        ok!(session.module, C_Logout(session.handle));
        let found = session.find(validations()).unwrap();
        assert_eq!(found.len(), 2);
        assert!(session.find(Attributes::new()).unwrap().is_empty());
        let sought = validations().number(CKA_VALIDATION_LEVEL, 1);
        assert_eq!(session.find(sought).unwrap(), found[..1]);
        let number = |kind| session.number(found[0], kind);
        assert_eq!(number(CKA_VALIDATION_TYPE), Ok(CKV_TYPE_SOFTWARE));
        assert_eq!(
            number(CKA_VALIDATION_AUTHORITY_TYPE),
            Ok(CKV_AUTHORITY_TYPE_NIST_CMVP)
        );
        assert_eq!(number(CKA_VALIDATION_FLAG), Ok(1));
        assert_eq!(session.number(found[1], CKA_VALIDATION_FLAG), Ok(2));
        let bytes = |kind| session.attribute(found[0], kind).unwrap();
        for (kind, value) in [
            (CKA_TOKEN, &[CK_TRUE][..]),
            (CKA_PRIVATE, &[CK_FALSE]),
            (CKA_MODIFIABLE, &[CK_FALSE]),
            (CKA_VALIDATION_VERSION, &[3, 0]),
            (CKA_VALIDATION_MODULE_ID, b"An example, not a validation"),
            (CKA_VALIDATION_COUNTRY, b"US"),
            (CKA_VALIDATION_CERTIFICATE_IDENTIFIER, b"0000"),
            (CKA_VALIDATION_CERTIFICATE_URI, b"https://example.com/0000"),
            (CKA_VALIDATION_VENDOR_URI, b""),
            (CKA_VALIDATION_PROFILE, b""),
        ] {
            assert_eq!(bytes(kind), value, "{kind:x}");
        }
    });
}

#[test]
fn nobody_makes_changes_or_destroys_one() {
    with_declared(|session| {
        let made = validations().bytes(CKA_VALIDATION_MODULE_ID, b"mine");
        assert_eq!(session.create(made), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let validation = session.find(validations()).unwrap()[0];
        assert_eq!(
            session.copy(validation, Attributes::new()),
            Err(CKR_ACTION_PROHIBITED)
        );
        let mut level = Attributes::new().number(CKA_VALIDATION_LEVEL, 4);
        let (count, first) = (level.count(), level.pointer());
        assert_eq!(
            call!(
                session.module,
                C_SetAttributeValue(session.handle, validation, first, count)
            ),
            CKR_ACTION_PROHIBITED
        );
        assert_eq!(
            call!(session.module, C_DestroyObject(session.handle, validation)),
            CKR_ACTION_PROHIBITED
        );
        assert_eq!(session.number(validation, CKA_VALIDATION_LEVEL), Ok(1));
    });
}

#[test]
fn a_session_says_whether_its_last_operation_was_within_them() {
    with_declared(|session| {
        let within = within_both(session);
        assert_eq!(flags(session), 0, "nothing was done yet");
        let key = session.generate(false, "key").unwrap();
        assert_eq!(flags(session), within, "generated");

        let (mut iv, mut counter) = ([7_u8; 12], CK_FLAGS::MAX);
        let mut gcm = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: std::ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let sealed = session.run(Kind::Encrypt, with(CKM_AES_GCM, &mut gcm), key, b"data");
        assert_eq!(flags(session), 0, "the caller's initialisation vector");
        let opened = session.run(
            Kind::Decrypt,
            with(CKM_AES_GCM, &mut gcm),
            key,
            &sealed.unwrap(),
        );
        assert_eq!(opened.as_deref(), Ok(&b"data"[..]));
        assert_eq!(flags(session), within, "decrypted");

        // An Init and a length query are no end, and a failure is none either.
        assert_eq!(
            session.start(Kind::Encrypt, with(CKM_AES_GCM, &mut gcm), key),
            CKR_OK
        );
        assert_eq!(flags(session), within);
        session.pass(Kind::Encrypt, b"data").unwrap();
        assert_eq!(flags(session), 0);
        assert!(
            session
                .run(Kind::Digest, plain(CKM_AES_CBC), 0, b"")
                .is_err()
        );
        assert_eq!(flags(session), 0);
        session
            .run(Kind::Digest, plain(CKM_SHA256), 0, b"data")
            .unwrap();
        assert_eq!(flags(session), within, "digested");

        // Another session has operations of its own.
        let slot_session = Session {
            module: session.module,
            handle: another(session),
        };
        assert_eq!(flags(&slot_session), 0);
        assert_eq!(
            call!(
                session.module,
                C_GetSessionValidationFlags(session.handle, 2, &raw mut counter)
            ),
            CKR_ARGUMENTS_BAD
        );
        assert_eq!(
            call!(
                session.module,
                C_GetSessionValidationFlags(0, CKS_LAST_VALIDATION_OK, &raw mut counter)
            ),
            CKR_SESSION_HANDLE_INVALID
        );
    });
}

/// A further session in the same slot.
fn another(session: &Session<'_>) -> CK_SESSION_HANDLE {
    let mut information = CK_SESSION_INFO::default();
    ok!(
        session.module,
        C_GetSessionInfo(session.handle, &raw mut information)
    );
    let mut handle = 0;
    ok!(
        session.module,
        C_OpenSession(
            information.slotID,
            CKF_SERIAL_SESSION,
            std::ptr::null_mut(),
            None,
            &raw mut handle
        )
    );
    handle
}

//! Keys with `CKA_ALWAYS_AUTHENTICATE`: a login of its own for each use (§5.6.8).

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, USER_PIN, call, everywhere, ok, plain};

const P_256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

fn guarded() -> Attributes {
    Attributes::new().flag(CKA_ALWAYS_AUTHENTICATE, true)
}

fn ec_key(session: &Session<'_>) -> CK_OBJECT_HANDLE {
    let public = Attributes::new().bytes(CKA_EC_PARAMS, P_256);
    let made = session.generate_pair(plain(CKM_EC_KEY_PAIR_GEN), public, guarded());
    made.unwrap().1
}

fn rsa_pair(session: &Session<'_>) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let public = Attributes::new()
        .number(CKA_MODULUS_BITS, 2048)
        .flag(CKA_ENCRYPT, true);
    let private = guarded().flag(CKA_DECRYPT, true).flag(CKA_SIGN, true);
    session
        .generate_pair(plain(CKM_RSA_PKCS_KEY_PAIR_GEN), public, private)
        .unwrap()
}

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

fn log_in_again(session: &Session<'_>) -> CK_RV {
    session.login(CKU_CONTEXT_SPECIFIC, USER_PIN)
}

/// `C_Decrypt` into so many bytes: what is answered, and how many bytes it says there are.
fn decrypt(session: &Session<'_>, sealed: &[u8], room: usize) -> (CK_RV, usize) {
    let (mut output, mut length) = (vec![0_u8; room], room as CK_ULONG);
    let (data, count) = (sealed.as_ptr().cast_mut(), sealed.len() as CK_ULONG);
    let (handle, place) = (session.handle, output.as_mut_ptr());
    let code = call!(
        session.module,
        C_Decrypt(handle, data, count, place, &raw mut length)
    );
    (code, length as usize)
}

#[test]
fn each_use_takes_a_login_and_asking_for_a_length_is_none() {
    with_session(|session| {
        let (key, ecdsa) = (ec_key(session), || plain(CKM_ECDSA));
        assert_eq!(
            session.run(Kind::Sign, ecdsa(), key, &[7; 32]),
            Err(CKR_USER_NOT_LOGGED_IN)
        );
        assert_eq!(log_in_again(session), CKR_OPERATION_NOT_INITIALIZED);
        for _ in 0..2 {
            assert_eq!(session.start(Kind::Sign, ecdsa(), key), CKR_OK);
            let (mut data, mut length) = ([7; 32], 0);
            ok!(
                session.module,
                C_Sign(
                    session.handle,
                    data.as_mut_ptr(),
                    32,
                    ptr::null_mut(),
                    &raw mut length
                )
            );
            assert_eq!(length, 64);
            assert_eq!(log_in_again(session), CKR_OK);
            assert_eq!(session.pass(Kind::Sign, &data).unwrap().len(), 64);
        }
    });
}

#[test]
fn messages_take_a_login_each_and_their_end_takes_none() {
    with_session(|session| {
        let (module, handle) = (session.module, session.handle);
        let (key, mut ecdsa) = (ec_key(session), plain(CKM_ECDSA));
        ok!(module, C_MessageSignInit(handle, &raw mut ecdsa, key));
        for _ in 0..2 {
            assert_eq!(log_in_again(session), CKR_OK);
            let (mut data, mut signature, mut length) = ([7; 32], [0; 64], 64);
            ok!(
                module,
                C_SignMessage(
                    handle,
                    ptr::null_mut(),
                    0,
                    data.as_mut_ptr(),
                    32,
                    signature.as_mut_ptr(),
                    &raw mut length
                )
            );
        }
        ok!(module, C_MessageSignFinal(handle));
    });
}

#[test]
fn one_login_tells_of_one_ciphertext_alone() {
    with_session(|session| {
        if !session.has(CKM_RSA_PKCS, CKF_DECRYPT) {
            return;
        }
        let ((public, private), rsa) = (rsa_pair(session), || plain(CKM_RSA_PKCS));
        let seal = |data: &[u8]| session.run(Kind::Encrypt, rsa(), public, data).unwrap();
        let (one, other) = (seal(b"one"), seal(b"another"));
        for answer in [(CKR_OK, 3), (CKR_USER_NOT_LOGGED_IN, 0)] {
            assert_eq!(session.start(Kind::Decrypt, rsa(), private), CKR_OK);
            assert_eq!(log_in_again(session), CKR_OK);
            // A buffer that is too small does not end the operation.
            assert_eq!(decrypt(session, &one, 1), (CKR_BUFFER_TOO_SMALL, 3));
            match answer {
                (CKR_OK, _) => assert_eq!(decrypt(session, &one, 3), answer),
                (refused, _) => assert_eq!(decrypt(session, &other, 1).0, refused),
            }
            assert_eq!(decrypt(session, &one, 3).0, CKR_OPERATION_NOT_INITIALIZED);
        }
    });
}

#[test]
fn a_login_is_for_the_operation_that_was_begun_last() {
    with_session(|session| {
        if !session.has(CKM_RSA_PKCS, CKF_DECRYPT) {
            return;
        }
        let ((public, private), rsa) = (rsa_pair(session), || plain(CKM_RSA_PKCS));
        let sealed = session.run(Kind::Encrypt, rsa(), public, b"data").unwrap();
        // The second time, an Init's answer is known.
        for kind in [Kind::Sign, Kind::Decrypt] {
            assert_eq!(session.start(kind, rsa(), private), CKR_OK);
            ok!(
                session.module,
                C_SessionCancel(session.handle, CKF_SIGN | CKF_DECRYPT)
            );
        }
        for kind in [Kind::Sign, Kind::Decrypt] {
            assert_eq!(session.start(kind, rsa(), private), CKR_OK);
        }
        assert_eq!(log_in_again(session), CKR_OK);
        assert_eq!(
            session.pass(Kind::Decrypt, &sealed).as_deref(),
            Ok(&b"data"[..])
        );
        assert_eq!(
            session.pass(Kind::Sign, b"data"),
            Err(CKR_USER_NOT_LOGGED_IN)
        );
    });
}

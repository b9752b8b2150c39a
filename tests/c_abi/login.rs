//! PINs: right ones, wrong ones, and too many wrong ones.

use std::ptr;

use cryptoki_sys::*;
use tests::{ADMIN_PIN, Token, USER_PIN, call, everywhere, ok};

#[test]
fn a_wrong_pin_is_refused_and_the_right_one_then_works() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        assert_eq!(session.login(CKU_USER, "wrong"), CKR_PIN_INCORRECT);
        assert_eq!(session.login(CKU_USER, ""), CKR_PIN_INCORRECT);
        assert_eq!(session.login(CKU_USER, USER_PIN), CKR_OK);
        assert_eq!(
            session.login(CKU_USER, USER_PIN),
            CKR_USER_ALREADY_LOGGED_IN
        );
        assert_eq!(
            session.login(CKU_SO, ADMIN_PIN),
            CKR_USER_ANOTHER_ALREADY_LOGGED_IN
        );
        assert_eq!(session.login(7, USER_PIN), CKR_USER_TYPE_INVALID);
    });
}

#[test]
fn five_wrong_pins_lock_the_user_until_the_admin_sets_a_new_one() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        for _ in 0..5 {
            assert_eq!(session.login(CKU_USER, "wrong"), CKR_PIN_INCORRECT);
        }
        assert_eq!(session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
        assert_eq!(session.login(CKU_SO, ADMIN_PIN), CKR_OK);
        let mut pin = *b"5678";
        ok!(token.module, C_InitPIN(session.handle, pin.as_mut_ptr(), 4));
        ok!(token.module, C_Logout(session.handle));
        assert_eq!(session.login(CKU_USER, "5678"), CKR_OK);
    });
}

#[test]
fn the_token_tells_before_a_login_how_many_tries_are_left() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        let said = || {
            token.flags()
                & (CKF_USER_PIN_COUNT_LOW
                    | CKF_USER_PIN_FINAL_TRY
                    | CKF_USER_PIN_LOCKED
                    | CKF_SO_PIN_COUNT_LOW)
        };
        assert_eq!(said(), 0);
        session.login(CKU_USER, "wrong");
        assert_eq!(said(), CKF_USER_PIN_COUNT_LOW);
        session.login(CKU_USER, USER_PIN);
        ok!(token.module, C_Logout(session.handle));
        assert_eq!(said(), 0);
        for _ in 0..4 {
            session.login(CKU_USER, "wrong");
        }
        assert_eq!(said(), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
        session.login(CKU_USER, "wrong");
        session.login(CKU_SO, "wrong");
        assert_eq!(
            said(),
            CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED | CKF_SO_PIN_COUNT_LOW
        );
    });
}

#[test]
fn a_user_logs_in_by_name_too() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        assert_eq!(session.login(CKU_USER, "user:1234"), CKR_OK);
        ok!(token.module, C_Logout(session.handle));
        assert_eq!(
            session.login(CKU_USER, "nobody:1234"),
            CKR_USER_PIN_NOT_INITIALIZED
        );
        let (mut pin, mut name) = (*b"1234", *b"user");
        let (pin, name) = (pin.as_mut_ptr(), name.as_mut_ptr());
        ok!(
            token.module,
            C_LoginUser(session.handle, CKU_USER, pin, 4, name, 4)
        );
    });
}

#[test]
fn a_user_changes_its_pin() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let (mut old, mut new) = (*b"1234", *b"new-pin");
        let (wrong, new) = (new.as_mut_ptr(), new.as_mut_ptr());
        assert_eq!(
            call!(token.module, C_SetPIN(session.handle, wrong, 7, new, 7)),
            CKR_PIN_INCORRECT
        );
        ok!(
            token.module,
            C_SetPIN(session.handle, old.as_mut_ptr(), 4, new, 7)
        );
        ok!(token.module, C_Logout(session.handle));
        assert_eq!(session.login(CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
        assert_eq!(session.login(CKU_USER, "new-pin"), CKR_OK);
    });
}

#[test]
fn a_pin_may_be_as_long_as_the_token_says_and_no_longer() {
    everywhere(|| {
        let token = Token::make();
        let mut about = CK_TOKEN_INFO::default();
        ok!(token.module, C_GetTokenInfo(token.slot, &raw mut about));
        let session = token.session();
        let set = |old: &str, new: &str| {
            let (old, new) = (old.as_bytes(), new.as_bytes());
            let (old_len, new_len) = (old.len() as CK_ULONG, new.len() as CK_ULONG);
            let (old, new) = (old.as_ptr().cast_mut(), new.as_ptr().cast_mut());
            call!(
                token.module,
                C_SetPIN(session.handle, old, old_len, new, new_len)
            )
        };
        for (user, pin) in [(CKU_SO, ADMIN_PIN), (CKU_USER, USER_PIN)] {
            assert_eq!(session.login(user, pin), CKR_OK);
            for (len, answer) in [
                (about.ulMaxPinLen + 1, CKR_PIN_LEN_RANGE),
                (about.ulMinPinLen - 1, CKR_PIN_LEN_RANGE),
                (about.ulMaxPinLen, CKR_OK),
            ] {
                assert_eq!(set(pin, &"7".repeat(len as usize)), answer, "{len} bytes");
            }
            ok!(token.module, C_Logout(session.handle));
            let longest = "7".repeat(about.ulMaxPinLen as usize);
            assert_eq!(session.login(user, &longest), CKR_OK);
            assert_eq!(
                set(&longest, &"7".repeat(about.ulMinPinLen as usize)),
                CKR_OK
            );
            ok!(token.module, C_Logout(session.handle));
        }
    });
}

#[test]
fn a_pin_of_a_megabyte_is_only_wrong() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        let answer = session.login(CKU_USER, &"x".repeat(1 << 20));
        assert!(
            matches!(answer, CKR_PIN_INCORRECT | CKR_PIN_LEN_RANGE),
            "0x{answer:x}"
        );
    });
}

#[test]
fn the_states_of_a_session_are_those_of_the_standard() {
    everywhere(|| {
        let token = Token::make();
        let state = |session: &tests::Session<'_>| {
            let mut information = CK_SESSION_INFO::default();
            ok!(
                token.module,
                C_GetSessionInfo(session.handle, &raw mut information)
            );
            information.state
        };
        let read_write = token.session();
        let read_only = token.open(CKF_SERIAL_SESSION).unwrap();
        assert_eq!(state(&read_write), CKS_RW_PUBLIC_SESSION);
        assert_eq!(state(&read_only), CKS_RO_PUBLIC_SESSION);
        assert_eq!(read_write.login(CKU_USER, USER_PIN), CKR_OK);
        assert_eq!(state(&read_write), CKS_RW_USER_FUNCTIONS);
        assert_eq!(state(&read_only), CKS_RO_USER_FUNCTIONS);
        ok!(token.module, C_Logout(read_only.handle));
        assert_eq!(state(&read_write), CKS_RW_PUBLIC_SESSION);
        assert_eq!(
            read_write.login(CKU_SO, ADMIN_PIN),
            CKR_SESSION_READ_ONLY_EXISTS
        );
    });
}

#[test]
fn a_parallel_session_and_an_asynchronous_one_are_refused() {
    everywhere(|| {
        let token = Token::make();
        let refused = |flags| token.open(flags).err();
        assert_eq!(
            refused(CKF_RW_SESSION),
            Some(CKR_SESSION_PARALLEL_NOT_SUPPORTED)
        );
        let flags = CKF_SERIAL_SESSION | CKF_ASYNC_SESSION;
        assert_eq!(refused(flags), Some(CKR_SESSION_ASYNC_NOT_SUPPORTED));
        let mut handle = 0;
        let flags = CKF_SERIAL_SESSION;
        assert_eq!(
            call!(
                token.module,
                C_OpenSession(999, flags, ptr::null_mut(), None, &raw mut handle)
            ),
            CKR_SLOT_ID_INVALID
        );
    });
}

#[test]
fn a_token_is_not_initialised_again_while_a_session_is_open() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "before").unwrap();
        let (mut pin, mut label) = (ADMIN_PIN.to_owned(), format!("{:32}", "again"));
        let mut again = || {
            let (pin, label) = (pin.as_mut_ptr(), label.as_mut_ptr());
            call!(
                token.module,
                C_InitToken(token.slot, pin, ADMIN_PIN.len() as CK_ULONG, label)
            )
        };
        assert_eq!(again(), CKR_SESSION_EXISTS);
        ok!(token.module, C_CloseAllSessions(token.slot));
        assert_eq!(again(), CKR_OK);
        // Its user is gone with everything else.
        let session = token.session();
        assert_eq!(
            session.login(CKU_USER, USER_PIN),
            CKR_USER_PIN_NOT_INITIALIZED
        );
        assert_eq!(
            call!(token.module, C_DestroyObject(session.handle, key)),
            CKR_OBJECT_HANDLE_INVALID
        );
        let mut information = CK_TOKEN_INFO::default();
        ok!(
            token.module,
            C_GetTokenInfo(token.slot, &raw mut information)
        );
        assert_eq!(&information.label, format!("{:32}", "again").as_bytes());
    });
}

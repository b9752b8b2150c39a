//! The module's own log: there when asked for, silent on the host's standard error, without data.

use cryptoki_sys::*;
use tests::{Other, Token, everywhere, role};

#[test]
fn a_failure_is_a_line_in_the_log_without_the_pin() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        assert_eq!(
            session.login(CKU_USER, "hunter2-not-the-pin"),
            CKR_PIN_INCORRECT
        );
        let log = tests::log();
        assert!(log.contains("C_Login: the password is wrong"), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    });
}

#[test]
fn nothing_is_written_to_the_hosts_standard_error_unasked() {
    everywhere(|| match role() {
        None => {
            Token::make().module.finalize();
            let said = Other::errors("silent");
            assert_eq!(said, "");
        }
        Some(_) => {
            let token = Token::in_first_slot();
            let session = token.session();
            assert_eq!(session.login(CKU_USER, "wrong"), CKR_PIN_INCORRECT);
            assert_eq!(
                session.encrypt(b"nothing"),
                Err(CKR_OPERATION_NOT_INITIALIZED)
            );
            token.module.finalize();
        }
    });
}

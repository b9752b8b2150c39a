//! Many threads at once, and the library that goes from under them.

use std::{
    ptr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
};

use cryptoki_sys::*;
use tests::{Token, call, everywhere};

#[test]
fn threads_with_a_session_each_do_not_disturb_one_another() {
    everywhere(|| {
        let token = Token::make();
        let key = token.logged_in().generate(true, "shared").unwrap();
        thread::scope(|scope| {
            for number in 0..8_u8 {
                let token = &token;
                scope.spawn(move || {
                    let session = token.logged_in();
                    for _ in 0..200 {
                        let message = vec![number; 100];
                        assert_eq!(session.start_encrypting(key), CKR_OK);
                        let sealed = session.encrypt(&message).unwrap();
                        assert_eq!(session.decrypt(key, &sealed).unwrap(), message);
                    }
                });
            }
        });
    });
}

#[test]
fn threads_that_open_and_close_sessions_leave_none() {
    everywhere(|| {
        let token = Token::make();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let session = token.session();
                        assert_eq!(call!(token.module, C_CloseSession(session.handle)), CKR_OK);
                    }
                });
            }
        });
        let mut information = CK_TOKEN_INFO::default();
        tests::ok!(
            token.module,
            C_GetTokenInfo(token.slot, &raw mut information)
        );
        assert_eq!(
            (information.ulSessionCount, information.ulRwSessionCount),
            (0, 0)
        );
    });
}

#[test]
fn finalize_under_running_calls_is_safe() {
    everywhere(|| {
        let token = Token::make();
        token.logged_in().generate(true, "kept").unwrap();
        let (stop, calls) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; 4]);
        let called = || calls.each_ref().map(|count| count.load(Relaxed));
        thread::scope(|scope| {
            let callers = calls.each_ref().map(|calls| {
                let (token, stop) = (&token, &stop);
                scope.spawn(move || {
                    let mut bytes = [0; 64];
                    while !stop.load(Relaxed) {
                        if let Ok(session) = token.open(CKF_SERIAL_SESSION) {
                            let (handle, first) = (session.handle, bytes.as_mut_ptr());
                            let answer = call!(token.module, C_GenerateRandom(handle, first, 64));
                            assert_ne!(answer, CKR_GENERAL_ERROR);
                            // An application has thousands of them, which are soon gone.
                            call!(token.module, C_CloseSession(handle));
                            calls.fetch_add(1, Relaxed);
                        }
                    }
                })
            });
            for _ in 0..10 {
                // Until each is on its way again, however slow the machine is.
                let before = called();
                let is_one_behind = || {
                    called()
                        .iter()
                        .zip(before)
                        .any(|(now, then)| now < &(then + 10))
                };
                while is_one_behind() && !callers.iter().any(|one| one.is_finished()) {
                    thread::yield_now();
                }
                let answer = call!(token.module, C_Finalize(ptr::null_mut()));
                assert_eq!(answer, CKR_OK);
                token.module.initialize();
            }
            stop.store(true, Relaxed);
        });
        token.logged_in().generate(false, "after").unwrap();
    });
}

#[test]
fn one_of_many_threads_that_initialize_at_once_does_it() {
    everywhere(|| {
        let module = tests::Module::load();
        let won = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| match call!(module, C_Initialize(ptr::null_mut())) {
                    CKR_OK => {
                        won.fetch_add(1, Relaxed);
                    }
                    answer => assert_eq!(answer, CKR_CRYPTOKI_ALREADY_INITIALIZED),
                });
            }
        });
        assert_eq!(won.load(Relaxed), 1);
    });
}

//! More than one process: forked children, neighbours, and an hsmd that dies.

use std::{
    collections::BTreeSet,
    fs, process, ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use cryptoki_sys::*;
use tests::{Attributes, Other, Token, USER_PIN, call, embedded, everywhere, ok, role, served};

use crate::null;

/// Runs `body` in a forked child and fails if it does.
pub(crate) fn in_child(body: impl FnOnce()) {
    // SAFETY: the child has the one thread that forked, calls the module, and exits at once.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork");
    if child == 0 {
        let body = std::panic::AssertUnwindSafe(body);
        let failed = std::panic::catch_unwind(body).is_err();
        // SAFETY: without destructors, as after a fork it has to be.
        unsafe { libc::_exit(failed.into()) };
    }
    let mut status = 0;
    let end = Instant::now() + Duration::from_secs(300);
    loop {
        // SAFETY: waits for the child made above.
        match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
            0 if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
            0 => {
                // SAFETY: that child.
                unsafe { libc::kill(child, libc::SIGKILL) };
                panic!("the child hangs");
            }
            _ => break,
        }
    }
    assert_eq!(status, 0, "the child");
}

/// The process that holds the home's lock.
pub(crate) fn owner() -> i32 {
    let line = fs::read_to_string(tests::home().join("lock")).expect("a lock file");
    let pid = line
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok());
    pid.expect("a pid in the lock file")
}

/// Sends hsmd a signal that it ends by, and waits until it has.
pub(crate) fn end_hsmd(signal: i32) {
    let hsmd = owner();
    assert_ne!(u32::try_from(hsmd), Ok(process::id()));
    // SAFETY: hsmd of this test's home.
    assert_eq!(unsafe { libc::kill(hsmd, signal) }, 0);
    let end = Instant::now() + Duration::from_secs(120);
    // It is nobody's child here: a zombie is as good as gone.
    let runs = || {
        let stat = fs::read_to_string(format!("/proc/{hsmd}/stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
    };
    while runs() {
        assert!(Instant::now() < end, "hsmd does not end");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_forked_child_is_not_initialised_until_it_does_so_itself() {
    served(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "key").unwrap();
        session.start_encrypting(key);
        in_child(|| {
            assert_eq!(
                session.encrypt(b"message"),
                Err(CKR_CRYPTOKI_NOT_INITIALIZED)
            );
            assert_eq!(
                call!(token.module, C_Finalize(ptr::null_mut())),
                CKR_CRYPTOKI_NOT_INITIALIZED
            );
            token.module.initialize();
            // An application of its own: nobody is logged in.
            let mine = token.session();
            assert_eq!(mine.login(CKU_USER, USER_PIN), CKR_OK);
            assert_eq!(mine.find(Attributes::new()).unwrap(), [key]);
            mine.generate(true, "child").unwrap();
            token.module.finalize();
            token.module.initialize();
        });
        // And the parent's operation goes on.
        let sealed = session.encrypt(b"message").unwrap();
        assert_eq!(session.decrypt(key, &sealed).unwrap(), b"message");
        assert_eq!(session.find(Attributes::new()).unwrap().len(), 2);
    });
}

#[test]
fn every_function_answers_in_a_forked_child() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        session.generate(false, "of the parent").unwrap();
        in_child(|| {
            let own = [
                "C_Initialize",
                "C_GetFunctionList",
                "C_GetInterface",
                "C_GetInterfaceList",
            ];
            for (name, function) in token.module.named_functions() {
                if !own.contains(&name) {
                    let answer = null::call_with(function, &[0]);
                    let expected = [
                        CKR_CRYPTOKI_NOT_INITIALIZED,
                        CKR_FUNCTION_NOT_SUPPORTED,
                        CKR_FUNCTION_NOT_PARALLEL,
                    ];
                    assert!(expected.contains(&answer), "{name}: 0x{answer:x}");
                }
            }
        });
        session.generate(false, "the parent goes on").unwrap();
    });
}

#[test]
fn a_child_forked_among_running_threads_works() {
    served(|| {
        let token = Token::make();
        let key = token.logged_in().generate(true, "key").unwrap();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let session = token.logged_in();
                    while !stop.load(Relaxed) {
                        session.start_encrypting(key);
                        session.encrypt(&[1; 1000]).unwrap();
                    }
                });
            }
            for _ in 0..10 {
                in_child(|| {
                    token.module.initialize();
                    let session = token.logged_in();
                    session.start_encrypting(key);
                    session.encrypt(b"child").unwrap();
                });
            }
            stop.store(true, Relaxed);
        });
    });
}

#[test]
fn a_forked_child_of_an_embedded_home_is_refused_with_the_remedy() {
    embedded(|| {
        let token = Token::make();
        let session = token.logged_in();
        in_child(|| {
            for _ in 0..2 {
                assert_eq!(
                    call!(token.module, C_Initialize(ptr::null_mut())),
                    CKR_FUNCTION_FAILED
                );
            }
            assert!(tests::log().contains("hsmd"), "{}", tests::log());
        });
        session.generate(true, "the parent goes on").unwrap();
    });
}

#[test]
fn a_second_owner_of_an_embedded_home_is_refused_with_the_remedy() {
    embedded(|| match role().as_deref() {
        None => {
            let token = Token::make();
            Other::start("second").join();
            token
                .logged_in()
                .generate(true, "the first goes on")
                .unwrap();
            token.module.finalize();
            Other::start("third").join();
        }
        Some("second") => {
            let module = tests::Module::load();
            assert_eq!(
                call!(module, C_Initialize(ptr::null_mut())),
                CKR_FUNCTION_FAILED
            );
            assert!(tests::log().contains("hsmd"), "{}", tests::log());
        }
        _ => assert_eq!(
            Token::in_first_slot()
                .logged_in()
                .find(Attributes::new())
                .unwrap()
                .len(),
            1
        ),
    });
}

#[test]
fn two_processes_see_each_others_objects_at_once() {
    served(|| match role() {
        None => {
            let token = Token::make();
            let session = token.logged_in();
            let mine = session.generate(true, "mine").unwrap();
            Other::start("other").join();
            let theirs = session
                .find(Attributes::new().bytes(CKA_LABEL, b"theirs"))
                .unwrap();
            assert_eq!(theirs.len(), 1);
            // The other one has destroyed it, with the same handle.
            assert_eq!(
                call!(token.module, C_DestroyObject(session.handle, mine)),
                CKR_OBJECT_HANDLE_INVALID
            );
        }
        Some(_) => {
            let token = Token::in_first_slot();
            let session = token.logged_in();
            session.generate(true, "theirs").unwrap();
            let found = session
                .find(Attributes::new().bytes(CKA_LABEL, b"mine"))
                .unwrap();
            ok!(token.module, C_DestroyObject(session.handle, found[0]));
        }
    });
}

#[test]
fn eight_processes_create_keys_and_all_see_all() {
    const EACH: usize = 25;
    served(|| match role() {
        None => {
            let token = Token::make();
            let others: Vec<_> = (0..8)
                .map(|number| Other::start(&number.to_string()))
                .collect();
            others.into_iter().for_each(Other::join);
            let found = token.logged_in().find(Attributes::new()).unwrap();
            let different: BTreeSet<_> = found.iter().collect();
            assert_eq!((found.len(), different.len()), (8 * EACH, 8 * EACH));
        }
        Some(number) => {
            let token = Token::in_first_slot();
            let session = token.logged_in();
            for key in 0..EACH {
                session.generate(true, &format!("{number}.{key}")).unwrap();
            }
            let mine =
                session.find(Attributes::new().bytes(CKA_LABEL, format!("{number}.0").as_bytes()));
            assert_eq!(mine.unwrap().len(), 1);
        }
    });
}

#[test]
fn an_hsmd_that_is_killed_is_back_with_the_next_call() {
    served(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "kept").unwrap();
        session.start_encrypting(key);
        let sealed = session.encrypt(b"message").unwrap();
        for _ in 0..3 {
            end_hsmd(libc::SIGKILL);
            // Logged in as before, with the same handles.
            assert_eq!(session.decrypt(key, &sealed).unwrap(), b"message");
            session.generate(true, "another").unwrap();
        }
        assert_eq!(session.find(Attributes::new()).unwrap().len(), 4);
        assert_eq!(
            session.login(CKU_USER, USER_PIN),
            CKR_USER_ALREADY_LOGGED_IN
        );
    });
}

#[test]
fn nothing_acknowledged_is_lost_or_done_twice_when_hsmd_is_killed() {
    served(|| {
        let token = Token::make();
        let session = token.logged_in();
        let (done, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        let made = thread::scope(|scope| {
            let maker = scope.spawn(|| {
                let mut made = BTreeSet::new();
                while !done.load(Relaxed) {
                    let key = session
                        .generate(true, "kept")
                        .expect("a key, whatever happens to hsmd");
                    assert!(made.insert(key), "a handle twice");
                    count.store(made.len(), Relaxed);
                }
                made
            });
            for death in 1..=5 {
                // In the middle of a key, however long hsmd takes to be back.
                while count.load(Relaxed) < death * 10 && !maker.is_finished() {
                    thread::sleep(Duration::from_millis(1));
                }
                end_hsmd(libc::SIGKILL);
            }
            done.store(true, Relaxed);
            maker.join().unwrap()
        });
        let found: BTreeSet<_> = session
            .find(Attributes::new())
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(found, made);
        assert!(made.len() >= 50);
    });
}

#[test]
fn a_home_keeps_all_when_its_mode_changes() {
    let configure = |mode: &str| {
        let text = format!("mode = \"{mode}\"\nidle_seconds = 10\n");
        fs::write(tests::home().join("strongroom.toml"), text).unwrap();
    };
    // The home is resolved once in a process, so each mode is another one's.
    served(|| match role().as_deref() {
        None => {
            let token = Token::make();
            let key = token.logged_in().generate(true, "kept").unwrap();
            token.module.finalize();
            end_hsmd(libc::SIGTERM);
            configure("embedded");
            Other::start(&key.to_string()).join();
            configure("served");
            Other::start("served").join();
        }
        Some("served") => {
            assert_eq!(
                Token::in_first_slot()
                    .logged_in()
                    .find(Attributes::new())
                    .unwrap()
                    .len(),
                2
            );
        }
        Some(key) => {
            let token = Token::in_first_slot();
            let session = token.logged_in();
            assert_eq!(
                session.find(Attributes::new()).unwrap(),
                [key.parse().unwrap()]
            );
            assert_eq!(owner(), i32::try_from(process::id()).unwrap());
            session.generate(true, "embedded").unwrap();
            token.module.finalize();
        }
    });
}

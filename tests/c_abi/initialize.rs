//! The library's life: `C_Initialize`, `C_Finalize`, and calls outside of it.

use std::ptr;

use cryptoki_sys::*;
use tests::{Module, Token, call, everywhere, ok};

unsafe extern "C" fn create(_: *mut CK_VOID_PTR) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn other(_: CK_VOID_PTR) -> CK_RV {
    CKR_OK
}

fn arguments(flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
    CK_C_INITIALIZE_ARGS {
        flags,
        ..Default::default()
    }
}

fn with_callbacks(flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
    CK_C_INITIALIZE_ARGS {
        CreateMutex: Some(create),
        DestroyMutex: Some(other),
        LockMutex: Some(other),
        UnlockMutex: Some(other),
        ..arguments(flags)
    }
}

fn initialize(module: &Module, mut arguments: CK_C_INITIALIZE_ARGS) -> CK_RV {
    call!(module, C_Initialize((&raw mut arguments).cast()))
}

#[test]
fn a_second_initialize_says_so_and_disturbs_nothing() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        assert_eq!(
            call!(token.module, C_Initialize(ptr::null_mut())),
            CKR_CRYPTOKI_ALREADY_INITIALIZED
        );
        session.generate(false, "still here").unwrap();
    });
}

#[test]
fn the_callers_own_mutexes_alone_are_refused() {
    everywhere(|| {
        let module = Module::load();
        assert_eq!(initialize(&module, with_callbacks(0)), CKR_CANT_LOCK);
        assert_eq!(
            initialize(&module, with_callbacks(CKF_OS_LOCKING_OK)),
            CKR_OK
        );
        module.finalize();
        assert_eq!(initialize(&module, arguments(CKF_OS_LOCKING_OK)), CKR_OK);
        module.finalize();
        assert_eq!(initialize(&module, arguments(0)), CKR_OK);
    });
}

#[test]
fn some_callbacks_without_the_others_are_bad_arguments() {
    everywhere(|| {
        let module = Module::load();
        let mut some = with_callbacks(CKF_OS_LOCKING_OK);
        some.UnlockMutex = None;
        assert_eq!(initialize(&module, some), CKR_ARGUMENTS_BAD);
    });
}

#[test]
fn reserved_that_points_nowhere_or_to_nonsense_is_bad_arguments() {
    everywhere(|| {
        let module = Module::load();
        let mut nonsense = *b"nonsense\0";
        for reserved in [ptr::without_provenance_mut(1), nonsense.as_mut_ptr().cast()] {
            let arguments = CK_C_INITIALIZE_ARGS {
                pReserved: reserved,
                ..arguments(0)
            };
            assert_eq!(initialize(&module, arguments), CKR_ARGUMENTS_BAD);
        }
        module.initialize();
        let reserved = ptr::without_provenance_mut(1);
        assert_eq!(call!(module, C_Finalize(reserved)), CKR_ARGUMENTS_BAD);
        module.finalize();
    });
}

#[test]
fn reserved_may_say_which_slots_are_shown() {
    everywhere(|| {
        let token = Token::make();
        let all = token.module.slots(false).len();
        assert_eq!(all, 3, "the cluster and its two HSMs");
        token.module.finalize();
        let mut words = *b"slots.per_hsm=none\0";
        let reserved = words.as_mut_ptr().cast();
        let arguments = CK_C_INITIALIZE_ARGS {
            pReserved: reserved,
            ..arguments(0)
        };
        assert_eq!(initialize(&token.module, arguments), CKR_OK);
        assert_eq!(token.module.slots(false), [token.slot]);
    });
}

#[test]
fn a_host_that_allows_no_threads_as_gnutls_does_is_served_too() {
    everywhere(|| {
        let arguments = arguments(CKF_LIBRARY_CANT_CREATE_OS_THREADS);
        assert_eq!(initialize(&Module::load(), arguments), CKR_OK);
    });
}

#[test]
fn what_was_stored_is_there_after_finalize_and_initialize() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "kept").unwrap();
        session.start_encrypting(key);
        let sealed = session.encrypt(b"message").unwrap();
        for _ in 0..3 {
            token.module.finalize();
            token.module.initialize();
            let session = token.logged_in();
            assert_eq!(session.find(tests::Attributes::new()).unwrap(), [key]);
            assert_eq!(session.decrypt(key, &sealed).unwrap(), b"message");
        }
    });
}

#[test]
fn random_calls_after_finalize_are_answered() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "gone").unwrap();
        assert_eq!(session.start_encrypting(key), CKR_OK);
        token.module.finalize();
        let mut bytes = [0; 32];
        let mut length = 32;
        let (first, handle) = (bytes.as_mut_ptr(), session.handle);
        let module = &token.module;
        let answers = [
            call!(module, C_Finalize(ptr::null_mut())),
            call!(module, C_GenerateRandom(handle, first, 32)),
            call!(module, C_Encrypt(handle, first, 16, first, &raw mut length)),
            call!(module, C_CloseSession(handle)),
            call!(module, C_DestroyObject(handle, key)),
            session.login(CKU_USER, tests::USER_PIN),
        ];
        assert_eq!(answers, [CKR_CRYPTOKI_NOT_INITIALIZED; 6]);
    });
}

#[test]
fn a_handle_from_before_finalize_is_none_after_it() {
    everywhere(|| {
        let token = Token::make();
        let old = token.session().handle;
        token.module.finalize();
        token.module.initialize();
        let mut bytes = [0; 8];
        assert_eq!(
            call!(token.module, C_GenerateRandom(old, bytes.as_mut_ptr(), 8)),
            CKR_SESSION_HANDLE_INVALID
        );
    });
}

#[test]
fn calls_while_the_process_exits_do_not_crash_it() {
    everywhere(|| {
        use std::sync::OnceLock;
        static TOKEN: OnceLock<(Token, CK_SESSION_HANDLE)> = OnceLock::new();
        extern "C" fn at_exit() {
            let (token, session) = TOKEN.get().unwrap();
            let mut bytes = [0; 8];
            call!(
                token.module,
                C_GenerateRandom(*session, bytes.as_mut_ptr(), 8)
            );
            call!(token.module, C_CloseSession(*session));
            call!(token.module, C_Finalize(ptr::null_mut()));
            call!(
                token.module,
                C_GenerateRandom(*session, bytes.as_mut_ptr(), 8)
            );
        }
        let token = Token::make();
        let session = token.logged_in().handle;
        assert!(TOKEN.set((token, session)).is_ok());
        // SAFETY: the handler only calls the module.
        assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    });
}

#[test]
fn the_library_says_who_it_is() {
    everywhere(|| {
        let module = Module::load();
        module.initialize();
        let mut information = CK_INFO::default();
        ok!(module, C_GetInfo(&raw mut information));
        assert_eq!(
            information.manufacturerID,
            *b"Strongroom                      "
        );
        assert_eq!(
            (information.cryptokiVersion.major, information.flags),
            (3, 0)
        );
    });
}

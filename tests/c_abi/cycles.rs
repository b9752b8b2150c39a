//! The same over and over: what is opened and closed, loaded and unloaded, leaves nothing behind.

use std::{env, ffi::CString, fs, os::unix::ffi::OsStrExt, ptr};

use cryptoki_sys::*;
use tests::{Attributes, Other, Token, call, embedded, everywhere, ok, role, served};

use crate::processes::owner;

/// Growth that is noise: what an allocator keeps for the next time.
const NOISE_KIB: u64 = 1024;

/// Memory that a process has in use.
fn resident_kib(process: &str) -> u64 {
    let file = |name| fs::read_to_string(format!("/proc/{process}/{name}"));
    // The status is off by what each processor has counted and not yet told, which may be megabytes.
    let text = file("smaps_rollup")
        .or_else(|_| file("status"))
        .expect("a process");
    let of_all = |line: &&str| line.starts_with("Rss:") || line.starts_with("VmRSS:");
    let line = text.lines().find(of_all);
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("its resident size")
}

/// Does `step` as often as the test is asked to, and fails if memory grows after the first half.
fn stays_flat(processes: &[String], cycles: usize, mut step: impl FnMut()) {
    // Each thread that comes and goes may make an arena of its own, up to eight for each processor,
    // and that would look like growth for a long time.
    //
    // Left alone, the threshold for blocks of their own rises when a large one is freed; then the heap
    // grows by such blocks, once or twice and at any time: 4 MiB each, in which no leak would show.
    for (parameter, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, 128 << 10)] {
        // SAFETY: sets a number.
        assert_eq!(unsafe { libc::mallopt(parameter, value) }, 1);
    }
    let cycles = match env::var("STRONGROOM_TEST_CYCLES") {
        Ok(number) => number.parse().expect("a number of cycles"),
        Err(_) => cycles,
    };
    let sizes = || processes.iter().map(|process| resident_kib(process));
    (0..cycles / 2).for_each(|_| step());
    let before: Vec<_> = sizes().collect();
    (0..cycles / 2).for_each(|_| step());
    for (before, after) in before.iter().zip(sizes()) {
        assert!(after <= before + NOISE_KIB, "{before} to {after} KiB");
    }
}

fn this_process() -> String {
    "self".to_owned()
}

#[test]
fn ten_thousand_initialize_and_finalize_leave_no_memory_behind() {
    served(|| {
        let token = Token::make();
        token.logged_in().generate(true, "kept").unwrap();
        token.module.finalize();
        token.module.initialize();
        let processes = [this_process(), owner().to_string()];
        token.module.finalize();
        stays_flat(&processes, 10_000, || {
            token.module.initialize();
            token.module.finalize();
        });
    });
}

#[test]
fn initialize_and_finalize_of_an_embedded_home_leave_no_memory_behind() {
    embedded(|| {
        let token = Token::make();
        token.logged_in().generate(true, "kept").unwrap();
        token.module.finalize();
        stays_flat(&[this_process()], 200, || {
            token.module.initialize();
            token.module.finalize();
        });
    });
}

#[test]
fn ten_thousand_sessions_with_a_key_each_leave_no_memory_behind() {
    everywhere(|| {
        let token = Token::make();
        let _logged_in = token.logged_in();
        let processes = [this_process(), owner().to_string()];
        stays_flat(&processes, 10_000, || {
            let session = token.session();
            let key = session.generate(false, "of the session").unwrap();
            assert_eq!(session.start_encrypting(key), CKR_OK);
            ok!(token.module, C_CloseSession(session.handle));
        });
        assert_eq!(token.session().find(Attributes::new()).unwrap(), []);
    });
}

#[test]
fn logins_at_once_leave_no_memory_of_password_hashes_behind() {
    // One hash has 19 MiB, and each connection a thread, whose heap could keep them.
    const HASH_KIB: u64 = 19 * 1024;
    served(|| {
        if role().is_some() {
            Token::in_first_slot().logged_in();
            return;
        }
        let _token = Token::make();
        let before = resident_kib(&owner().to_string());
        let others: Vec<_> = (0..8).map(|_| Other::start("another")).collect();
        others.into_iter().for_each(Other::join);
        let after = resident_kib(&owner().to_string());
        assert!(after < before + HASH_KIB, "{before} to {after} KiB");
    });
}

#[test]
fn operations_that_are_left_open_are_one_a_session() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        let processes = [this_process(), owner().to_string()];
        stays_flat(&processes, 10_000, || {
            assert_eq!(session.start_encrypting(key), CKR_OK);
            assert_eq!(
                call!(
                    token.module,
                    C_EncryptInit(session.handle, ptr::null_mut(), key)
                ),
                CKR_OK
            );
        });
    });
}

#[test]
fn ten_thousand_loads_and_unloads_leave_no_memory_behind() {
    everywhere(|| {
        let path = CString::new(tests::module().as_os_str().as_bytes()).unwrap();
        stays_flat(&[this_process()], 10_000, || {
            // SAFETY: the module is made to be loaded.
            let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            assert!(!handle.is_null());
            // SAFETY: it was loaded just now.
            let get = unsafe { libc::dlsym(handle, c"C_GetFunctionList".as_ptr()) };
            assert!(!get.is_null());
            // SAFETY: nothing of it is used any more.
            assert_eq!(unsafe { libc::dlclose(handle) }, 0);
        });
    });
}

#[test]
fn a_module_that_is_unloaded_while_it_is_initialised_can_be_loaded_again() {
    served(|| {
        let path = CString::new(tests::module().as_os_str().as_bytes()).unwrap();
        let load = || {
            // SAFETY: the module is made to be loaded.
            unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) }
        };
        let first = load();
        let token = Token::make();
        let session = token.logged_in();
        for _ in 0..10 {
            // SAFETY: functions of it are called after this, as careless hosts do.
            assert_eq!(unsafe { libc::dlclose(first) }, 0);
            session.generate(false, "still here").unwrap();
            assert!(!load().is_null());
        }
    });
}

//! Slot events: none at once, one when a token comes, and the end of the library.

use std::{
    ptr,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    thread,
    time::Duration,
};

use cryptoki_sys::*;
use tests::{Module, Token, call, everywhere, ok};

fn wait(module: &Module, flags: CK_FLAGS) -> Result<CK_SLOT_ID, CK_RV> {
    let mut slot = CK_ULONG::MAX;
    match call!(
        module,
        C_WaitForSlotEvent(flags, &raw mut slot, ptr::null_mut())
    ) {
        CKR_OK => Ok(slot),
        error => Err(error),
    }
}

/// Takes all events that there are.
fn drain(module: &Module) {
    while wait(module, CKF_DONT_BLOCK).is_ok() {}
}

#[test]
fn who_does_not_want_to_wait_is_told_that_there_is_no_event() {
    everywhere(|| {
        let token = Token::make();
        drain(&token.module);
        assert_eq!(wait(&token.module, CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
    });
}

#[test]
fn finalize_wakes_who_waits_for_an_event() {
    everywhere(|| {
        let token = Token::make();
        drain(&token.module);
        let answer = AtomicU64::new(CKR_OK);
        thread::scope(|scope| {
            scope.spawn(|| {
                let waited = wait(&token.module, 0);
                answer.store(waited.err().unwrap_or(CKR_OK), SeqCst);
            });
            thread::sleep(Duration::from_millis(300));
            // Others go on while one waits.
            token.logged_in().generate(false, "meanwhile").unwrap();
            assert_eq!(answer.load(SeqCst), CKR_OK);
            token.module.finalize();
        });
        assert_eq!(answer.load(SeqCst), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn arguments_that_are_not_legal_are_refused_without_waiting() {
    everywhere(|| {
        let token = Token::make();
        let (module, null, mut slot) = (&token.module, ptr::null_mut(), 0);
        assert_eq!(
            call!(module, C_WaitForSlotEvent(0, ptr::null_mut(), null)),
            CKR_ARGUMENTS_BAD
        );
        let reserved = ptr::without_provenance_mut(8);
        assert_eq!(
            call!(module, C_WaitForSlotEvent(0, &raw mut slot, reserved)),
            CKR_ARGUMENTS_BAD
        );
        ok!(module, C_Finalize(null));
        assert_eq!(wait(module, 0), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
    });
}

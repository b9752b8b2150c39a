//! The state of an operation: taken from one session, put into another.

use std::ptr;

use cryptoki_sys::*;
use tests::{Answer, Kind, Session, Token, call, everywhere, ok, plain};

fn state_of(session: &Session<'_>) -> Answer<Vec<u8>> {
    let (module, handle, mut length) = (session.module, session.handle, 0);
    let answer = call!(
        module,
        C_GetOperationState(handle, ptr::null_mut(), &raw mut length)
    );
    if answer != CKR_OK {
        return Err(answer);
    }
    let mut state = vec![0; length as usize];
    ok!(
        module,
        C_GetOperationState(handle, state.as_mut_ptr(), &raw mut length)
    );
    state.truncate(length as usize);
    Ok(state)
}

fn put(session: &Session<'_>, state: &[u8], key: CK_OBJECT_HANDLE) -> CK_RV {
    let (first, length) = (state.as_ptr().cast_mut(), state.len() as CK_ULONG);
    call!(
        session.module,
        C_SetOperationState(session.handle, first, length, 0, key)
    )
}

fn absorb(session: &Session<'_>, data: &[u8]) {
    let (first, count) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
    ok!(session.module, C_DigestUpdate(session.handle, first, count));
}

fn digest(session: &Session<'_>) -> [u8; 32] {
    let (mut digest, mut length) = ([0; 32], 32);
    ok!(
        session.module,
        C_DigestFinal(session.handle, digest.as_mut_ptr(), &raw mut length)
    );
    digest
}

#[test]
fn a_digest_goes_on_in_another_session_if_it_can_be_saved() {
    everywhere(|| {
        let token = Token::make();
        assert_ne!(token.flags() & CKF_RESTORE_KEY_NOT_NEEDED, 0);
        let (one, other) = (token.logged_in(), token.logged_in());
        for begun in [&b""[..], b"first, "] {
            let data = [begun, b"second"].concat();
            let expected = one.run(Kind::Digest, plain(CKM_SHA256), 0, &data);
            assert_eq!(one.start(Kind::Digest, plain(CKM_SHA256), 0), CKR_OK);
            if !begun.is_empty() {
                absorb(&one, begun);
            }
            match state_of(&one) {
                Ok(state) => assert_eq!(put(&other, &state, 0), CKR_OK),
                // §5.6.6 leaves it to the mechanism, but not before it has begun.
                Err(code) => {
                    assert_eq!((code, begun.is_empty()), (CKR_STATE_UNSAVEABLE, false));
                    other.start(Kind::Digest, plain(CKM_SHA256), 0);
                    absorb(&other, begun);
                }
            }
            for session in [&one, &other] {
                absorb(session, b"second");
                assert_eq!(expected.as_deref(), Ok(&digest(session)[..]));
            }
        }
    });
}

#[test]
fn a_state_that_was_altered_or_cut_is_refused() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        assert_eq!(state_of(&session), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.start(Kind::Digest, plain(CKM_SHA256), 0);
        let state = state_of(&session).unwrap();
        for position in [0, state.len() / 2, state.len() - 1] {
            let mut altered = state.clone();
            altered[position] ^= 1;
            assert_eq!(put(&session, &altered, 0), CKR_SAVED_STATE_INVALID);
            assert_eq!(
                put(&session, &state[..position], 0),
                CKR_SAVED_STATE_INVALID
            );
        }
    });
}

//! Searches: few objects and hundreds, ended and cancelled, and what happens to them in the middle.

use std::ptr;

use cryptoki_sys::*;
use tests::{Session, Token, call, everywhere, ok, served};

use crate::processes::{end_hsmd, in_child};

fn begin(session: &Session<'_>) -> CK_RV {
    call!(
        session.module,
        C_FindObjectsInit(session.handle, ptr::null_mut(), 0)
    )
}

/// The next objects, of which there is room for so many.
fn next(session: &Session<'_>, room: usize) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
    let (mut objects, mut count) = (vec![0; room], 0);
    match call!(
        session.module,
        C_FindObjects(
            session.handle,
            objects.as_mut_ptr(),
            room as CK_ULONG,
            &raw mut count
        )
    ) {
        CKR_OK => {
            objects.truncate(count as usize);
            Ok(objects)
        }
        error => Err(error),
    }
}

fn end(session: &Session<'_>) -> CK_RV {
    call!(session.module, C_FindObjectsFinal(session.handle))
}

fn make(session: &Session<'_>, objects: usize) -> Vec<CK_OBJECT_HANDLE> {
    (0..objects)
        .map(|_| session.generate(false, "one").unwrap())
        .collect()
}

#[test]
fn a_search_is_an_operation_of_its_own() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let none = CKR_OPERATION_NOT_INITIALIZED;
        make(&session, 1);
        for more in [0, 100] {
            make(&session, more);
            assert_eq!((next(&session, 1), end(&session)), (Err(none), none));
            assert_eq!(begin(&session), CKR_OK);
            assert_eq!(begin(&session), CKR_OPERATION_ACTIVE);
            assert_eq!(next(&session, 1).unwrap().len(), 1);
            ok!(
                token.module,
                C_SessionCancel(session.handle, CKF_FIND_OBJECTS)
            );
            assert_eq!((next(&session, 1), end(&session)), (Err(none), none));
            assert_eq!((begin(&session), end(&session)), (CKR_OK, CKR_OK));
        }
    });
}

#[test]
fn hundreds_of_objects_are_found_once_each() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut made = make(&session, 300);
        made.sort_unstable();
        for room in [1, 64, 100, 1_000] {
            assert_eq!(begin(&session), CKR_OK);
            let mut found = Vec::new();
            loop {
                let page = next(&session, room).unwrap();
                if page.is_empty() {
                    break;
                }
                found.extend(page);
            }
            assert_eq!(end(&session), CKR_OK);
            found.sort_unstable();
            assert_eq!(found, made, "{room} at once");
        }
    });
}

#[test]
fn a_search_ends_with_its_session_and_with_the_login() {
    everywhere(|| {
        let token = Token::make();
        let keeper = token.session();
        for objects in [1, 100] {
            let session = token.logged_in();
            make(&session, objects);
            assert_eq!(begin(&session), CKR_OK);
            ok!(token.module, C_Logout(keeper.handle));
            assert_eq!(next(&session, 1), Err(CKR_OPERATION_NOT_INITIALIZED));
            assert_eq!((begin(&session), end(&session)), (CKR_OK, CKR_OK));
            assert_eq!(begin(&session), CKR_OK);
            ok!(token.module, C_CloseSession(session.handle));
            assert_eq!(next(&session, 1), Err(CKR_SESSION_HANDLE_INVALID));
            assert_eq!(end(&session), CKR_SESSION_HANDLE_INVALID);
        }
    });
}

#[test]
fn what_another_session_destroys_in_the_middle_is_not_used() {
    everywhere(|| {
        let token = Token::make();
        let (session, other) = (token.logged_in(), token.session());
        let key = session.generate(true, "one").unwrap();
        assert_eq!(begin(&session), CKR_OK);
        ok!(token.module, C_DestroyObject(other.handle, key));
        // It may be found still, the standard says.
        for found in next(&session, 10).unwrap() {
            assert_eq!(found, key);
        }
        assert_eq!(end(&session), CKR_OK);
        assert_eq!(session.start_encrypting(key), CKR_KEY_HANDLE_INVALID);
    });
}

#[test]
fn a_forked_child_has_no_search_of_its_parent() {
    served(|| {
        let token = Token::make();
        let session = token.logged_in();
        for objects in [1, 100] {
            make(&session, objects);
            assert_eq!(begin(&session), CKR_OK);
            in_child(|| {
                assert_eq!(next(&session, 1), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
                assert_eq!(end(&session), CKR_CRYPTOKI_NOT_INITIALIZED);
            });
            assert_eq!(next(&session, 1).unwrap().len(), 1);
            assert_eq!(end(&session), CKR_OK);
        }
    });
}

#[test]
fn a_search_outlives_hsmd_unless_there_is_more_than_the_caller_has_seen() {
    served(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(true, "one").unwrap();
        assert_eq!(begin(&session), CKR_OK);
        end_hsmd(libc::SIGKILL);
        assert_eq!(next(&session, 10), Ok(vec![key]));
        assert_eq!(next(&session, 10), Ok(vec![]));
        assert_eq!(end(&session), CKR_OK);
        for _ in 0..99 {
            session.generate(true, "another").unwrap();
        }
        assert_eq!(begin(&session), CKR_OK);
        end_hsmd(libc::SIGKILL);
        assert_eq!(next(&session, 80).unwrap().len(), 80);
        end_hsmd(libc::SIGKILL);
        assert_eq!(next(&session, 80), Err(CKR_OPERATION_NOT_INITIALIZED));
        assert_eq!((begin(&session), end(&session)), (CKR_OK, CKR_OK));
    });
}

//! Sessions and logins of applications, by the standard's rules.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]

mod support;

use support::*;
use token::{
    Access, AttributeType as A, Hsm, LoginAs, LoginState, Operation, Reason, Resumption, Role,
    SessionHandle, limits,
};

#[test]
fn logout_ends_operations_searches_and_private_session_objects() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let second = app.open(Access::ReadWrite);
    let public = app
        .create(session, known_key(vec![flag(A::PRIVATE, false)]))
        .unwrap();
    let private = app.create(session, known_key(vec![])).unwrap();
    let ecb = mechanism(CKM_AES_ECB);
    app.hsm
        .start(second, Operation::Encrypt, ecb.clone(), Some(private))
        .unwrap();
    app.hsm.find_start(second, &[]).unwrap();

    app.hsm.logout(session).unwrap();
    let after = app
        .hsm
        .transform(second, Operation::Encrypt, &[0; 16], Some(&mut [0; 16]));
    assert_eq!(reason(after), Reason::OperationNotInitialized);
    assert_eq!(
        reason(app.hsm.find_next(second, 1)),
        Reason::OperationNotInitialized
    );
    assert_eq!(
        reason(app.encrypt(second, private)),
        Reason::KeyHandleInvalid
    );
    assert!(app.encrypt(second, public).is_ok());
    assert_eq!(reason(app.hsm.logout(session)), Reason::UserNotLoggedIn);
}

#[test]
fn logout_takes_the_keys_on_the_token_away() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app.generate(session, token_key(vec![])).unwrap();
    app.hsm.logout(session).unwrap();
    assert!(app.find(session, &[]).is_empty());
    assert_eq!(reason(app.encrypt(session, key)), Reason::KeyHandleInvalid);
    app.login_as(session, LoginAs::User, USER_PIN).unwrap();
    assert!(app.encrypt(session, key).is_ok());
}

#[test]
fn the_last_session_takes_the_login_with_it() {
    let world = World::new();
    let app = world.app();
    let (first, second) = (app.session("user"), app.open(Access::ReadOnly));
    app.hsm.close_session(first).unwrap();
    assert_eq!(app.hsm.session(second).unwrap().login, LoginState::User);
    app.hsm.close_session(second).unwrap();
    let third = app.open(Access::ReadOnly);
    assert_eq!(app.hsm.session(third).unwrap().login, LoginState::Public);
}

#[test]
fn a_login_is_the_applications_and_the_slots() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    app.session("user");
    let second = app.open(Access::ReadOnly);
    assert_eq!(app.hsm.session(second).unwrap().login, LoginState::User);
    let elsewhere = other.open(Access::ReadOnly);
    assert_eq!(
        other.hsm.session(elsewhere).unwrap().login,
        LoginState::Public
    );

    let slots = app.hsm.slots().unwrap();
    let hsm = slots.iter().find(|slot| slot.of_hsm).unwrap().id;
    let on_hsm = app.hsm.open_session(hsm, Access::ReadOnly).unwrap();
    assert_eq!(app.hsm.session(on_hsm).unwrap().login, LoginState::Public);
}

#[test]
fn an_object_has_the_same_handle_in_every_slot_of_its_cluster() {
    let world = World::new();
    let app = world.app();
    let key = app
        .generate(app.session("user"), token_key(vec![label("same")]))
        .unwrap();
    for slot in app
        .hsm
        .slots()
        .unwrap()
        .into_iter()
        .filter(|slot| slot.of_hsm)
    {
        let session = app.hsm.open_session(slot.id, Access::ReadOnly).unwrap();
        app.login_as(session, LoginAs::User, USER_PIN).unwrap();
        assert_eq!(app.find(session, &[label("same")]), [key]);
        assert!(app.encrypt(session, key).is_ok());
    }
}

#[test]
fn the_security_officer_and_read_only_sessions_exclude_each_other() {
    let world = World::new();
    let app = world.app();
    let (session, read_only) = (app.open(Access::ReadWrite), app.open(Access::ReadOnly));
    let refused = app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN);
    assert_eq!(reason(refused), Reason::SessionReadOnlyExists);
    app.hsm.close_session(read_only).unwrap();
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let refused = app.hsm.open_session(app.slot, Access::ReadOnly);
    assert_eq!(reason(refused), Reason::SessionReadWriteSoExists);
}

#[test]
fn nobody_logs_in_over_somebody() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let cases = [
        (
            LoginAs::User,
            USER_PIN.to_owned(),
            Reason::UserAlreadyLoggedIn,
        ),
        (
            LoginAs::User,
            format!("USER:{USER_PIN}"),
            Reason::UserAlreadyLoggedIn,
        ),
        (
            LoginAs::User,
            format!("example:{USER_PIN}"),
            Reason::UserAnotherAlreadyLoggedIn,
        ),
        (
            LoginAs::SecurityOfficer,
            ADMIN_PIN.to_owned(),
            Reason::UserAnotherAlreadyLoggedIn,
        ),
        (
            LoginAs::ContextSpecific,
            USER_PIN.to_owned(),
            Reason::OperationNotInitialized,
        ),
    ];
    for (user, pin, expected) in cases {
        assert_eq!(
            reason(app.login_as(session, user, &pin)),
            expected,
            "{user:?} {pin}"
        );
    }
}

#[test]
fn a_user_changes_its_own_pin_with_its_name_before_it_or_without() {
    let world = World::new();
    let app = world.app();
    let session = app.session("kmsuser");
    let old = format!("kmsuser:{USER_PIN}");
    let set = |old: &str, new: &str| {
        app.hsm
            .set_pin(app.request(), session, &secret(old), &secret(new))
    };
    set(&old, "kmsuser:another-one").unwrap();
    set("another-one", "a-third-one").unwrap();
    assert_eq!(
        reason(set("another-one", "a-fourth-one")),
        Reason::PinIncorrect
    );
    app.hsm.logout(session).unwrap();
    app.login_as(session, LoginAs::User, "kmsuser:a-third-one")
        .unwrap();
}

#[test]
fn a_pin_is_changed_without_a_login_by_who_knows_it() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let request = app.request();
    for _ in 0..2 {
        app.hsm
            .set_pin(request, session, &secret(USER_PIN), &secret("another-one"))
            .unwrap();
    }
    assert_eq!(app.hsm.session(session).unwrap().login, LoginState::Public);
    app.login_as(session, LoginAs::User, "another-one").unwrap();
    let read_only = app.open(Access::ReadOnly);
    let refused = app.hsm.set_pin(
        app.request(),
        read_only,
        &secret("another-one"),
        &secret("a-third-one"),
    );
    assert_eq!(reason(refused), Reason::SessionReadOnly);
}

#[test]
fn users_are_managed_by_an_admin_alone() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let make = |session: SessionHandle| {
        app.hsm.create_user(
            app.request(),
            session,
            "fresh",
            Role::CryptoUser,
            &secret(USER_PIN),
        )
    };
    assert_eq!(reason(make(session)), Reason::UserNotLoggedIn);
    app.hsm.logout(session).unwrap();
    assert_eq!(reason(make(session)), Reason::UserNotLoggedIn);
    assert_eq!(reason(app.hsm.users(session)), Reason::UserNotLoggedIn);
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    make(session).unwrap();
    assert_eq!(reason(make(session)), Reason::AlreadyExists);
    let names: Vec<_> = app
        .hsm
        .users(session)
        .unwrap()
        .into_iter()
        .map(|user| user.name)
        .collect();
    assert_eq!(names, ["admin", "user", "kmsuser", "example", "fresh"]);
    app.hsm
        .delete_user(app.request(), session, "fresh", Role::CryptoUser)
        .unwrap();
}

#[test]
fn a_user_that_owns_keys_is_not_deleted() {
    let world = World::new();
    let (admin, user) = (world.app(), world.app());
    let session = user.session("example");
    let open = vec![flag(A::PRIVATE, false)];
    let key = user.generate(session, token_key(open)).unwrap();
    user.hsm.logout(session).unwrap();
    let officer = admin.open(Access::ReadWrite);
    admin
        .login_as(officer, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let delete = || {
        admin
            .hsm
            .delete_user(admin.request(), officer, "example", Role::CryptoUser)
    };
    assert!(delete().is_err());
    user.login_as(session, LoginAs::User, &format!("example:{USER_PIN}"))
        .unwrap();
    user.destroy(session, key).unwrap();
    user.hsm.logout(session).unwrap();
    delete().unwrap();
}

#[test]
fn a_closed_session_answers_nothing_and_its_handle_is_not_given_again() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    app.hsm.close_session(session).unwrap();
    assert_eq!(
        reason(app.hsm.close_session(session)),
        Reason::SessionHandleInvalid
    );
    assert_eq!(
        reason(app.hsm.session(session)),
        Reason::SessionHandleInvalid
    );
    assert_eq!(
        reason(app.hsm.random(session, &mut [0; 8])),
        Reason::SessionHandleInvalid
    );
    assert_ne!(app.open(Access::ReadWrite), session);
}

#[test]
fn an_application_that_has_ended_opens_nothing() {
    let world = World::new();
    let app = world.app();
    app.session("user");
    app.hsm.end().unwrap();
    assert!(app.hsm.open_session(app.slot, Access::ReadOnly).is_err());
}

#[test]
fn sessions_are_taken_up_with_their_handles() {
    let world = World::new();
    let app = world.app();
    let sessions = vec![(SessionHandle(7), app.slot, Access::ReadWrite)];
    let resumption = Resumption {
        sessions,
        next_session: 20,
        logins: Vec::new(),
    };
    for _ in 0..2 {
        assert!(app.hsm.resume(&resumption).unwrap().is_empty());
    }
    assert_eq!(app.hsm.session(SessionHandle(7)).unwrap().slot, app.slot);
    assert!(app.open(Access::ReadOnly).0 >= 20);
    let sessions = vec![(SessionHandle(30), app.slot, Access::ReadWrite)];
    let never_given = Resumption {
        sessions,
        next_session: 20,
        logins: Vec::new(),
    };
    assert_eq!(reason(app.hsm.resume(&never_given)), Reason::Protocol);
}

#[test]
fn of_two_sessions_that_cannot_both_have_been_open_the_younger_is_taken_up() {
    let world = World::new();
    let app = world.app();
    let older = SessionHandle(7);
    let younger = SessionHandle(7 + limits::SESSIONS as u64);
    let resumption = Resumption {
        sessions: [older, younger, SessionHandle(8)]
            .map(|handle| (handle, app.slot, Access::ReadWrite))
            .to_vec(),
        next_session: younger.0 + 1,
        logins: Vec::new(),
    };
    for _ in 0..2 {
        assert!(app.hsm.resume(&resumption).unwrap().is_empty());
        assert!(app.hsm.session(younger).is_ok());
        assert!(app.hsm.session(SessionHandle(8)).is_ok());
        assert_eq!(reason(app.hsm.session(older)), Reason::SessionHandleInvalid);
    }
}

#[test]
fn a_resumption_cannot_bring_the_handles_to_their_end() {
    let world = World::new();
    let app = world.app();
    let resume_before = |next_session| {
        let resumption = Resumption {
            sessions: Vec::new(),
            next_session,
            logins: Vec::new(),
        };
        app.hsm.resume(&resumption)
    };
    assert_eq!(reason(resume_before(u64::MAX)), Reason::Protocol);
    resume_before(1 << 62).unwrap();
    let sessions = [(); 3].map(|()| app.open(Access::ReadOnly));
    assert!(sessions.iter().all(|session| session.0 >= 1 << 62));
    app.hsm.close_session(sessions[0]).unwrap();
    app.open(Access::ReadOnly);
    app.hsm.end().unwrap();
}

#[test]
fn a_token_says_how_many_sessions_it_has_and_that_it_is_initialised() {
    let world = World::new();
    let app = world.app();
    app.open(Access::ReadOnly);
    app.open(Access::ReadWrite);
    let token = app.hsm.token(app.slot).unwrap();
    assert_eq!((token.sessions, token.read_write_sessions), (2, 1));
    assert_eq!(
        (token.label.as_str(), token.flags & 0x400),
        ("world", 0x400)
    );
}

#[test]
fn a_search_belongs_to_its_session_and_there_is_one_at_a_time() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadOnly);
    assert_eq!(
        reason(app.hsm.find_next(session, 1)),
        Reason::OperationNotInitialized
    );
    app.hsm.find_start(session, &[]).unwrap();
    assert_eq!(
        reason(app.hsm.find_start(session, &[])),
        Reason::OperationActive
    );
    app.hsm.find_end(session).unwrap();
    assert_eq!(
        reason(app.hsm.find_end(session)),
        Reason::OperationNotInitialized
    );
}

#[test]
fn threads_that_open_and_close_at_once_never_lose_each_others_sessions() {
    let world = World::new();
    let app = world.app();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let session = app.open(Access::ReadWrite);
                    assert!(
                        app.create(session, known_key(vec![flag(A::PRIVATE, false)]))
                            .is_ok()
                    );
                    app.hsm.close_session(session).unwrap();
                }
            });
        }
    });
    assert_eq!(app.hsm.token(app.slot).unwrap().sessions, 0);
    let session = app.open(Access::ReadOnly);
    assert!(app.find(session, &[]).is_empty());
}

#[test]
fn as_many_sessions_as_the_limit_says_can_be_open_whichever_threads_open_them() {
    let world = World::new();
    let app = world.app();
    let open = || {
        let opened = std::iter::from_fn(|| app.hsm.open_session(app.slot, Access::ReadOnly).ok());
        opened.collect::<Vec<_>>()
    };
    let mut handles: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        let opened = threads.into_iter().map(|thread| thread.join().unwrap());
        opened.flatten().collect()
    });
    handles.sort_unstable();
    handles.dedup();
    assert_eq!(handles.len(), limits::SESSIONS);
    let refused = app.hsm.open_session(app.slot, Access::ReadOnly);
    assert_eq!(reason(refused), Reason::SessionCount);
    app.hsm.close_session(*handles.first().unwrap()).unwrap();
    let more = open();
    assert_eq!(more.len(), 1);
    assert!(more.iter().all(|another| !handles.contains(another)));
}

#[test]
fn of_threads_that_log_in_at_once_one_does() {
    let world = World::new();
    let app = world.app();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let login = || app.login_as(app.open(Access::ReadWrite), LoginAs::User, USER_PIN);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(login)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let refused: Vec<_> = answers
        .into_iter()
        .filter_map(|answer| answer.err())
        .collect();
    assert_eq!(refused.len(), 3);
    assert!(
        refused
            .iter()
            .all(|error| error.reason == Reason::UserAlreadyLoggedIn)
    );
}

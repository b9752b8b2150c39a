//! Logins that outlive hsmd: who may take one up after a crash, and who may not.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::{
    cell::RefCell,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use hsm::{Application, Engine, Peer, Settings};
use support::{ADMIN_PIN, App, USER_PIN, secret, token_key};
use token::{
    Access, ApplicationId, Hsm, LoginAs, Mode, Request, Resumption, SessionHandle, Ticket,
};

#[test]
fn a_login_is_taken_up_after_a_crash_and_knows_its_keys() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let (session, ticket, key, ciphertext) = logged_in(&app);

    let (engine, app) = home.start();
    assert!(engine.awaits_resumption());
    let lost = app.hsm.resume(&resumption(&app, session, ticket)).unwrap();
    assert!(lost.is_empty());
    assert_eq!(app.encrypt(session, key).unwrap(), ciphertext);
    assert!(!engine.awaits_resumption());
}

#[test]
fn a_login_is_not_taken_up_with_a_wrong_secret_or_twice() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let (session, ticket, ..) = logged_in(&app);
    let copy = || Ticket {
        login: ticket.login,
        secret: secret_copy(&ticket),
    };

    let (engine, app) = home.start();
    let wrong = Ticket {
        login: ticket.login,
        secret: secret("wrong"),
    };
    assert_eq!(
        app.hsm.resume(&resumption(&app, session, wrong)).unwrap(),
        [app.slot]
    );
    app.hsm.end().unwrap();
    let app = home.app(&engine);
    assert!(
        app.hsm
            .resume(&resumption(&app, session, copy()))
            .unwrap()
            .is_empty()
    );
    app.hsm.end().unwrap();
    let app = home.app(&engine);
    assert_eq!(
        app.hsm.resume(&resumption(&app, session, copy())).unwrap(),
        [app.slot]
    );
}

#[test]
fn a_login_that_was_ended_is_not_taken_up() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let (session, ticket, ..) = logged_in(&app);
    app.hsm.logout(session).unwrap();

    let (engine, app) = home.start();
    assert!(!engine.awaits_resumption());
    assert_eq!(
        app.hsm.resume(&resumption(&app, session, ticket)).unwrap(),
        [app.slot]
    );
}

#[test]
fn a_login_that_its_sessions_do_not_admit_any_more_has_ended() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let session = app.open(Access::ReadWrite);
    let pin = secret(ADMIN_PIN);
    let officer = LoginAs::SecurityOfficer;
    let ticket = app.hsm.login(session, officer, None, &pin).unwrap();
    let again = |ticket| resumption(&app, session, ticket);
    let copy = Ticket {
        login: ticket.login,
        secret: secret_copy(&ticket),
    };
    let mut with_read_only = again(copy);
    let read_only = SessionHandle(session.0 + 1);
    with_read_only
        .sessions
        .push((read_only, app.slot, Access::ReadOnly));
    with_read_only.next_session = read_only.0 + 1;

    let (_engine, resumed) = home.start();
    assert_eq!(resumed.hsm.resume(&with_read_only).unwrap(), [app.slot]);
    let (_engine, resumed) = home.start();
    assert_eq!(resumed.hsm.resume(&again(ticket)).unwrap(), [app.slot]);
}

#[test]
fn a_clean_end_leaves_no_login() {
    let home = Served::new();
    let (engine, app) = home.start();
    let (session, ticket, ..) = logged_in(&app);
    engine.close().unwrap();

    let (_engine, app) = home.start();
    assert_eq!(
        app.hsm.resume(&resumption(&app, session, ticket)).unwrap(),
        [app.slot]
    );
}

#[test]
fn a_login_goes_on_after_it_changed_its_own_password() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let (session, ticket, key, ciphertext) = logged_in(&app);
    let (old, new) = (
        secret(&format!("user:{USER_PIN}")),
        secret("user:rotated password"),
    );
    app.hsm.set_pin(app.request(), session, &old, &new).unwrap();
    assert_eq!(app.encrypt(session, key).unwrap(), ciphertext);

    let (_engine, app) = home.start();
    assert!(
        app.hsm
            .resume(&resumption(&app, session, ticket))
            .unwrap()
            .is_empty()
    );
    assert_eq!(app.encrypt(session, key).unwrap(), ciphertext);
    app.hsm.logout(session).unwrap();
    app.login_as(session, LoginAs::User, "user:rotated password")
        .unwrap();
}

#[test]
fn a_login_is_not_taken_up_after_its_password_was_set_elsewhere() {
    let home = Served::new();
    let (engine, app) = home.start();
    let (session, ticket, ..) = logged_in(&app);
    let other = home.another_app(&engine);
    let in_other = other.open(Access::ReadWrite);
    other
        .login_as(in_other, LoginAs::User, &format!("user:{USER_PIN}"))
        .unwrap();
    let (old, new) = (
        secret(&format!("user:{USER_PIN}")),
        secret("user:rotated password"),
    );
    other
        .hsm
        .set_pin(other.request(), in_other, &old, &new)
        .unwrap();

    let (_engine, app) = home.start();
    assert_eq!(
        app.hsm.resume(&resumption(&app, session, ticket)).unwrap(),
        [app.slot]
    );
}

#[test]
fn a_request_that_was_done_before_a_crash_is_not_done_again_after_it() {
    let home = Served::new();
    let (_engine, app) = home.start();
    let (session, ticket, ..) = logged_in(&app);
    let request = Request {
        number: 900,
        settled: 800,
    };
    let generate = |app: &App| {
        let mechanism = support::mechanism(support::CKM_AES_KEY_GEN);
        app.hsm
            .generate(request, session, &mechanism, token_key(vec![]))
            .unwrap()
    };
    let made = generate(&app);

    let (_engine, app) = home.start();
    app.hsm.resume(&resumption(&app, session, ticket)).unwrap();
    assert_eq!(generate(&app), made);
}

/// A home that hsmd serves, with the crypto user `user`. Each start is of a copy of the home as it
/// is on the disk at that moment: as after a kill -9 of the one before.
struct Served(RefCell<Vec<tempfile::TempDir>>);

impl Served {
    fn new() -> Self {
        let home = Self(RefCell::default());
        let (_engine, app) = home.start();
        let request = app.request();
        app.hsm
            .initialize_token(request, app.slot, &secret(ADMIN_PIN), "served")
            .unwrap();
        let session = app.open(Access::ReadWrite);
        app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
            .unwrap();
        app.hsm
            .initialize_pin(app.request(), session, &secret(USER_PIN))
            .unwrap();
        app.hsm.end().unwrap();
        home
    }

    fn start(&self) -> (Arc<Engine>, App) {
        let next = tempfile::tempdir().unwrap();
        if let Some(last) = self.0.borrow().last() {
            copy(last.path(), next.path());
            fs::set_permissions(next.path(), Permissions::from_mode(0o700)).unwrap();
        }
        let engine = open(next.path());
        let app = self.app(&engine);
        self.0.borrow_mut().push(next);
        (engine, app)
    }

    /// The application that comes back after every start.
    fn app(&self, engine: &Arc<Engine>) -> App {
        App::of(application(engine, 1))
    }

    fn another_app(&self, engine: &Arc<Engine>) -> App {
        App::of(application(engine, 2))
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn open(home: &Path) -> Arc<Engine> {
    Engine::open(home, Mode::Served, Settings::default()).unwrap()
}

fn application(engine: &Arc<Engine>, id: u8) -> Arc<Application> {
    engine
        .application(
            ApplicationId([id; 16]),
            Peer {
                uid: 1000,
                operator: true,
            },
        )
        .unwrap()
}

fn logged_in(app: &App) -> (SessionHandle, Ticket, token::ObjectHandle, Vec<u8>) {
    let session = app.open(Access::ReadWrite);
    let pin = secret(&format!("user:{USER_PIN}"));
    let ticket = app.hsm.login(session, LoginAs::User, None, &pin).unwrap();
    let key = app.generate(session, token_key(vec![])).unwrap();
    let ciphertext = app.encrypt(session, key).unwrap();
    (session, ticket, key, ciphertext)
}

fn resumption(app: &App, session: SessionHandle, ticket: Ticket) -> Resumption {
    Resumption {
        sessions: vec![(session, app.slot, Access::ReadWrite)],
        next_session: session.0 + 1,
        logins: vec![(app.slot, ticket)],
    }
}

fn secret_copy(ticket: &Ticket) -> token::SecretBytes {
    token::SecretBytes::copied(ticket.secret.reveal())
}

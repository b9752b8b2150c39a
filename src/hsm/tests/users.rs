//! Users: their passwords, their lockout, what admins do with them, and logins that outlive hsmd.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::{
    cell::RefCell,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    thread,
};

use hsm::{Application, Engine, Peer, Settings};
use support::{ADMIN_PIN, App, USER_PIN, World, reason, secret, token_key};
use token::{
    Access, ApplicationId, Hsm, LoginAs, Mode, Reason, Request, Resumption, Role, SessionHandle,
    Ticket, UserInformation, limits,
};

#[test]
fn five_wrong_passwords_lock_a_user_also_after_a_restart() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    for _ in 0..5 {
        let wrong = app.login_as(session, LoginAs::User, "example:wrong");
        assert_eq!(reason(wrong), Reason::PinIncorrect);
    }
    let right = format!("example:{USER_PIN}");
    assert_eq!(
        reason(app.login_as(session, LoginAs::User, &right)),
        Reason::PinLocked
    );
    drop(app);
    let world = world.reopened();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    assert_eq!(
        reason(app.login_as(session, LoginAs::User, &right)),
        Reason::PinLocked
    );
    let admin = admin(&world);
    let users = admin.0.hsm.users(admin.1).unwrap();
    let example = users.iter().find(|user| user.name == "example").unwrap();
    assert!(example.locked);
    assert_eq!(example.failures, 5);
}

#[test]
fn a_right_password_starts_the_count_of_wrong_ones_anew() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    for _ in 0..2 {
        for _ in 0..3 {
            let wrong = app.login_as(session, LoginAs::User, "example:wrong");
            assert_eq!(reason(wrong), Reason::PinIncorrect);
        }
        app.login_as(session, LoginAs::User, &format!("example:{USER_PIN}"))
            .unwrap();
        app.hsm.logout(session).unwrap();
    }
}

#[test]
fn guesses_at_the_same_time_are_no_more_than_five() {
    let world = World::new();
    let refused: Vec<Reason> = thread::scope(|scope| {
        let guess = || {
            let app = world.app();
            let session = app.open(Access::ReadWrite);
            reason(app.login_as(session, LoginAs::User, "example:wrong"))
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(guess)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(
        refused
            .iter()
            .filter(|reason| **reason == Reason::PinIncorrect)
            .count(),
        5
    );
    assert_eq!(
        refused
            .iter()
            .filter(|reason| **reason == Reason::PinLocked)
            .count(),
        3
    );
}

#[test]
fn an_admin_sets_a_password_and_the_users_keys_are_still_there() {
    let world = World::new();
    let app = world.app();
    let session = app.session("example");
    let key = app.generate(session, token_key(vec![])).unwrap();
    let ciphertext = app.encrypt(session, key).unwrap();
    app.hsm.close_session(session).unwrap();

    let (admin, admins) = admin(&world);
    let password = secret("another password");
    admin
        .hsm
        .set_password(
            admin.request(),
            admins,
            "example",
            Role::CryptoUser,
            &password,
        )
        .unwrap();

    let session = app.open(Access::ReadWrite);
    let old = app.login_as(session, LoginAs::User, &format!("example:{USER_PIN}"));
    assert_eq!(reason(old), Reason::PinIncorrect);
    app.login_as(session, LoginAs::User, "example:another password")
        .unwrap();
    assert_eq!(app.encrypt(session, key).unwrap(), ciphertext);
}

#[test]
fn an_admin_that_another_admin_gave_a_password_can_go_on_setting_passwords() {
    let world = World::new();
    let (app, session) = admin(&world);
    let second = secret("second admin");
    app.hsm
        .create_user(
            app.request(),
            session,
            "second",
            Role::Admin,
            &secret(USER_PIN),
        )
        .unwrap();
    app.hsm
        .set_password(app.request(), session, "second", Role::Admin, &second)
        .unwrap();
    app.hsm.logout(session).unwrap();
    app.login_as(session, LoginAs::SecurityOfficer, "second:second admin")
        .unwrap();
    let request = app.request();
    app.hsm
        .set_password(request, session, "example", Role::CryptoUser, &second)
        .unwrap();
    let user = world.app();
    let session = user.open(Access::ReadWrite);
    user.login_as(session, LoginAs::User, "example:second admin")
        .unwrap();
}

#[test]
fn a_user_that_is_logged_in_keeps_its_password_and_itself() {
    let world = World::new();
    let app = world.app();
    let _session = app.session("example");
    let (admin, session) = admin(&world);
    let set = admin.hsm.set_password(
        admin.request(),
        session,
        "example",
        Role::CryptoUser,
        &secret("another"),
    );
    assert_eq!(reason(set), Reason::ClusterState);
    let deleted = admin
        .hsm
        .delete_user(admin.request(), session, "example", Role::CryptoUser);
    assert_eq!(reason(deleted), Reason::ClusterState);
}

#[test]
fn a_user_that_owns_keys_is_not_deleted() {
    let world = World::new();
    let app = world.app();
    let owner = app.session("example");
    let key = app.generate(owner, token_key(vec![])).unwrap();
    app.hsm.logout(owner).unwrap();
    let (admin, session) = admin(&world);
    let delete = || {
        admin
            .hsm
            .delete_user(admin.request(), session, "example", Role::CryptoUser)
    };
    assert_eq!(reason(delete()), Reason::ClusterState);
    app.login_as(owner, LoginAs::User, &format!("example:{USER_PIN}"))
        .unwrap();
    app.destroy(owner, key).unwrap();
    app.hsm.logout(owner).unwrap();
    delete().unwrap();
    assert_eq!(reason(delete()), Reason::NotFound);
}

#[test]
fn the_last_admin_is_not_deleted() {
    let world = World::new();
    let (app, session) = admin(&world);
    app.hsm
        .create_user(
            app.request(),
            session,
            "second",
            Role::Admin,
            &secret(USER_PIN),
        )
        .unwrap();
    app.hsm.logout(session).unwrap();
    app.login_as(
        session,
        LoginAs::SecurityOfficer,
        &format!("second:{USER_PIN}"),
    )
    .unwrap();
    app.hsm
        .delete_user(app.request(), session, "admin", Role::Admin)
        .unwrap();
    let last = app
        .hsm
        .delete_user(app.request(), session, "second", Role::Admin);
    assert_eq!(reason(last), Reason::ClusterState);
}

#[test]
fn only_an_admin_manages_users() {
    let world = World::new();
    let app = world.app();
    let public = app.open(Access::ReadWrite);
    let create = |session, name: &str| {
        let password = secret(USER_PIN);
        app.hsm
            .create_user(app.request(), session, name, Role::CryptoUser, &password)
    };
    assert_eq!(reason(create(public, "new")), Reason::UserNotLoggedIn);
    let user = app.session("example");
    assert_eq!(reason(create(user, "new")), Reason::UserNotLoggedIn);
}

#[test]
fn names_and_passwords_have_bounds() {
    let world = World::new();
    let (app, session) = admin(&world);
    let create = |name: &str, password: &str| {
        let password = secret(password);
        app.hsm
            .create_user(app.request(), session, name, Role::CryptoUser, &password)
    };
    let long = "n".repeat(limits::USER_NAME_BYTES + 1);
    for name in ["", "with:colon", "with\nline", long.as_str()] {
        assert_eq!(
            reason(create(name, USER_PIN)),
            Reason::ArgumentsBad,
            "{name:?}"
        );
    }
    let long = "p".repeat(limits::PIN_BYTES_MAX + 1);
    for password in ["", "123", long.as_str()] {
        assert_eq!(
            reason(create("name", password)),
            Reason::PinLenRange,
            "{password:?}"
        );
    }
    create("name", "1234").unwrap();
    assert_eq!(reason(create("name", "1234")), Reason::AlreadyExists);
}

#[test]
fn the_same_name_can_be_an_admins_and_a_crypto_users() {
    let world = World::new();
    let (app, session) = admin(&world);
    let admin = secret("as an admin");
    app.hsm
        .create_user(app.request(), session, "example", Role::Admin, &admin)
        .unwrap();
    app.hsm.logout(session).unwrap();
    app.login_as(session, LoginAs::SecurityOfficer, "example:as an admin")
        .unwrap();
}

#[test]
fn a_repeated_request_makes_one_user() {
    let world = World::new();
    let (app, session) = admin(&world);
    let request = app.request();
    for _ in 0..2 {
        let password = secret(USER_PIN);
        app.hsm
            .create_user(request, session, "once", Role::CryptoUser, &password)
            .unwrap();
    }
    let once = |user: &&UserInformation| user.name == "once";
    assert_eq!(
        app.hsm.users(session).unwrap().iter().filter(once).count(),
        1
    );
}

#[test]
fn an_unknown_user_is_told_apart_and_takes_as_long() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let unknown = app.login_as(session, LoginAs::User, "nobody:password");
    assert_eq!(reason(unknown), Reason::UserPinNotInitialized);
}

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

/// An application in which the admin is logged in.
fn admin(world: &World) -> (App, SessionHandle) {
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    (app, session)
}

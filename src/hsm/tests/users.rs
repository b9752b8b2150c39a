//! Users: their passwords, their lockout, what admins do with them, and logins that outlive hsmd.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::thread;

use support::{ADMIN_PIN, App, USER_PIN, World, reason, secret, token_key};
use token::{Access, Hsm, LoginAs, Operator, Reason, Role, SessionHandle, UserInformation, limits};

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
fn a_try_on_a_locked_user_is_in_the_log_and_does_not_count() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let mut tries = 0;
    let mut locked = || {
        tries += 1;
        reason(app.login_as(session, LoginAs::User, "example:wrong")) == Reason::PinLocked
    };
    while !locked() {}
    let cluster = app.hsm.clusters().unwrap().remove(0).id;
    let before = app.hsm.verify_audit(&cluster).unwrap().records;
    assert!(locked());
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap().records, before + 1);
    assert_eq!(tries, limits::LOGIN_FAILURES + 2);
}

#[test]
fn the_operator_unlocks_a_sole_admin_without_changing_its_password() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    for _ in 0..limits::LOGIN_FAILURES {
        let wrong = app.login_as(session, LoginAs::SecurityOfficer, "wrong");
        assert_eq!(reason(wrong), Reason::PinIncorrect);
    }
    let right = || app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN);
    assert_eq!(reason(right()), Reason::PinLocked);
    let cluster = app.hsm.clusters().unwrap().remove(0).id;
    let unlock = |name| {
        app.hsm
            .unlock_user(app.request(), &cluster, name, Role::Admin)
    };
    let before = app.hsm.verify_audit(&cluster).unwrap().records;
    unlock("admin").unwrap();
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap().records, before + 1);
    right().unwrap();
    assert_eq!(reason(unlock("nobody")), Reason::NotFound);
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
fn capitals_in_a_name_are_small_letters() {
    let world = World::new();
    let (app, session) = admin(&world);
    let create = |name: &str| {
        let password = secret(USER_PIN);
        app.hsm
            .create_user(app.request(), session, name, Role::CryptoUser, &password)
    };
    create("Carol").unwrap();
    assert_eq!(reason(create("CAROL")), Reason::AlreadyExists);
    let users = app.hsm.users(session).unwrap();
    assert!(users.iter().any(|user| user.name == "carol"), "{users:?}");
    app.hsm.logout(session).unwrap();
    let pin = format!("cAROL:{USER_PIN}");
    app.login_as(session, LoginAs::User, &pin).unwrap();
    app.hsm.logout(session).unwrap();
    // Nobody has more tries by as many ways of writing a name.
    for name in ["Carol", "carol", "CAROL", "CArol", "caroL"] {
        let wrong = app.login_as(session, LoginAs::User, &format!("{name}:wrong"));
        assert_eq!(reason(wrong), Reason::PinIncorrect, "{name}");
    }
    let locked = app.login_as(session, LoginAs::User, &pin);
    assert_eq!(reason(locked), Reason::PinLocked);
}

#[test]
fn a_new_pin_that_would_be_another_users_is_refused_however_the_old_one_names_its_user() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    for name in ["user", "USER"] {
        let old = secret(&format!("{name}:{USER_PIN}"));
        let new = secret("pa:ssword");
        let refused = app.hsm.set_pin(app.request(), session, &old, &new);
        assert_eq!(reason(refused), Reason::PinInvalid, "{name}");
    }
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

/// An application in which the admin is logged in.
fn admin(world: &World) -> (App, SessionHandle) {
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    (app, session)
}

//! The rights of keys: no way through the HSM gives a key more than it had.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{Access, AttributeType as A, Hsm, LoginAs, Reason, Request, Template};

#[test]
fn a_key_may_ask_for_a_trusted_wrapping_key() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let choosy = vec![flag(A::EXTRACTABLE, true), flag(A::WRAP_WITH_TRUSTED, true)];
    let choosy = key(&app, session, choosy);
    let on_token = vec![flag(A::TOKEN, true), flag(A::PRIVATE, false)];
    let wrapping = key(&app, session, on_token);
    let refused = app.wrap(session, &key_wrap(), wrapping, choosy);
    assert_eq!(reason(refused), Reason::KeyNotWrappable);
    let forbidden = app.set(session, wrapping, vec![flag(A::TRUSTED, true)]);
    assert_eq!(reason(forbidden), Reason::AttributeReadOnly);
    let undone = app.set(session, choosy, vec![flag(A::WRAP_WITH_TRUSTED, false)]);
    assert_eq!(reason(undone), Reason::AttributeReadOnly);

    let officer = world.app();
    let other = officer.open(Access::ReadWrite);
    officer
        .login_as(other, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    officer
        .set(other, wrapping, vec![flag(A::TRUSTED, true)])
        .unwrap();
    assert!(app.wrap(session, &key_wrap(), wrapping, choosy).is_ok());
}

#[test]
fn a_copy_may_lose_rights_and_never_gains_any() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let closed = vec![
        flag(A::SENSITIVE, true),
        flag(A::EXTRACTABLE, false),
        flag(A::MODIFIABLE, false),
        flag(A::ENCRYPT, false),
        label("original"),
    ];
    let closed = key(&app, session, closed);
    for (kind, value) in [
        (A::SENSITIVE, false),
        (A::EXTRACTABLE, true),
        (A::MODIFIABLE, true),
        (A::PRIVATE, false),
        (A::ALWAYS_SENSITIVE, false),
    ] {
        let refused = app.copy(session, closed, vec![flag(kind, value)]);
        assert_eq!(reason(refused), Reason::AttributeReadOnly, "{kind:?}");
    }
    let refused = app.copy(session, closed, vec![flag(A::ENCRYPT, true)]);
    assert_eq!(reason(refused), Reason::ActionProhibited);

    let stored = app
        .copy(session, closed, vec![flag(A::TOKEN, true)])
        .unwrap();
    assert!(!stored.is_session());
    assert_eq!(app.flag_of(session, stored, A::LOCAL), Some(true));
    assert_ne!(
        app.bytes_of(session, stored, A::UNIQUE_ID),
        app.bytes_of(session, closed, A::UNIQUE_ID)
    );

    let open = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let less = app
        .copy(
            session,
            open,
            vec![flag(A::EXTRACTABLE, false), label("less")],
        )
        .unwrap();
    assert_eq!(
        app.flag_of(session, less, A::NEVER_EXTRACTABLE),
        Some(false)
    );
    assert_eq!(
        app.encrypt(session, less).unwrap(),
        app.encrypt(session, open).unwrap()
    );
}

#[test]
fn a_copy_may_be_kept_from_being_destroyed() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let original = key(&app, session, vec![]);
    let fixed = vec![flag(A::DESTROYABLE, false)];
    let copy = app.copy(session, original, fixed).unwrap();
    assert_eq!(reason(app.destroy(session, copy)), Reason::ActionProhibited);
    app.destroy(session, original).unwrap();
}

#[test]
fn what_is_not_copyable_stays_alone() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let alone = key(&app, session, vec![flag(A::COPYABLE, false)]);
    assert_eq!(
        reason(app.copy(session, alone, vec![])),
        Reason::ActionProhibited
    );
    let undone = app.set(session, alone, vec![flag(A::COPYABLE, true)]);
    assert_eq!(reason(undone), Reason::AttributeReadOnly);
}

#[test]
fn a_token_key_is_copied_into_the_session_with_its_material() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let stored = app.generate(session, token_key(vec![])).unwrap();
    let copy = app
        .copy(session, stored, vec![flag(A::TOKEN, false)])
        .unwrap();
    assert!(copy.is_session());
    assert_eq!(
        app.encrypt(session, copy).unwrap(),
        app.encrypt(session, stored).unwrap()
    );
    let reader = app.open(Access::ReadOnly);
    let refused = app.copy(reader, copy, vec![flag(A::TOKEN, true)]);
    assert_eq!(reason(refused), Reason::SessionReadOnly);
}

#[test]
fn private_data_is_copied_with_its_value() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let data = |private| {
        Template(vec![
            number(A::CLASS, CKO_DATA),
            flag(A::PRIVATE, private),
            value(b"data"),
        ])
    };
    for private in [true, false] {
        let original = app.create(session, data(private)).unwrap();
        let hidden = vec![flag(A::TOKEN, true), flag(A::PRIVATE, true)];
        let copy = app.copy(session, original, hidden).unwrap();
        let read = app.bytes_of(session, copy, A::VALUE);
        assert_eq!(read.as_deref(), Some(&b"data"[..]));
    }
}

#[test]
fn a_request_that_is_repeated_makes_nothing_twice() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let original = key(&app, session, vec![]);
    for on_token in [true, false] {
        let request = Request {
            number: 1_000 + u64::from(on_token),
            settled: 0,
        };
        let copy = || {
            let template = Template(vec![flag(A::TOKEN, on_token), label("copy")]);
            app.hsm.copy(request, session, original, template).unwrap()
        };
        assert_eq!(copy(), copy());
        let found = app.find(session, &[label("copy"), flag(A::TOKEN, on_token)]);
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn a_trusted_key_gains_no_use_and_its_copy_is_not_trusted() {
    let world = World::new();
    let (app, officer) = (world.app(), world.app());
    let session = app.session("user");
    let only_wraps = vec![
        flag(A::TOKEN, true),
        flag(A::PRIVATE, false),
        flag(A::DECRYPT, false),
        flag(A::SIGN, false),
    ];
    let wrapping = key(&app, session, only_wraps);
    let other = officer.open(Access::ReadWrite);
    officer
        .login_as(other, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let trust = |trusted| officer.set(other, wrapping, vec![flag(A::TRUSTED, trusted)]);
    trust(true).unwrap();

    for gained in [A::DECRYPT, A::SIGN, A::DERIVE] {
        let refused = app.set(session, wrapping, vec![flag(gained, true)]);
        assert_eq!(reason(refused), Reason::AttributeReadOnly, "{gained:?}");
        let refused = app.copy(session, wrapping, vec![flag(gained, true)]);
        assert_eq!(reason(refused), Reason::AttributeReadOnly, "{gained:?}");
    }
    app.set(session, wrapping, vec![flag(A::ENCRYPT, false)])
        .unwrap();
    app.set(session, wrapping, vec![label("renamed")]).unwrap();
    let copy = app.copy(session, wrapping, vec![]).unwrap();
    assert_eq!(app.flag_of(session, copy, A::TRUSTED), Some(false));
    for forbidden in [A::TRUSTED, A::MODIFIABLE] {
        let refused = app.copy(session, wrapping, vec![flag(forbidden, true)]);
        assert_eq!(reason(refused), Reason::AttributeReadOnly, "{forbidden:?}");
    }

    // Nor does the copy gain one, or a copy of it.
    let refused = app.set(session, copy, vec![flag(A::DECRYPT, true)]);
    assert_eq!(reason(refused), Reason::ActionProhibited);
    let refused = app.copy(session, copy, vec![flag(A::DECRYPT, true)]);
    assert_eq!(reason(refused), Reason::ActionProhibited);

    trust(false).unwrap();
    app.set(session, wrapping, vec![flag(A::DECRYPT, true)])
        .unwrap();
}

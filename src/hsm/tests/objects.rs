//! Objects as their applications see them: whose they are, who sees them, what changes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{Access, AttributeType as A, Hsm, Reason, Request, Revealed, Template, Value};

#[test]
fn a_generated_token_key_is_found_by_its_label_and_works_after_a_restart() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app
        .generate(session, token_key(vec![label("mine")]))
        .unwrap();
    let before = app.encrypt(session, key).unwrap();
    drop(app);

    let world = world.reopened();
    let app = world.app();
    let session = app.session("user");
    assert_eq!(app.find(session, &[label("mine")]), [key]);
    assert_eq!(app.encrypt(session, key).unwrap(), before);
}

#[test]
fn a_private_key_is_seen_by_its_owner_alone() {
    let world = World::new();
    let (kms, example) = (world.app(), world.app());
    let (mine, theirs) = (kms.session("kmsuser"), example.session("example"));
    let key = kms.generate(mine, token_key(vec![label("arn")])).unwrap();

    assert_eq!(kms.find(mine, &[label("arn")]), [key]);
    assert!(example.find(theirs, &[label("arn")]).is_empty());
    assert!(example.find(theirs, &[]).is_empty());
    let read = example
        .hsm
        .attributes(theirs, key, &[asked(A::LABEL)], &mut |_| ());
    assert_eq!(reason(read), Reason::ObjectHandleInvalid);
    assert_eq!(
        reason(example.destroy(theirs, key)),
        Reason::ObjectHandleInvalid
    );
    assert_eq!(
        reason(example.encrypt(theirs, key)),
        Reason::KeyHandleInvalid
    );
}

#[test]
fn a_key_that_is_not_private_shows_its_attributes_to_all_and_works_for_its_owner() {
    let world = World::new();
    let (owner, other, nobody) = (world.app(), world.app(), world.app());
    let session = owner.session("user");
    let open = vec![
        flag(A::PRIVATE, false),
        flag(A::EXTRACTABLE, true),
        label("open"),
    ];
    let key = owner.generate(session, token_key(open)).unwrap();
    assert!(owner.encrypt(session, key).is_ok());

    let public = nobody.open(Access::ReadWrite);
    assert_eq!(nobody.find(public, &[label("open")]), [key]);
    assert!(matches!(
        nobody.attribute(public, key, A::VALUE),
        Revealed::Sensitive
    ));
    assert_eq!(reason(nobody.encrypt(public, key)), Reason::UserNotLoggedIn);
    assert_eq!(reason(nobody.destroy(public, key)), Reason::UserNotLoggedIn);

    let session = other.session("example");
    assert_eq!(other.find(session, &[label("open")]), [key]);
    assert_eq!(
        reason(other.encrypt(session, key)),
        Reason::KeyFunctionNotPermitted
    );
    assert_eq!(
        reason(other.destroy(session, key)),
        Reason::ActionProhibited
    );
}

#[test]
fn a_secret_token_key_needs_a_login_also_when_it_is_not_private() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    for private in [true, false] {
        let made = app.generate(session, token_key(vec![flag(A::PRIVATE, private)]));
        assert_eq!(reason(made), Reason::UserNotLoggedIn);
    }
    app.login_as(session, token::LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let made = app.generate(session, token_key(vec![flag(A::PRIVATE, false)]));
    assert_eq!(reason(made), Reason::UserNotLoggedIn);
}

#[test]
fn a_read_only_session_makes_session_objects_alone() {
    let world = World::new();
    let app = world.app();
    app.session("user");
    let session = app.open(Access::ReadOnly);
    assert_eq!(
        reason(app.generate(session, token_key(vec![]))),
        Reason::SessionReadOnly
    );
    let key = app.create(session, known_key(vec![])).unwrap();
    assert!(key.is_session());
    assert!(app.encrypt(session, key).is_ok());

    let stored = app
        .generate(app.open(Access::ReadWrite), token_key(vec![]))
        .unwrap();
    assert_eq!(
        reason(app.destroy(session, stored)),
        Reason::SessionReadOnly
    );
    assert_eq!(
        reason(app.set(session, stored, vec![label("x")])),
        Reason::SessionReadOnly
    );
    app.destroy(session, key).unwrap();
}

#[test]
fn what_one_application_changes_the_other_sees_at_once() {
    let world = World::new();
    let (one, two) = (world.app(), world.app());
    let (first, second) = (one.session("user"), two.session("user"));
    let key = one.generate(first, token_key(vec![label("old")])).unwrap();
    assert!(two.encrypt(second, key).is_ok());

    two.set(second, key, vec![label("new"), flag(A::ENCRYPT, false)])
        .unwrap();
    assert!(one.find(first, &[label("old")]).is_empty());
    assert_eq!(one.find(first, &[label("new")]), [key]);
    assert_eq!(one.flag_of(first, key, A::ENCRYPT), Some(false));
    assert_eq!(
        reason(one.encrypt(first, key)),
        Reason::KeyFunctionNotPermitted
    );

    one.destroy(first, key).unwrap();
    assert!(two.find(second, &[]).is_empty());
    assert_eq!(reason(two.encrypt(second, key)), Reason::KeyHandleInvalid);
}

#[test]
fn a_retried_request_answers_the_same_and_does_nothing_twice() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let mechanism = mechanism(CKM_AES_KEY_GEN);
    for token in [true, false] {
        let template = || {
            Template(vec![
                flag(A::TOKEN, token),
                number(A::VALUE_LEN, 32),
                label("once"),
            ])
        };
        let request = Request {
            number: 1_000 + u64::from(token),
            settled: 0,
        };
        let first = app
            .hsm
            .generate(request, session, &mechanism, template())
            .unwrap();
        let second = app
            .hsm
            .generate(request, session, &mechanism, template())
            .unwrap();
        assert_eq!(
            (first, app.find(session, &[label("once")])),
            (second, vec![first])
        );

        let request = Request {
            number: 2_000 + u64::from(token),
            settled: 0,
        };
        app.hsm
            .set_attributes(request, session, first, Template(vec![label("twice")]))
            .unwrap();
        app.hsm
            .set_attributes(request, session, first, Template(vec![label("twice")]))
            .unwrap();
        let request = Request {
            number: 2_500 + u64::from(token),
            settled: 0,
        };
        app.hsm.destroy(request, session, first).unwrap();
        app.hsm.destroy(request, session, first).unwrap();
        assert_eq!(
            reason(app.destroy(session, first)),
            Reason::ObjectHandleInvalid
        );
    }
}

#[test]
fn handles_are_never_used_again() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let mut seen = Vec::new();
    for _ in 0..5 {
        for token in [true, false] {
            let template = Template(vec![flag(A::TOKEN, token), number(A::VALUE_LEN, 16)]);
            let key = app.generate(session, template).unwrap();
            assert!(!seen.contains(&key));
            seen.push(key);
            app.destroy(session, key).unwrap();
        }
    }
    drop(app);
    let world = world.reopened();
    let app = world.app();
    let session = app.session("user");
    for token in [true, false] {
        let template = Template(vec![flag(A::TOKEN, token), number(A::VALUE_LEN, 16)]);
        assert!(!seen.contains(&app.generate(session, template).unwrap()));
    }
}

#[test]
fn session_objects_go_with_their_session_and_are_shared_within_the_slot() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let (first, second) = (app.session("user"), app.open(Access::ReadOnly));
    let key = app.create(first, known_key(vec![label("here")])).unwrap();
    assert_eq!(app.find(second, &[label("here")]), [key]);
    assert!(app.encrypt(second, key).is_ok());
    let elsewhere = other.session("user");
    assert!(other.find(elsewhere, &[label("here")]).is_empty());
    assert_eq!(
        reason(other.encrypt(elsewhere, key)),
        Reason::KeyHandleInvalid
    );

    app.hsm.close_session(first).unwrap();
    assert!(app.find(second, &[label("here")]).is_empty());
    assert_eq!(reason(app.encrypt(second, key)), Reason::KeyHandleInvalid);
}

#[test]
fn a_sensitive_key_never_reveals_its_value_and_stays_sensitive() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let open = known_key(vec![flag(A::EXTRACTABLE, true), flag(A::TOKEN, true)]);
    let key = app.create(session, open).unwrap();
    let Revealed::Value(Value::Secret(shown)) = app.attribute(session, key, A::VALUE) else {
        panic!("an extractable key that is not sensitive reveals its value")
    };
    assert_eq!(shown.reveal(), [7; 16]);

    app.set(session, key, vec![flag(A::SENSITIVE, true)])
        .unwrap();
    assert!(matches!(
        app.attribute(session, key, A::VALUE),
        Revealed::Sensitive
    ));
    let back = app.set(session, key, vec![flag(A::SENSITIVE, false)]);
    assert_eq!(reason(back), Reason::AttributeReadOnly);
    assert_eq!(app.flag_of(session, key, A::ALWAYS_SENSITIVE), Some(false));
}

#[test]
fn a_generated_key_tells_where_it_comes_from() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app
        .generate(session, token_key(vec![flag(A::SENSITIVE, true)]))
        .unwrap();
    for kind in [
        A::LOCAL,
        A::ALWAYS_SENSITIVE,
        A::NEVER_EXTRACTABLE,
        A::PRIVATE,
        A::ENCRYPT,
    ] {
        assert_eq!(app.flag_of(session, key, kind), Some(true), "{kind:?}");
    }
    let numbers = [
        (A::KEY_GEN_MECHANISM, CKM_AES_KEY_GEN),
        (A::KEY_TYPE, CKK_AES),
        (A::VALUE_LEN, 32),
    ];
    for (kind, expected) in numbers {
        let revealed = app.attribute(session, key, kind);
        let Revealed::Value(Value::Number(number)) = revealed else {
            panic!("{kind:?}")
        };
        assert_eq!(number, expected, "{kind:?}");
    }
    assert!(matches!(
        app.attribute(session, key, A::MODULUS),
        Revealed::Unknown
    ));
}

#[test]
fn public_data_needs_no_login_and_private_data_is_its_owners() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let nobody = other.open(Access::ReadWrite);
    let data = |private| {
        Template(vec![
            number(A::CLASS, CKO_DATA),
            flag(A::TOKEN, true),
            flag(A::PRIVATE, private),
            label("data"),
            value(b"forty-two"),
        ])
    };
    let public = other.create(nobody, data(false)).unwrap();
    assert_eq!(
        reason(other.create(nobody, data(true))),
        Reason::UserNotLoggedIn
    );
    let session = app.session("user");
    let private = app.create(session, data(true)).unwrap();

    assert_eq!(other.find(nobody, &[label("data")]), [public]);
    assert_eq!(app.find(session, &[label("data")]), [public, private]);
    for object in [public, private] {
        app.set(session, object, vec![value(b"forty-three")])
            .unwrap();
        let Revealed::Value(Value::Secret(now)) = app.attribute(session, object, A::VALUE) else {
            panic!("data reveals its value")
        };
        assert_eq!(now.reveal(), b"forty-three");
    }
    other.destroy(nobody, public).unwrap();
}

#[test]
fn an_object_too_large_for_a_record_is_refused_by_its_largest_attribute() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for on_token in [true, false] {
        let template = Template(vec![
            number(A::CLASS, CKO_DATA),
            flag(A::TOKEN, on_token),
            bytes(A::APPLICATION, &[b'a'; 30_000]),
            bytes(A::LABEL, &[b'l'; 31_000]),
            value(&[1; 20_000]),
        ]);
        let error = app.create(session, template).unwrap_err();
        assert_eq!(error.reason, Reason::AttributeValueInvalid);
        assert!(error.to_string().contains("CKA_LABEL"), "{error}");
    }
}

#[test]
fn what_is_not_destroyable_or_not_modifiable_stays_as_it_is() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let fixed = vec![flag(A::DESTROYABLE, false), flag(A::MODIFIABLE, false)];
    for key in [
        app.generate(session, token_key(fixed)).unwrap(),
        app.create(
            session,
            known_key(vec![
                flag(A::DESTROYABLE, false),
                flag(A::MODIFIABLE, false),
            ]),
        )
        .unwrap(),
    ] {
        assert_eq!(reason(app.destroy(session, key)), Reason::ActionProhibited);
        assert_eq!(
            reason(app.set(session, key, vec![label("x")])),
            Reason::ActionProhibited
        );
    }
}

#[test]
fn the_security_officer_trusts_keys_and_changes_nothing_else_of_them() {
    let world = World::new();
    let (app, admin) = (world.app(), world.app());
    let session = app.session("user");
    let key = app
        .generate(session, token_key(vec![flag(A::PRIVATE, false)]))
        .unwrap();
    assert_eq!(
        reason(app.set(session, key, vec![flag(A::TRUSTED, true)])),
        Reason::AttributeReadOnly
    );
    let officer = admin.open(Access::ReadWrite);
    admin
        .login_as(officer, token::LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    admin
        .set(officer, key, vec![flag(A::TRUSTED, true)])
        .unwrap();
    assert_eq!(app.flag_of(session, key, A::TRUSTED), Some(true));
    let more = vec![flag(A::TRUSTED, true), flag(A::ENCRYPT, false)];
    assert_eq!(
        reason(admin.set(officer, key, more)),
        Reason::UserNotLoggedIn
    );
}

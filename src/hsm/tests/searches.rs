//! Searches as applications make them: while others create, and while they change what they find.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]

mod support;

use support::*;
use token::{Access, AttributeType as A, Hsm, ObjectHandle, Reason, Template};

#[test]
fn a_certificate_is_found_by_issuer_and_serial_number() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let certificate = Template(vec![
        number(A::CLASS, CKO_CERTIFICATE),
        number(A::CERTIFICATE_TYPE, 0),
        flag(A::TOKEN, true),
        bytes(A::SUBJECT, b"subject"),
        bytes(A::ISSUER, b"issuer"),
        bytes(A::SERIAL_NUMBER, b"\x02\x01\x07"),
        value(b"certificate"),
    ]);
    let certificate = app.create(session, certificate).unwrap();
    let by = [
        bytes(A::ISSUER, b"issuer"),
        bytes(A::SERIAL_NUMBER, b"\x02\x01\x07"),
    ];
    assert_eq!(app.find(session, &by), [certificate]);
    let other = [
        bytes(A::ISSUER, b"issuer"),
        bytes(A::SERIAL_NUMBER, b"\x02\x01\x08"),
    ];
    assert!(app.find(session, &other).is_empty());
}

#[test]
fn the_first_public_object_is_found_by_who_has_found_none_and_once_it_is_there_again() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let (session, public) = (app.open(Access::ReadWrite), other.open(Access::ReadWrite));
    let data = || {
        Template(vec![
            number(A::CLASS, CKO_DATA),
            flag(A::TOKEN, true),
            flag(A::PRIVATE, false),
            label("public"),
            value(b"data"),
        ])
    };
    let found = |app: &App, session| app.find(session, &[label("public")]);
    assert!(found(&app, session).is_empty());
    let first = other.create(public, data()).unwrap();
    assert_eq!(found(&app, session), [first]);
    other.destroy(public, first).unwrap();
    assert!(found(&app, session).is_empty());
    let second = other.create(public, data()).unwrap();
    assert_eq!(found(&app, session), [second]);
    drop((app, other));
    let world = world.reopened();
    let app = world.app();
    assert_eq!(found(&app, app.open(Access::ReadOnly)), [second]);
}

#[test]
fn a_search_that_copies_what_it_finds_comes_to_an_end() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for _ in 0..3 {
        app.generate(session, token_key(vec![label("copy")]))
            .unwrap();
    }
    app.hsm.find_start(session, &[label("copy")]).unwrap();
    let mut found = 0;
    while !app.hsm.find_next(session, 1).unwrap().is_empty() {
        found += 1;
        app.generate(session, token_key(vec![label("copy")]))
            .unwrap();
    }
    assert_eq!(found, 3);
}

#[test]
fn a_search_may_destroy_what_it_finds() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for _ in 0..25 {
        app.generate(session, token_key(vec![])).unwrap();
    }
    app.hsm
        .find_start(session, &[number(A::CLASS, CKO_SECRET_KEY)])
        .unwrap();
    let mut destroyed = 0;
    loop {
        let page = app.hsm.find_next(session, 4).unwrap();
        if page.is_empty() {
            break;
        }
        for key in page {
            app.destroy(session, key).unwrap();
            destroyed += 1;
        }
    }
    assert_eq!(destroyed, 25);
}

#[test]
fn a_search_with_its_first_objects_ends_by_itself_if_they_are_all() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let make = |_| {
        app.generate(session, token_key(vec![label("few")]))
            .unwrap()
    };
    let mut made: Vec<ObjectHandle> = (0..3).map(make).collect();
    let begin = |limit| app.hsm.find(session, &[label("few")], limit);
    let none = Reason::OperationNotInitialized;
    let mut found = begin(4).unwrap();
    found.sort_unstable();
    made.sort_unstable();
    assert_eq!(found, made);
    assert_eq!(reason(app.hsm.find_next(session, 1)), none);
    // As many as there is room for: there may be more.
    assert_eq!(begin(3).unwrap().len(), 3);
    assert_eq!(reason(begin(3)), Reason::OperationActive);
    assert!(app.hsm.find_next(session, 1).unwrap().is_empty());
    app.hsm.find_end(session).unwrap();
    assert_eq!(reason(app.hsm.find_end(session)), none);
}

#[test]
fn nobody_comes_between_the_beginning_of_a_search_and_its_first_objects() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    std::thread::scope(|scope| {
        let searches = scope.spawn(|| {
            for _ in 0..5_000 {
                let found = app.hsm.find(session, &[label("none")], 4);
                assert!(found.unwrap().is_empty());
            }
        });
        // As a logout would end it.
        while !searches.is_finished() {
            let none = app.hsm.find_end(session);
            assert_eq!(reason(none), Reason::OperationNotInitialized);
        }
    });
}

#[test]
fn eight_threads_create_at_once_and_all_see_all() {
    let world = World::new();
    let made: Vec<ObjectHandle> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let app = world.app();
                    let session = app.session("user");
                    let make = |_| {
                        app.generate(session, token_key(vec![label("all")]))
                            .unwrap()
                    };
                    (0..10).map(make).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let app = world.app();
    let mut expected = made;
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(expected.len(), 80);
    let mut found = app.find(app.session("user"), &[label("all")]);
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn nobody_finds_a_key_by_its_value() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for (on_token, sensitive) in [(false, false), (false, true), (true, false), (true, true)] {
        let more = vec![flag(A::TOKEN, on_token), flag(A::SENSITIVE, sensitive)];
        app.create(session, known_key(more)).unwrap();
    }
    let class = || number(A::CLASS, CKO_SECRET_KEY);
    assert_eq!(app.find(session, &[class()]).len(), 4);
    assert!(app.find(session, &[class(), value(&[7; 16])]).is_empty());
    assert!(app.find(session, &[value(&[7; 16])]).is_empty());
}

//! A search is one round trip where its objects are few, and goes on in hsmd where they are many.

use super::*;

/// A client with a session, of a machine whose searches find so many objects: those with the numbers
/// from 0 on.
fn finding(objects: u64) -> (Arc<Machine>, Client, SessionHandle) {
    let machine = Machine::new();
    machine
        .world
        .objects
        .store(objects, std::sync::atomic::Ordering::Relaxed);
    let client = machine.client();
    let session = open(&client);
    (machine, client, session)
}

fn reason<T>(answer: token::Result<T>) -> Reason {
    answer.err().unwrap().reason
}

/// All that a search finds from here on, so many with each verb.
fn rest(client: &Client, session: SessionHandle, limit: usize) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let page = client.find_next(session, limit).unwrap();
        if page.is_empty() {
            return found;
        }
        assert!(page.len() <= limit);
        found.extend(page.iter().map(|object| object.0));
    }
}

#[test]
fn a_search_that_finds_little_is_one_verb() {
    for objects in [0, 1, 63] {
        let (machine, client, session) = finding(objects);
        client.find_start(session, &[]).unwrap();
        assert_eq!(rest(&client, session, 10), Vec::from_iter(0..objects));
        client.find_end(session).unwrap();
        // Each once, by hsmd itself.
        for verb in ["find_start", "find_next", "find_end"] {
            assert_eq!(machine.world.count(verb), 1, "{verb}");
        }
        assert_eq!(machine.world.count("session"), 0);
    }
}

#[test]
fn a_search_that_finds_much_misses_nothing_and_finds_nothing_twice() {
    for objects in [64, 65, 128, 700] {
        for limit in [1, 7, 63, 64, 65, 1_000] {
            let (_machine, client, session) = finding(objects);
            client.find_start(session, &[]).unwrap();
            assert_eq!(rest(&client, session, limit), Vec::from_iter(0..objects));
            client.find_end(session).unwrap();
        }
    }
}

#[test]
fn as_many_come_as_there_is_room_for() {
    let (_machine, client, session) = finding(700);
    client.find_start(session, &[]).unwrap();
    for limit in [0, 10, 100, 500] {
        assert_eq!(client.find_next(session, limit).unwrap().len(), limit);
    }
    assert_eq!(client.find_next(session, 500).unwrap().len(), 90);
}

#[test]
fn a_search_is_over_when_it_is_ended_wherever_its_objects_are() {
    for objects in [1, 700] {
        let (_machine, client, session) = finding(objects);
        let none = Reason::OperationNotInitialized;
        assert_eq!(reason(client.find_next(session, 1)), none);
        assert_eq!(reason(client.find_end(session)), none);
        client.find_start(session, &[]).unwrap();
        assert_eq!(
            reason(client.find_start(session, &[])),
            Reason::OperationActive
        );
        assert_eq!(client.find_next(session, 1).unwrap(), [ObjectHandle(0)]);
        client.find_end(session).unwrap();
        assert_eq!(reason(client.find_next(session, 1)), none);
        assert_eq!(reason(client.find_end(session)), none);
        client.find_start(session, &[]).unwrap();
        assert_eq!(client.find_next(session, 1).unwrap(), [ObjectHandle(0)]);
    }
}

#[test]
fn a_logout_ends_a_search_and_a_closed_session_has_none() {
    for objects in [1, 700] {
        let (_machine, client, session) = finding(objects);
        let pin = SecretBytes::copied(b"right");
        client.login(session, LoginAs::User, None, &pin).unwrap();
        client.find_start(session, &[]).unwrap();
        client.logout(session).unwrap();
        assert_eq!(
            reason(client.find_next(session, 1)),
            Reason::OperationNotInitialized
        );
        client.find_start(session, &[]).unwrap();
        client.close_session(session).unwrap();
        assert_eq!(
            reason(client.find_next(session, 1)),
            Reason::SessionHandleInvalid
        );
        assert_eq!(
            reason(client.find_end(session)),
            Reason::SessionHandleInvalid
        );
    }
}

#[test]
fn a_search_that_is_here_asks_after_its_session_when_anything_has_changed() {
    let (machine, client, session) = finding(1);
    client.find_start(session, &[]).unwrap();
    let other = machine.client();
    let requests = Requests::new();
    other
        .destroy(
            requests.begin().request(),
            open(&other),
            ObjectHandle(1_000),
        )
        .unwrap();
    machine
        .world
        .is_lost
        .store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        reason(client.find_next(session, 1)),
        Reason::SessionHandleInvalid
    );
}

#[test]
fn an_hsmd_that_starts_again_is_not_noticed_by_a_search_that_is_here() {
    let (machine, client, session) = finding(3);
    client.find_start(session, &[]).unwrap();
    assert_eq!(client.find_next(session, 1).unwrap(), [ObjectHandle(0)]);
    machine.restart();
    assert_eq!(rest(&client, session, 10), [1, 2]);
    client.find_end(session).unwrap();
    assert_eq!(
        reason(client.find_end(session)),
        Reason::OperationNotInitialized
    );
}

#[test]
fn a_search_that_has_only_begun_begins_again_and_one_in_the_middle_is_lost() {
    let (machine, client, session) = finding(700);
    client.find_start(session, &[]).unwrap();
    machine.restart();
    let found = client.find_next(session, 100).unwrap();
    assert_eq!(found, Vec::from_iter((0..100).map(ObjectHandle)));
    machine.restart();
    assert_eq!(
        reason(client.find_next(session, 100)),
        Reason::OperationNotInitialized
    );
    client.find_start(session, &[]).unwrap();
    machine.restart();
    client.find_end(session).unwrap();
}

#[test]
fn a_search_begins_once_where_an_answer_was_lost() {
    for (objects, verb) in [(3, "find_start"), (700, "find_start"), (700, "find_next")] {
        for deed in [true, false] {
            let (machine, client, session) = finding(objects);
            match deed {
                true => machine.world.in_the_middle_of(verb, machine.breaker()),
                false => machine.world.in_the_middle_of(verb, machine.restarter()),
            }
            client.find_start(session, &[]).unwrap();
            assert_eq!(rest(&client, session, 100), Vec::from_iter(0..objects));
            client.find_end(session).unwrap();
        }
    }
}

#[test]
fn threads_that_share_a_search_share_what_it_finds() {
    let (_machine, client, session) = finding(700);
    client.find_start(session, &[]).unwrap();
    let mut all: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| rest(&client, session, 9)))
            .collect();
        let found = threads.into_iter().map(|thread| thread.join().unwrap());
        found.flatten().collect()
    });
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..700));
}

/// The same client, logged in and in the middle of a search that has told one object.
fn searching_as_user(objects: u64) -> (Arc<Machine>, Client, SessionHandle) {
    let (machine, client, session) = finding(objects);
    let pin = SecretBytes::copied(b"right");
    client.login(session, LoginAs::User, None, &pin).unwrap();
    client.find_start(session, &[]).unwrap();
    assert_eq!(client.find_next(session, 1).unwrap(), [ObjectHandle(0)]);
    (machine, client, session)
}

#[test]
fn a_login_that_was_lost_with_hsmd_ends_the_search_that_found_by_it() {
    for objects in [3, 700] {
        for is_noticed in [true, false] {
            let (machine, client, session) = searching_as_user(objects);
            let relaxed = std::sync::atomic::Ordering::Relaxed;
            machine.world.forgets_logins.store(true, relaxed);
            machine.restart();
            if is_noticed {
                let session = client.session(session).unwrap();
                assert_eq!(session.login, LoginState::Public);
            } else {
                // Whoever asks after the session finds the new hsmd.
                client.pool.clear();
            }
            assert_eq!(
                reason(client.find_next(session, 100)),
                Reason::OperationNotInitialized
            );
            client.find_start(session, &[]).unwrap();
            assert_eq!(rest(&client, session, 100), Vec::from_iter(0..objects));
            client.find_end(session).unwrap();
        }
    }
}

#[test]
fn a_search_that_begins_as_the_login_is_lost_is_that_of_the_public_session() {
    let (machine, client, session) = searching_as_user(3);
    client.find_end(session).unwrap();
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    machine.world.forgets_logins.store(true, relaxed);
    machine.restart();
    client.find_start(session, &[]).unwrap();
    assert_eq!(rest(&client, session, 100), [0, 1, 2]);
}

#[test]
fn a_pin_that_was_locked_ends_the_search_though_its_answer_was_lost() {
    let (machine, client, session) = searching_as_user(3);
    start(&client, session);
    machine.world.in_the_middle_of("login", machine.breaker());
    let last = SecretBytes::copied(b"last");
    assert_eq!(
        reason(client.login(session, LoginAs::ContextSpecific, None, &last)),
        Reason::UserNotLoggedIn
    );
    assert_eq!(
        reason(client.find_next(session, 1)),
        Reason::OperationNotInitialized
    );
}

#[test]
fn an_hsmd_that_tells_more_than_there_is_room_for_is_not_believed() {
    let (machine, client, session) = finding(700);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    machine.world.excess.store(50, relaxed);
    client.find_start(session, &[]).unwrap();
    for limit in [0, 1, 100, 200] {
        assert_eq!(client.find_next(session, limit).unwrap().len(), limit);
    }
}

#[test]
fn a_search_of_which_nobody_has_anything_begins_again() {
    let (machine, client, session) = finding(700);
    client.find_start(session, &[]).unwrap();
    assert!(client.find_next(session, 0).unwrap().is_empty());
    machine.restart();
    let found = client.find_next(session, 100).unwrap();
    assert_eq!(found, Vec::from_iter((0..100).map(ObjectHandle)));
}

#[test]
fn without_shared_memory_a_search_is_the_same() {
    let (machine, client, _) = finding(100);
    machine.restart_without_memory();
    let session = open(&client);
    client.find_start(session, &[]).unwrap();
    assert_eq!(rest(&client, session, 10), Vec::from_iter(0..100));
    client.find_end(session).unwrap();
}

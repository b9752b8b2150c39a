//! What an application notices of hsmd's life, and what it does not.

use std::{sync::Arc, thread, time::Instant};

use token::{
    Access, ClusterId, Hsm, LoginAs, LoginState, Mechanism, MechanismId, ObjectHandle, Operation,
    Operator, Parameters, Produced, Reason, SecretBytes, SessionHandle, SlotId, Template, limits,
};

use super::reach::PATIENCE_WITH_OTHERS;
use crate::{
    Client, Requests,
    testing::{Machine, PREFIX, SESSION_KEY, eventually},
};

mod inits;
mod searches;
mod turns;
mod verbs;
mod versions;

const SLOT: SlotId = SlotId(1);
const KEY: Option<ObjectHandle> = Some(ObjectHandle(5));

fn mechanism() -> Mechanism {
    Mechanism {
        id: MechanismId(1),
        parameters: Parameters::Iv(vec![1; 16]),
    }
}

fn open(client: &Client) -> SessionHandle {
    client.open_session(SLOT, Access::ReadWrite).unwrap()
}

fn start(client: &Client, session: SessionHandle) {
    client
        .start(session, Operation::Encrypt, mechanism(), KEY)
        .unwrap();
}

fn transform(client: &Client, session: SessionHandle, input: &[u8]) -> token::Result<Vec<u8>> {
    let mut output = vec![0; input.len() + 64];
    match client.transform(session, Operation::Encrypt, input, Some(&mut output))? {
        Produced::Written(len) => output.truncate(len),
        Produced::Needed(len) => panic!("{len} bytes needed"),
    }
    Ok(output)
}

#[test]
fn an_input_comes_back_as_its_output() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    for len in [0, 1, 1024, 100_000, 5_000_000] {
        let input = vec![7; len];
        start(&client, session);
        assert_eq!(
            transform(&client, session, &input).unwrap(),
            [PREFIX, &input].concat()
        );
    }
}

#[test]
fn a_length_query_needs_no_verb() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    let needed = client
        .transform(session, Operation::Encrypt, b"12345", None)
        .unwrap();
    assert_eq!(needed, Produced::Needed(PREFIX.len() + 5));
    assert_eq!(machine.world.count("transform"), 0);
    assert_eq!(transform(&client, session, b"12345").unwrap(), b"fake12345");
}

#[test]
fn a_short_buffer_keeps_the_operation() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    let mut short = [0; 3];
    let needed = client
        .transform(session, Operation::Encrypt, b"12345", Some(&mut short))
        .unwrap();
    assert_eq!(needed, Produced::Needed(9));
    assert_eq!(transform(&client, session, b"12345").unwrap(), b"fake12345");
}

#[test]
fn what_is_absorbed_is_checked_and_produced() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    client
        .start(session, Operation::Verify, mechanism(), KEY)
        .unwrap();
    client.absorb(session, Operation::Verify, b"ab").unwrap();
    client
        .check(session, Operation::Verify, None, b"fakeab")
        .unwrap();
    client
        .start(session, Operation::Verify, mechanism(), KEY)
        .unwrap();
    let wrong = client
        .check(session, Operation::Verify, Some(b"x"), b"y")
        .unwrap_err();
    assert_eq!(wrong.reason, Reason::SignatureInvalid);
    client
        .start(session, Operation::Digest, mechanism(), None)
        .unwrap();
    client.absorb(session, Operation::Digest, b"cd").unwrap();
    let mut output = [0; 16];
    let written = client
        .produce(session, Operation::Digest, Some(&mut output))
        .unwrap();
    assert_eq!(
        (written, &output[..6]),
        (Produced::Written(6), b"fakecd".as_slice())
    );
}

#[test]
fn random_bytes_come_in_parts_where_one_verb_may_not_ask_for_all() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let mut output = vec![0; limits::RANDOM_BYTES + 5];
    client.random(session, &mut output).unwrap();
    assert!(output.iter().all(|byte| *byte == 4));
}

#[test]
fn input_that_no_message_carries_ends_the_operation() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    let input = vec![0; limits::DATA_BYTES + 1];
    assert_eq!(
        transform(&client, session, &input).unwrap_err().reason,
        Reason::DataLenRange
    );
    start(&client, session);
}

#[test]
fn an_error_keeps_its_reason_and_its_words() {
    let machine = Machine::new();
    let client = machine.client();
    let id = ClusterId::parse("cluster-abcdefghijk").unwrap();
    let error = client.cluster(&id).unwrap_err();
    assert_eq!(
        (error.reason, error.context()),
        (Reason::NotFound, Some("cluster-abcdefghijk"))
    );
}

#[test]
fn sessions_and_logins_outlive_hsmd() {
    let machine = Machine::new();
    let client = machine.client();
    let (first, second) = (open(&client), open(&client));
    client
        .login(first, LoginAs::User, None, &SecretBytes::copied(b"right"))
        .unwrap();
    machine.restart();
    assert_eq!(client.session(second).unwrap().login, LoginState::User);
    assert_eq!(client.session(first).unwrap().login, LoginState::User);
    let third = open(&client);
    assert!(third.0 > second.0, "handles are never given twice");
}

#[test]
fn a_logout_is_not_undone_by_a_restart() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    client
        .login(session, LoginAs::User, None, &SecretBytes::copied(b"right"))
        .unwrap();
    client.logout(session).unwrap();
    machine.restart();
    assert_eq!(client.session(session).unwrap().login, LoginState::Public);
}

#[test]
fn an_operation_that_has_only_begun_goes_on_after_a_restart() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    machine.restart();
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
    assert_eq!(machine.world.count("start"), 2);
}

#[test]
fn an_operation_in_the_middle_is_lost_with_hsmd() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    client
        .start(session, Operation::Digest, mechanism(), None)
        .unwrap();
    client.absorb(session, Operation::Digest, b"first").unwrap();
    machine.restart();
    let error = client
        .absorb(session, Operation::Digest, b"second")
        .unwrap_err();
    assert_eq!(error.reason, Reason::OperationNotInitialized);
    client
        .start(session, Operation::Digest, mechanism(), None)
        .unwrap();
}

#[test]
fn an_operation_with_a_session_key_says_that_the_key_is_gone() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    client
        .start(session, Operation::Encrypt, mechanism(), Some(SESSION_KEY))
        .unwrap();
    machine.restart();
    let error = transform(&client, session, b"abc").unwrap_err();
    assert_eq!(error.reason, Reason::KeyHandleInvalid);
}

#[test]
fn a_change_whose_answer_was_lost_is_done_once() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let requests = Requests::new();
    machine
        .world
        .in_the_middle_of("create", machine.restarter());
    let open = requests.begin();
    let object = client
        .create(open.request(), session, Template::default())
        .unwrap();
    assert_eq!(machine.world.count("create"), 2);
    assert_eq!(
        machine
            .world
            .created
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
    assert_eq!(object, ObjectHandle(1));
}

#[test]
fn a_begin_whose_answer_was_lost_begins_once() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    machine.world.in_the_middle_of("start", machine.restarter());
    start(&client, session);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

#[test]
fn a_session_that_was_opened_as_hsmd_died_is_opened_again() {
    let machine = Machine::new();
    let client = machine.client();
    machine
        .world
        .in_the_middle_of("open_session", machine.restarter());
    let session = open(&client);
    assert!(client.session(session).is_ok());
}

#[test]
fn a_session_whose_answer_was_lost_is_not_left_behind() {
    let machine = Machine::new();
    let client = machine.client();
    machine
        .world
        .in_the_middle_of("open_session", machine.breaker());
    let session = open(&client);
    assert_eq!(machine.world.count("open_session"), 2);
    eventually("the first one is closed", || {
        machine.world.count("close_session") == 1
    });
    assert!(client.session(session).is_ok());
}

#[test]
fn a_login_whose_answer_was_lost_is_a_login_that_a_restart_keeps() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    machine.world.in_the_middle_of("login", machine.breaker());
    client
        .login(session, LoginAs::User, None, &SecretBytes::copied(b"right"))
        .unwrap();
    machine.restart();
    assert_eq!(client.session(session).unwrap().login, LoginState::User);
}

#[test]
fn a_login_for_an_operation_whose_answer_was_lost_is_not_claimed_and_holds() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    let log_in = |pin: &[u8]| {
        machine.world.in_the_middle_of("login", machine.breaker());
        let pin = SecretBytes::copied(pin);
        client.login(session, LoginAs::ContextSpecific, None, &pin)
    };
    // Nobody knows any more whether a PIN was looked at, and nobody says that one was.
    for pin in [b"right", b"wrong"] {
        let none = log_in(pin).unwrap_err();
        assert_eq!(none.reason, Reason::OperationNotInitialized);
    }
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

#[test]
fn an_application_that_was_taken_up_by_half_is_taken_up_again() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    machine.restart();
    machine.world.in_the_middle_of("resume", machine.breaker());
    assert!(client.session(session).is_ok());
    assert_eq!(machine.world.count("resume"), 2);
}

#[test]
fn many_threads_survive_many_deaths() {
    let machine = Machine::new();
    let client = Arc::new(machine.client());
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            thread::spawn(move || {
                let session = open(&client);
                for _ in 0..200 {
                    start(&client, session);
                    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
                }
            })
        })
        .collect();
    for _ in 0..10 {
        thread::sleep(std::time::Duration::from_millis(5));
        machine.restart();
    }
    workers
        .into_iter()
        .for_each(|worker| worker.join().unwrap());
}

#[test]
fn without_hsmd_verbs_fail_in_time_and_later_work_again() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    machine.kill();
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let error = client.session(session).unwrap_err();
                assert_eq!(error.reason, Reason::Unreachable);
            });
        }
    });
    // They wait beside one another: not each for as long once it is its turn.
    assert!(begun.elapsed() < 3 * PATIENCE_WITH_OTHERS);
    machine.start();
    assert!(client.session(session).is_ok());
}

#[test]
fn the_end_of_a_client_is_the_end_of_its_application() {
    let machine = Machine::new();
    drop(machine.client());
    eventually("the application ends", || machine.applications() == 0);
    assert_eq!(
        machine
            .world
            .ended
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
}

#[test]
fn an_end_whose_connection_was_lost_is_said_over_another_one() {
    let machine = Machine::new();
    let client = machine.client();
    machine.break_all();
    client.end().unwrap();
    assert_eq!(machine.applications(), 0);
}

#[test]
fn a_client_ends_its_application_while_its_only_connection_is_in_a_verb() {
    let machine = Machine::new();
    let client = Arc::new(machine.client());
    let (near, far) = std::sync::mpsc::channel();
    let ending = Arc::clone(&client);
    machine.world.in_the_middle_of("slots", move || {
        ending.end().unwrap();
        near.send(()).unwrap();
    });
    assert!(client.slots().is_ok(), "the verb in flight is answered");
    far.recv().unwrap();
    assert_eq!(machine.applications(), 0);
}

#[test]
fn a_forked_child_leaves_its_parents_application_alone() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    // What the child does with its copy: the descriptors go, the application stays.
    client.abandon();
    std::mem::forget(client);
    let other = machine.client();
    assert_eq!(machine.applications(), 2);
    assert_eq!(
        other.session(session).unwrap_err().reason,
        Reason::SessionHandleInvalid
    );
}

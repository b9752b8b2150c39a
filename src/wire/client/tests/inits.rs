//! An Init whose answer is known costs no round trip, and nobody can tell.

use super::*;

const ENCRYPT: Operation = Operation::Encrypt;

/// A session that has used the key before.
fn used(client: &Client) -> SessionHandle {
    let session = open(client);
    start(client, session);
    transform(client, session, b"first").unwrap();
    session
}

fn gcm(iv: &[u8], additional: usize, tag_bits: u64) -> Mechanism {
    Mechanism {
        id: MechanismId(2),
        parameters: Parameters::Gcm {
            iv: iv.to_vec(),
            additional: vec![0; additional],
            tag_bits,
        },
    }
}

#[test]
fn a_second_init_is_said_with_the_verb_that_follows() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    assert_eq!(machine.world.count("start"), 1);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
    assert_eq!(machine.world.count("start"), 2);
}

#[test]
fn only_bytes_that_no_init_looks_at_may_differ() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let mut said = 0;
    for (mechanism, is_said) in [
        (gcm(&[1; 12], 0, 128), 1),
        (gcm(&[2; 12], 256, 128), 0),
        (gcm(&[2; 12], 257, 128), 1),
        (gcm(&[2; 11], 0, 128), 1),
        (gcm(&[2; 12], 0, 96), 1),
        (gcm(&[3; 12], 0, 96), 0),
    ] {
        client
            .start(session, ENCRYPT, mechanism.clone(), KEY)
            .unwrap();
        said += is_said;
        assert_eq!(machine.world.count("start"), said, "{mechanism:?}");
        transform(&client, session, b"abc").unwrap();
        said += 1 - is_said;
    }
}

#[test]
fn a_key_that_somebody_destroyed_is_refused_at_the_init() {
    let machine = Machine::new();
    let (client, other) = (machine.client(), machine.client());
    let session = used(&client);
    let requests = Requests::new();
    let request = requests.begin().request();
    other.destroy(request, open(&other), KEY.unwrap()).unwrap();
    let error = client
        .start(session, ENCRYPT, mechanism(), KEY)
        .unwrap_err();
    assert_eq!(error.reason, Reason::KeyHandleInvalid);
}

#[test]
fn an_operation_outlives_its_key_as_if_its_init_had_been_said() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    let requests = Requests::new();
    let request = requests.begin().request();
    client.destroy(request, session, KEY.unwrap()).unwrap();
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

#[test]
fn an_init_that_fails_late_leaves_no_operation_and_is_not_put_off_again() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    machine.world.gone.lock().extend(KEY);
    let error = transform(&client, session, b"abc").unwrap_err();
    assert_eq!(error.reason, Reason::KeyHandleInvalid);
    let error = transform(&client, session, b"abc").unwrap_err();
    assert_eq!(error.reason, Reason::OperationNotInitialized);
    assert!(client.start(session, ENCRYPT, mechanism(), KEY).is_err());
}

#[test]
fn a_second_init_in_a_row_finds_the_first_one_active() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    let error = client
        .start(session, ENCRYPT, mechanism(), KEY)
        .unwrap_err();
    assert_eq!(error.reason, Reason::OperationActive);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

#[test]
fn what_was_put_off_is_cancelled_without_a_word() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    client.cancel(session, ENCRYPT).unwrap();
    let error = transform(&client, session, b"abc").unwrap_err();
    assert_eq!(error.reason, Reason::OperationNotInitialized);
    assert_eq!(machine.world.count("start"), 1);
}

#[test]
fn a_length_query_of_what_was_put_off_needs_no_verb() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    let needed = client.transform(session, ENCRYPT, b"12345", None).unwrap();
    assert_eq!(needed, Produced::Needed(PREFIX.len() + 5));
    let mut short = [0; 3];
    client
        .transform(session, ENCRYPT, b"12345", Some(&mut short))
        .unwrap();
    assert_eq!(transform(&client, session, b"12345").unwrap(), b"fake12345");
}

#[test]
fn what_was_put_off_goes_on_in_parts() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    for _ in 0..3 {
        let digest = Operation::Digest;
        client.start(session, digest, mechanism(), None).unwrap();
        client.absorb(session, digest, b"ab").unwrap();
        client.absorb(session, digest, b"cd").unwrap();
        let mut output = [0; 8];
        client.produce(session, digest, Some(&mut output)).unwrap();
        assert_eq!(&output, b"fakeabcd");
    }
    assert_eq!(machine.world.count("start"), 3);
}

#[test]
fn what_was_put_off_outlives_hsmd() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    start(&client, session);
    machine.restart();
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
    machine
        .world
        .in_the_middle_of("transform", machine.restarter());
    start(&client, session);
    start_and_break(&machine, &client, session);
}

/// The Init that stands is told of, its verb loses its connection, and both are said again.
fn start_and_break(machine: &Arc<Machine>, client: &Client, session: SessionHandle) {
    assert_eq!(transform(client, session, b"abc").unwrap(), b"fakeabc");
    start(client, session);
    transform(client, session, b"abc").unwrap();
    start(client, session);
    machine.world.in_the_middle_of("start", machine.breaker());
    assert_eq!(transform(client, session, b"def").unwrap(), b"fakedef");
}

#[test]
fn a_logout_ends_what_was_put_off() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    let pin = SecretBytes::copied(b"right");
    client.login(session, LoginAs::User, None, &pin).unwrap();
    start(&client, session);
    transform(&client, session, b"abc").unwrap();
    start(&client, session);
    client.logout(session).unwrap();
    let error = client.transform(session, ENCRYPT, b"1", None).unwrap_err();
    assert_eq!(error.reason, Reason::OperationNotInitialized);
}

#[test]
fn inits_of_two_kinds_arrive_in_the_order_in_which_they_were_said() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let kinds = [Operation::Sign, ENCRYPT];
    let start = |kind| client.start(session, kind, mechanism(), KEY).unwrap();
    for kind in kinds {
        start(kind);
        client.cancel(session, kind).unwrap();
    }
    machine.world.started.lock().clear();
    for kind in kinds {
        start(kind);
    }
    // A login of its own is for the youngest operation.
    let pin = SecretBytes::copied(b"right");
    client.login(session, LoginAs::User, None, &pin).unwrap();
    assert_eq!(*machine.world.started.lock(), kinds);
}

#[test]
fn what_is_known_of_an_hsmd_that_is_gone_keeps_nothing_of_it() {
    let machine = Machine::new();
    let client = machine.client();
    let session = used(&client);
    let connection = client.pool.take().unwrap();
    let view = Arc::downgrade(connection.view().unwrap());
    client.pool.put(connection);
    assert!(view.upgrade().is_some());
    machine.restart();
    client.slots().unwrap();
    assert!(view.upgrade().is_none());
    start(&client, session);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

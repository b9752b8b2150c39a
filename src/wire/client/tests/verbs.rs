//! Verbs with shapes of their own.

use std::sync::atomic::Ordering;

use token::{Attribute, AttributeType, Value};

use super::*;

#[test]
fn an_output_comes_with_what_the_hsm_wrote_into_the_parameter() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let mut output = [0; 8];
    let outcome = client
        .wrap(
            session,
            &mechanism(),
            ObjectHandle(1),
            ObjectHandle(2),
            Some(b"data"),
            Some(&mut output),
        )
        .unwrap();
    assert_eq!(outcome.produced, Produced::Written(4));
    assert_eq!(&output[..4], b"data");
    assert_eq!(outcome.parameters_out.unwrap().iv, [1; 12]);
}

#[test]
fn an_encapsulation_makes_a_key_once_there_is_room() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let requests = Requests::new();
    let open = requests.begin();
    let encapsulate = |output: Option<&mut [u8]>| {
        let template = Template::default();
        let public = ObjectHandle(1);
        client.encapsulate(
            open.request(),
            session,
            &mechanism(),
            public,
            template,
            output,
        )
    };
    let asked = encapsulate(None).unwrap();
    assert_eq!((asked.produced, asked.key), (Produced::Needed(1568), None));
    let mut output = [0; 1600];
    let made = encapsulate(Some(&mut output)).unwrap();
    assert_eq!(made.produced, Produced::Written(1568));
    assert!(made.key.is_some());
    assert_eq!(machine.world.created.load(Ordering::Relaxed), 1);
}

#[test]
fn every_further_template_gets_its_key() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let requests = Requests::new();
    let request = requests.begin().request();
    let further = vec![Template::default(), Template::default()];
    let (first, others) = client
        .derive(
            request,
            session,
            &mechanism(),
            ObjectHandle(3),
            Template::default(),
            further,
        )
        .unwrap();
    assert_eq!((first, others.len()), (ObjectHandle(3), 2));
    client.seed_random(session, b"seed").unwrap();
}

#[test]
fn an_event_whose_answer_was_lost_is_told_again() {
    let machine = Machine::new();
    let client = machine.client();
    machine.world.events.lock().push(SLOT);
    let breaker = machine.breaker();
    machine.world.in_the_middle_of("slot_event", breaker);
    // The second time it is said may come before hsmd has noticed that nobody heard the first.
    eventually("it is told", || {
        client.slot_event(false).unwrap() == Some(SLOT)
    });
}

#[test]
fn who_waits_for_an_event_is_in_nobodys_way_and_woken_at_the_end() {
    let machine = Machine::new();
    let client = Arc::new(machine.client());
    let session = open(&client);
    let waiting = Arc::clone(&client);
    let waiter = thread::spawn(move || waiting.slot_event(true));
    eventually("it waits", || machine.world.count("slot_event") == 1);
    start(&client, session);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
    client.end().unwrap();
    assert!(waiter.join().unwrap().is_ok());
}

#[test]
fn an_output_without_memory_ends_the_operation_on_both_sides() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    start(&client, session);
    let starved = machine.starve(400_000);
    let input = vec![1; 300_000];
    let refused = transform(&client, session, &input).unwrap_err();
    assert_eq!(refused.reason, Reason::DeviceMemory);
    drop(starved);
    start(&client, session);
    assert_eq!(transform(&client, session, b"abc").unwrap(), b"fakeabc");
}

#[test]
fn a_part_for_two_operations_that_no_message_of_the_wire_carries_ends_both() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let both = [Operation::Decrypt, Operation::Digest];
    for operation in both {
        client.start(session, operation, mechanism(), None).unwrap();
    }
    let [cipher, beside] = both;
    let input = vec![0; limits::DATA_BYTES + 1];
    let refused = client.update_both(session, cipher, beside, &input, None);
    assert_eq!(refused.unwrap_err().reason, Reason::EncryptedDataLenRange);
    for operation in both {
        client.start(session, operation, mechanism(), None).unwrap();
    }
}

#[test]
fn a_part_without_memory_for_its_output_ends_its_message() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let operation = Operation::MessageEncrypt;
    client.start(session, operation, mechanism(), None).unwrap();
    let _starved = machine.starve(400_000);
    let (input, mut output) = (vec![1; 300_000], vec![0; 300_000]);
    let none = token::Parameters::None;
    let refused = client.message_next(session, operation, &none, &input, false, Some(&mut output));
    assert_eq!(refused.unwrap_err().reason, Reason::DeviceMemory);
    assert_eq!(machine.world.count("message_failed"), 1);
}

#[test]
fn a_part_that_no_message_of_the_wire_carries_ends_its_message_and_not_the_messages() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let operation = Operation::MessageEncrypt;
    client.start(session, operation, mechanism(), None).unwrap();
    let (input, none) = (vec![0; limits::DATA_BYTES + 1], token::Parameters::None);
    let part = client.message_next(session, operation, &none, &input, false, None);
    assert_eq!(part.unwrap_err().reason, Reason::DataLenRange);
    assert_eq!(machine.world.count("message_failed"), 1);
    let whole = client.message(session, operation, &none, b"", &input, None);
    assert_eq!(whole.unwrap_err().reason, Reason::DataLenRange);
    assert_eq!(machine.world.count("message_failed"), 1);
    client.cancel(session, operation).unwrap();
}

#[test]
fn a_template_that_no_message_of_the_wire_carries_is_refused_and_loses_no_connection() {
    let machine = Machine::new();
    let client = machine.client();
    let session = open(&client);
    let (messages, requests) = (Operation::MessageEncrypt, Requests::new());
    client.start(session, messages, mechanism(), None).unwrap();
    let template = |len| {
        let (kind, value) = (AttributeType::LABEL, Value::Bytes(vec![0; len]));
        Template(vec![Attribute { kind, value }])
    };
    let request = requests.begin().request();
    let made = client.create(request, session, template(limits::BODY_BYTES));
    assert_eq!(made.unwrap_err().reason, Reason::LimitExceeded);
    // Each of these could be said alone.
    let (wrapped, beside) = (
        vec![0; limits::DATA_BYTES],
        template(limits::DATA_BYTES / 64),
    );
    let request = requests.begin().request();
    let (mechanism, key) = (mechanism(), ObjectHandle(1));
    let made = client.unwrap(request, session, &mechanism, key, &wrapped, None, beside);
    assert_eq!(made.unwrap_err().reason, Reason::LimitExceeded);
    client.cancel(session, messages).unwrap();
}

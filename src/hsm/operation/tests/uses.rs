//! What the engine adds to operations: a login for each use, signatures that come first, keys that
//! are digested, states that are saved.

use token::{AttributeType, limits};

use super::*;

impl Bench {
    /// Starts signing with a key that wants a login for each use.
    fn start_guarded(&mut self, operation: Operation) {
        let mut attributes = usable(sys::CKK_GENERIC_SECRET);
        attributes.set(AttributeType::ALWAYS_AUTHENTICATE, true.into());
        let mechanism = Mechanism {
            id: MechanismId(sys::CKM_SHA256_HMAC),
            parameters: Parameters::None,
        };
        let key = Some(Key::new(&attributes, self.secret.clone()));
        self.operations.start(operation, mechanism, key).unwrap();
    }

    fn sign(&mut self) -> Result<Produced> {
        self.operations.transform(Sign, b"abc", Some(&mut [0; 32]))
    }
}

#[test]
fn a_key_that_wants_a_login_for_each_use_gets_one_for_each() {
    let mut bench = bench();
    bench.start_guarded(Sign);
    assert_eq!(reason(bench.sign()), Some(Reason::UserNotLoggedIn));
    assert!(!bench.is_active(Sign));

    bench.start_guarded(Sign);
    bench.operations.authenticate(|| Ok(())).unwrap();
    bench.sign().unwrap();
    bench.start_guarded(Sign);
    assert_eq!(reason(bench.sign()), Some(Reason::UserNotLoggedIn));
}

#[test]
fn a_wrong_password_leaves_the_operation_waiting() {
    let mut bench = bench();
    bench.start_guarded(Sign);
    let failed = bench
        .operations
        .authenticate(|| Err(Reason::PinIncorrect.into()));
    assert_eq!(reason(failed), Some(Reason::PinIncorrect));
    bench.operations.authenticate(|| Ok(())).unwrap();
    bench.operations.absorb(Sign, b"ab").unwrap();
    bench.operations.absorb(Sign, b"c").unwrap();
    bench.operations.produce(Sign, Some(&mut [0; 32])).unwrap();
}

#[test]
fn a_login_without_an_operation_that_waits_for_it_is_refused_unasked() {
    let mut bench = bench();
    bench
        .start(Sign, sys::CKM_SHA256_HMAC, Parameters::None)
        .unwrap();
    let asked = bench
        .operations
        .authenticate(|| panic!("nobody needs the password"));
    assert_eq!(reason(asked), Some(Reason::OperationNotInitialized));
}

#[test]
fn a_login_is_for_one_message() {
    let mut bench = bench();
    bench.start_guarded(Operation::MessageSign);
    let none = Parameters::None;
    let sign = |operations: &mut Operations| {
        operations.message(
            Operation::MessageSign,
            &none,
            b"",
            b"abc",
            Some(&mut [0; 32]),
        )
    };
    bench.operations.authenticate(|| Ok(())).unwrap();
    sign(&mut bench.operations).unwrap();
    let second = sign(&mut bench.operations);
    assert_eq!(reason(second), Some(Reason::UserNotLoggedIn));
}

#[test]
fn a_signature_may_come_before_its_data() {
    let mut bench = bench();
    let hmac = sys::CKM_SHA256_HMAC;
    let code = bench.whole(Sign, hmac, Parameters::None, b"abc").unwrap();
    let attributes = usable(sys::CKK_GENERIC_SECRET);
    let secret = bench.secret.clone();
    let start = |operations: &mut Operations, code: &[u8]| {
        let mechanism = Mechanism {
            id: MechanismId(hmac),
            parameters: Parameters::None,
        };
        operations.start_check(mechanism, Key::new(&attributes, secret.clone()), code)
    };
    let operations = &mut bench.operations;
    start(operations, &code).unwrap();
    operations.check_started(Some(b"abc")).unwrap();
    start(operations, &code).unwrap();
    operations.absorb(Verify, b"ab").unwrap();
    operations.absorb(Verify, b"c").unwrap();
    operations.check_started(None).unwrap();
    start(operations, &code).unwrap();
    assert_eq!(
        reason(operations.check_started(Some(b"abd"))),
        Some(Reason::SignatureInvalid)
    );
    // A verification has its signature at its beginning or at its end.
    start(operations, &code).unwrap();
    let other = operations.check(Verify, Some(b"abc"), &code);
    assert_eq!(reason(other), Some(Reason::OperationNotInitialized));
    bench.start(Verify, hmac, Parameters::None).unwrap();
    let other = bench.operations.check_started(Some(b"abc"));
    assert_eq!(reason(other), Some(Reason::OperationNotInitialized));
}

#[test]
fn a_key_that_may_be_seen_is_digested_and_no_other() {
    let mut bench = bench();
    let expected = bench
        .whole(Digest, sys::CKM_SHA256, Parameters::None, &[7; 32])
        .unwrap();
    for (extractable, sensitive, digestible) in [
        (true, false, true),
        (true, true, false),
        (false, false, false),
    ] {
        let mut attributes = usable(sys::CKK_GENERIC_SECRET);
        attributes.set(AttributeType::EXTRACTABLE, extractable.into());
        attributes.set(AttributeType::SENSITIVE, sensitive.into());
        bench
            .start(Digest, sys::CKM_SHA256, Parameters::None)
            .unwrap();
        let key = Key::new(&attributes, bench.secret.clone());
        let absorbed = bench.operations.absorb_key(key);
        if digestible {
            absorbed.unwrap();
            let mut digest = [0; 32];
            bench.operations.produce(Digest, Some(&mut digest)).unwrap();
            assert_eq!(digest.to_vec(), expected);
        } else {
            assert_eq!(reason(absorbed), Some(Reason::KeyIndigestible));
            assert!(!bench.is_active(Digest));
        }
    }
}

#[test]
fn only_a_digest_alone_is_saved() {
    let mut bench = bench();
    assert_eq!(
        reason(bench.operations.save()),
        Some(Reason::OperationNotInitialized)
    );
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    assert_eq!(
        reason(bench.operations.save()),
        Some(Reason::StateUnsaveable)
    );
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    assert_eq!(
        reason(bench.operations.save()),
        Some(Reason::StateUnsaveable)
    );
    bench.operations.cancel(Encrypt).unwrap();
    let fresh = bench.operations.save().unwrap();
    bench.operations.cancel(Digest).unwrap();
    bench.operations.restore(&fresh).unwrap();
    let again = bench.operations.transform(Digest, b"", Some(&mut [0; 32]));
    assert_eq!(again.unwrap(), Produced::Written(32));
    for nonsense in [&[][..], &[1], &[2; 10], &[1; 9], &[1; 30]] {
        let refused = bench.operations.restore(nonsense);
        assert_eq!(reason(refused), Some(Reason::SavedStateInvalid));
    }
}

#[test]
fn a_saved_digest_goes_on_where_it_was() {
    let mut bench = bench();
    let data: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    for mechanism in [
        sys::CKM_SHA_1,
        sys::CKM_SHA224,
        sys::CKM_SHA256,
        sys::CKM_SHA384,
        sys::CKM_SHA512,
    ] {
        let expected = bench
            .whole(Digest, mechanism, Parameters::None, &data)
            .unwrap();
        for at in [1, 64, 127, 128, 500, 999] {
            let (first, last) = data.split_at(at);
            bench.start(Digest, mechanism, Parameters::None).unwrap();
            bench.operations.absorb(Digest, first).unwrap();
            let saved = bench.operations.save().unwrap();
            bench.operations.absorb(Digest, b"something else").unwrap();
            bench.operations.restore(&saved).unwrap();
            bench.operations.absorb(Digest, last).unwrap();
            let mut digest = vec![0; expected.len()];
            bench.operations.produce(Digest, Some(&mut digest)).unwrap();
            assert_eq!(digest, expected, "{mechanism:#x} {at}");
        }
    }
}

#[test]
fn what_makes_no_use_of_the_key_needs_no_login() {
    let mut bench = bench();
    bench.start_guarded(Sign);
    for output in [None, Some(())] {
        let mut room = [0; 32];
        let asked = bench
            .operations
            .transform(Sign, b"abc", output.map(|()| &mut room[..]));
        match output {
            None => assert_eq!(asked.unwrap(), Produced::Needed(32)),
            Some(()) => assert_eq!(reason(asked), Some(Reason::UserNotLoggedIn)),
        }
    }
    let kind = Operation::MessageSign;
    bench.start_guarded(kind);
    let none = Parameters::None;
    let asked = bench.operations.message(kind, &none, b"", b"abc", None);
    assert_eq!(asked.unwrap().produced, Produced::Needed(32));
    bench.operations.message_end(kind).unwrap();
    assert!(!bench.is_active(kind));
}

#[test]
fn the_failure_of_a_part_takes_its_messages_login_and_no_other() {
    let mut bench = bench();
    let (kind, none) = (Operation::MessageSign, Parameters::None);
    bench.start_guarded(kind);
    bench.operations.authenticate(|| Ok(())).unwrap();
    // There is no message yet.
    bench.operations.message_failed(kind).unwrap();
    let begun = bench.operations.message_begin(kind, &none, b"");
    assert!(begun.is_ok());
    bench.operations.message_failed(kind).unwrap();
    let second = bench.operations.message_begin(kind, &none, b"");
    assert_eq!(reason(second), Some(Reason::UserNotLoggedIn));
}

#[test]
fn a_part_that_the_operation_refuses_takes_its_messages_login() {
    let too_long = vec![0; limits::DATA_BYTES + 1];
    for kind in [Operation::MessageSign, Operation::MessageVerify] {
        let (mut bench, none) = (bench(), Parameters::None);
        bench.start_guarded(kind);
        let operations = &mut bench.operations;
        operations.authenticate(|| Ok(())).unwrap();
        operations.message_begin(kind, &none, b"").unwrap();
        let refused = match kind {
            Operation::MessageVerify => operations.message_check_next(&too_long, None),
            _ => operations
                .message_next(kind, &none, &too_long, false, None)
                .map(drop),
        };
        assert_eq!(reason(refused), Some(Reason::DataLenRange));
        let second = operations.message_begin(kind, &none, b"");
        assert_eq!(reason(second), Some(Reason::UserNotLoggedIn), "{kind:?}");
    }
}

#[test]
fn a_logout_leaves_nothing_of_the_last_operation_to_who_comes_next() {
    let mut bench = bench();
    bench.operations.approved = true;
    assert!(bench.operations.last_was_approved());
    bench.operations.cancel_all();
    assert!(!bench.operations.last_was_approved());
}

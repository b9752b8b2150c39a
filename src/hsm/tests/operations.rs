//! What an application's operations share with the rest of the engine: logins, keys, slots.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]

mod support;

use std::thread;

use hsm::{Profile, Settings};
use support::*;
use token::{
    Access, AttributeType as A, Hsm, LoginAs, LoginState, MessageParameters, ObjectHandle,
    Operation, Operator, Parameters, Produced, Reason, SessionHandle,
};

const CKM_SHA256: u64 = 0x250;
const CKM_EC_KEY_PAIR_GEN: u64 = 0x1040;
const CKM_ECDSA: u64 = 0x1041;
const CKM_RSA_PKCS_KEY_PAIR_GEN: u64 = 0;
const CKM_RSA_PKCS: u64 = 1;
const CKM_AES_GCM: u64 = 0x1087;
const CKG_GENERATE_COUNTER: u64 = 2;
/// The object identifier of P-256.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

#[test]
fn a_login_for_one_use_needs_a_login_and_an_operation_that_waits() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let asked = app.login_as(session, LoginAs::ContextSpecific, USER_PIN);
    assert_eq!(reason(asked), Reason::UserNotLoggedIn);
    app.login_as(session, LoginAs::User, USER_PIN).unwrap();
    let asked = app.login_as(session, LoginAs::ContextSpecific, "wrong");
    assert_eq!(reason(asked), Reason::OperationNotInitialized);
}

#[test]
fn a_key_that_always_authenticates_takes_the_users_password_for_each_use() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let public = vec![bytes(A::EC_PARAMS, P256)];
    let guarded = vec![flag(A::TOKEN, true), flag(A::ALWAYS_AUTHENTICATE, true)];
    let (_, private) = app
        .pair(session, CKM_EC_KEY_PAIR_GEN, public, guarded)
        .unwrap();
    let ecdsa = mechanism(CKM_ECDSA);
    let start = || {
        app.hsm
            .start(session, Operation::Sign, ecdsa.clone(), Some(private))
            .unwrap();
    };
    let again = |pin: &str| app.login_as(session, LoginAs::ContextSpecific, pin);
    let sign = || {
        let output = &mut [0; 64];
        app.hsm
            .transform(session, Operation::Sign, &[7; 32], Some(output))
    };
    start();
    assert_eq!(reason(sign()), Reason::UserNotLoggedIn);
    start();
    assert_eq!(reason(again("wrong")), Reason::PinIncorrect);
    again(USER_PIN).unwrap();
    sign().unwrap();
    assert_eq!(reason(again(USER_PIN)), Reason::OperationNotInitialized);

    // Five in a row: the right one above was between.
    start();
    for _ in 0..5 {
        assert_eq!(reason(again("wrong")), Reason::PinIncorrect);
    }
    assert_eq!(reason(again(USER_PIN)), Reason::PinLocked);
    // §5.6.8: who has no attempt left is logged out as well.
    let login = app.hsm.session(session).unwrap().login;
    assert_eq!(login, LoginState::Public);
}

#[test]
fn one_login_for_one_use_gives_one_result() {
    let world = World::new();
    let app = world.app();
    if !app.has(CKM_RSA_PKCS, CKF_DECRYPT) {
        return;
    }
    let session = app.session("user");
    let public = vec![number(A::MODULUS_BITS, 2048), flag(A::ENCRYPT, true)];
    let guarded = vec![flag(A::DECRYPT, true), flag(A::ALWAYS_AUTHENTICATE, true)];
    let (public, private) = app
        .pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, guarded)
        .unwrap();
    let rsa = mechanism(CKM_RSA_PKCS);
    let seal = |data: &[u8]| {
        let (kind, mut sealed) = (Operation::Encrypt, vec![0; 256]);
        app.hsm
            .start(session, kind, rsa.clone(), Some(public))
            .unwrap();
        app.hsm
            .transform(session, kind, data, Some(&mut sealed))
            .unwrap();
        sealed
    };
    let (one, other) = (seal(b"one"), seal(b"another"));
    let decrypt = |sealed: &[u8], room: usize| {
        let mut output = vec![0; room];
        let (kind, place) = (Operation::Decrypt, Some(output.as_mut_slice()));
        let produced = app.hsm.transform(session, kind, sealed, place)?;
        Ok((produced, output))
    };
    let start = || {
        let kind = Operation::Decrypt;
        app.hsm
            .start(session, kind, rsa.clone(), Some(private))
            .unwrap();
        app.login_as(session, LoginAs::ContextSpecific, USER_PIN)
            .unwrap();
    };
    start();
    // The operation goes on, for the same ciphertext…
    assert_eq!(decrypt(&one, 1).unwrap().0, Produced::Needed(3));
    let (produced, output) = decrypt(&one, 3).unwrap();
    assert_eq!((produced, &output[..]), (Produced::Written(3), &b"one"[..]));
    start();
    assert_eq!(decrypt(&one, 1).unwrap().0, Produced::Needed(3));
    // …and tells nothing of another one.
    assert_eq!(reason(decrypt(&other, 1)), Reason::UserNotLoggedIn);
    assert_eq!(reason(decrypt(&one, 3)), Reason::OperationNotInitialized);
}

#[test]
fn in_cloudhsms_profile_the_hsm_draws_the_vector_of_a_wrap() {
    let world = World::with(Settings {
        profile: Profile::CloudHsm,
        ..Settings::default()
    });
    let app = world.app();
    let session = app.session("user");
    let wraps = vec![flag(A::WRAP, true), flag(A::UNWRAP, true)];
    let wrapping = app.create(session, known_key(wraps)).unwrap();
    let leaves = vec![flag(A::EXTRACTABLE, true), flag(A::SENSITIVE, false)];
    let key = app.create(session, known_key(leaves)).unwrap();
    let gcm = |iv: &[u8]| {
        let parameters = Parameters::Gcm {
            iv: iv.to_vec(),
            additional: Vec::new(),
            tag_bits: 128,
        };
        with(CKM_AES_GCM, parameters)
    };
    let refused = app.wrap(session, &gcm(&[7; 12]), wrapping, key);
    assert_eq!(reason(refused), Reason::MechanismParamInvalid);
    let mut wrapped = [0; 32];
    let outcome = app
        .hsm
        .wrap(
            session,
            &gcm(&[0; 12]),
            wrapping,
            key,
            None,
            Some(&mut wrapped),
        )
        .unwrap();
    let drawn = outcome.parameters_out.unwrap().iv;
    let template = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_AES),
    ];
    app.unwrap(session, &gcm(&drawn), wrapping, &wrapped, template)
        .unwrap();
}

#[test]
fn the_value_of_a_key_is_digested_where_it_may_be_seen() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let digest = mechanism(CKM_SHA256);
    let start = || {
        app.hsm
            .start(session, Operation::Digest, digest.clone(), None)
            .unwrap();
    };
    let open = [flag(A::SENSITIVE, false), flag(A::EXTRACTABLE, true)];
    let key = app.create(session, known_key(open.into())).unwrap();
    start();
    app.hsm.absorb_key(session, key).unwrap();
    let end = app
        .hsm
        .produce(session, Operation::Digest, Some(&mut [0; 32]));
    assert_eq!(end.unwrap(), Produced::Written(32));

    let closed = [flag(A::SENSITIVE, true), flag(A::EXTRACTABLE, false)];
    let key = app.create(session, known_key(closed.into())).unwrap();
    start();
    let refused = app.hsm.absorb_key(session, key);
    assert_eq!(reason(refused), Reason::KeyIndigestible);
}

#[test]
fn a_saved_state_is_for_its_application_alone() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let digest = mechanism(CKM_SHA256);
    app.hsm
        .start(session, Operation::Digest, digest.clone(), None)
        .unwrap();
    let Produced::Needed(len) = app.hsm.operation_state(session, None).unwrap() else {
        panic!("a length query writes nothing");
    };
    let mut state = vec![0; len];
    app.hsm.operation_state(session, Some(&mut state)).unwrap();
    let second = app.open(Access::ReadWrite);
    let restore = |state: &[u8]| app.hsm.set_operation_state(second, state, None, None);
    restore(&state).unwrap();
    let end = app
        .hsm
        .transform(second, Operation::Digest, b"abc", Some(&mut [0; 32]));
    assert_eq!(end.unwrap(), Produced::Written(32));

    let other = world.app();
    let elsewhere = other.open(Access::ReadWrite);
    let refused = other.hsm.set_operation_state(elsewhere, &state, None, None);
    assert_eq!(reason(refused), Reason::SavedStateInvalid);
    state[len - 1] ^= 1;
    assert_eq!(reason(restore(&state)), Reason::SavedStateInvalid);
}

#[test]
fn a_seed_is_taken_and_the_bytes_stay_random() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadOnly);
    app.hsm.seed_random(session, b"not a secret").unwrap();
    let draw = || {
        let mut bytes = [0; 64];
        app.hsm.random(session, &mut bytes).unwrap();
        bytes
    };
    assert_ne!(draw(), draw());
}

#[test]
fn an_hsm_that_comes_or_goes_is_told_to_every_application_once() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let told = |app: &App| {
        let mut slots = Vec::new();
        while let Some(slot) = app.hsm.slot_event(false).unwrap() {
            slots.push(slot);
        }
        slots
    };
    assert!(told(&app).is_empty());
    let before = app.hsm.slots().unwrap();
    let cluster = app.hsm.clusters().unwrap().remove(0).id;
    let hsm = app
        .hsm
        .create_hsm(app.request(), &cluster, "zone-c")
        .unwrap();
    let now = app.hsm.slots().unwrap();
    let new = now
        .iter()
        .find(|slot| !before.iter().any(|old| old.id == slot.id))
        .unwrap();
    assert_eq!(told(&app), [new.id]);
    assert_eq!(told(&other), [new.id]);
    app.hsm.delete_hsm(app.request(), &cluster, &hsm).unwrap();
    assert_eq!(told(&other), [new.id]);
    assert_eq!(told(&other), []);
}

#[test]
fn who_waits_for_a_slot_is_woken_by_the_end_of_its_application() {
    let world = World::new();
    let app = world.app();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| app.hsm.slot_event(true));
        app.hsm.end().unwrap();
        assert_eq!(reason(waiter.join().unwrap()), Reason::FunctionCanceled);
    });
}

/// The number in the vector that the HSM counts for one message, behind 32 fixed bits.
fn counted(app: &App, session: SessionHandle, key: ObjectHandle) -> u64 {
    let (hsm, operation) = (&app.hsm, Operation::MessageEncrypt);
    hsm.start(session, operation, mechanism(CKM_AES_GCM), Some(key))
        .unwrap();
    let message = Parameters::Message(MessageParameters {
        iv: vec![7; 12],
        fixed_bits: 32,
        generator: CKG_GENERATE_COUNTER,
        tag_bits: 128,
        ..MessageParameters::default()
    });
    let sealed = hsm.message(session, operation, &message, &[], b"", Some(&mut []));
    hsm.message_end(session, operation).unwrap();
    let iv = sealed.unwrap().parameters_out.unwrap().iv;
    u64::from_be_bytes(*iv.last_chunk().unwrap())
}

#[test]
fn the_copies_of_a_key_count_their_vectors_with_it_wherever_they_are() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let original = key(&app, session, vec![]);
    let copy = |of, on_token| {
        app.copy(session, of, vec![flag(A::TOKEN, on_token)])
            .unwrap()
    };
    let first = counted(&app, session, original);
    let stored = copy(original, true);
    let (again, in_session) = (copy(stored, true), copy(stored, false));
    for (number, key) in [stored, again, in_session, original]
        .into_iter()
        .enumerate()
    {
        let expected = first.wrapping_add(number as u64 + 1);
        assert_eq!(counted(&app, session, key), expected, "{number}");
    }
    app.destroy(session, stored).unwrap();
    assert_eq!(counted(&app, session, again), first.wrapping_add(5));
    let (other, elsewhere) = (world.app(), again);
    let other_session = other.session("user");
    assert_eq!(
        counted(&other, other_session, elsewhere),
        first.wrapping_add(6)
    );
}

//! What a session keeps of the object that it used last: whatever another session or another
//! application does to that object, the session's next verb sees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]

mod support;

use support::*;
use token::{
    Access, Attribute, AttributeType as A, Hsm, LoginAs, MechanismId, MessageParameters,
    ObjectHandle, Operation, Parameters, Reason, Result, SessionHandle, Value,
};

const CKM_EC_KEY_PAIR_GEN: u64 = 0x1040;
const CKM_ECDSA: u64 = 0x1041;
const CKM_AES_GCM: u64 = 0x1087;
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A key's label, as `C_GetAttributeValue` tells it.
fn label_of(app: &App, session: SessionHandle, key: ObjectHandle) -> Option<Vec<u8>> {
    app.bytes_of(session, key, A::LABEL)
}

/// Whether a session sees the object at all.
fn sees(app: &App, session: SessionHandle, object: ObjectHandle) -> Result<()> {
    app.hsm.attributes(session, object, &[], &mut |_| ())
}

/// Uses the key, twice and in both ways, so that it is kept for certain.
fn use_it(app: &App, session: SessionHandle, key: ObjectHandle) {
    app.encrypt(session, key).unwrap();
    sees(app, session, key).unwrap();
    app.encrypt(session, key).unwrap();
}

#[test]
fn a_key_that_somebody_destroys_is_used_no_more() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let (first, elsewhere) = (app.session("user"), other.session("user"));
    let second = app.open(Access::ReadWrite);
    let on_token = || app.generate(first, token_key(vec![])).unwrap();
    for (key, of, by) in [
        (on_token(), &app, second),
        (on_token(), &other, elsewhere),
        (key(&app, first, vec![]), &app, second),
    ] {
        use_it(&app, first, key);
        of.destroy(by, key).unwrap();
        assert_eq!(reason(app.encrypt(first, key)), Reason::KeyHandleInvalid);
        assert_eq!(reason(sees(&app, first, key)), Reason::ObjectHandleInvalid);
    }
}

#[test]
fn a_session_that_closes_takes_its_keys_from_the_others() {
    let world = World::new();
    let app = world.app();
    let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
    let key = key(&app, second, vec![]);
    use_it(&app, first, key);
    app.hsm.close_session(second).unwrap();
    assert_eq!(reason(app.encrypt(first, key)), Reason::KeyHandleInvalid);
}

#[test]
fn a_right_that_somebody_takes_or_gives_counts_from_the_next_use() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let (first, elsewhere) = (app.session("user"), other.session("user"));
    let second = app.open(Access::ReadWrite);
    let on_token = app.generate(first, token_key(vec![])).unwrap();
    let in_session = key(&app, first, vec![]);
    for (key, of, by) in [
        (on_token, &app, second),
        (on_token, &other, elsewhere),
        (in_session, &app, second),
    ] {
        use_it(&app, first, key);
        of.set(by, key, vec![flag(A::ENCRYPT, false), label("new")])
            .unwrap();
        let refused = reason(app.encrypt(first, key));
        assert_eq!(refused, Reason::KeyFunctionNotPermitted);
        assert_eq!(label_of(&app, first, key).as_deref(), Some(&b"new"[..]));
        of.set(by, key, vec![flag(A::ENCRYPT, true), label("old")])
            .unwrap();
        app.encrypt(first, key).unwrap();
        assert_eq!(label_of(&app, first, key).as_deref(), Some(&b"old"[..]));
    }
}

#[test]
fn a_logout_in_another_session_and_another_users_login_take_the_key_away() {
    let world = World::new();
    let app = world.app();
    let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
    let on_token = app.generate(first, token_key(vec![])).unwrap();
    let in_session = key(&app, first, vec![]);
    for key in [in_session, on_token] {
        use_it(&app, first, key);
        app.hsm.logout(second).unwrap();
        assert_eq!(reason(sees(&app, first, key)), Reason::ObjectHandleInvalid);
        assert_eq!(reason(app.encrypt(first, key)), Reason::KeyHandleInvalid);
        let example = format!("example:{USER_PIN}");
        app.login_as(second, LoginAs::User, &example).unwrap();
        assert_eq!(reason(app.encrypt(first, key)), Reason::KeyHandleInvalid);
        app.hsm.logout(second).unwrap();
        app.login_as(second, LoginAs::User, USER_PIN).unwrap();
    }
    app.encrypt(first, on_token).unwrap();
}

#[test]
fn each_use_is_for_an_operation_and_a_mechanism_that_the_key_allows() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let allowed = Attribute {
        kind: A::ALLOWED_MECHANISMS,
        value: Value::Mechanisms(vec![MechanismId(CKM_AES_ECB)]),
    };
    let key = key(&app, session, vec![allowed, flag(A::DECRYPT, false)]);
    use_it(&app, session, key);
    let start = |operation, id| {
        let started = app.hsm.start(session, operation, mechanism(id), Some(key));
        reason(started)
    };
    let other_mechanism = start(Operation::Encrypt, CKM_AES_KEY_WRAP);
    assert_eq!(other_mechanism, Reason::MechanismInvalid);
    app.encrypt(session, key).unwrap();
    let other_operation = start(Operation::Decrypt, CKM_AES_ECB);
    assert_eq!(other_operation, Reason::KeyFunctionNotPermitted);
    app.encrypt(session, key).unwrap();
}

#[test]
fn each_use_of_a_key_that_always_authenticates_takes_a_login() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let public = vec![bytes(A::EC_PARAMS, P256)];
    let guard = vec![flag(A::TOKEN, true), flag(A::ALWAYS_AUTHENTICATE, true)];
    let (_, private) = app
        .pair(session, CKM_EC_KEY_PAIR_GEN, public, guard)
        .unwrap();
    let sign = |pin: Option<&str>| {
        let operation = Operation::Sign;
        let ecdsa = mechanism(CKM_ECDSA);
        app.hsm.start(session, operation, ecdsa, Some(private))?;
        if let Some(pin) = pin {
            app.login_as(session, LoginAs::ContextSpecific, pin)?;
        }
        let signature = &mut [0; 64];
        app.hsm
            .transform(session, operation, &[7; 32], Some(signature))
    };
    for _ in 0..2 {
        sign(Some(USER_PIN)).unwrap();
        assert_eq!(reason(sign(None)), Reason::UserNotLoggedIn);
    }
}

#[test]
fn no_message_begins_with_a_key_that_somebody_has_destroyed() {
    let world = World::new();
    let (app, other) = (world.app(), world.app());
    let (first, elsewhere) = (app.session("user"), other.session("user"));
    let second = app.open(Access::ReadWrite);
    let operation = Operation::MessageEncrypt;
    let parameters = Parameters::Message(MessageParameters {
        iv: vec![7; 12],
        tag_bits: 128,
        ..MessageParameters::default()
    });
    let (begin, last) = (
        || app.hsm.message_begin(first, operation, &parameters, &[]),
        |room: &mut [u8]| {
            let room = Some(room);
            app.hsm
                .message_next(first, operation, &parameters, b"a", true, room)
        },
    );
    let whole = || {
        let room = &mut [0];
        app.hsm
            .message(first, operation, &parameters, &[], b"a", Some(room))
    };
    let on_token = || app.generate(first, token_key(vec![])).unwrap();
    for (key, of, by) in [
        (on_token(), &app, second),
        (on_token(), &other, elsewhere),
        (key(&app, first, vec![]), &app, second),
    ] {
        let start = || {
            app.hsm
                .start(first, operation, mechanism(CKM_AES_GCM), Some(key))
        };
        start().unwrap();
        whole().unwrap();
        // A change is no end, and neither is what the session does with other keys.
        of.set(by, key, vec![label("new")]).unwrap();
        app.encrypt(first, on_token()).unwrap();
        whole().unwrap();
        begin().unwrap();
        of.destroy(by, key).unwrap();
        last(&mut [0]).unwrap();
        assert_eq!(reason(begin()), Reason::OperationNotInitialized);
        assert_eq!(reason(whole()), Reason::OperationNotInitialized);
        assert_eq!(reason(start()), Reason::KeyHandleInvalid);
    }
}

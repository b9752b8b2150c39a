//! Keys from keys: what is derived is no less protected than what it tells of, and each key that takes
//! part has its say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{
    Attribute, AttributeType as A, HkdfSalt, KdfPart, Mechanism, MechanismId, ObjectHandle,
    Parameters, Reason, SessionHandle, Value,
};

const CKM_CONCATENATE_BASE_AND_DATA: u64 = 0x362;
const CKM_CONCATENATE_BASE_AND_KEY: u64 = 0x360;
const CKM_SHA256_KEY_DERIVATION: u64 = 0x393;
const CKM_HKDF_DERIVE: u64 = 0x402a;
const CKM_SHA256: u64 = 0x250;
const CKM_SHA256_HMAC: u64 = 0x251;
const CKM_SP800_108_COUNTER_KDF: u64 = 0x3ac;

#[test]
fn what_tells_of_its_base_is_no_less_protected() {
    let world = World::new();
    let app = world.app();
    if !app.has(CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE) {
        return;
    }
    let session = app.session("user");
    let longer = with(
        CKM_CONCATENATE_BASE_AND_DATA,
        Parameters::Data(b"tail".to_vec()),
    );
    let closed = base(
        &app,
        session,
        vec![flag(A::SENSITIVE, true), flag(A::EXTRACTABLE, false)],
    );
    for open in [flag(A::SENSITIVE, false), flag(A::EXTRACTABLE, true)] {
        let refused = app.derive(session, &longer, closed, vec![open]);
        assert_eq!(reason(refused), Reason::TemplateInconsistent);
    }
    let derived = app.derive(session, &longer, closed, vec![]).unwrap();
    for kept in [A::SENSITIVE, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
        assert_eq!(app.flag_of(session, derived, kept), Some(true), "{kept:?}");
    }
    assert_eq!(app.flag_of(session, derived, A::EXTRACTABLE), Some(false));
    assert_eq!(app.flag_of(session, derived, A::LOCAL), Some(false));

    let open = base(
        &app,
        session,
        vec![flag(A::EXTRACTABLE, true), flag(A::SENSITIVE, false)],
    );
    let both = with(CKM_CONCATENATE_BASE_AND_KEY, Parameters::Key(closed));
    let refused = app.derive(session, &both, open, vec![flag(A::EXTRACTABLE, true)]);
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
}

#[test]
fn what_is_derived_has_no_better_past_than_its_base() {
    let world = World::new();
    let app = world.app();
    if !app.has(CKM_SHA256_KEY_DERIVATION, CKF_DERIVE) {
        return;
    }
    let session = app.session("user");
    let hash = mechanism(CKM_SHA256_KEY_DERIVATION);
    let open = base(
        &app,
        session,
        vec![flag(A::EXTRACTABLE, true), flag(A::SENSITIVE, false)],
    );
    let closed = vec![flag(A::SENSITIVE, true), flag(A::EXTRACTABLE, false)];
    let derived = app.derive(session, &hash, open, closed).unwrap();
    for past in [A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
        assert_eq!(app.flag_of(session, derived, past), Some(false), "{past:?}");
    }
    let template = nested(A::DERIVE_TEMPLATE, vec![flag(A::SENSITIVE, true)]);
    let imposing = base(&app, session, vec![template]);
    let derived = app.derive(session, &hash, imposing, vec![]).unwrap();
    assert_eq!(app.flag_of(session, derived, A::SENSITIVE), Some(true));
    let refused = app.derive(session, &hash, imposing, vec![flag(A::SENSITIVE, false)]);
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
    let mute = base(&app, session, vec![]);
    app.set(session, mute, vec![flag(A::DERIVE, false)])
        .unwrap();
    let refused = app.derive(session, &hash, mute, vec![]);
    assert_eq!(reason(refused), Reason::KeyFunctionNotPermitted);
}

/// The parameters of HKDF-SHA-256 whose salt is the key `salt`.
fn salted(salt: ObjectHandle) -> Parameters {
    Parameters::Hkdf {
        extract: true,
        expand: true,
        hash: MechanismId(CKM_SHA256),
        salt: HkdfSalt::Key(salt),
        info: vec![],
    }
}

/// SP 800-108 in counter mode whose input has the key `part`.
fn counted(part: ObjectHandle) -> Parameters {
    let counter = KdfPart::Iteration {
        bits: 8,
        little_endian: false,
    };
    Parameters::Kdf108 {
        prf: MechanismId(CKM_SHA256_HMAC),
        parts: vec![counter, KdfPart::Key(part)],
        iv: vec![],
    }
}

/// Every mechanism of this build that takes another key, with `other` as that key.
fn taking(app: &App, other: ObjectHandle) -> Vec<Mechanism> {
    let all = [
        with(CKM_CONCATENATE_BASE_AND_KEY, Parameters::Key(other)),
        with(CKM_HKDF_DERIVE, salted(other)),
        with(CKM_SP800_108_COUNTER_KDF, counted(other)),
    ];
    let there = all.into_iter();
    there.filter(|one| app.has(one.id.0, CKF_DERIVE)).collect()
}

fn open_base(app: &App, session: SessionHandle) -> ObjectHandle {
    let open = vec![flag(A::EXTRACTABLE, true), flag(A::SENSITIVE, false)];
    base(app, session, open)
}

fn long(more: Vec<Attribute>) -> Vec<Attribute> {
    let mut attributes = vec![number(A::VALUE_LEN, 64)];
    attributes.extend(more);
    attributes
}

#[test]
fn the_other_key_of_a_derivation_says_which_mechanisms_take_it() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let base_key = open_base(&app, session);
    let only = Attribute {
        kind: A::ALLOWED_MECHANISMS,
        value: Value::Mechanisms(vec![MechanismId(CKM_SHA256_HMAC)]),
    };
    let other = base(&app, session, vec![only]);
    for mechanism in taking(&app, other) {
        let refused = app.derive(session, &mechanism, base_key, long(vec![]));
        assert_eq!(reason(refused), Reason::MechanismInvalid, "{mechanism:?}");
    }
    let mute = base(&app, session, vec![]);
    app.set(session, mute, vec![flag(A::DERIVE, false)])
        .unwrap();
    for mechanism in taking(&app, mute) {
        let refused = app.derive(session, &mechanism, base_key, long(vec![]));
        assert_eq!(
            reason(refused),
            Reason::KeyFunctionNotPermitted,
            "{mechanism:?}"
        );
    }
}

#[test]
fn the_other_key_of_a_derivation_imposes_its_template_too() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let base_key = open_base(&app, session);
    let template = nested(A::DERIVE_TEMPLATE, vec![flag(A::SENSITIVE, true)]);
    let open = vec![flag(A::EXTRACTABLE, true), template];
    let other = base(&app, session, open);
    for mechanism in taking(&app, other) {
        let key = app.derive(session, &mechanism, base_key, long(vec![]));
        assert_eq!(
            app.flag_of(session, key.unwrap(), A::SENSITIVE),
            Some(true),
            "{mechanism:?}"
        );
        let said = long(vec![flag(A::SENSITIVE, false)]);
        let refused = app.derive(session, &mechanism, base_key, said);
        assert_eq!(
            reason(refused),
            Reason::TemplateInconsistent,
            "{mechanism:?}"
        );
    }
}

#[test]
fn what_tells_of_a_key_that_cannot_be_copied_cannot_be_copied() {
    let world = World::new();
    let app = world.app();
    if !app.has(CKM_CONCATENATE_BASE_AND_DATA, CKF_DERIVE) {
        return;
    }
    let session = app.session("user");
    let alone = base(&app, session, vec![flag(A::COPYABLE, false)]);
    let longer = with(CKM_CONCATENATE_BASE_AND_DATA, Parameters::Data(vec![1]));
    let derived = app.derive(session, &longer, alone, vec![]).unwrap();
    assert_eq!(app.flag_of(session, derived, A::COPYABLE), Some(false));
    let said = vec![flag(A::COPYABLE, true)];
    let refused = app.derive(session, &longer, alone, said);
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
}

#[test]
fn a_key_that_a_template_protects_is_not_so_short_that_it_could_be_guessed() {
    let world = World::new();
    let app = world.app();
    if !app.has(CKM_SHA256_KEY_DERIVATION, CKF_DERIVE) {
        return;
    }
    let session = app.session("user");
    let hash = mechanism(CKM_SHA256_KEY_DERIVATION);
    let protects = [
        vec![flag(A::SENSITIVE, true)],
        vec![flag(A::EXTRACTABLE, false)],
    ];
    for template in protects {
        let imposing = vec![nested(A::DERIVE_TEMPLATE, template)];
        let imposing = base(&app, session, imposing);
        for (len, made) in [(1, false), (15, false), (16, true), (32, true)] {
            let key = app.derive(session, &hash, imposing, vec![number(A::VALUE_LEN, len)]);
            assert_eq!(key.is_ok(), made, "{len}");
        }
    }
    // Who may read it anyway may have it as short as they like, and so may whom the template tells to.
    let open = base(&app, session, vec![]);
    let short = vec![number(A::VALUE_LEN, 1)];
    assert!(app.derive(session, &hash, open, short).is_ok());
    let template = vec![flag(A::SENSITIVE, true), number(A::VALUE_LEN, 8)];
    let template = vec![nested(A::DERIVE_TEMPLATE, template)];
    let eight = base(&app, session, template);
    assert!(app.derive(session, &hash, eight, vec![]).is_ok());
}

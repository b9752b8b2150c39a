//! The rights of keys: no way through the HSM (copy, wrap and unwrap, derive) gives a key more than
//! it had.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{
    Access, Attribute, AttributeType as A, Hsm, LoginAs, ObjectHandle, Parameters, Produced,
    Reason, Request, SessionHandle, Template,
};

const CKM_AES_CBC_PAD: u64 = 0x1085;
const CKM_AES_CBC: u64 = 0x1082;
const CKM_AES_KEY_WRAP: u64 = 0x2109;
const CKM_CONCATENATE_BASE_AND_DATA: u64 = 0x362;
const CKM_CONCATENATE_BASE_AND_KEY: u64 = 0x360;
const CKM_GENERIC_SECRET_KEY_GEN: u64 = 0x350;
const CKM_SHA256_KEY_DERIVATION: u64 = 0x393;

fn key_wrap() -> token::Mechanism {
    mechanism(CKM_AES_KEY_WRAP)
}

/// A session's AES-256 key with these attributes too.
fn key(app: &App, session: SessionHandle, more: Vec<Attribute>) -> ObjectHandle {
    let mut attributes = vec![number(A::VALUE_LEN, 32)];
    attributes.extend(more);
    app.make(session, &mechanism(CKM_AES_KEY_GEN), attributes)
        .unwrap()
}

/// A generic secret to derive from.
fn base(app: &App, session: SessionHandle, more: Vec<Attribute>) -> ObjectHandle {
    let mut attributes = vec![number(A::VALUE_LEN, 32), flag(A::DERIVE, true)];
    attributes.extend(more);
    app.make(session, &mechanism(CKM_GENERIC_SECRET_KEY_GEN), attributes)
        .unwrap()
}

fn aes(more: Vec<Attribute>) -> Vec<Attribute> {
    let mut attributes = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_AES),
    ];
    attributes.extend(more);
    attributes
}

#[test]
fn a_key_that_is_not_extractable_never_leaves() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let kept = key(&app, session, vec![flag(A::EXTRACTABLE, false)]);
    let refused = app.wrap(session, &key_wrap(), wrapping, kept);
    assert_eq!(reason(refused), Reason::KeyUnextractable);
}

#[test]
fn a_wrapped_key_comes_back_and_has_lost_its_past() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let original = key(
        &app,
        session,
        vec![flag(A::EXTRACTABLE, true), flag(A::SENSITIVE, true)],
    );
    assert_eq!(app.flag_of(session, original, A::LOCAL), Some(true));
    assert_eq!(
        app.flag_of(session, original, A::ALWAYS_SENSITIVE),
        Some(true)
    );
    let wrapped = app.wrap(session, &key_wrap(), wrapping, original).unwrap();
    let sensitive = aes(vec![flag(A::SENSITIVE, true), flag(A::EXTRACTABLE, false)]);
    let again = app
        .unwrap(session, &key_wrap(), wrapping, &wrapped, sensitive)
        .unwrap();
    assert_eq!(
        app.encrypt(session, again).unwrap(),
        app.encrypt(session, original).unwrap()
    );
    for past in [A::LOCAL, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
        assert_eq!(app.flag_of(session, again, past), Some(false), "{past:?}");
    }
    for past in [A::LOCAL, A::ALWAYS_SENSITIVE] {
        let said = aes(vec![flag(past, true)]);
        let refused = app.unwrap(session, &key_wrap(), wrapping, &wrapped, said);
        assert_eq!(reason(refused), Reason::AttributeReadOnly);
    }
}

#[test]
fn a_key_may_ask_for_a_trusted_wrapping_key() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let choosy = vec![flag(A::EXTRACTABLE, true), flag(A::WRAP_WITH_TRUSTED, true)];
    let choosy = key(&app, session, choosy);
    let on_token = vec![flag(A::TOKEN, true), flag(A::PRIVATE, false)];
    let wrapping = key(&app, session, on_token);
    let refused = app.wrap(session, &key_wrap(), wrapping, choosy);
    assert_eq!(reason(refused), Reason::KeyNotWrappable);
    let forbidden = app.set(session, wrapping, vec![flag(A::TRUSTED, true)]);
    assert_eq!(reason(forbidden), Reason::AttributeReadOnly);
    let undone = app.set(session, choosy, vec![flag(A::WRAP_WITH_TRUSTED, false)]);
    assert_eq!(reason(undone), Reason::AttributeReadOnly);

    let officer = world.app();
    let other = officer.open(Access::ReadWrite);
    officer
        .login_as(other, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    officer
        .set(other, wrapping, vec![flag(A::TRUSTED, true)])
        .unwrap();
    assert!(app.wrap(session, &key_wrap(), wrapping, choosy).is_ok());
}

#[test]
fn a_wrapping_key_only_wraps_what_its_template_matches() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let exported = |name| vec![flag(A::EXTRACTABLE, true), label(name)];
    let [fits, other] = ["fits", "other"].map(|name| key(&app, session, exported(name)));
    let template = nested(A::WRAP_TEMPLATE, vec![label("fits")]);
    let wrapping = key(&app, session, vec![template]);
    assert!(app.wrap(session, &key_wrap(), wrapping, fits).is_ok());
    let refused = app.wrap(session, &key_wrap(), wrapping, other);
    assert_eq!(reason(refused), Reason::KeyHandleInvalid);
}

#[test]
fn an_unwrapping_key_imposes_its_template() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let template = vec![flag(A::EXTRACTABLE, false), flag(A::SENSITIVE, true)];
    let wrapping = key(&app, session, vec![nested(A::UNWRAP_TEMPLATE, template)]);
    let original = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let wrapped = app.wrap(session, &key_wrap(), wrapping, original).unwrap();
    let again = app
        .unwrap(session, &key_wrap(), wrapping, &wrapped, aes(vec![]))
        .unwrap();
    assert_eq!(app.flag_of(session, again, A::EXTRACTABLE), Some(false));
    assert_eq!(app.flag_of(session, again, A::SENSITIVE), Some(true));
    let more = aes(vec![flag(A::EXTRACTABLE, true)]);
    let refused = app.unwrap(session, &key_wrap(), wrapping, &wrapped, more);
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
}

#[test]
fn the_faults_of_the_two_keys_have_different_names() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let exported = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let nothing = ObjectHandle(0);
    let generic = base(
        &app,
        session,
        vec![flag(A::WRAP, true), flag(A::UNWRAP, true)],
    );
    let mute = key(
        &app,
        session,
        vec![flag(A::WRAP, false), flag(A::UNWRAP, false)],
    );
    for (with, expected) in [
        (nothing, Reason::WrappingKeyHandleInvalid),
        (generic, Reason::WrappingKeyTypeInconsistent),
        (mute, Reason::KeyFunctionNotPermitted),
    ] {
        let refused = app.wrap(session, &key_wrap(), with, exported);
        assert_eq!(reason(refused), expected);
    }
    let refused = app.wrap(session, &key_wrap(), wrapping, nothing);
    assert_eq!(reason(refused), Reason::KeyHandleInvalid);
    let wrapped = app.wrap(session, &key_wrap(), wrapping, exported).unwrap();
    for (with, expected) in [
        (nothing, Reason::UnwrappingKeyHandleInvalid),
        (generic, Reason::UnwrappingKeyTypeInconsistent),
        (mute, Reason::KeyFunctionNotPermitted),
    ] {
        let refused = app.unwrap(session, &key_wrap(), with, &wrapped, aes(vec![]));
        assert_eq!(reason(refused), expected);
    }
}

#[test]
fn what_was_altered_is_no_key() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let exported = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let mut wrapped = app.wrap(session, &key_wrap(), wrapping, exported).unwrap();
    wrapped[3] ^= 1;
    let refused = app.unwrap(session, &key_wrap(), wrapping, &wrapped, aes(vec![]));
    assert_eq!(reason(refused), Reason::WrappedKeyInvalid);
    let refused = app.unwrap(session, &key_wrap(), wrapping, &wrapped[..20], aes(vec![]));
    assert_eq!(reason(refused), Reason::WrappedKeyLenRange);
    let refused = app.unwrap(
        session,
        &key_wrap(),
        wrapping,
        &wrapped,
        vec![number(A::CLASS, CKO_SECRET_KEY)],
    );
    assert_eq!(reason(refused), Reason::TemplateIncomplete);
}

#[test]
fn whole_blocks_are_filled_with_zeroes_that_the_template_cuts_off() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let cbc = with(CKM_AES_CBC, Parameters::Iv(vec![1; 16]));
    let short = vec![number(A::VALUE_LEN, 20), flag(A::EXTRACTABLE, true)];
    let generator = mechanism(CKM_GENERIC_SECRET_KEY_GEN);
    let short = app.make(session, &generator, short).unwrap();
    let wrapped = app.wrap(session, &cbc, wrapping, short).unwrap();
    assert_eq!(wrapped.len(), 32);
    let template = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_GENERIC_SECRET),
        number(A::VALUE_LEN, 20),
        flag(A::EXTRACTABLE, true),
    ];
    let again = app
        .unwrap(session, &cbc, wrapping, &wrapped, template)
        .unwrap();
    assert_eq!(
        app.bytes_of(session, again, A::VALUE),
        app.bytes_of(session, short, A::VALUE)
    );
}

#[test]
fn a_length_query_of_a_wrapped_key_writes_nothing() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let exported = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    for place in [None, Some(&mut [0; 39][..])] {
        let outcome = app
            .hsm
            .wrap(session, &key_wrap(), wrapping, exported, None, place)
            .unwrap();
        assert_eq!(outcome.produced, Produced::Needed(40));
    }
}

#[test]
fn a_copy_may_lose_rights_and_never_gains_any() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let closed = vec![
        flag(A::SENSITIVE, true),
        flag(A::EXTRACTABLE, false),
        flag(A::MODIFIABLE, false),
        flag(A::ENCRYPT, false),
        label("original"),
    ];
    let closed = key(&app, session, closed);
    for (kind, value) in [
        (A::SENSITIVE, false),
        (A::EXTRACTABLE, true),
        (A::MODIFIABLE, true),
        (A::PRIVATE, false),
        (A::ALWAYS_SENSITIVE, false),
    ] {
        let refused = app.copy(session, closed, vec![flag(kind, value)]);
        assert_eq!(reason(refused), Reason::AttributeReadOnly, "{kind:?}");
    }
    let refused = app.copy(session, closed, vec![flag(A::ENCRYPT, true)]);
    assert_eq!(reason(refused), Reason::ActionProhibited);

    let stored = app
        .copy(session, closed, vec![flag(A::TOKEN, true)])
        .unwrap();
    assert!(!stored.is_session());
    assert_eq!(app.flag_of(session, stored, A::LOCAL), Some(true));
    assert_ne!(
        app.bytes_of(session, stored, A::UNIQUE_ID),
        app.bytes_of(session, closed, A::UNIQUE_ID)
    );

    let open = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let less = app
        .copy(
            session,
            open,
            vec![flag(A::EXTRACTABLE, false), label("less")],
        )
        .unwrap();
    assert_eq!(
        app.flag_of(session, less, A::NEVER_EXTRACTABLE),
        Some(false)
    );
    assert_eq!(
        app.encrypt(session, less).unwrap(),
        app.encrypt(session, open).unwrap()
    );
}

#[test]
fn what_is_not_copyable_stays_alone() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let alone = key(&app, session, vec![flag(A::COPYABLE, false)]);
    assert_eq!(
        reason(app.copy(session, alone, vec![])),
        Reason::ActionProhibited
    );
    let undone = app.set(session, alone, vec![flag(A::COPYABLE, true)]);
    assert_eq!(reason(undone), Reason::AttributeReadOnly);
}

#[test]
fn a_token_key_is_copied_into_the_session_with_its_material() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let stored = app.generate(session, token_key(vec![])).unwrap();
    let copy = app
        .copy(session, stored, vec![flag(A::TOKEN, false)])
        .unwrap();
    assert!(copy.is_session());
    assert_eq!(
        app.encrypt(session, copy).unwrap(),
        app.encrypt(session, stored).unwrap()
    );
    let reader = app.open(Access::ReadOnly);
    let refused = app.copy(reader, copy, vec![flag(A::TOKEN, true)]);
    assert_eq!(reason(refused), Reason::SessionReadOnly);
}

#[test]
fn private_data_is_copied_with_its_value() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let data = |private| {
        Template(vec![
            number(A::CLASS, CKO_DATA),
            flag(A::PRIVATE, private),
            value(b"data"),
        ])
    };
    for private in [true, false] {
        let original = app.create(session, data(private)).unwrap();
        let hidden = vec![flag(A::TOKEN, true), flag(A::PRIVATE, true)];
        let copy = app.copy(session, original, hidden).unwrap();
        let read = app.bytes_of(session, copy, A::VALUE);
        assert_eq!(read.as_deref(), Some(&b"data"[..]));
    }
}

#[test]
fn what_tells_of_its_base_is_no_less_protected() {
    let world = World::new();
    let app = world.app();
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

#[test]
fn a_request_that_is_repeated_makes_nothing_twice() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let original = key(&app, session, vec![]);
    for on_token in [true, false] {
        let request = Request {
            number: 1_000 + u64::from(on_token),
            settled: 0,
        };
        let copy = || {
            let template = Template(vec![flag(A::TOKEN, on_token), label("copy")]);
            app.hsm.copy(request, session, original, template).unwrap()
        };
        assert_eq!(copy(), copy());
        let found = app.find(session, &[label("copy"), flag(A::TOKEN, on_token)]);
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn padding_wraps_secrets_of_any_length() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let padded = with(CKM_AES_CBC_PAD, Parameters::Iv(vec![1; 16]));
    let template = vec![number(A::VALUE_LEN, 21), flag(A::EXTRACTABLE, true)];
    let generator = mechanism(CKM_GENERIC_SECRET_KEY_GEN);
    let original = app.make(session, &generator, template).unwrap();
    let wrapped = app.wrap(session, &padded, wrapping, original).unwrap();
    let template = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_GENERIC_SECRET),
    ];
    let again = app
        .unwrap(session, &padded, wrapping, &wrapped, template)
        .unwrap();
    // §5.18.4: extractable, unless the template says otherwise.
    assert_eq!(app.flag_of(session, again, A::EXTRACTABLE), Some(true));
    assert_eq!(
        app.bytes_of(session, again, A::VALUE),
        app.bytes_of(session, original, A::VALUE)
    );
}

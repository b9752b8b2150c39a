//! Keys under other keys: what leaves, and what comes back of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{
    Attribute, AttributeType as A, Hsm, ObjectHandle, Parameters, Produced, Reason, SessionHandle,
    Template,
};

const CKM_AES_CBC_PAD: u64 = 0x1085;
const CKM_AES_CBC: u64 = 0x1082;
const CKM_AES_KEY_WRAP_PAD: u64 = 0x210a;
const CKM_AES_KEY_WRAP_KWP: u64 = 0x210b;
const CKM_AES_KEY_WRAP_PKCS7: u64 = 0x210c;

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
fn a_wrapped_key_of_another_length_than_its_type_or_the_template_says_has_the_wrong_length() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let wrapped = wrapped_secret(&app, session, wrapping, &[7; 40]);
    let unwrap = |template| app.unwrap(session, &key_wrap(), wrapping, &wrapped, template);
    for template in [aes(vec![]), generic(39), generic(41)] {
        assert_eq!(reason(unwrap(template)), Reason::WrappedKeyLenRange);
    }
    assert!(unwrap(generic(40)).is_ok());
}

/// Nothing tells the zeroes of a value from those that fill its last block up.
#[test]
fn a_value_that_ends_in_zeroes_is_as_long_as_the_template_says() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let mut value = [7; 40];
    value[38..].fill(0);
    let wrapped = wrapped_secret(&app, session, wrapping, &value);
    let unwrap = |template| app.unwrap(session, &key_wrap(), wrapping, &wrapped, template);
    for len in 38..=40 {
        let mut template = generic(len as u64);
        template.push(flag(A::EXTRACTABLE, true));
        let again = unwrap(template).unwrap();
        let again = app.bytes_of(session, again, A::VALUE);
        assert_eq!(again.as_deref(), Some(&value[..len]));
    }
    assert_eq!(reason(unwrap(generic(37))), Reason::WrappedKeyLenRange);
}

/// A template for a generic secret of `len` bytes.
fn generic(len: u64) -> Vec<Attribute> {
    vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_GENERIC_SECRET),
        number(A::VALUE_LEN, len),
    ]
}

/// A generic secret of this value, wrapped.
fn wrapped_secret(
    app: &App,
    session: SessionHandle,
    wrapping: ObjectHandle,
    bytes: &[u8],
) -> Vec<u8> {
    let template = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_GENERIC_SECRET),
        flag(A::EXTRACTABLE, true),
        value(bytes),
    ];
    let secret = app.create(session, Template(template)).unwrap();
    app.wrap(session, &key_wrap(), wrapping, secret).unwrap()
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

#[test]
fn the_initial_value_says_which_padding_the_deprecated_key_wrap_means() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = key(&app, session, vec![]);
    let inner = key(&app, session, vec![flag(A::EXTRACTABLE, true)]);
    let whole = Parameters::Iv(vec![0xa6; 8]);
    let wrap = |number, parameters: &Parameters| {
        let mechanism = with(number, parameters.clone());
        app.wrap(session, &mechanism, wrapping, inner).unwrap()
    };
    let deprecated = CKM_AES_KEY_WRAP_PAD;
    for (other, parameters) in [
        (CKM_AES_KEY_WRAP_KWP, Parameters::None),
        (CKM_AES_KEY_WRAP_PKCS7, whole),
    ] {
        let wrapped = wrap(deprecated, &parameters);
        assert_eq!(wrapped, wrap(other, &parameters));
        let template = vec![
            number(A::CLASS, CKO_SECRET_KEY),
            number(A::KEY_TYPE, CKK_AES),
            flag(A::SENSITIVE, false),
        ];
        let mechanism = with(deprecated, parameters);
        let again = app.unwrap(session, &mechanism, wrapping, &wrapped, template);
        assert!(again.is_ok());
    }
}

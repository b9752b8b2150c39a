//! Keys of ML-DSA and ML-KEM: kept, brought in, read and wrapped by their seed or their value.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{
    Attribute, AttributeType as A, Hsm, ObjectHandle, Operation, Parameters, Produced, Reason,
    Result, SessionHandle, Template,
};

const CKO_PUBLIC_KEY: u64 = 2;
const CKO_PRIVATE_KEY: u64 = 3;
const CKO_SECRET_KEY: u64 = 4;
const CKK_GENERIC_SECRET: u64 = 0x10;
const CKK_ML_KEM: u64 = 0x49;
const CKK_ML_DSA: u64 = 0x4a;
const CKM_ML_KEM_KEY_PAIR_GEN: u64 = 0x0f;
const CKM_ML_KEM: u64 = 0x17;
const CKM_ML_DSA_KEY_PAIR_GEN: u64 = 0x1c;
const CKM_ML_DSA: u64 = 0x1d;
const CKM_AES_CBC_PAD: u64 = 0x1085;

/// Key type, generator and attributes of what both families have to keep.
const FAMILIES: [(u64, u64, usize); 2] = [
    (CKK_ML_DSA, CKM_ML_DSA_KEY_PAIR_GEN, 32),
    (CKK_ML_KEM, CKM_ML_KEM_KEY_PAIR_GEN, 64),
];

fn readable() -> Vec<Attribute> {
    vec![flag(A::SENSITIVE, false), flag(A::EXTRACTABLE, true)]
}

fn made(
    app: &App,
    session: SessionHandle,
    generator: u64,
    private: Vec<Attribute>,
) -> (ObjectHandle, ObjectHandle) {
    let public = vec![number(A::PARAMETER_SET, 2), flag(A::TOKEN, true)];
    app.pair(session, generator, public, private).unwrap()
}

/// A private key of a template of `C_CreateObject`.
fn created(
    app: &App,
    session: SessionHandle,
    key_type: u64,
    values: &[(A, &[u8])],
) -> Result<ObjectHandle> {
    let mut template = readable();
    template.push(number(A::CLASS, CKO_PRIVATE_KEY));
    template.push(number(A::KEY_TYPE, key_type));
    template.push(number(A::PARAMETER_SET, 2));
    template.extend(values.iter().map(|(kind, value)| match *kind {
        A::VALUE => support::value(value),
        kind => Attribute {
            kind,
            value: token::Value::Secret(token::SecretBytes::copied(value)),
        },
    }));
    app.create(session, Template(template))
}

/// That the halves belong together.
fn work_together(
    app: &App,
    session: SessionHandle,
    key_type: u64,
    public: ObjectHandle,
    private: ObjectHandle,
) {
    if key_type == CKK_ML_DSA {
        let ml_dsa = mechanism(CKM_ML_DSA);
        app.hsm
            .start(session, Operation::Sign, ml_dsa.clone(), Some(private))
            .unwrap();
        let mut signature = vec![0; 3_309];
        let place = Some(signature.as_mut_slice());
        let produced = app.hsm.transform(session, Operation::Sign, b"data", place);
        assert_eq!(produced.unwrap(), Produced::Written(3_309));
        app.hsm
            .start(session, Operation::Verify, ml_dsa.clone(), Some(public))
            .unwrap();
        app.hsm
            .check(session, Operation::Verify, Some(b"data"), &signature)
            .unwrap();
    } else {
        let template = || {
            Template(vec![
                number(A::CLASS, CKO_SECRET_KEY),
                number(A::KEY_TYPE, CKK_GENERIC_SECRET),
                flag(A::SENSITIVE, false),
                flag(A::EXTRACTABLE, true),
            ])
        };
        let (ml_kem, mut ciphertext) = (mechanism(CKM_ML_KEM), vec![0; 1_088]);
        let place = Some(ciphertext.as_mut_slice());
        let sent = app
            .hsm
            .encapsulate(app.request(), session, &ml_kem, public, template(), place)
            .unwrap();
        let ours = sent.key.unwrap();
        let theirs = app
            .hsm
            .decapsulate(
                app.request(),
                session,
                &ml_kem,
                private,
                &ciphertext,
                template(),
            )
            .unwrap();
        let value = |key| app.bytes_of(session, key, A::VALUE).unwrap();
        assert_eq!(value(ours), value(theirs));
    }
}

#[test]
fn a_pair_on_the_token_works_after_a_restart() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let pairs = FAMILIES.map(|(key_type, generator, _)| {
        let private = vec![flag(A::TOKEN, true)];
        let (public, private) = made(&app, session, generator, private);
        assert_eq!(
            app.bytes_of(session, public, A::PUBLIC_KEY_INFO),
            app.bytes_of(session, private, A::PUBLIC_KEY_INFO)
        );
        assert_eq!(app.bytes_of(session, private, A::SEED), None);
        assert_eq!(app.bytes_of(session, private, A::VALUE), None);
        (key_type, public, private)
    });
    drop(app);

    let world = world.reopened();
    let app = world.app();
    let session = app.session("user");
    for (key_type, public, private) in pairs {
        work_together(&app, session, key_type, public, private);
    }
}

#[test]
fn a_key_is_brought_in_by_its_seed_its_value_or_both_where_they_agree() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for (key_type, generator, seed_len) in FAMILIES {
        let (public, private) = made(&app, session, generator, readable());
        let seed = app.bytes_of(session, private, A::SEED).unwrap();
        let value = app.bytes_of(session, private, A::VALUE).unwrap();
        assert_eq!(seed.len(), seed_len);
        for values in [
            vec![(A::SEED, &seed[..])],
            vec![(A::VALUE, &value[..])],
            vec![(A::SEED, &seed[..]), (A::VALUE, &value[..])],
        ] {
            let again = created(&app, session, key_type, &values).unwrap();
            work_together(&app, session, key_type, public, again);
            let read = app.bytes_of(session, again, A::VALUE).unwrap();
            assert_eq!(read, value);
        }
        let mut other = seed.clone();
        other[0] ^= 1;
        let contradiction = [(A::SEED, &other[..]), (A::VALUE, &value[..])];
        let refused = reason(created(&app, session, key_type, &contradiction));
        assert_eq!(refused, Reason::AttributeValueInvalid);
        let short = reason(created(&app, session, key_type, &[(A::SEED, &seed[1..])]));
        assert_eq!(short, Reason::AttributeValueInvalid);
        let neither = reason(created(&app, session, key_type, &[]));
        assert_eq!(neither, Reason::TemplateIncomplete);
    }
}

#[test]
fn a_private_key_is_wrapped_by_its_seed_or_its_value_and_is_the_same_again() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = app.generate(session, token_key(vec![])).unwrap();
    let mut with = mechanism(CKM_AES_CBC_PAD);
    with.parameters = Parameters::Iv(vec![1; 16]);
    for (key_type, generator, _) in FAMILIES {
        let (public, private) = made(&app, session, generator, readable());
        let value = app.bytes_of(session, private, A::VALUE).unwrap();
        let without_seed = created(&app, session, key_type, &[(A::VALUE, &value)]).unwrap();
        assert_eq!(app.bytes_of(session, without_seed, A::SEED), None);
        for key in [private, without_seed] {
            let wrapped = app.wrap(session, &with, wrapping, key).unwrap();
            let unwrapped = |key_type| {
                let mut template = readable();
                template.push(number(A::CLASS, CKO_PRIVATE_KEY));
                template.push(number(A::KEY_TYPE, key_type));
                app.unwrap(session, &with, wrapping, &wrapped, template)
            };
            let again = unwrapped(key_type).unwrap();
            let read = app.bytes_of(session, again, A::VALUE).unwrap();
            assert_eq!(read, value);
            work_together(&app, session, key_type, public, again);
            let other = unwrapped(CKK_ML_DSA + CKK_ML_KEM - key_type);
            assert_eq!(reason(other), Reason::WrappedKeyInvalid);
        }
    }
}

#[test]
fn a_public_key_is_brought_in_by_its_value_and_its_parameters_are_known_ones() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    for (key_type, generator, _) in FAMILIES {
        let (public, private) = made(&app, session, generator, vec![]);
        let value = app.bytes_of(session, public, A::VALUE).unwrap();
        let create = |set, value: &[u8]| {
            let template = vec![
                number(A::CLASS, CKO_PUBLIC_KEY),
                number(A::KEY_TYPE, key_type),
                number(A::PARAMETER_SET, set),
                support::value(value),
            ];
            app.create(session, Template(template))
        };
        let again = create(2, &value).unwrap();
        work_together(&app, session, key_type, again, private);
        let refused = reason(create(1, &value));
        assert_eq!(refused, Reason::AttributeValueInvalid);
        assert_eq!(reason(create(4, &value)), Reason::ParameterSetNotSupported);
        let pair = vec![number(A::PARAMETER_SET, 0)];
        let pair = app.pair(session, generator, pair, vec![]);
        assert_eq!(reason(pair), Reason::ParameterSetNotSupported);
    }
}

//! Key pairs: made both or not at all, the public half seen by all, the private one its owner's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use support::*;
use token::{
    Access, Attribute, AttributeType as A, Hsm, ObjectHandle, Operation, Parameters, Reason,
    Request, Result, Revealed, SessionHandle, Template,
};

const CKO_PUBLIC_KEY: u64 = 2;
const CKO_PRIVATE_KEY: u64 = 3;
const CKO_MECHANISM: u64 = 7;
const CKO_PROFILE: u64 = 9;
const CKO_VALIDATION: u64 = 10;
const CKK_RSA: u64 = 0;
const CKK_EC: u64 = 3;
const CKM_RSA_PKCS_KEY_PAIR_GEN: u64 = 0;
const CKM_EC_KEY_PAIR_GEN: u64 = 0x1040;
const CKM_ECDSA: u64 = 0x1041;
const CKM_ML_KEM_KEY_PAIR_GEN: u64 = 0x0f;
const CKM_ML_KEM: u64 = 0x17;
const CKM_AES_CBC: u64 = 0x1082;
const CKM_AES_CBC_PAD: u64 = 0x1085;
const CKM_AES_KEY_WRAP: u64 = 0x2109;
/// The object identifier of P-256.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

fn ec(
    app: &App,
    session: SessionHandle,
    private: Vec<Attribute>,
) -> Result<(ObjectHandle, ObjectHandle)> {
    let public = vec![bytes(A::EC_PARAMS, P256), flag(A::TOKEN, true)];
    app.pair(session, CKM_EC_KEY_PAIR_GEN, public, private)
}

fn sign(app: &App, session: SessionHandle, key: ObjectHandle) -> Result<Vec<u8>> {
    let ecdsa = mechanism(CKM_ECDSA);
    app.hsm
        .start(session, Operation::Sign, ecdsa.clone(), Some(key))?;
    let mut signature = vec![0; 64];
    let place = Some(signature.as_mut_slice());
    app.hsm
        .transform(session, Operation::Sign, &[7; 32], place)?;
    Ok(signature)
}

fn verify(app: &App, session: SessionHandle, key: ObjectHandle, signature: &[u8]) -> Result<()> {
    let ecdsa = mechanism(CKM_ECDSA);
    app.hsm
        .start(session, Operation::Verify, ecdsa.clone(), Some(key))?;
    app.hsm
        .check(session, Operation::Verify, Some(&[7; 32]), signature)
}

fn on_token() -> Vec<Attribute> {
    vec![flag(A::TOKEN, true), label("pair")]
}

#[test]
fn a_pair_on_the_token_signs_and_verifies_after_a_restart() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (public, private) = ec(&app, session, on_token()).unwrap();
    assert_eq!(app.flag_of(session, private, A::LOCAL), Some(true));
    assert_eq!(
        app.bytes_of(session, public, A::PUBLIC_KEY_INFO),
        app.bytes_of(session, private, A::PUBLIC_KEY_INFO)
    );
    drop(app);

    let world = world.reopened();
    let app = world.app();
    let session = app.session("user");
    let signature = sign(&app, session, private).unwrap();
    verify(&app, session, public, &signature).unwrap();
}

#[test]
fn the_public_half_is_for_everybody_and_the_private_one_for_its_owner() {
    let world = World::new();
    let (owner, nobody) = (world.app(), world.app());
    let session = owner.session("user");
    let (public, private) = ec(&owner, session, on_token()).unwrap();
    let signature = sign(&owner, session, private).unwrap();

    let visitor = nobody.open(Access::ReadOnly);
    verify(&nobody, visitor, public, &signature).unwrap();
    let point = owner.bytes_of(session, public, A::EC_POINT).unwrap();
    let by_point = bytes(A::EC_POINT, &point);
    assert_eq!(nobody.find(visitor, &[by_point]), [public]);
    let class = number(A::CLASS, CKO_PRIVATE_KEY);
    assert!(nobody.find(visitor, &[class]).is_empty());
    assert_eq!(
        reason(sign(&nobody, visitor, private)),
        Reason::KeyHandleInvalid
    );
}

#[test]
fn a_pair_with_a_fault_in_either_template_is_not_made_at_all() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let faulty = vec![flag(A::TOKEN, true), number(A::MODULUS_BITS, 2048)];
    assert_eq!(
        reason(ec(&app, session, faulty)),
        Reason::AttributeTypeInvalid
    );
    assert!(app.find(session, &[]).is_empty());

    let guest = world.app();
    let visitor = guest.open(Access::ReadWrite);
    assert_eq!(
        reason(ec(&guest, visitor, on_token())),
        Reason::UserNotLoggedIn
    );
    assert!(guest.find(visitor, &[]).is_empty());

    let missing = app.pair(session, CKM_EC_KEY_PAIR_GEN, vec![], vec![]);
    assert_eq!(reason(missing), Reason::TemplateIncomplete);
}

#[test]
fn an_rsa_pair_tells_its_modulus_and_keeps_the_rest() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let public = vec![number(A::MODULUS_BITS, 2048)];
    let (public, private) = app
        .pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, vec![])
        .unwrap();
    let modulus = app.bytes_of(session, public, A::MODULUS).unwrap();
    assert_eq!(modulus.len(), 256);
    assert_eq!(
        app.bytes_of(session, private, A::MODULUS),
        Some(modulus.clone())
    );
    assert_eq!(
        app.bytes_of(session, public, A::PUBLIC_EXPONENT),
        Some(vec![1, 0, 1])
    );
    for kept in [A::PRIVATE_EXPONENT, A::PRIME_1, A::COEFFICIENT] {
        assert!(matches!(
            app.attribute(session, private, kept),
            Revealed::Sensitive
        ));
    }
    let found = app.find(session, &[bytes(A::MODULUS, &modulus)]);
    assert_eq!(found.len(), 2);
}

/// Public exponents that no RSA key has here: even, 1, 0 in one byte and in none, and too long.
const NO_EXPONENTS: [&[u8]; 7] = [
    &[4],
    &[1],
    &[0],
    &[],
    &[2, 0, 0, 0, 1],
    &[1, 0, 0, 0, 0, 0, 0, 0, 1],
    &[0xff; 256],
];

#[test]
fn an_exponent_that_no_rsa_key_has_is_an_invalid_value_in_every_template() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let generated = |exponent: &[u8]| {
        let public = vec![
            number(A::MODULUS_BITS, 2048),
            bytes(A::PUBLIC_EXPONENT, exponent),
        ];
        app.pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, vec![])
    };
    let created = |class, modulus: &[u8], exponent: &[u8]| {
        let mut template = vec![
            number(A::CLASS, class),
            number(A::KEY_TYPE, CKK_RSA),
            bytes(A::MODULUS, modulus),
            bytes(A::PUBLIC_EXPONENT, exponent),
        ];
        if class == CKO_PRIVATE_KEY {
            template.push(Attribute {
                kind: A::PRIVATE_EXPONENT,
                value: token::Value::Secret(token::SecretBytes::copied(&[3; 256])),
            });
        }
        app.create(session, Template(template))
    };
    let invalid = Reason::AttributeValueInvalid;
    // The library verifies with such an exponent, and makes no new key of it.
    let long: &[u8] = &[1, 0, 0, 0, 1];
    assert_eq!(reason(generated(long)), invalid);
    assert!(created(CKO_PUBLIC_KEY, &[0xff; 256], long).is_ok());
    for exponent in NO_EXPONENTS {
        assert_eq!(reason(generated(exponent)), invalid, "{exponent:?}");
        for class in [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY] {
            let refused = reason(created(class, &[0xff; 256], exponent));
            assert_eq!(refused, invalid, "{exponent:?} of {class}");
        }
    }
    for modulus in [&[0xff; 16][..], &[0xff; 4096], &[0; 256], &[]] {
        for class in [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY] {
            let refused = reason(created(class, modulus, &[1, 0, 1]));
            assert_eq!(refused, invalid, "{} bytes of {class}", modulus.len());
        }
    }
    let even = created(CKO_PUBLIC_KEY, &[0xfe; 256], &[1, 0, 1]);
    assert_eq!(reason(even), invalid);
}

#[test]
fn what_a_template_says_of_a_pairs_public_half_must_be_true() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let point = |info: &[u8]| {
        let template = vec![
            number(A::CLASS, CKO_PUBLIC_KEY),
            number(A::KEY_TYPE, CKK_RSA),
            bytes(A::MODULUS, &[0xff; 256]),
            bytes(A::PUBLIC_EXPONENT, &[1, 0, 1]),
            bytes(A::PUBLIC_KEY_INFO, info),
        ];
        app.create(session, Template(template))
    };
    let made = point(&[]).unwrap();
    let info = app.bytes_of(session, made, A::PUBLIC_KEY_INFO).unwrap();
    assert!(point(&info).is_ok());
    assert_eq!(reason(point(&[7; 300])), Reason::AttributeValueInvalid);
}

#[test]
fn a_private_key_that_is_brought_in_and_not_sensitive_can_be_read() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let open = vec![flag(A::SENSITIVE, false), flag(A::EXTRACTABLE, true)];
    let (_, original) = ec(&app, session, open).unwrap();
    let secret = app.bytes_of(session, original, A::VALUE).unwrap();
    let template = |more: Vec<Attribute>| {
        let mut attributes = vec![
            number(A::CLASS, CKO_PRIVATE_KEY),
            number(A::KEY_TYPE, CKK_EC),
            bytes(A::EC_PARAMS, P256),
            value(&secret),
        ];
        attributes.extend(more);
        Template(attributes)
    };
    let open = vec![
        flag(A::TOKEN, true),
        flag(A::SENSITIVE, false),
        flag(A::EXTRACTABLE, true),
    ];
    let again = app.create(session, template(open)).unwrap();
    assert_eq!(app.bytes_of(session, again, A::VALUE), Some(secret.clone()));
    assert_eq!(app.flag_of(session, again, A::LOCAL), Some(false));
    assert_eq!(
        app.bytes_of(session, again, A::PUBLIC_KEY_INFO),
        app.bytes_of(session, original, A::PUBLIC_KEY_INFO)
    );
    let closed = app.create(session, template(vec![])).unwrap();
    assert!(matches!(
        app.attribute(session, closed, A::VALUE),
        Revealed::Sensitive
    ));
}

#[test]
fn a_private_key_is_wrapped_as_pkcs8_and_comes_back() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (public, private) = ec(&app, session, vec![flag(A::EXTRACTABLE, true)]).unwrap();
    let wrapping = app
        .make(
            session,
            &mechanism(CKM_AES_KEY_GEN),
            vec![number(A::VALUE_LEN, 32)],
        )
        .unwrap();
    let template = |key_type| {
        vec![
            number(A::CLASS, CKO_PRIVATE_KEY),
            number(A::KEY_TYPE, key_type),
        ]
    };
    let padded = with(CKM_AES_CBC_PAD, Parameters::Iv(vec![3; 16]));
    for wraps in [&padded, &mechanism(CKM_AES_KEY_WRAP)] {
        let wrapped = app.wrap(session, wraps, wrapping, private).unwrap();
        let again = app
            .unwrap(session, wraps, wrapping, &wrapped, template(CKK_EC))
            .unwrap();
        let signature = sign(&app, session, again).unwrap();
        verify(&app, session, public, &signature).unwrap();
        assert_eq!(
            app.flag_of(session, again, A::ALWAYS_SENSITIVE),
            Some(false)
        );
    }

    let wrapped = app.wrap(session, &padded, wrapping, private).unwrap();
    let refused = app.unwrap(session, &padded, wrapping, &wrapped, template(CKK_RSA));
    assert_eq!(reason(refused), Reason::WrappedKeyInvalid);
    let blocks = with(CKM_AES_CBC, Parameters::Iv(vec![3; 16]));
    let refused = app.wrap(session, &blocks, wrapping, private);
    assert_eq!(reason(refused), Reason::KeyNotWrappable);
    let refused = app.wrap(session, &padded, wrapping, public);
    assert_eq!(reason(refused), Reason::KeyNotWrappable);
}

#[test]
fn who_logs_in_for_each_use_must_log_in_to_see_the_key() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let open = vec![flag(A::ALWAYS_AUTHENTICATE, true), flag(A::PRIVATE, false)];
    assert_eq!(
        reason(ec(&app, session, open)),
        Reason::TemplateInconsistent
    );
}

#[test]
fn a_pair_whose_answer_was_lost_is_the_same_pair() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    // One half on the token and one in the session: the commit remembers both.
    for private in [on_token(), vec![label("pair")]] {
        let request = Request {
            number: 500 + private.len() as u64,
            settled: 0,
        };
        let pair = || {
            let template = |attributes: &[(A, bool)]| {
                let flags = attributes.iter().map(|(kind, value)| flag(*kind, *value));
                flags.collect::<Vec<_>>()
            };
            let mut public = template(&[(A::TOKEN, true)]);
            public.push(bytes(A::EC_PARAMS, P256));
            let private = template(&[(A::TOKEN, private.len() == 2)]);
            let made = app.hsm.generate_pair(
                request,
                session,
                &mechanism(CKM_EC_KEY_PAIR_GEN),
                Template(public),
                Template(private),
            );
            made.unwrap()
        };
        assert_eq!(pair(), pair());
    }
    let class = number(A::CLASS, CKO_PUBLIC_KEY);
    assert_eq!(app.find(session, &[class]).len(), 2);
}

#[test]
fn an_encapsulation_whose_answer_was_lost_is_the_same_key_and_ciphertext() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let public = vec![number(A::PARAMETER_SET, 2)];
    let (public, private) = app
        .pair(session, CKM_ML_KEM_KEY_PAIR_GEN, public, vec![])
        .unwrap();
    let aes = |more: Vec<Attribute>| {
        let mut attributes = vec![
            number(A::CLASS, CKO_SECRET_KEY),
            number(A::KEY_TYPE, CKK_AES),
        ];
        attributes.extend(more);
        Template(attributes)
    };
    let kem = mechanism(CKM_ML_KEM);
    for on_token in [true, false] {
        let request = Request {
            number: 700 + u64::from(on_token),
            settled: 0,
        };
        let encapsulate = |output: &mut [u8]| {
            let template = aes(vec![flag(A::TOKEN, on_token)]);
            let place = Some(output);
            let hsm = &app.hsm;
            hsm.encapsulate(request, session, &kem, public, template, place)
                .unwrap()
        };
        let mut short = vec![0; 100];
        assert_eq!(encapsulate(&mut short).key, None);
        let (mut first, mut second) = (vec![0; 1088], vec![0; 1088]);
        let made = encapsulate(&mut first);
        assert_eq!(encapsulate(&mut second), made);
        assert_eq!(first, second);
        let key = made.key.unwrap();
        assert_eq!(app.flag_of(session, key, A::ALWAYS_SENSITIVE), Some(false));

        let template = aes(vec![]);
        let request = app.request();
        let agreed = app
            .hsm
            .decapsulate(request, session, &kem, private, &first, template)
            .unwrap();
        assert_eq!(
            app.encrypt(session, agreed).unwrap(),
            app.encrypt(session, key).unwrap()
        );
    }
}

#[test]
fn an_encapsulating_key_imposes_its_template() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let imposed = vec![flag(A::EXTRACTABLE, false), number(A::KEY_TYPE, CKK_AES)];
    let public = vec![
        number(A::PARAMETER_SET, 2),
        nested(A::ENCAPSULATE_TEMPLATE, imposed),
    ];
    let (public, _) = app
        .pair(session, CKM_ML_KEM_KEY_PAIR_GEN, public, vec![])
        .unwrap();
    let kem = mechanism(CKM_ML_KEM);
    let encapsulate = |template| {
        let mut output = vec![0; 1088];
        let (request, place) = (app.request(), Some(output.as_mut_slice()));
        app.hsm
            .encapsulate(request, session, &kem, public, Template(template), place)
    };
    let key = encapsulate(vec![]).unwrap().key.unwrap();
    assert_eq!(app.flag_of(session, key, A::EXTRACTABLE), Some(false));
    let refused = encapsulate(vec![flag(A::EXTRACTABLE, true)]);
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
}

#[test]
fn profiles_and_mechanisms_are_found_by_who_asks_for_them_and_stay_as_they_are() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    assert!(app.find(session, &[]).is_empty());
    let profiles = app.find(session, &[number(A::CLASS, CKO_PROFILE)]);
    assert!(!profiles.is_empty());
    let baseline = [number(A::CLASS, CKO_PROFILE), number(A::PROFILE_ID, 1)];
    let baseline = app.find(session, &baseline);
    assert_eq!(baseline.len(), 1);
    let mechanisms = app.find(session, &[number(A::CLASS, CKO_MECHANISM)]);
    assert_eq!(
        mechanisms.len(),
        app.hsm.mechanisms(app.slot).unwrap().len()
    );
    let baseline = baseline[0];
    assert_eq!(app.flag_of(session, baseline, A::TOKEN), Some(true));
    for refused in [
        app.destroy(session, baseline),
        app.set(session, baseline, vec![label("mine")]),
        app.copy(session, baseline, vec![]).map(drop),
    ] {
        assert_eq!(reason(refused), Reason::ActionProhibited);
    }
    // Nobody has validated this software, so there is nothing to say of it.
    let validations = app.find(session, &[number(A::CLASS, CKO_VALIDATION)]);
    assert!(validations.is_empty());
    for class in [CKO_PROFILE, CKO_MECHANISM, CKO_VALIDATION] {
        let made = Template(vec![number(A::CLASS, class)]);
        assert_eq!(
            reason(app.create(session, made)),
            Reason::AttributeValueInvalid
        );
    }
}

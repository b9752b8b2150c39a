//! Templates that are wrong, one by one, and what is made of right ones.

use token::Value;

use super::*;
use crate::object::changed;

const USER: Maker = Maker {
    profile: Profile::Standard,
    login: LoginState::User,
};
const OFFICER: Maker = Maker {
    profile: Profile::Standard,
    login: LoginState::SecurityOfficer,
};
const AES_KEY: Making = Making {
    class: ObjectClass(sys::CKO_SECRET_KEY),
    key_type: Some(KeyType(sys::CKK_AES)),
    origin: Origin::Generated,
    mechanism: Some(MechanismId(sys::CKM_AES_KEY_GEN)),
    past: Past::NEW,
};

fn flag(kind: AttributeType, flag: bool) -> Attribute {
    Attribute {
        kind,
        value: Value::Flag(flag),
    }
}

fn number(kind: AttributeType, number: u64) -> Attribute {
    Attribute {
        kind,
        value: Value::Number(number),
    }
}

fn bytes(kind: AttributeType, bytes: &[u8]) -> Attribute {
    Attribute {
        kind,
        value: Value::Bytes(bytes.to_vec()),
    }
}

fn secret(bytes: &[u8]) -> Attribute {
    Attribute {
        kind: AttributeType::VALUE,
        value: Value::Secret(SecretBytes::copied(bytes)),
    }
}

/// A good template of an AES key, and `more`.
fn key(more: Vec<Attribute>) -> Template {
    let mut attributes = vec![
        number(AttributeType::CLASS, sys::CKO_SECRET_KEY),
        number(AttributeType::KEY_TYPE, sys::CKK_AES),
        secret(&[7; 16]),
    ];
    attributes.extend(more);
    Template(attributes)
}

fn certificate(more: Vec<Attribute>) -> Template {
    let mut attributes = vec![
        number(AttributeType::CLASS, sys::CKO_CERTIFICATE),
        number(AttributeType::CERTIFICATE_TYPE, sys::CKC_X_509),
        bytes(AttributeType::SUBJECT, b"subject"),
    ];
    attributes.extend(more);
    Template(attributes)
}

fn refused(result: Result<Draft>) -> (Reason, String) {
    let error = result.expect_err("the template is refused");
    (error.reason, error.context().unwrap_or_default().to_owned())
}

#[test]
fn nonsense_is_refused_with_its_reason_and_the_attributes_name() {
    use AttributeType as A;
    use Reason::*;
    let without = |kind: A| {
        let mut template = key(vec![]);
        template.0.retain(|attribute| attribute.kind != kind);
        template
    };
    let cases = [
        (Template::default(), TemplateIncomplete, "CKA_CLASS"),
        (without(A::CLASS), TemplateIncomplete, "CKA_CLASS"),
        (without(A::KEY_TYPE), TemplateIncomplete, "CKA_KEY_TYPE"),
        (without(A::VALUE), TemplateIncomplete, "CKA_VALUE"),
        (
            key(vec![secret(&[1; 16])]),
            TemplateInconsistent,
            "CKA_VALUE",
        ),
        (
            key(vec![flag(A::TOKEN, true), flag(A::TOKEN, false)]),
            TemplateInconsistent,
            "CKA_TOKEN",
        ),
        (
            Template(vec![number(A::CLASS, 0x77)]),
            AttributeValueInvalid,
            "CKA_CLASS",
        ),
        (
            Template(vec![flag(A::CLASS, true)]),
            AttributeValueInvalid,
            "CKA_CLASS",
        ),
        (
            key(vec![number(A::TOKEN, 1)]),
            AttributeValueInvalid,
            "CKA_TOKEN",
        ),
        (
            key(vec![flag(A::LABEL, true)]),
            AttributeValueInvalid,
            "CKA_LABEL",
        ),
        (
            key(vec![bytes(A::START_DATE, b"yesterday")]),
            AttributeValueInvalid,
            "CKA_START_DATE",
        ),
        (
            key(vec![bytes(A::LABEL, &[b'x'; 40_000])]),
            AttributeValueInvalid,
            "CKA_LABEL",
        ),
        (
            key(vec![bytes(A::MODULUS, b"n")]),
            AttributeTypeInvalid,
            "CKA_MODULUS",
        ),
        (
            key(vec![bytes(A(0x7777_7777), b"")]),
            AttributeTypeInvalid,
            "0x77777777",
        ),
        (
            key(vec![flag(A::LOCAL, true)]),
            AttributeReadOnly,
            "CKA_LOCAL",
        ),
        (
            key(vec![number(A::VALUE_LEN, 16)]),
            AttributeReadOnly,
            "CKA_VALUE_LEN",
        ),
        (
            key(vec![flag(A::TRUSTED, true)]),
            AttributeReadOnly,
            "CKA_TRUSTED",
        ),
        (certificate(vec![]), TemplateIncomplete, "CKA_VALUE"),
        (
            certificate(vec![secret(b""), bytes(A::URL, b"")]),
            TemplateIncomplete,
            "CKA_VALUE",
        ),
        (
            certificate(vec![bytes(A::URL, b"https://example.org/c")]),
            TemplateIncomplete,
            "CKA_HASH_OF_SUBJECT_PUBLIC_KEY",
        ),
        (
            certificate(vec![secret(b"c"), bytes(A::CHECK_VALUE, b"bad")]),
            AttributeValueInvalid,
            "CKA_CHECK_VALUE",
        ),
        (
            key(vec![
                bytes(A::START_DATE, b"20300101"),
                bytes(A::END_DATE, b"20290101"),
            ]),
            TemplateInconsistent,
            "CKA_END_DATE",
        ),
    ];
    for (template, expected, name) in cases {
        let (reason, words) = refused(created(&template, USER));
        assert!(
            reason == expected && words.contains(name),
            "{reason:?} {words}; not {name}"
        );
    }
}

#[test]
fn a_template_has_a_limit() {
    let attributes = (0..=limits::TEMPLATE_ATTRIBUTES as u64)
        .map(|kind| bytes(AttributeType(0x8000_0000 + kind), b""));
    let template = key(attributes.collect());
    assert_eq!(
        refused(created(&template, USER)).0,
        Reason::TemplateInconsistent
    );
}

#[test]
fn a_created_key_can_be_used_at_once_and_is_private() {
    let attributes = created(&key(vec![]), USER).unwrap().attributes;
    for kind in [
        AttributeType::ENCRYPT,
        AttributeType::SIGN,
        AttributeType::PRIVATE,
    ] {
        assert!(attributes.flag(kind), "{kind:?}");
    }
    for kind in [
        AttributeType::SENSITIVE,
        AttributeType::LOCAL,
        AttributeType::TOKEN,
    ] {
        assert!(!attributes.flag(kind), "{kind:?}");
    }
    assert_eq!(
        attributes.number(AttributeType::KEY_GEN_MECHANISM),
        Some(NOT_GENERATED)
    );
}

#[test]
fn the_profile_of_cloudhsm_gives_no_use_that_was_not_asked_for() {
    let maker = Maker {
        profile: Profile::CloudHsm,
        ..USER
    };
    let asked = Template(vec![flag(AttributeType::DECRYPT, true)]);
    let attributes = made(&asked, &AES_KEY, maker).unwrap().attributes;
    assert!(attributes.flag(AttributeType::DECRYPT) && attributes.flag(AttributeType::SENSITIVE));
    assert!(
        attributes.flag(AttributeType::SIGN),
        "CloudHSM's generated keys sign"
    );
    assert!(!attributes.flag(AttributeType::ENCRYPT) && !attributes.flag(AttributeType::WRAP));
}

#[test]
fn a_key_is_not_generated_as_something_else() {
    let cases = [
        number(AttributeType::CLASS, sys::CKO_DATA),
        number(AttributeType::KEY_TYPE, sys::CKK_GENERIC_SECRET),
    ];
    for attribute in cases {
        let (reason, _) = refused(made(&Template(vec![attribute]), &AES_KEY, USER));
        assert_eq!(reason, Reason::TemplateInconsistent);
    }
    let (reason, words) = refused(made(&Template(vec![secret(b"mine")]), &AES_KEY, USER));
    assert_eq!(
        (reason, words.contains("CKA_VALUE")),
        (Reason::AttributeReadOnly, true)
    );
}

#[test]
fn the_check_value_must_be_the_keys_own_or_empty() {
    let check = |given: &[u8]| {
        let template = key(vec![bytes(AttributeType::CHECK_VALUE, given)]);
        let material = crate::mechanism::vectors::secret_key(sys::CKK_AES, &[7; 16]);
        created(&template, USER).unwrap().with_material(&material)
    };
    assert_eq!(refused(check(b"bad")).0, Reason::AttributeValueInvalid);
    let none = check(b"").unwrap().attributes;
    assert_eq!(none.bytes(AttributeType::CHECK_VALUE), Some(&[][..]));
    assert_eq!(none.number(AttributeType::VALUE_LEN), Some(16));
}

#[test]
fn the_value_of_private_data_is_kept_apart() {
    let data = |private| {
        let template = Template(vec![
            number(AttributeType::CLASS, sys::CKO_DATA),
            flag(AttributeType::PRIVATE, private),
            secret(b"data"),
        ]);
        created(&template, USER).unwrap()
    };
    let private = data(true);
    assert_eq!(
        private
            .secrets
            .bytes(AttributeType::VALUE)
            .map(<[u8]>::to_vec),
        Some(b"data".to_vec())
    );
    assert_eq!(private.attributes.plain(AttributeType::VALUE), None);
    assert_eq!(
        data(false).attributes.bytes(AttributeType::VALUE),
        Some(&b"data"[..])
    );
}

#[test]
fn a_change_follows_the_table() {
    use AttributeType as A;
    let now = created(&key(vec![flag(A::EXTRACTABLE, true)]), USER)
        .unwrap()
        .attributes;
    let cases = [
        (USER, flag(A::SENSITIVE, true), None),
        (USER, flag(A::SENSITIVE, false), None),
        (USER, flag(A::EXTRACTABLE, false), None),
        (USER, flag(A::WRAP_WITH_TRUSTED, true), None),
        (USER, flag(A::DERIVE, true), None),
        (USER, bytes(A::LABEL, b"new"), None),
        (USER, flag(A::TRUSTED, false), None),
        (
            USER,
            flag(A::TRUSTED, true),
            Some(Reason::AttributeReadOnly),
        ),
        (OFFICER, flag(A::TRUSTED, true), None),
        (USER, flag(A::TOKEN, true), Some(Reason::AttributeReadOnly)),
        (
            USER,
            flag(A::PRIVATE, false),
            Some(Reason::AttributeReadOnly),
        ),
        (USER, number(A::CLASS, 0), Some(Reason::AttributeReadOnly)),
        (USER, flag(A::LOCAL, true), Some(Reason::AttributeReadOnly)),
        (USER, secret(&[1; 16]), Some(Reason::AttributeReadOnly)),
        (USER, flag(A::ENCRYPT, true), None),
        (
            USER,
            number(A::ENCRYPT, 1),
            Some(Reason::AttributeValueInvalid),
        ),
        (
            USER,
            bytes(A::MODULUS, b""),
            Some(Reason::AttributeTypeInvalid),
        ),
    ];
    for (maker, attribute, expected) in cases {
        let name = format!("{attribute:?}");
        let reason = changed(&now, &Template(vec![attribute]), maker).err();
        assert_eq!(reason.map(|error| error.reason), expected, "{name}");
    }
}

#[test]
fn what_goes_one_way_does_not_come_back() {
    use AttributeType as A;
    let closed = vec![
        flag(A::SENSITIVE, true),
        flag(A::COPYABLE, false),
        flag(A::EXTRACTABLE, false),
    ];
    let now = created(&key(closed), USER).unwrap().attributes;
    for (kind, back) in [
        (A::SENSITIVE, false),
        (A::COPYABLE, true),
        (A::EXTRACTABLE, true),
    ] {
        let (reason, _) = refused(changed(&now, &Template(vec![flag(kind, back)]), USER));
        assert_eq!(reason, Reason::AttributeReadOnly, "{kind:?}");
    }
}

#[test]
fn a_key_may_do_by_default_what_its_type_can_do() {
    use AttributeType as A;
    let made_by = |profile, class, key_type, usage| {
        let what = Making {
            class: ObjectClass(class),
            key_type: Some(KeyType(key_type)),
            ..AES_KEY
        };
        let needed = vec![
            number(A::MODULUS_BITS, 2048),
            bytes(A::EC_PARAMS, b"curve"),
            number(A::PARAMETER_SET, 1),
        ];
        let has = |attribute: &Attribute| {
            let key_type = Some(KeyType(key_type));
            let family = rules::family(what.class).unwrap();
            let rule = Sort { family, key_type }.rule(attribute.kind);
            rule.is_some_and(|rule| rule.presence(Origin::Generated) == Presence::Required)
        };
        let template = Template(needed.into_iter().filter(has).collect());
        let maker = Maker {
            profile,
            login: LoginState::User,
        };
        made(&template, &what, maker)
            .unwrap()
            .attributes
            .flag(usage)
    };
    let (public, private, secret) = (
        sys::CKO_PUBLIC_KEY,
        sys::CKO_PRIVATE_KEY,
        sys::CKO_SECRET_KEY,
    );
    for (class, key_type, usage, expected) in [
        (public, sys::CKK_RSA, A::ENCRYPT, true),
        (private, sys::CKK_RSA, A::UNWRAP, true),
        (private, sys::CKK_EC, A::SIGN, true),
        (private, sys::CKK_EC, A::DECRYPT, false),
        (public, sys::CKK_EC_MONTGOMERY, A::VERIFY, false),
        (private, sys::CKK_EC_MONTGOMERY, A::DERIVE, true),
        (private, sys::CKK_ML_KEM, A::DECAPSULATE, true),
        (private, sys::CKK_ML_DSA, A::DECAPSULATE, false),
        (secret, sys::CKK_AES, A::WRAP, true),
        (secret, sys::CKK_GENERIC_SECRET, A::ENCRYPT, false),
        (secret, sys::CKK_GENERIC_SECRET, A::SIGN, true),
        (private, sys::CKK_RSA, A::SENSITIVE, true),
        (public, sys::CKK_RSA, A::PRIVATE, false),
    ] {
        let flag = made_by(Profile::Standard, class, key_type, usage);
        assert_eq!(flag, expected, "{class} {key_type:#x} {usage:?}");
    }
    for (class, key_type, usage, expected) in [
        (secret, sys::CKK_AES, A::ENCRYPT, false),
        (secret, sys::CKK_AES, A::SIGN, true),
        (private, sys::CKK_EC, A::SIGN, false),
        (private, sys::CKK_EC, A::EXTRACTABLE, true),
        (public, sys::CKK_RSA, A::PRIVATE, true),
    ] {
        let flag = made_by(Profile::CloudHsm, class, key_type, usage);
        assert_eq!(flag, expected, "{class} {key_type:#x} {usage:?}");
    }
}

#[test]
fn a_key_that_was_outside_is_extractable_unless_it_says_otherwise() {
    let origins = [
        (Origin::Unwrapped, true),
        (Origin::Derived, false),
        (Origin::Generated, false),
    ];
    for (origin, extractable) in origins {
        let what = Making { origin, ..AES_KEY };
        let attributes = made(&Template::default(), &what, USER).unwrap().attributes;
        let found = attributes.flag(AttributeType::EXTRACTABLE);
        assert_eq!(found, extractable, "{origin:?}");
    }
}

#[test]
fn what_a_key_imposes_is_added_or_must_agree() {
    let mut by = Attributes::default();
    by.set(AttributeType::EXTRACTABLE, false.into());
    let template = |more| Template(more);
    let added = imposed(template(vec![]), &by).unwrap();
    assert_eq!(added.0.len(), 1);
    let same = vec![flag(AttributeType::EXTRACTABLE, false)];
    assert_eq!(imposed(template(same), &by).unwrap().0.len(), 1);
    let other = vec![flag(AttributeType::EXTRACTABLE, true)];
    let refused = imposed(template(other), &by).unwrap_err();
    assert_eq!(refused.reason, Reason::TemplateInconsistent);
}

#[test]
fn a_template_in_a_template_has_plain_values_alone() {
    use AttributeType as A;
    let wraps = |inner| {
        let nested = Attribute {
            kind: A::WRAP_TEMPLATE,
            value: Value::Template(Template(inner)),
        };
        created(&key(vec![nested]), USER).map_err(|error| error.reason)
    };
    assert!(wraps(vec![flag(A::EXTRACTABLE, true)]).is_ok());
    for inner in [
        vec![secret(b"value")],
        vec![flag(A::SIGN, true), flag(A::SIGN, false)],
        vec![number(A::SIGN, 1)],
    ] {
        assert_eq!(wraps(inner).unwrap_err(), Reason::AttributeValueInvalid);
    }
}

#[test]
fn who_names_uses_of_a_derived_key_names_all_of_them() {
    let origin = Origin::Derived;
    let what = Making { origin, ..AES_KEY };
    let signs = |template| {
        let made = made(&Template(template), &what, USER).unwrap();
        made.attributes.flag(AttributeType::SIGN)
    };
    assert!(signs(vec![]));
    assert!(!signs(vec![flag(AttributeType::ENCRYPT, true)]));
}

#[test]
fn what_a_template_says_again_takes_no_room() {
    let again = (3..limits::TEMPLATE_ATTRIBUTES).map(|_| flag(AttributeType::SIGN, true));
    let draft = created(&key(again.collect()), USER).unwrap();
    assert!(draft.attributes.room() < limits::TEMPLATE_ATTRIBUTES);
}

//! Templates, checked once against the attribute table: what comes out is a [`Draft`] that cannot
//! be wrong any more. Every refusal names its attribute.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{
    Attribute, AttributeType, Error, KeyType, MechanismId, ObjectClass, Reason, Result,
    SecretBytes, Shape, Template, attribute_row, limits,
};

use super::{
    Attributes, Plain, Secrets,
    rules::{self, Change, Family, Initial, NOT_GENERATED, Presence, Profile, Rule},
    shaped::{Shaped, number_of, refusal, shaped},
};
use crate::mechanism::Material;

/// Who makes or changes an object, as far as the rules ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maker {
    /// The defaults that hold here.
    pub(crate) profile: Profile,
    /// Whether the security officer is logged in.
    pub(crate) security_officer: bool,
}

/// What a mechanism generates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    pub(crate) class: ObjectClass,
    pub(crate) key_type: KeyType,
    pub(crate) mechanism: MechanismId,
}

/// An object to be: all of its attributes but those that only its material can tell.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) attributes: Attributes,
    /// The secret ones: of a key, or `CKA_VALUE` of private data.
    pub(crate) secrets: Secrets,
}

/// The family of the objects of `class`.
pub(crate) fn family(class: ObjectClass) -> Option<Family> {
    FAMILIES
        .iter()
        .find(|(number, _)| *number == class.0)
        .map(|(_, family)| *family)
}

const FAMILIES: &[(u64, Family)] = &[
    (sys::CKO_DATA, Family::Data),
    (sys::CKO_CERTIFICATE, Family::Certificate),
    (sys::CKO_SECRET_KEY, Family::SecretKey),
];

/// The draft of an object that `C_CreateObject` brings in.
pub(crate) fn created(template: &Template, maker: Maker) -> Result<Draft> {
    let class = number_of(template, AttributeType::CLASS)?.ok_or_else(|| {
        refusal(
            Reason::TemplateIncomplete,
            AttributeType::CLASS,
            "is missing",
        )
    })?;
    let family = family(ObjectClass(class)).ok_or_else(|| {
        refusal(
            Reason::AttributeValueInvalid,
            AttributeType::CLASS,
            "is a class that no object \
             can be created with",
        )
    })?;
    let mut draft = filled(template, family, maker, |rule| rule.create, false)?;
    if family == Family::SecretKey {
        draft
            .attributes
            .set(AttributeType::KEY_GEN_MECHANISM, NOT_GENERATED.into());
        draft
            .attributes
            .set(AttributeType::ALWAYS_SENSITIVE, false.into());
        draft
            .attributes
            .set(AttributeType::NEVER_EXTRACTABLE, false.into());
    }
    if let Some(certificate) = draft.attributes.bytes(AttributeType::VALUE)
        && family == Family::Certificate
    {
        let mut hash = [0; crypto::hash::MAX_LEN];
        Hash::Sha1
            .of(certificate, &mut hash)
            .map_err(|_| Reason::Internal)?;
        let [first, second, third, ..] = hash;
        set_check_value(&mut draft.attributes, vec![first, second, third])?;
    }
    let certificate_type = draft.attributes.number(AttributeType::CERTIFICATE_TYPE);
    if certificate_type.is_some_and(|kind| kind != sys::CKC_X_509) {
        let words = "must be CKC_X_509";
        return Err(refusal(
            Reason::AttributeValueInvalid,
            AttributeType::CERTIFICATE_TYPE,
            words,
        ));
    }
    Ok(draft)
}

/// The draft of a key that `C_GenerateKey` makes: without its material.
pub(crate) fn generated(template: &Template, what: Generation, maker: Maker) -> Result<Draft> {
    let family = family(what.class).ok_or(Reason::MechanismInvalid)?;
    let given = [
        (AttributeType::CLASS, what.class.0),
        (AttributeType::KEY_TYPE, what.key_type.0),
    ];
    for (kind, made) in given {
        if number_of(template, kind)?.is_some_and(|wanted| wanted != made) {
            let words = "is not what the mechanism generates";
            return Err(refusal(Reason::TemplateInconsistent, kind, words));
        }
    }
    let mut draft = filled(template, family, maker, |rule| rule.generate, true)?;
    let attributes = &mut draft.attributes;
    for (kind, made) in given {
        attributes.set(kind, made.into());
    }
    let sensitive = attributes.flag(AttributeType::SENSITIVE);
    let extractable = attributes.flag(AttributeType::EXTRACTABLE);
    attributes.set(AttributeType::KEY_GEN_MECHANISM, what.mechanism.0.into());
    attributes.set(AttributeType::ALWAYS_SENSITIVE, sensitive.into());
    attributes.set(AttributeType::NEVER_EXTRACTABLE, (!extractable).into());
    Ok(draft)
}

/// The attributes of `now` as `template` changes them, and the new `CKA_VALUE` where it is a
/// secret (`C_SetAttributeValue`).
pub(crate) fn changed(now: &Attributes, template: &Template, maker: Maker) -> Result<Draft> {
    if !now.flag(AttributeType::MODIFIABLE) {
        let words = "is false: the object cannot be changed";
        return Err(refusal(
            Reason::ActionProhibited,
            AttributeType::MODIFIABLE,
            words,
        ));
    }
    let family = now.class().and_then(family).ok_or(Reason::Internal)?;
    let mut draft = Draft {
        attributes: now.clone(),
        secrets: Secrets::default(),
    };
    for attribute in once_each(template)? {
        let kind = attribute.kind;
        let rule = rule_of(family, kind)?;
        let value = shaped(attribute)?;
        if !may_change(rule, now.flag(kind), &value, maker) {
            return Err(refusal(
                Reason::AttributeReadOnly,
                kind,
                "cannot be changed so",
            ));
        }
        draft.take(family, kind, value);
    }
    consistent(&draft.attributes)?;
    Ok(draft.with_private_data_apart(family))
}

/// Whether `template` only has what the security officer alone may set.
pub(crate) fn is_for_security_officer(template: &Template) -> bool {
    let kept_for_it = |attribute: &Attribute| rules::is_for_security_officer(attribute.kind);
    template.0.iter().all(kept_for_it)
}

impl Draft {
    /// Adds what only the material of a key can tell, and checks what the template said of it.
    pub(crate) fn with_material(mut self, material: &Material) -> Result<Self> {
        let attributes = &mut self.attributes;
        let len = material.bits() / 8;
        let wanted = attributes.number(AttributeType::VALUE_LEN);
        if wanted.is_some_and(|wanted| wanted != len) {
            let words = "is not the length that such a key has";
            return Err(refusal(
                Reason::TemplateInconsistent,
                AttributeType::VALUE_LEN,
                words,
            ));
        }
        attributes.set(AttributeType::VALUE_LEN, len.into());
        let computed = material
            .face()
            .check_value()
            .map(|value| value.to_vec())
            .unwrap_or_default();
        set_check_value(attributes, computed)?;
        Ok(self)
    }

    /// Puts a checked value where it belongs: `CKA_VALUE` apart if it is a secret.
    fn take(&mut self, family: Family, kind: AttributeType, value: Shaped) {
        match value {
            Shaped::Plain(value) => self.attributes.set(kind, value),
            Shaped::Secret(bytes) => match family {
                Family::SecretKey => self.secrets.set(kind, bytes),
                Family::Data | Family::Certificate => {
                    self.attributes
                        .set(kind, Plain::Bytes(bytes.reveal().to_vec()));
                }
            },
        }
    }

    /// The value of private data is a secret of its owner's: it is no plain attribute.
    fn with_private_data_apart(mut self, family: Family) -> Self {
        if family == Family::Data
            && self.attributes.flag(AttributeType::PRIVATE)
            && let Some(Plain::Bytes(bytes)) = self.attributes.remove(AttributeType::VALUE)
        {
            let value = SecretBytes::from(bytes);
            self.secrets.set(AttributeType::VALUE, value);
        }
        self
    }
}

/// Checks each attribute of `template`, and adds the defaults.
fn filled(
    template: &Template,
    family: Family,
    maker: Maker,
    presence: fn(&Rule) -> Presence,
    generated: bool,
) -> Result<Draft> {
    let mut draft = Draft {
        attributes: Attributes::default(),
        secrets: Secrets::default(),
    };
    let mut given = Vec::with_capacity(template.0.len());
    for attribute in once_each(template)? {
        let kind = attribute.kind;
        let rule = rule_of(family, kind)?;
        if presence(rule) == Presence::Forbidden {
            return Err(refusal(
                Reason::AttributeReadOnly,
                kind,
                "is for the HSM to set",
            ));
        }
        let value = shaped(attribute)?;
        let initial = rule.initial(maker.profile);
        if rule.change == Change::BySecurityOfficer
            && !maker.security_officer
            && !is_initial(&value, initial)
        {
            let words = "can only be set by the security officer";
            return Err(refusal(Reason::AttributeReadOnly, kind, words));
        }
        draft.take(family, kind, value);
        given.push(kind);
    }
    for rule in rules::rules(family).filter(|rule| !given.contains(&rule.kind)) {
        let missing = match presence(rule) {
            Presence::Required => true,
            Presence::RequiredUnless(other) => {
                draft.attributes.bytes(other).is_none_or(<[u8]>::is_empty)
            }
            Presence::Optional | Presence::Forbidden => false,
        };
        if missing {
            return Err(refusal(Reason::TemplateIncomplete, rule.kind, "is missing"));
        }
        if let Some(value) = default_of(rule, maker.profile, generated) {
            draft.attributes.set(rule.kind, value);
        }
    }
    draft
        .attributes
        .set(AttributeType::UNIQUE_ID, unique_id()?.into());
    consistent(&draft.attributes)?;
    Ok(draft.with_private_data_apart(family))
}

/// Sets the check value that was computed; a template may have said the same, or that there shall
/// be none (§4.10.2).
fn set_check_value(attributes: &mut Attributes, computed: Vec<u8>) -> Result<()> {
    match attributes.bytes(AttributeType::CHECK_VALUE) {
        Some([]) => {}
        Some(given) if given != computed => {
            let words = "is not the check value of this object";
            let reason = Reason::AttributeValueInvalid;
            return Err(refusal(reason, AttributeType::CHECK_VALUE, words));
        }
        _ => attributes.set(AttributeType::CHECK_VALUE, computed.into()),
    }
    Ok(())
}

/// 32 random hexadecimal digits.
fn unique_id() -> Result<Vec<u8>> {
    let bytes: [u8; 16] = crypto::random::array().map_err(|_| Reason::Internal)?;
    Ok(bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect())
}

fn default_of(rule: &Rule, profile: Profile, generated: bool) -> Option<Plain> {
    match rule.initial(profile) {
        Initial::Absent | Initial::Computed => None,
        Initial::Empty => match attribute_row(rule.kind).map(|row| row.shape) {
            Some(Shape::Mechanisms) => Some(Plain::Mechanisms(Vec::new())),
            _ => Some(Plain::Bytes(Vec::new())),
        },
        Initial::Flag(flag) => Some(flag.into()),
        Initial::Generated => Some(generated.into()),
        Initial::Number(number) => Some(number.into()),
    }
}

fn is_initial(value: &Shaped, initial: Initial) -> bool {
    match (value, initial) {
        (Shaped::Plain(Plain::Flag(flag)), Initial::Flag(default)) => *flag == default,
        _ => false,
    }
}

fn may_change(rule: &Rule, now: bool, value: &Shaped, maker: Maker) -> bool {
    let flag = match value {
        Shaped::Plain(Plain::Flag(flag)) => Some(*flag),
        _ => None,
    };
    match rule.change {
        Change::Never => false,
        Change::Always => true,
        Change::OnlyToTrue => flag.is_some_and(|flag| flag || !now),
        Change::OnlyToFalse => flag.is_some_and(|flag| !flag || now),
        Change::BySecurityOfficer => maker.security_officer || flag == Some(now),
    }
}

/// The attributes of `template`, if none is there twice.
fn once_each(template: &Template) -> Result<&[Attribute]> {
    let attributes = template.0.as_slice();
    if attributes.len() > limits::TEMPLATE_ATTRIBUTES {
        let words = format!(
            "a template has at most {} attributes",
            limits::TEMPLATE_ATTRIBUTES
        );
        return Err(Error::new(Reason::TemplateInconsistent, words));
    }
    for (position, attribute) in attributes.iter().enumerate() {
        if attributes
            .iter()
            .skip(position + 1)
            .any(|other| other.kind == attribute.kind)
        {
            return Err(refusal(
                Reason::TemplateInconsistent,
                attribute.kind,
                "is there twice",
            ));
        }
    }
    Ok(attributes)
}

fn rule_of(family: Family, kind: AttributeType) -> Result<&'static Rule> {
    rules::rule(family, kind).ok_or_else(|| {
        refusal(
            Reason::AttributeTypeInvalid,
            kind,
            "is no attribute of such an object",
        )
    })
}

/// What two attributes must not say together.
fn consistent(attributes: &Attributes) -> Result<()> {
    let start = attributes
        .bytes(AttributeType::START_DATE)
        .unwrap_or_default();
    let end = attributes
        .bytes(AttributeType::END_DATE)
        .unwrap_or_default();
    if !start.is_empty() && !end.is_empty() && end < start {
        let words = "is before CKA_START_DATE";
        return Err(refusal(
            Reason::TemplateInconsistent,
            AttributeType::END_DATE,
            words,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

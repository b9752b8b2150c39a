//! Templates, checked once against the attribute table: what comes out is a [`Draft`] that cannot
//! be wrong any more. Every refusal names its attribute. Changes and copies are in `change.rs`.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{
    Attribute, AttributeType, Error, KeyType, LoginState, MechanismId, ObjectClass, Reason, Result,
    SecretBytes, Template, Value, limits,
};

use super::{
    Attributes, Plain, Secrets,
    blank::Way,
    rules::{
        self, Change, Family, Initial, NOT_GENERATED, OfSort, Origin, Presence, Profile, Rule, Sort,
    },
    shaped::{Shaped, number_of, refusal, shaped},
};
use crate::mechanism::Material;

/// Who makes or changes an object, as far as the rules ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maker {
    /// The defaults that hold here.
    pub(crate) profile: Profile,
    /// Who is logged in.
    pub(crate) login: LoginState,
}

impl Maker {
    pub(crate) fn is_security_officer(self) -> bool {
        self.login == LoginState::SecurityOfficer
    }
}

/// What the HSM makes, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    pub(crate) class: ObjectClass,
    /// None where it is no key.
    pub(crate) key_type: Option<KeyType>,
    pub(crate) origin: Origin,
    /// The mechanism that generated it.
    pub(crate) mechanism: Option<MechanismId>,
    /// What was always true of what it comes from.
    pub(crate) past: Past,
}

/// What was always true of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) always_sensitive: bool,
    pub(crate) never_extractable: bool,
}

/// An object to be: all of its attributes but those that only its material can tell.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) attributes: Attributes,
    /// The secret ones: of a key, or `CKA_VALUE` of private data.
    pub(crate) secrets: Secrets,
    pub(super) sort: Sort,
    pub(super) profile: Profile,
}

impl Past {
    /// It came from nowhere else.
    pub(crate) const NEW: Self = Self {
        always_sensitive: true,
        never_extractable: true,
    };
    /// It was outside.
    pub(crate) const UNKNOWN: Self = Self {
        always_sensitive: false,
        never_extractable: false,
    };

    /// Of the key that has `attributes`.
    pub(crate) fn of(attributes: &Attributes) -> Self {
        Self {
            always_sensitive: attributes.flag(AttributeType::ALWAYS_SENSITIVE),
            never_extractable: attributes.flag(AttributeType::NEVER_EXTRACTABLE),
        }
    }

    /// Of what comes from this one and another.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            always_sensitive: self.always_sensitive && other.always_sensitive,
            never_extractable: self.never_extractable && other.never_extractable,
        }
    }
}

/// What the object with `attributes` is.
pub(crate) fn sort_of(attributes: &Attributes) -> Option<Sort> {
    Some(Sort {
        family: rules::family(attributes.class()?)?,
        key_type: attributes.key_type(),
    })
}

/// The draft of an object that `C_CreateObject` brings in.
pub(crate) fn created(template: &Template, maker: Maker) -> Result<Draft> {
    let class = required(template, AttributeType::CLASS)?;
    let family = rules::family(ObjectClass(class)).filter(|family| !family.is_built_in());
    let family = family.ok_or_else(|| {
        let words = "is a class that no object can be created with";
        refusal(Reason::AttributeValueInvalid, AttributeType::CLASS, words)
    })?;
    let key_type = match family.is_key() {
        true => Some(KeyType(required(template, AttributeType::KEY_TYPE)?)),
        false => None,
    };
    let mut draft = filled(template, Sort { family, key_type }, maker, Origin::Created)?;
    draft.set_history(Past::UNKNOWN, None);
    if family == Family::Certificate {
        check_certificate(&mut draft.attributes)?;
    }
    Ok(draft)
}

/// What the attributes of an X.509 certificate say together (§4.6.3), and its check value.
fn check_certificate(attributes: &mut Attributes) -> Result<()> {
    let certificate_type = attributes.number(AttributeType::CERTIFICATE_TYPE);
    if certificate_type.is_some_and(|kind| kind != sys::CKC_X_509) {
        let (reason, words) = (Reason::AttributeValueInvalid, "must be CKC_X_509");
        return Err(refusal(reason, AttributeType::CERTIFICATE_TYPE, words));
    }
    let value = attributes.bytes(AttributeType::VALUE).unwrap_or_default();
    let is_empty = |kind| attributes.bytes(kind).is_none_or(<[u8]>::is_empty);
    let at_url = !is_empty(AttributeType::URL);
    if value.is_empty() && !at_url {
        let words = "is empty, and so is CKA_URL";
        return Err(refusal(
            Reason::TemplateIncomplete,
            AttributeType::VALUE,
            words,
        ));
    }
    let hashes = [
        AttributeType::HASH_OF_SUBJECT_PUBLIC_KEY,
        AttributeType::HASH_OF_ISSUER_PUBLIC_KEY,
    ];
    if let Some(missing) = hashes.into_iter().find(|kind| at_url && is_empty(*kind)) {
        let words = "is empty, and CKA_URL is not";
        return Err(refusal(Reason::TemplateIncomplete, missing, words));
    }
    if value.is_empty() {
        return Ok(());
    }
    let mut hash = [0; crypto::hash::MAX_LEN];
    let hashed = Hash::Sha1.of(value, &mut hash);
    hashed.map_err(|_| Reason::Internal)?;
    let [first, second, third, ..] = hash;
    set_check_value(attributes, vec![first, second, third])
}

/// The draft of an object that the HSM makes: without its material.
pub(crate) fn made(template: &Template, what: &Making, maker: Maker) -> Result<Draft> {
    let family = rules::family(what.class).filter(|family| !family.is_built_in());
    let sort = Sort {
        family: family.ok_or(Reason::TemplateInconsistent)?,
        key_type: what.key_type,
    };
    let given = [
        (AttributeType::CLASS, Some(what.class.0)),
        (AttributeType::KEY_TYPE, what.key_type.map(|kind| kind.0)),
    ];
    for (kind, made) in given {
        if number_of(template, kind)?.is_some_and(|wanted| Some(wanted) != made) {
            let words = "is not what the mechanism makes";
            return Err(refusal(Reason::TemplateInconsistent, kind, words));
        }
    }
    let mut draft = filled(template, sort, maker, what.origin)?;
    draft.set_history(what.past, what.mechanism);
    Ok(draft)
}

/// `template` with what a key imposes on those that it unwraps or derives
/// (`CKA_UNWRAP_TEMPLATE`…): an attribute that says something else is a contradiction.
pub(crate) fn imposed(mut template: Template, by: &Attributes) -> Result<Template> {
    for (kind, plain) in by.iter() {
        let said = template
            .0
            .iter()
            .find(|attribute| attribute.kind == kind)
            .map(shaped)
            .transpose()?;
        match said {
            None => template.0.push(Attribute {
                kind,
                value: plain.value(kind),
            }),
            Some(Shaped::Plain(said)) if said == *plain => {}
            Some(_) => {
                let words = "is not what the key's own template says";
                return Err(refusal(Reason::TemplateInconsistent, kind, words));
            }
        }
    }
    Ok(template)
}

/// The number that `template` must give `kind`.
pub(crate) fn required(template: &Template, kind: AttributeType) -> Result<u64> {
    number_of(template, kind)?
        .ok_or_else(|| refusal(Reason::TemplateIncomplete, kind, "is missing"))
}

impl Draft {
    /// Adds what only the material of a key can tell, and checks what the template said of it.
    pub(crate) fn with_material(mut self, material: &Material) -> Result<Self> {
        let known = self.sort.known();
        for (kind, computed) in material.face().computed()? {
            let Some(rule) = known.rule(kind) else {
                continue;
            };
            // What the material was made from only becomes canonical; the rest must be true.
            let checked = rule.initial(self.profile) == Initial::Computed;
            let said = self.attributes.plain(kind);
            if checked && said.is_some_and(|said| *said != computed && said.len() != 0) {
                let reason = match kind {
                    // §4.10: of a private key.
                    AttributeType::PUBLIC_KEY_INFO => Reason::AttributeValueInvalid,
                    _ => Reason::TemplateInconsistent,
                };
                return Err(refusal(reason, kind, "is not what such a key has"));
            }
            self.attributes.set(kind, computed);
        }
        if let Some(value) = material.face().check_value() {
            set_check_value(&mut self.attributes, value.to_vec())?;
        }
        Ok(self)
    }

    /// Makes `value` that of the data to be.
    pub(crate) fn with_data(mut self, value: SecretBytes) -> Self {
        let len = value.len() as u64;
        self.attributes.set(AttributeType::VALUE_LEN, len.into());
        let value = Plain::Bytes(value.reveal().to_vec());
        self.attributes.set(AttributeType::VALUE, value);
        self.with_private_data_apart()
    }

    /// What the HSM says of a key's past; other objects have none.
    fn set_history(&mut self, past: Past, mechanism: Option<MechanismId>) {
        let attributes = &mut self.attributes;
        if self.sort.family.is_key() {
            let mechanism = mechanism.map_or(NOT_GENERATED, |mechanism| mechanism.0);
            attributes.set(AttributeType::KEY_GEN_MECHANISM, mechanism.into());
        }
        if self.sort.family.is_secret() {
            let sensitive = attributes.flag(AttributeType::SENSITIVE);
            let extractable = attributes.flag(AttributeType::EXTRACTABLE);
            let always = past.always_sensitive && sensitive;
            let never = past.never_extractable && !extractable;
            attributes.set(AttributeType::ALWAYS_SENSITIVE, always.into());
            attributes.set(AttributeType::NEVER_EXTRACTABLE, never.into());
        }
    }

    /// An object of the session whose template says nothing of `CKA_PRIVATE` is public where no user is logged in
    /// (§4.4: the default is the token's): nobody but the application sees it, and private it could not be.
    fn set_public_without_user(&mut self, maker: Maker, asked: bool) {
        let no_user = maker.login != LoginState::User && maker.profile == Profile::Standard;
        if no_user && !asked && !self.attributes.flag(AttributeType::TOKEN) {
            self.attributes.set(AttributeType::PRIVATE, false.into());
        }
    }

    /// Puts a checked value where it belongs: apart if it is a secret.
    pub(super) fn take(&mut self, kind: AttributeType, value: Shaped) {
        match value {
            Shaped::Plain(value) => self.attributes.set(kind, value),
            Shaped::Secret(bytes) if self.sort.family.is_secret() => self.secrets.set(kind, bytes),
            Shaped::Secret(bytes) => {
                let value = Plain::Bytes(bytes.reveal().to_vec());
                self.attributes.set(kind, value);
            }
        }
    }

    /// The value of private data is a secret of its owner's: it is no plain attribute.
    pub(super) fn with_private_data_apart(mut self) -> Self {
        if self.sort.family == Family::Data
            && self.attributes.flag(AttributeType::PRIVATE)
            && let Some(Plain::Bytes(bytes)) = self.attributes.remove(AttributeType::VALUE)
        {
            let value = SecretBytes::from(bytes);
            self.secrets.set(AttributeType::VALUE, value);
        }
        self
    }
}

/// Checks each attribute of `template`, and puts it over the defaults.
fn filled(template: &Template, sort: Sort, maker: Maker, origin: Origin) -> Result<Draft> {
    let known = sort.known();
    let is_use = |attribute: &Attribute| known.rule(attribute.kind).is_some_and(Rule::is_use);
    let way = Way {
        profile: maker.profile,
        origin,
        uses_named: origin == Origin::Derived && template.0.iter().any(is_use),
    };
    let blank = known.blank(sort, way);
    // What a template says twice takes no room: nobody would count it.
    let some = template.0.len().min(known.most());
    let mut draft = Draft {
        attributes: Attributes::over(&blank.defaults, some),
        secrets: Secrets::default(),
        sort,
        profile: maker.profile,
    };
    if draft.attributes.key_type() != sort.key_type
        && let Some(key_type) = sort.key_type
    {
        draft
            .attributes
            .set(AttributeType::KEY_TYPE, key_type.0.into());
    }
    for attribute in once_each(template)? {
        let attribute = attribute?;
        let kind = attribute.kind;
        let rule = rule_of(known, kind)?;
        if rule.presence(origin) == Presence::Forbidden {
            return Err(refusal(
                Reason::AttributeReadOnly,
                kind,
                "is for the HSM to set",
            ));
        }
        let value = shaped(attribute)?;
        let initial = rule.initial(maker.profile);
        if rule.change == Change::BySecurityOfficer
            && !maker.is_security_officer()
            && !is_initial(&value, initial)
        {
            let words = "can only be set by the security officer";
            return Err(refusal(Reason::AttributeReadOnly, kind, words));
        }
        draft.take(kind, value);
    }
    let is_given = |kind| template.0.iter().any(|attribute| attribute.kind == kind);
    for rule in blank.required.iter().filter(|rule| !is_given(rule.kind)) {
        let missing = match rule.presence(origin) {
            Presence::Required => true,
            Presence::RequiredUnless(other) => {
                let plain = draft.attributes.bytes(other);
                plain
                    .or(draft.secrets.bytes(other))
                    .is_none_or(<[u8]>::is_empty)
            }
            Presence::Optional | Presence::Forbidden => false,
        };
        if missing {
            return Err(refusal(Reason::TemplateIncomplete, rule.kind, "is missing"));
        }
    }
    draft.set_public_without_user(maker, is_given(AttributeType::PRIVATE));
    consistent(&draft.attributes)?;
    Ok(draft.with_private_data_apart())
}

/// Sets the check value that was computed; a template may have said the same, or that there shall
/// be none (§4.11).
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

fn is_initial(value: &Shaped, initial: Initial) -> bool {
    match (value, initial) {
        (Shaped::Plain(Plain::Flag(flag)), Initial::Flag(default)) => *flag == default,
        _ => false,
    }
}

/// The attributes of `template`, each once: it is inconsistent if one has two values (§4.1.1), not if
/// it is given the same one twice, as PyKCS11's tests do.
pub(super) fn once_each(template: &Template) -> Result<impl Iterator<Item = Result<&Attribute>>> {
    let attributes = template.0.as_slice();
    if attributes.len() > limits::TEMPLATE_ATTRIBUTES {
        let words = format!(
            "a template has at most {} attributes",
            limits::TEMPLATE_ATTRIBUTES
        );
        return Err(Error::new(Reason::TemplateInconsistent, words));
    }
    let once = attributes
        .iter()
        .enumerate()
        .filter_map(|(place, attribute)| {
            let mut before = attributes.iter().take(place);
            match before.find(|other| other.kind == attribute.kind) {
                None => Some(Ok(attribute)),
                Some(other) if is_same(&other.value, &attribute.value) => None,
                Some(_) => {
                    let words = "is there twice";
                    let reason = Reason::TemplateInconsistent;
                    Some(Err(refusal(reason, attribute.kind, words)))
                }
            }
        });
    Ok(once)
}

/// Whether two values are plain and the same.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Flag(one), Value::Flag(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => one == other,
        (Value::Bytes(one), Value::Bytes(other)) => one == other,
        _ => false,
    }
}

pub(super) fn rule_of(known: &OfSort, kind: AttributeType) -> Result<&'static Rule> {
    known.rule(kind).ok_or_else(|| {
        refusal(
            Reason::AttributeTypeInvalid,
            kind,
            "is no attribute of such an object",
        )
    })
}

/// What two attributes must not say together.
pub(super) fn consistent(attributes: &Attributes) -> Result<()> {
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
    // §4.10: who must log in for each use must log in to see it.
    let authenticates = attributes.flag(AttributeType::ALWAYS_AUTHENTICATE);
    if authenticates && !attributes.flag(AttributeType::PRIVATE) {
        let words = "is true, and CKA_PRIVATE is false";
        let reason = Reason::TemplateInconsistent;
        return Err(refusal(reason, AttributeType::ALWAYS_AUTHENTICATE, words));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

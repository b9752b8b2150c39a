//! Keys from keys: derived, encapsulated and decapsulated. What comes from a key that was always
//! protected is so too, as far as it is protected itself; nothing that tells of a key is less
//! protected than that key.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use crypto::Secret;
use cryptoki_sys as sys;
use token::{
    AttributeType, Encapsulated, Error, KeyType, Mechanism, ObjectClass, ObjectHandle, Produced,
    Reason, Request, Result, SecretBytes, SessionHandle, Template, limits,
};

use super::{
    making::{Ready, admit, repeated, store},
    seen::Seen,
    wrapping::{imposed, no_login_of_its_own},
};
use crate::{
    Application,
    audit::Event,
    cluster::users::Keyring,
    mechanism::{self, Function, Material, OtherKeys, Use},
    object::{self, Attributes, Draft, Making, Origin, Past},
    seat::Seat,
};

/// `C_DeriveKey`: the handle of the key, and those of the `further` ones.
pub(super) fn derive(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    base: ObjectHandle,
    template: Template,
    further: Vec<Template>,
) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    if let Some(answer) = repeated(application, &session, &active, request)? {
        return first(&answer.handles);
    }
    if further.len() > limits::DERIVED_KEYS {
        let words = format!("at most {} further keys", limits::DERIVED_KEYS);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let column = row
        .derive
        .ok_or_else(|| mechanism::no_column(row, Function::Derive))?;
    let base = Seen::key(seat, keyring.as_deref(), base, Reason::KeyHandleInvalid)?;
    let material = base.material(keyring.as_deref())?;
    mechanism::check_key(row, Function::Derive, base.attributes(), &material)?;
    no_login_of_its_own(&base)?;

    let sources = Sources {
        seat,
        keyring: keyring.as_deref(),
        others: RefCell::default(),
        len: Cell::default(),
    };
    let class = if column.makes_data() {
        sys::CKO_DATA
    } else {
        sys::CKO_SECRET_KEY
    };
    let mut templates = Vec::with_capacity(1 + further.len());
    for template in std::iter::once(template).chain(further) {
        templates.push(imposed(template, &base, AttributeType::DERIVE_TEMPLATE)?);
    }
    let wanted: Result<Vec<_>> = templates
        .iter()
        .map(|template| wanted_len(template, class))
        .collect();
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let values = column.derive(with, &sources, &wanted?)?;
    if values.len() != templates.len() {
        return Err(Reason::Internal.into());
    }

    let others_len = sources.len.get();
    let others = sources.others.into_inner();
    let sources: Vec<&Attributes> = others.iter().chain([base.attributes()]).collect();
    let floor = match column.reveals_base() {
        true => floor(&sources),
        false => floor(&others.iter().collect::<Vec<_>>()),
    };
    if column.reveals_base() && is_protected(&sources) {
        let least = column.least_len(with, others_len)?;
        if values.iter().any(|value| value.len() < least) {
            let words = "a piece of a protected key is no key: it could be guessed";
            return Err(Error::new(Reason::TemplateInconsistent, words));
        }
    }
    let past = sources.iter().map(|source| Past::of(source));
    let past = past.fold(Past::NEW, Past::and);
    let mut objects = Vec::with_capacity(values.len());
    for (template, value) in templates.into_iter().zip(values) {
        let template = object::imposed(template, &floor)?;
        let what = Making {
            class: ObjectClass(class),
            key_type: key_type(&template, class)?,
            origin: Origin::Derived,
            mechanism: None,
            past,
        };
        let draft = object::made(&template, &what, application.maker_in(seat))?;
        admit(&session, &draft.attributes)?;
        objects.push(ready(draft, value)?);
    }
    let event = |reference| Event::KeyDerived {
        reference,
        base: base.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let active = &mut active;
    let answer = store(application, &session, active, request, objects, &[], event)?;
    first(&answer.handles)
}

/// `C_EncapsulateKey`. The ciphertext is kept with the answer: asked again with the same request,
/// the same key and the same ciphertext are the answer.
pub(super) fn encapsulate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    public: ObjectHandle,
    template: Template,
    output: Option<&mut [u8]>,
) -> Result<Encapsulated> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let function = Function::Encapsulate;
    let column = row
        .encapsulate
        .ok_or_else(|| mechanism::no_column(row, function))?;
    if let Some(answer) = repeated(application, &session, &active, request)? {
        return encapsulated(answer.only()?, &answer.output, output);
    }
    let public = Seen::key(seat, keyring.as_deref(), public, Reason::KeyHandleInvalid)?;
    let material = public.material(keyring.as_deref())?;
    mechanism::check_key(row, function, public.attributes(), &material)?;
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let needed = column.ciphertext_len(with)?;
    let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
        return Ok(Encapsulated {
            produced: Produced::Needed(needed),
            key: None,
        });
    };
    let template = imposed(template, &public, AttributeType::ENCAPSULATE_TEMPLATE)?;
    let draft = agreed(application, &template, seat)?;
    admit(&session, &draft.attributes)?;
    let mut ciphertext = vec![0; needed];
    let secret = column.encapsulate(with, &mut ciphertext)?;
    let objects = vec![ready(draft, secret)?];
    let event = |reference| Event::KeyEncapsulated {
        reference,
        public: public.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let active = &mut active;
    let answer = store(
        application,
        &session,
        active,
        request,
        objects,
        &ciphertext,
        event,
    )?;
    encapsulated(answer.only()?, &answer.output, Some(output))
}

/// `C_DecapsulateKey`.
pub(super) fn decapsulate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    private: ObjectHandle,
    ciphertext: &[u8],
    template: Template,
) -> Result<ObjectHandle> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    if let Some(answer) = repeated(application, &session, &active, request)? {
        return answer.only();
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let function = Function::Decapsulate;
    let column = row
        .decapsulate
        .ok_or_else(|| mechanism::no_column(row, function))?;
    let private = Seen::key(seat, keyring.as_deref(), private, Reason::KeyHandleInvalid)?;
    let material = private.material(keyring.as_deref())?;
    mechanism::check_key(row, function, private.attributes(), &material)?;
    no_login_of_its_own(&private)?;
    let template = imposed(template, &private, AttributeType::DECAPSULATE_TEMPLATE)?;
    let draft = agreed(application, &template, seat)?;
    admit(&session, &draft.attributes)?;
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let secret = column.decapsulate(with, ciphertext)?;
    let objects = vec![ready(draft, secret)?];
    let event = |reference| Event::KeyDecapsulated {
        reference,
        private: private.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let active = &mut active;
    store(application, &session, active, request, objects, &[], event)?.only()
}

/// The other keys that a derivation takes, and what they are.
struct Sources<'a> {
    seat: &'a Seat,
    keyring: Option<&'a Keyring>,
    others: RefCell<Vec<Attributes>>,
    /// How many bytes they have together.
    len: Cell<usize>,
}

impl OtherKeys for Sources<'_> {
    fn value(&self, handle: ObjectHandle) -> Result<Secret> {
        let key = Seen::key(self.seat, self.keyring, handle, Reason::KeyHandleInvalid)?;
        if !key.attributes().flag(AttributeType::DERIVE) {
            let words = "CKA_DERIVE of the other key is false";
            return Err(Error::new(Reason::KeyFunctionNotPermitted, words));
        }
        let material = key.material(self.keyring)?;
        let value = material.value().ok_or(Reason::KeyTypeInconsistent)?;
        self.others.borrow_mut().push(key.attributes().clone());
        self.len.set(self.len.get().saturating_add(value.len()));
        Ok(value.into())
    }
}

/// What no key may lack that tells of the keys that have `sources`.
fn floor(sources: &[&Attributes]) -> Attributes {
    let mut floor = Attributes::default();
    let has = |kind, flag| sources.iter().any(|source| source.flag(kind) == flag);
    if has(AttributeType::SENSITIVE, true) {
        floor.set(AttributeType::SENSITIVE, true.into());
    }
    if has(AttributeType::EXTRACTABLE, false) {
        floor.set(AttributeType::EXTRACTABLE, false.into());
    }
    if has(AttributeType::WRAP_WITH_TRUSTED, true) {
        floor.set(AttributeType::WRAP_WITH_TRUSTED, true.into());
    }
    if has(AttributeType::PRIVATE, true) {
        floor.set(AttributeType::PRIVATE, true.into());
    }
    floor
}

/// Whether one of the sources has a value that its user may not read.
fn is_protected(sources: &[&Attributes]) -> bool {
    let kept = |source: &&Attributes| {
        source.flag(AttributeType::SENSITIVE) || !source.flag(AttributeType::EXTRACTABLE)
    };
    sources.iter().any(kept)
}

/// The draft of a key of which both sides hear.
fn agreed(application: &Application, template: &Template, seat: &Seat) -> Result<Draft> {
    let class = sys::CKO_SECRET_KEY;
    let what = Making {
        class: ObjectClass(class),
        key_type: key_type(template, class)?,
        origin: Origin::Unwrapped,
        mechanism: None,
        past: Past::UNKNOWN,
    };
    object::made(template, &what, application.maker_in(seat))
}

/// The type of key that the template asks for; a secret that nobody says more of is generic.
fn key_type(template: &Template, class: u64) -> Result<Option<KeyType>> {
    if class != sys::CKO_SECRET_KEY {
        return Ok(None);
    }
    let asked = object::number_of(template, AttributeType::KEY_TYPE)?;
    Ok(Some(KeyType(asked.unwrap_or(sys::CKK_GENERIC_SECRET))))
}

/// How long the template, or the type of key that it asks for, says that the value shall be.
fn wanted_len(template: &Template, class: u64) -> Result<Option<usize>> {
    let asked = object::number_of(template, AttributeType::VALUE_LEN)?;
    if let Some(len) = asked {
        let len = usize::try_from(len).ok();
        let len = len.filter(|len| (1..=limits::GENERIC_SECRET_BYTES).contains(len));
        return len.map(Some).ok_or_else(|| {
            Error::new(
                Reason::AttributeValueInvalid,
                "CKA_VALUE_LEN is out of range",
            )
        });
    }
    let mut attributes = Attributes::default();
    attributes.set(AttributeType::CLASS, class.into());
    match key_type(template, class)? {
        Some(key_type) => {
            attributes.set(AttributeType::KEY_TYPE, key_type.0.into());
            Material::wanted_len(&attributes)
        }
        None => Ok(None),
    }
}

/// The object of `draft` that has this value, or as much of it as the template asks for.
fn ready(draft: Draft, value: Secret) -> Result<Ready> {
    if draft.attributes.key_type().is_none() {
        let value = SecretBytes::copied(value.reveal());
        return Ok(Ready {
            draft: draft.with_data(value),
            material: None,
        });
    }
    let value = match Material::wanted_len(&draft.attributes)? {
        Some(len) if len < value.len() => {
            Secret::from(value.reveal().get(..len).ok_or(Reason::Internal)?)
        }
        _ => value,
    };
    let material = Material::of_value(&draft.attributes, value, Reason::KeySizeRange)?;
    Ok(Ready {
        draft: draft.with_material(&material)?,
        material: Some(Arc::new(material)),
    })
}

fn first(handles: &[ObjectHandle]) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
    let (first, further) = handles.split_first().ok_or(Reason::Protocol)?;
    Ok((*first, further.to_vec()))
}

fn encapsulated(
    key: ObjectHandle,
    ciphertext: &[u8],
    output: Option<&mut [u8]>,
) -> Result<Encapsulated> {
    let place = output.and_then(|output| output.get_mut(..ciphertext.len()));
    let Some(place) = place else {
        return Ok(Encapsulated {
            produced: Produced::Needed(ciphertext.len()),
            key: None,
        });
    };
    place.copy_from_slice(ciphertext);
    Ok(Encapsulated {
        produced: Produced::Written(ciphertext.len()),
        key: Some(key),
    })
}

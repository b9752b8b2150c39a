//! Keys from keys: derived, encapsulated and decapsulated.

mod sources;

use std::sync::Arc;

use crypto::Secret;
use cryptoki_sys as sys;
use token::{
    AttributeType, Encapsulated, Error, KeyType, Mechanism, ObjectClass, ObjectHandle, Produced,
    Reason, Request, Result, SecretBytes, SessionHandle, Template, Value, limits,
};

use super::{
    making::{Ready, admit, repeated, store},
    wrapping::{imposed, no_login_of_its_own},
};
use sources::{Sources, least_len, must_have};

use crate::{
    Application,
    audit::Event,
    mechanism::{self, Doing, Function, Material, Use},
    object::{self, Attributes, Draft, Making, Origin, Past},
    seat::Seat,
    seen::Seen,
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
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
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
    let material = base.material(seat, keyring.as_deref())?;
    mechanism::check_key(row, Function::Derive, base.attributes(), &material)?;
    no_login_of_its_own(&base)?;

    let sources = Sources::gather(base, material, row, mechanism, seat, keyring.as_deref())?;
    let class = if column.makes_data() {
        sys::CKO_DATA
    } else {
        sys::CKO_SECRET_KEY
    };
    let templates = std::iter::once(template).chain(further);
    let templates: Vec<Template> = templates
        .map(|template| match class {
            sys::CKO_DATA => sources.imposed(of_data(template)),
            _ => sources.imposed(template),
        })
        .collect::<Result<_>>()?;
    let wanted: Vec<Option<usize>> = templates
        .iter()
        .map(|template| wanted_len(template, class))
        .collect::<Result<_>>()?;
    let with = sources.base_with(&mechanism.parameters);
    let values = column.derive(with, &sources, &wanted)?;
    if values.len() != templates.len() {
        return Err(Reason::Internal.into());
    }
    must_have(
        sources.least_len(column, with)?,
        values.iter().map(Secret::len),
    )?;

    let floor = sources.floor(column);
    let original = sources.original(column);
    let mut objects = Vec::with_capacity(values.len());
    for (template, value) in templates.into_iter().zip(values) {
        let template = object::imposed(template, &floor)?;
        let what = Making {
            class: ObjectClass(class),
            key_type: key_type(&template, class)?,
            origin: Origin::Derived,
            mechanism: None,
            past: sources.past(),
        };
        let draft = object::made(&template, &what, application.maker_in(seat))?;
        admit(session, active, &draft.attributes)?;
        objects.push(Ready {
            original,
            ..ready(draft, value)?
        });
    }
    let event = |reference| Event::KeyDerived {
        reference,
        bases: sources.references(),
        mechanism: mechanism.id.0,
    };
    let answer = store(application, session, active, request, objects, &[], event)?;
    active.operations.did(&Doing::with(
        Function::Derive,
        mechanism,
        sources.material(),
    ));
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
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let function = Function::Encapsulate;
    let column = row
        .encapsulate
        .ok_or_else(|| mechanism::no_column(row, function))?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return encapsulated(answer.only()?, &answer.output, output);
    }
    let public = Seen::key(seat, keyring.as_deref(), public, Reason::KeyHandleInvalid)?;
    let material = public.material(seat, keyring.as_deref())?;
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
    let draft = agreed(
        application,
        seat,
        template,
        &public,
        AttributeType::ENCAPSULATE_TEMPLATE,
    )?;
    admit(session, active, &draft.attributes)?;
    let mut ciphertext = vec![0; needed];
    let secret = column.encapsulate(with, &mut ciphertext)?;
    let objects = vec![ready(draft, secret)?];
    let event = |reference| Event::KeyEncapsulated {
        reference,
        public: public.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let answer = store(
        application,
        session,
        active,
        request,
        objects,
        &ciphertext,
        event,
    )?;
    active
        .operations
        .did(&Doing::with(function, mechanism, &material));
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
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
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
    let material = private.material(seat, keyring.as_deref())?;
    mechanism::check_key(row, function, private.attributes(), &material)?;
    no_login_of_its_own(&private)?;
    let draft = agreed(
        application,
        seat,
        template,
        &private,
        AttributeType::DECAPSULATE_TEMPLATE,
    )?;
    admit(session, active, &draft.attributes)?;
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
    let made = store(application, session, active, request, objects, &[], event)?.only()?;
    active
        .operations
        .did(&Doing::with(function, mechanism, &material));
    Ok(made)
}

/// The draft of a key of which both sides hear, as the template `kind` of the key `by` wants it.
fn agreed(
    application: &Application,
    seat: &Seat,
    template: Template,
    by: &Seen,
    kind: AttributeType,
) -> Result<Draft> {
    let template = imposed(template, by, kind)?;
    let class = sys::CKO_SECRET_KEY;
    let what = Making {
        class: ObjectClass(class),
        key_type: key_type(&template, class)?,
        origin: Origin::Unwrapped,
        mechanism: None,
        past: Past::UNKNOWN,
    };
    let draft = object::made(&template, &what, application.maker_in(seat))?;
    let len = Material::wanted_len(&draft.attributes)?;
    must_have(least_len(by.attributes(), kind), len).map(|()| draft)
}

/// The type of key that the template asks for; a secret that nobody says more of is generic.
fn key_type(template: &Template, class: u64) -> Result<Option<KeyType>> {
    if class != sys::CKO_SECRET_KEY {
        return Ok(None);
    }
    let asked = object::number_of(template, AttributeType::KEY_TYPE)?;
    Ok(Some(KeyType(asked.unwrap_or(sys::CKK_GENERIC_SECRET))))
}

/// `CKM_HKDF_DATA` is `CKM_HKDF_DERIVE` but for the object (§6.64.4), so a template may go on calling
/// the bytes a generic secret, which says nothing that data would have.
fn of_data(mut template: Template) -> Template {
    let said = (AttributeType::KEY_TYPE, sys::CKK_GENERIC_SECRET);
    template.0.retain(|attribute| match attribute.value {
        Value::Number(number) => (attribute.kind, number) != said,
        _ => true,
    });
    template
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
            original: None,
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
        original: None,
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

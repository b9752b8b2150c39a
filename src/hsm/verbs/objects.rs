//! Objects: made, found, read, changed and destroyed, on the token and in the session.

use std::sync::Arc;

use cryptoki_sys as sys;
use token::{
    Attribute, AttributeType, Error, KeyType, Mechanism, ObjectClass, ObjectHandle, Reason, Request,
    Result, Revealed, SecretBytes, SessionHandle, Shape, Template, Value, attribute_row, limits,
};

use crate::{
    Application,
    audit::Event,
    cluster::users::Keyring,
    mechanism::{self, KeyClass, Material},
    object::{self, Attributes, Draft, Generation, Held, Plain, Reveal, SessionObject},
    session::{Active, Session},
    verbs::seen::Seen,
};

/// `C_CreateObject`.
pub(super) fn create(
    application: &Application,
    request: Request,
    session: SessionHandle,
    template: &Template,
) -> Result<ObjectHandle> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    if let Some(handle) = repeated(application, &session, &active, request)? {
        return Ok(handle);
    }
    let mut draft = object::created(template, application.maker_in(&session.seat))?;
    let material = draft.attributes.key_type().is_some();
    let material = material.then(|| Material::create(&draft.attributes, &draft.secrets));
    let material = material.transpose()?;
    if let Some(material) = &material {
        draft = draft.with_material(material)?;
    }
    let event = |reference| Event::ObjectCreated { reference };
    store(
        application,
        &session,
        &mut active,
        request,
        draft,
        material,
        event,
    )
}

/// `C_GenerateKey`.
pub(super) fn generate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    template: &Template,
) -> Result<ObjectHandle> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    if let Some(handle) = repeated(application, &session, &active, request)? {
        return Ok(handle);
    }
    let asked = object::number_of(template, AttributeType::KEY_TYPE)?.map(KeyType);
    let key_type = mechanism::generated_by(mechanism, KeyClass::Secret, asked)?;
    let what = Generation {
        class: ObjectClass(sys::CKO_SECRET_KEY),
        key_type,
        mechanism: mechanism.id,
    };
    let draft = object::generated(template, what, application.maker_in(&session.seat))?;
    admit(&session, &draft.attributes)?;
    let material = mechanism::generate(mechanism, &draft.attributes)?;
    let draft = draft.with_material(&material)?;
    let mechanism = mechanism.id.0;
    let event = |reference| Event::ObjectGenerated {
        reference,
        mechanism,
    };
    store(
        application,
        &session,
        &mut active,
        request,
        draft,
        Some(material),
        event,
    )
}

/// `C_DestroyObject`.
pub(super) fn destroy(
    application: &Application,
    request: Request,
    session: SessionHandle,
    handle: ObjectHandle,
) -> Result<()> {
    let session = application.session_of(session)?;
    let mut active = session.active()?;
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let destroyable = |attributes: &Attributes| {
        if attributes.flag(AttributeType::DESTROYABLE) {
            return Ok(());
        }
        Err(Error::new(
            Reason::ActionProhibited,
            "CKA_DESTROYABLE is false",
        ))
    };
    if handle.is_session() {
        if active.answer(request) == Some(handle) {
            return Ok(());
        }
        let seen = Seen::find(seat, keyring.as_deref(), handle)?;
        destroyable(seen.attributes())?;
        seat.objects
            .remove(handle.0)
            .ok_or(Reason::ObjectHandleInvalid)?;
        active.remember(request, handle);
        return Ok(());
    }
    let caller = application.caller_in(seat).asking(request);
    if seat.cluster.answered(&caller)?.is_some() {
        return Ok(());
    }
    Seen::find(seat, keyring.as_deref(), handle)?;
    session.must_write()?;
    object::destroy(&seat.cluster, &caller, handle.0, |object| {
        destroyable(&object.attributes)?;
        must_own(object.owner, keyring.as_deref())
    })
}

/// `C_GetAttributeValue`.
pub(super) fn attributes(
    application: &Application,
    session: SessionHandle,
    handle: ObjectHandle,
    kinds: &[AttributeType],
) -> Result<Vec<Revealed>> {
    if kinds.len() > limits::TEMPLATE_ATTRIBUTES {
        let words = format!("at most {} attributes at once", limits::TEMPLATE_ATTRIBUTES);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let session = application.session_of(session)?;
    let _active = session.active()?;
    let keyring = session.seat.crypto_user();
    let seen = Seen::find(&session.seat, keyring.as_deref(), handle)?;
    kinds
        .iter()
        .map(|kind| reveal(&seen, keyring.as_deref(), *kind))
        .collect()
}

/// `C_SetAttributeValue`.
pub(super) fn set_attributes(
    application: &Application,
    request: Request,
    session: SessionHandle,
    handle: ObjectHandle,
    template: &Template,
) -> Result<()> {
    let session = application.session_of(session)?;
    let _active = session.active()?;
    let seat = &session.seat;
    let maker = application.maker_in(seat);
    let keyring = seat.crypto_user();
    if handle.is_session() {
        Seen::find(seat, keyring.as_deref(), handle)?;
        return seat.objects.replace(handle.0, |object| {
            let object = object.ok_or(Reason::ObjectHandleInvalid)?;
            let mut draft = object::changed(&object.attributes, template, maker)?;
            let held = match draft.secrets.take(AttributeType::VALUE) {
                Some(value) => Held::Data(Arc::new(value)),
                None => object.held.clone(),
            };
            SessionObject::new(application.memory(), draft.attributes, held)
        });
    }
    let caller = application.caller_in(seat).asking(request);
    if seat.cluster.answered(&caller)?.is_some() {
        return Ok(());
    }
    Seen::find(seat, keyring.as_deref(), handle)?;
    session.must_write()?;
    object::change(&seat.cluster, &caller, handle.0, |object| {
        // What only the security officer may set, it sets on others' objects.
        if !(maker.security_officer && object::is_for_security_officer(template)) {
            must_own(object.owner, keyring.as_deref())?;
        }
        object::changed(&object.attributes, template, maker)
    })
}

/// The handle that the request made when it was asked before and its answer was lost.
fn repeated(
    application: &Application,
    session: &Session,
    active: &Active,
    request: Request,
) -> Result<Option<ObjectHandle>> {
    if let Some(handle) = active.answer(request) {
        return Ok(Some(handle));
    }
    let caller = application.caller().asking(request);
    session
        .seat
        .cluster
        .answered(&caller)?
        .map(|answer| object::handle_in(&answer))
        .transpose()
}

/// Whether an object with these attributes may be made in the session (§5.6, §4.4).
fn admit(session: &Session, attributes: &Attributes) -> Result<()> {
    let token = attributes.flag(AttributeType::TOKEN);
    if token {
        session.must_write()?;
    }
    let secret = token && attributes.key_type().is_some();
    if !attributes.flag(AttributeType::PRIVATE) && !secret {
        return Ok(());
    }
    let words = if secret {
        "a secret key on the token belongs to a crypto user, also with CKA_PRIVATE = false"
    } else {
        "CKA_PRIVATE is true, which it is by default"
    };
    let user = session.seat.crypto_user();
    user.map(drop)
        .ok_or_else(|| Error::new(Reason::UserNotLoggedIn, words))
}

fn store(
    application: &Application,
    session: &Session,
    active: &mut Active,
    request: Request,
    draft: Draft,
    material: Option<Material>,
    event: impl FnOnce(u64) -> Event,
) -> Result<ObjectHandle> {
    admit(session, &draft.attributes)?;
    let seat = &session.seat;
    if draft.attributes.flag(AttributeType::TOKEN) {
        let caller = application.caller_in(seat).asking(request);
        return object::create(&seat.cluster, &caller, draft, material.as_ref(), event);
    }
    if application.session_objects() >= limits::SESSION_OBJECTS {
        let words = format!("an application has at most {}", limits::SESSION_OBJECTS);
        return Err(Error::new(Reason::DeviceMemory, words));
    }
    let mut secrets = draft.secrets;
    let held = match (material, secrets.take(AttributeType::VALUE)) {
        (Some(material), _) => Held::Key(Arc::new(material)),
        (None, Some(value)) => Held::Data(Arc::new(value)),
        (None, None) => Held::Nothing,
    };
    let object = SessionObject::new(application.memory(), draft.attributes, held)?;
    let handle = seat.cluster.objects.session_handle();
    seat.objects.insert(handle.0, object);
    active.own(handle, seat);
    active.remember(request, handle);
    Ok(handle)
}

fn must_own(owner: Option<u64>, user: Option<&Keyring>) -> Result<()> {
    match (owner, user) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Error::new(
            Reason::UserNotLoggedIn,
            "the object belongs to a crypto user",
        )),
        (Some(owner), Some(user)) if owner == user.user => Ok(()),
        (Some(_), Some(_)) => Err(Error::new(
            Reason::ActionProhibited,
            "the object belongs to another crypto user",
        )),
    }
}

fn reveal(seen: &Seen, keyring: Option<&Keyring>, kind: AttributeType) -> Result<Revealed> {
    let attributes = seen.attributes();
    let family = attributes.class().and_then(object::family);
    let Some(rule) = family.and_then(|family| object::rule(family, kind)) else {
        return Ok(Revealed::Unknown);
    };
    if let Some(plain) = attributes.plain(kind) {
        return Ok(Revealed::Value(value(kind, plain)));
    }
    if kind != AttributeType::VALUE || !seen.has_secret() {
        return Ok(Revealed::Unknown);
    }
    let kept =
        attributes.flag(AttributeType::SENSITIVE) || !attributes.flag(AttributeType::EXTRACTABLE);
    if rule.reveal == Reveal::UnlessSensitive && kept {
        return Ok(Revealed::Sensitive);
    }
    // Who sees a key with CKA_PRIVATE = false without owning it, sees no more than its attributes.
    Ok(seen.secret(keyring)?.map_or(Revealed::Sensitive, |bytes| {
        Revealed::Value(Value::Secret(bytes))
    }))
}

fn value(kind: AttributeType, plain: &Plain) -> Value {
    match plain {
        Plain::Flag(flag) => Value::Flag(*flag),
        Plain::Number(number) => Value::Number(*number),
        Plain::Bytes(bytes) => match attribute_row(kind).map(|row| row.shape) {
            Some(Shape::Secret) => Value::Secret(SecretBytes::copied(bytes)),
            _ => Value::Bytes(bytes.clone()),
        },
        Plain::Mechanisms(mechanisms) => Value::Mechanisms(mechanisms.clone()),
        Plain::Template(attributes) => {
            let attribute = |(kind, plain)| Attribute {
                kind,
                value: value(kind, plain),
            };
            Value::Template(Template(attributes.iter().map(attribute).collect()))
        }
    }
}

//! Objects: made, copied, read, changed and destroyed, on the token and in the session.

use std::sync::Arc;

use store::Batch;
use token::{
    Asked, AttributeType, Error, ObjectHandle, Reason, Request, Result, SessionHandle, Shape,
    Template, Told, Value, attribute_row, limits,
};

use super::making::{Ready, admit, repeated, repeated_of, store};
use crate::{
    Application,
    audit::Event,
    cluster::users::Keyring,
    mechanism::Material,
    object::{self, Answer, Attributes, Family, Held, Reveal, SessionObject, sort_of},
    seat::Seat,
    seen::{Secret, Seen},
};

/// `C_CreateObject`.
pub(super) fn create(
    application: &Application,
    request: Request,
    session: SessionHandle,
    template: &Template,
) -> Result<ObjectHandle> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated_of(&[template], application, session, active, request)? {
        return answer.only();
    }
    let draft = object::created(template, application.maker_in(&session.seat))?;
    let ready = if draft.attributes.key_type().is_some() {
        let material = Material::create(&draft.attributes, &draft.secrets)?;
        Ready {
            draft: draft.with_material(&material)?,
            material: Some(Arc::new(material)),
            original: None,
        }
    } else {
        Ready {
            draft,
            material: None,
            original: None,
        }
    };
    let objects = vec![ready];
    let event = |reference| Event::ObjectCreated { reference };
    store(application, session, active, request, objects, &[], event)?.only()
}

/// `C_CopyObject`.
pub(super) fn copy(
    application: &Application,
    request: Request,
    session: SessionHandle,
    original: ObjectHandle,
    template: &Template,
) -> Result<ObjectHandle> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return answer.only();
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let seen = Seen::find(seat, keyring.as_deref(), original)?;
    let mut draft = object::copied(seen.attributes(), template, application.maker_in(seat))?;
    admit(session, active, &draft.attributes)?;
    let is_key = seen.family().is_some_and(Family::is_key);
    let material = is_key.then(|| seen.material(seat, keyring.as_deref()));
    let data = if is_key {
        None
    } else {
        seen.data(keyring.as_deref())?
    };
    if let Some(data) = data
        && draft.secrets.is_empty()
    {
        draft.secrets.set(AttributeType::VALUE, data);
    }
    let objects = vec![Ready {
        draft,
        material: material.transpose()?,
        original: seen.original().filter(|_| seen.has_secret()),
    }];
    let original = seen.original().unwrap_or_default();
    let event = |reference| Event::ObjectCopied {
        reference,
        original,
    };
    store(application, session, active, request, objects, &[], event)?.only()
}

/// `C_GetObjectSize`.
pub(super) fn size(
    application: &Application,
    session: SessionHandle,
    handle: ObjectHandle,
) -> Result<u64> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    let keyring = session.seat.crypto_user();
    let seen = Seen::find(&session.seat, keyring.as_deref(), handle)?;
    Ok(seen.size() as u64)
}

/// `C_DestroyObject`.
pub(super) fn destroy(
    application: &Application,
    request: Request,
    session: SessionHandle,
    handle: ObjectHandle,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let seat = &session.seat;
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
        if active.answer(request).is_some() {
            return Ok(());
        }
        let crypto_user = active.view.user().is_some();
        let destroyed = seat.objects.remove_if(handle.0, |object| {
            if !object.is_visible_to(crypto_user) {
                return Err(Reason::ObjectHandleInvalid.into());
            }
            destroyable(&object.attributes)
        });
        destroyed?.ok_or(Reason::ObjectHandleInvalid)?;
        application.engine().leftovers.say();
        active.remember(request, &Answer::default());
        return Ok(());
    }
    let caller = application.caller_in(seat).asking(request);
    if seat.cluster.answered(&caller)?.is_some() {
        return Ok(());
    }
    let keyring = active.view.user();
    let seen = Seen::find(seat, keyring, handle)?;
    destroyable(seen.attributes())?;
    session.must_write()?;
    let destroyed = object::destroy(&seat.cluster, &caller, handle.0, |object| {
        destroyable(&object.attributes)?;
        must_own(object.owner, keyring)
    });
    application.engine().leftovers.say();
    destroyed
}

/// `C_GetAttributeValue`.
pub(super) fn attributes(
    application: &Application,
    session: SessionHandle,
    handle: ObjectHandle,
    asked: &[Asked],
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<()> {
    if asked.len() > limits::TEMPLATE_ATTRIBUTES {
        let words = format!("at most {} attributes at once", limits::TEMPLATE_ATTRIBUTES);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let (seen, keyring) = active.view.object(&session.seat, handle)?;
    let mut logged = false;
    for asked in asked {
        // Without a `Told` of its own, which is large: most of what is asked is lent.
        if let Some(bytes) = seen.attributes().lent(asked.kind) {
            tell(Told::Bytes(bytes));
            continue;
        }
        let told = reveal(&session.seat, seen, keyring, asked)?;
        if matches!(told, Told::Value(Value::Secret(_)))
            && !logged
            && seen.family().is_some_and(Family::is_secret)
            && let Some(reference) = seen.original()
        {
            let caller = application.caller_in(&session.seat);
            let event = Event::KeyRevealed { reference };
            let cluster = &session.seat.cluster;
            cluster.commit(&caller, Batch::default(), &[event])?;
            logged = true;
        }
        tell(told);
    }
    Ok(())
}

/// `C_SetAttributeValue`.
pub(super) fn set_attributes(
    application: &Application,
    request: Request,
    session: SessionHandle,
    handle: ObjectHandle,
    template: &Template,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
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
            let changed = SessionObject::new(application.memory(), draft.attributes, held)?;
            Ok(changed.with_original(object.original))
        });
    }
    let caller = application.caller_in(seat).asking(request);
    if seat.cluster.answered(&caller)?.is_some() {
        return Ok(());
    }
    if let Seen::BuiltIn(attributes) = Seen::find(seat, keyring.as_deref(), handle)? {
        return object::changed(&attributes, template, maker).map(drop);
    }
    session.must_write()?;
    object::change(&seat.cluster, &caller, handle.0, |object| {
        // What only the security officer may set, it sets on others' objects.
        if !(maker.is_security_officer() && object::is_for_security_officer(template)) {
            must_own(object.owner, keyring.as_deref())?;
        }
        object::changed(&object.attributes, template, maker)
    })
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

fn reveal<'a>(
    seat: &Seat,
    seen: &'a Seen,
    keyring: Option<&Keyring>,
    asked: &Asked,
) -> Result<Told<'a>> {
    let kind = asked.kind;
    let attributes = seen.attributes();
    if let Some(plain) = attributes.plain(kind) {
        return Ok(plain.told(kind));
    }
    let Some(rule) = sort_of(attributes).and_then(|sort| sort.rule(kind)) else {
        return Ok(Told::Unknown);
    };
    let secret = attribute_row(kind).is_some_and(|row| row.shape == Shape::Secret);
    if !secret || !seen.has_secret() {
        return Ok(Told::Unknown);
    }
    let kept =
        attributes.flag(AttributeType::SENSITIVE) || !attributes.flag(AttributeType::EXTRACTABLE);
    if rule.reveal == Reveal::UnlessSensitive && kept {
        return Ok(Told::Sensitive);
    }
    // Who sees a key with CKA_PRIVATE = false without owning it, sees no more than its attributes.
    Ok(match seen.secret(seat, keyring, kind)? {
        // Who has no room for it is told no more than how much there would have to be.
        Secret::Value(bytes) if bytes.reveal().len() as u64 > asked.room => {
            Told::Length(bytes.reveal().len() as u64)
        }
        Secret::Value(bytes) => Told::Value(Value::Secret(bytes)),
        Secret::None => Told::Unknown,
        Secret::AnotherUsers => Told::Sensitive,
    })
}

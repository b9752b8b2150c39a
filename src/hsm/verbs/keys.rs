//! Keys that the HSM generates: secret ones, and pairs.

use std::sync::Arc;

use cryptoki_sys as sys;
use token::{
    AttributeType, KeyType, Mechanism, ObjectClass, ObjectHandle, Reason, Request, Result,
    SessionHandle, Template,
};

use super::making::{Ready, admit, repeated_of, store};
use crate::{
    Application,
    audit::Event,
    mechanism::{self, Doing, KeyClass},
    object::{self, Making, Origin, Past},
};

/// `C_GenerateKey`.
pub(super) fn generate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    template: &Template,
) -> Result<ObjectHandle> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated_of(&[template], application, session, active, request)? {
        return answer.only();
    }
    let asked = object::number_of(template, AttributeType::KEY_TYPE)?;
    let key_type = mechanism::generated_by(mechanism, KeyClass::Secret, asked.map(KeyType))?;
    let what = making(mechanism, sys::CKO_SECRET_KEY, key_type);
    let draft = object::made(template, &what, application.maker_in(&session.seat))?;
    admit(session, active, &draft.attributes)?;
    let make = || mechanism::generate(mechanism, &draft.attributes);
    let material = Arc::new(made(application, mechanism, make)?);
    let objects = vec![Ready {
        draft: draft.with_material(&material)?,
        material: Some(material.clone()),
        original: None,
    }];
    let event = generated(mechanism);
    let made = store(application, session, active, request, objects, &[], event)?.only()?;
    active.operations.did(&Doing::making(mechanism, &material));
    Ok(made)
}

/// `C_GenerateKeyPair`: both keys, or none.
pub(super) fn generate_pair(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    public: &Template,
    private: &Template,
) -> Result<(ObjectHandle, ObjectHandle)> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated_of(&[public, private], application, session, active, request)? {
        return both(&answer.handles);
    }
    let asked = match object::number_of(public, AttributeType::KEY_TYPE)? {
        None => object::number_of(private, AttributeType::KEY_TYPE)?,
        asked => asked,
    };
    let key_type = mechanism::generated_by(mechanism, KeyClass::Pair, asked.map(KeyType))?;
    let maker = application.maker_in(&session.seat);
    let draft = |template, class| {
        let draft = object::made(template, &making(mechanism, class, key_type), maker)?;
        admit(session, active, &draft.attributes).map(|()| draft)
    };
    let public = draft(public, sys::CKO_PUBLIC_KEY)?;
    let private = draft(private, sys::CKO_PRIVATE_KEY)?;
    let make = || mechanism::generate_pair(mechanism, &public.attributes, &private.attributes);
    let (public_material, private_material) = made(application, mechanism, make)?;
    let ready = |draft: object::Draft, material| {
        Ok(Ready {
            draft: draft.with_material(&material)?,
            material: Some(Arc::new(material)),
            original: None,
        })
    };
    let objects: Result<Vec<_>> = [
        ready(public, public_material),
        ready(private, private_material),
    ]
    .into_iter()
    .collect();
    let event = generated(mechanism);
    let answer = store(application, session, active, request, objects?, &[], event)?;
    active.operations.did(&Doing::of_pair(mechanism));
    both(&answer.handles)
}

/// What `make` makes of `mechanism`: what takes long has to wait for its turn.
fn made<T>(
    application: &Application,
    mechanism: &Mechanism,
    make: impl FnOnce() -> Result<T>,
) -> Result<T> {
    match mechanism.id.makes_slowly() {
        true => application.in_turn(make),
        false => make(),
    }
}

fn making(mechanism: &Mechanism, class: u64, key_type: KeyType) -> Making {
    Making {
        class: ObjectClass(class),
        key_type: Some(key_type),
        origin: Origin::Generated,
        mechanism: Some(mechanism.id),
        past: Past::NEW,
    }
}

fn generated(mechanism: &Mechanism) -> impl Fn(u64) -> Event {
    let mechanism = mechanism.id.0;
    move |reference| Event::ObjectGenerated {
        reference,
        mechanism,
    }
}

fn both(handles: &[ObjectHandle]) -> Result<(ObjectHandle, ObjectHandle)> {
    match handles {
        [public, private] => Ok((*public, *private)),
        _ => Err(Reason::Protocol.into()),
    }
}

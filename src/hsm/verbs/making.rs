//! What all verbs share that make objects: whether they may, and that all of them are made or none,
//! once.

use std::sync::Arc;

use store::Batch;
use token::{AttributeType, Error, Reason, Request, Result, Template, Value, limits};

use crate::{
    Application,
    audit::Event,
    mechanism::Material,
    object::{self, Answer, Attributes, Draft, Held, New, SessionObject, sort_of},
    session::{Active, Session},
};

/// An object that is ready to be.
pub(super) struct Ready {
    pub(super) draft: Draft,
    /// Where it is a key.
    pub(super) material: Option<Arc<Material>>,
    /// The token key whose material it has too, as far as it comes from one.
    pub(super) original: Option<u64>,
}

/// What the request answered when it was asked before and its answer was lost.
pub(super) fn repeated(
    application: &Application,
    session: &Session,
    active: &Active,
    request: Request,
) -> Result<Option<Answer>> {
    if let Some(answer) = active.answer(request) {
        return Ok(Some(answer.clone()));
    }
    let caller = application.caller().asking(request);
    session
        .seat
        .cluster
        .answered(&caller)?
        .map(|answer| Answer::decoded(&answer))
        .transpose()
}

/// The same, of objects that have `templates`: what was in the session alone is in no store.
pub(super) fn repeated_of(
    templates: &[&Template],
    application: &Application,
    session: &Session,
    active: &Active,
    request: Request,
) -> Result<Option<Answer>> {
    if templates.iter().any(|template| asks_for_token(template)) {
        return repeated(application, session, active, request);
    }
    Ok(active.answer(request).cloned())
}

/// Whether the object of `template` would be on the token: without `CKA_TOKEN` it is not (§4.4).
fn asks_for_token(Template(attributes): &Template) -> bool {
    let mut attributes = attributes.iter();
    let token = attributes.find(|attribute| attribute.kind == AttributeType::TOKEN);
    token.is_some_and(|attribute| !matches!(attribute.value, Value::Flag(false)))
}

/// Whether an object with these attributes may be made in the session (§5.6, §4.4).
pub(super) fn admit(session: &Session, active: &Active, attributes: &Attributes) -> Result<()> {
    let token = attributes.flag(AttributeType::TOKEN);
    if token {
        session.must_write()?;
    }
    let secret = token && sort_of(attributes).is_some_and(|sort| sort.family.is_secret());
    if !attributes.flag(AttributeType::PRIVATE) && !secret {
        return Ok(());
    }
    let words = if secret {
        "a secret key on the token belongs to a crypto user, also with CKA_PRIVATE = false"
    } else {
        "CKA_PRIVATE is true, which it is by default"
    };
    let user = active.view.user();
    user.map(drop)
        .ok_or_else(|| Error::new(Reason::UserNotLoggedIn, words))
}

/// Makes `objects`, all or none: those on the token in one commit, with an `event` for each. One that
/// takes the material of a token key into the session has its event too, under no reference of its
/// own, and so has each that counts as a use of a key. `output` is what the verb answers beside their handles.
pub(super) fn store(
    application: &Application,
    session: &Session,
    active: &mut Active,
    request: Request,
    objects: Vec<Ready>,
    output: &[u8],
    event: impl Fn(u64) -> Event,
) -> Result<Answer> {
    let seat = &session.seat;
    let (mut answer, mut events) = (Answer::default(), Vec::new());
    let (mut on_token, mut in_session) = (Vec::new(), Vec::new());
    for Ready {
        mut draft,
        material,
        original,
    } in objects
    {
        admit(session, active, &draft.attributes)?;
        let stays = draft.attributes.flag(AttributeType::TOKEN);
        let all = &seat.cluster.objects;
        let handle = match stays {
            true => all.reserve(&seat.cluster)?,
            false => all.session_handle()?,
        };
        draft
            .attributes
            .set(AttributeType::UNIQUE_ID, all.unique_id(handle).into());
        if stays {
            events.push(event(handle.0));
            on_token.push(New {
                handle,
                draft,
                material,
            });
        } else {
            if original.is_some() || application.audits_next_use(seat)? {
                events.push(event(0));
            }
            let object = session_object(session, draft, material)?;
            in_session.push((handle, object.with_original(original)));
        }
        answer.handles.push(handle);
    }
    answer.output = output.to_vec();
    if !application.seats().has_room_for(in_session.len()) {
        let words = format!("an application has at most {}", limits::SESSION_OBJECTS);
        return Err(Error::new(Reason::DeviceMemory, words));
    }
    if !on_token.is_empty() {
        let caller = application.caller_in(seat).asking(request);
        answer = object::create(&seat.cluster, &caller, on_token, &answer, &events)?;
    } else if !events.is_empty() {
        // The session remembers the request: its answer does not outlive it.
        let caller = application.caller_in(seat);
        seat.cluster.commit(&caller, Batch::default(), &events)?;
    }
    if !in_session.is_empty() {
        for (handle, object) in in_session {
            seat.objects.insert(handle.0, object)?;
            active.own(handle, seat);
        }
        active.remember(request, &answer);
    }
    Ok(answer)
}

fn session_object(
    session: &Session,
    draft: Draft,
    material: Option<Arc<Material>>,
) -> Result<SessionObject> {
    let mut secrets = draft.secrets;
    let held = match (material, secrets.take(AttributeType::VALUE)) {
        (Some(material), _) => Held::Key(material),
        (None, Some(value)) => Held::Data(Arc::new(value)),
        (None, None) => Held::Nothing,
    };
    SessionObject::new(&session.seat.memory, draft.attributes, held)
}

#[cfg(test)]
mod tests {
    use token::AttributeType as A;

    use super::*;
    use crate::test_support::{CKO_CERTIFICATE, World, bytes, flag, number, value};

    #[test]
    fn what_is_private_has_an_owner_also_where_a_logout_comes_while_it_is_made() {
        let world = World::new();
        let app = world.app();
        let session = app.session("user");
        let template = Template(vec![
            number(A::CLASS, CKO_CERTIFICATE),
            number(A::CERTIFICATE_TYPE, 0),
            flag(A::TOKEN, true),
            flag(A::PRIVATE, true),
            bytes(A::SUBJECT, b"subject"),
            value(b"certificate"),
        ]);
        let mut session = app.hsm.session_of(session).unwrap();
        let (session, active) = session.active().unwrap();
        let draft = object::created(&template, app.hsm.maker_in(&session.seat)).unwrap();
        // What a logout does first: then it waits for this verb.
        session.seat.log_out().unwrap();
        let objects = vec![Ready {
            draft,
            material: None,
            original: None,
        }];
        let event = |reference| Event::ObjectCreated { reference };
        let made = store(
            &app.hsm,
            session,
            active,
            app.request(),
            objects,
            &[],
            event,
        );
        let refused = made.err().map(|error| error.reason);
        assert_eq!(refused, Some(Reason::UserNotLoggedIn));
    }
}

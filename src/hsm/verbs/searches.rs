//! Searches: begun, continued and ended, one at a time in a session.

use token::{Attribute, Error, ObjectHandle, Reason, Result, SessionHandle, limits};

use crate::{
    Application,
    object::{self, Find},
    session::{Active, Session},
};

/// `C_FindObjectsInit`.
pub(super) fn find_start(
    application: &Application,
    session: SessionHandle,
    template: &[Attribute],
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let find = begun(application, session, active, template)?;
    active.find = Some(Box::new(find));
    Ok(())
}

/// The same with the first `C_FindObjects`, and with `C_FindObjectsFinal` if that finds less than it
/// may: nobody logs out, and no other search begins, in between.
pub(super) fn find(
    application: &Application,
    session: SessionHandle,
    template: &[Attribute],
    limit: usize,
) -> Result<Vec<ObjectHandle>> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let mut find = begun(application, session, active, template)?;
    let found = find.next(&session.seat.cluster, limit.min(limits::FIND_HANDLES))?;
    if found.len() >= limit.min(limits::FIND_HANDLES) {
        active.find = Some(Box::new(find));
    }
    Ok(found)
}

/// A search of the session, which must not have one yet.
fn begun(
    application: &Application,
    session: &Session,
    active: &Active,
    template: &[Attribute],
) -> Result<Find> {
    if active.find.is_some() {
        return Err(Reason::OperationActive.into());
    }
    if template.len() > limits::TEMPLATE_ATTRIBUTES {
        let words = format!(
            "at most {} attributes in a template",
            limits::TEMPLATE_ATTRIBUTES
        );
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let seat = &session.seat;
    let user = seat.crypto_user().map(|keyring| keyring.user);
    let Some(sought) = object::sought(template) else {
        return Ok(Find::nothing());
    };
    let objects = seat
        .objects
        .all(|object| object.is_visible_to(user.is_some()) && object.attributes.include(&sought));
    let handles = objects
        .into_iter()
        .map(|(handle, _)| ObjectHandle(handle))
        .collect();
    Find::start(&seat.cluster, user, sought, handles, application.memory())
}

/// `C_FindObjects`.
pub(super) fn find_next(
    application: &Application,
    session: SessionHandle,
    limit: usize,
) -> Result<Vec<ObjectHandle>> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let find = active
        .find
        .as_mut()
        .ok_or(Reason::OperationNotInitialized)?;
    find.next(&session.seat.cluster, limit.min(limits::FIND_HANDLES))
}

/// `C_FindObjectsFinal`.
pub(super) fn find_end(application: &Application, session: SessionHandle) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (_, active) = session.active()?;
    active.find.take().ok_or(Reason::OperationNotInitialized)?;
    Ok(())
}

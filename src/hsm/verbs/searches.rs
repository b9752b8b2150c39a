//! Searches: begun, continued and ended, one at a time in a session.

use token::{Attribute, Error, ObjectHandle, Reason, Result, SessionHandle, limits};

use crate::{
    Application,
    object::{self, Find},
};

/// `C_FindObjectsInit`.
pub(super) fn find_start(
    application: &Application,
    session: SessionHandle,
    template: &[Attribute],
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
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
    let find = match object::sought(template) {
        None => Find::nothing(),
        Some(sought) => {
            let objects = seat.objects.all(|object| {
                object.is_visible_to(user.is_some()) && object.attributes.include(&sought)
            });
            let handles = objects
                .into_iter()
                .map(|(handle, _)| ObjectHandle(handle))
                .collect();
            let memory = application.memory();
            Find::start(&seat.cluster, user, sought, handles, memory)?
        }
    };
    active.find = Some(Box::new(find));
    Ok(())
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

//! The users of the session's cluster: what an admin does with them.

use token::{Reason, Request, Result, Role, SecretBytes, SessionHandle, UserInformation};

use crate::{Application, cluster::Caller, session::Session};

pub(super) fn create(
    application: &Application,
    request: Request,
    session: SessionHandle,
    name: &str,
    role: Role,
    password: &SecretBytes,
) -> Result<()> {
    asking(application, request, session, |session, caller| {
        session
            .seat
            .cluster
            .create_user(caller, name, role, password)
    })
}

pub(super) fn users(
    application: &Application,
    session: SessionHandle,
) -> Result<Vec<UserInformation>> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    session.seat.keyring().ok_or(Reason::UserNotLoggedIn)?;
    session.seat.cluster.users()
}

pub(super) fn delete(
    application: &Application,
    request: Request,
    session: SessionHandle,
    name: &str,
    role: Role,
) -> Result<()> {
    asking(application, request, session, |session, caller| {
        session.seat.cluster.delete_user(caller, name, role)
    })
}

pub(super) fn set_password(
    application: &Application,
    request: Request,
    session: SessionHandle,
    name: &str,
    role: Role,
    password: &SecretBytes,
) -> Result<()> {
    asking(application, request, session, |session, caller| {
        session
            .seat
            .cluster
            .set_password(caller, name, role, password)
    })
}

/// Whether the one who asks may, is the cluster's to say: it has the users.
fn asking(
    application: &Application,
    request: Request,
    session: SessionHandle,
    verb: impl FnOnce(&Session, &Caller) -> Result<()>,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    session.must_write()?;
    let caller = application.caller_in(&session.seat).asking(request);
    verb(session, &caller)
}

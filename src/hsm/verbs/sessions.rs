//! Sessions: what one says of itself, the end of many, and their second life after a restart.

use std::cmp::Reverse;

use token::{Error, Reason, Result, Resumption, Session, SessionHandle, SlotId, Ticket, limits};

use crate::{Application, verbs::logins};

/// Above this no handle was ever given: from here on they are not used up in the lifetime of any
/// application.
const NEXT_SESSION_MAX: u64 = 1 << 62;

/// `C_CloseAllSessions`. Sessions can be closed on an HSM that is gone.
pub(super) fn close_all(application: &Application, slot: SlotId) -> Result<()> {
    if application.seats().seat(slot).is_none() {
        application.engine().slot(slot)?;
    }
    application.close_all(Some(slot))
}

/// `C_GetSessionInfo`.
pub(super) fn session(application: &Application, session: SessionHandle) -> Result<Session> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    Ok(Session {
        slot: session.seat.slot,
        access: session.access,
        login: session.seat.login_state(),
    })
}

/// `C_GetSessionValidationFlags`: what was within one of the declared validations was within all of
/// them, which are of the same software.
pub(super) fn validation_flags(application: &Application, session: SessionHandle) -> Result<u64> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    Ok(match active.operations.last_was_approved() {
        true => session.seat.cluster.built_in.validation_flags(),
        false => 0,
    })
}

/// Takes up sessions and logins after hsmd has started again: the slots whose login is lost. A
/// session whose HSM has gone stays lost. Asked again, because the answer was lost, it does the
/// rest.
pub(super) fn resume(application: &Application, resumption: &Resumption) -> Result<Vec<SlotId>> {
    if resumption.sessions.len() > limits::SESSIONS || resumption.logins.len() > limits::SESSIONS {
        return Err(Error::new(
            Reason::LimitExceeded,
            "more sessions than an application can have",
        ));
    }
    let legal = |handle: &SessionHandle| handle.0 != 0 && handle.0 < resumption.next_session;
    if resumption.next_session > NEXT_SESSION_MAX
        || !resumption.sessions.iter().all(|(handle, ..)| legal(handle))
    {
        return Err(Error::new(
            Reason::Protocol,
            "a session that was never given",
        ));
    }
    application.skip_sessions(resumption.next_session);
    // Of two with one position the older was closed, and the answer that says so is lost.
    let mut sessions: Vec<_> = resumption.sessions.iter().collect();
    sessions.sort_unstable_by_key(|(handle, ..)| Reverse(*handle));
    for (handle, slot, access) in sessions {
        if application.session_of(*handle).is_err() {
            match application.open(*slot, *access, Some(*handle)) {
                Err(error) if is_lost(&error) => log::warn!("session {}: {error}", handle.0),
                opened => drop(opened?),
            }
        }
    }
    let logins = resumption.logins.iter();
    let lost = logins.filter(|(slot, ticket)| !log_in_again(application, *slot, ticket));
    Ok(lost.map(|(slot, _)| *slot).collect())
}

/// `C_Finalize`: nothing of the application is left, whatever failed on the way.
pub(super) fn end(application: &Application) -> Result<()> {
    let done = application.finish();
    application.engine().forget(&application.id());
    done
}

fn log_in_again(application: &Application, slot: SlotId, ticket: &Ticket) -> bool {
    let Some(seat) = application.seats().seat(slot) else {
        return false;
    };
    if seat.login().is_some() {
        return true;
    }
    let resumed = seat
        .cluster
        .resume(slot, &application.caller(), ticket)
        .and_then(|login| logins::admit(application, &seat, login));
    match resumed {
        Ok(()) => true,
        Err(error) => {
            log::warn!("a login on slot {} could not be taken up: {error}", slot.0);
            false
        }
    }
}

/// A session that cannot be there again, whatever the others can: one damaged cluster does not keep
/// an application from the rest of its sessions.
fn is_lost(error: &Error) -> bool {
    matches!(
        error.reason,
        // Its position is taken.
        Reason::SessionCount
            | Reason::SlotIdInvalid
            | Reason::StoreDamaged
            | Reason::StoreFailed
            | Reason::DeviceRemoved
            | Reason::TokenNotPresent
            | Reason::TokenNotRecognized
    )
}

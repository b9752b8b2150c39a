//! What the fake engine knows of an application.

use std::{collections::HashMap, sync::atomic::Ordering};

use token::{ObjectHandle, Operation, Reason, Result, SecretBytes, SessionHandle, SlotId};

use super::{World, no_operation};

#[derive(Default)]
pub(super) struct State {
    pub(super) sessions: HashMap<SessionHandle, SlotId>,
    pub(super) logged_in: Vec<SlotId>,
    pub(super) operations: HashMap<(SessionHandle, Operation), Vec<u8>>,
    finds: HashMap<SessionHandle, u64>,
    /// Sessions whose operation has had its own login.
    pub(super) logged_in_for: Vec<SessionHandle>,
}

impl State {
    pub(super) fn log_out(&mut self, slot: SlotId) {
        self.logged_in.retain(|other| *other != slot);
        self.operations.clear();
        self.finds.clear();
    }

    pub(super) fn begin_find(&mut self, session: SessionHandle) -> Result<()> {
        let began = self.finds.insert(session, 0).is_none();
        began.then_some(()).ok_or(Reason::OperationActive.into())
    }

    /// The next objects of the world, and as many too many as it says.
    pub(super) fn find(
        &mut self,
        world: &World,
        session: SessionHandle,
        limit: usize,
    ) -> Result<Vec<ObjectHandle>> {
        let all = world.objects.load(Ordering::Relaxed);
        let place = self.finds.get_mut(&session).ok_or_else(no_operation)?;
        let first = *place;
        let excess = world.excess.load(Ordering::Relaxed);
        *place = all.min(first + limit as u64 + excess);
        Ok((first..*place).map(ObjectHandle).collect())
    }

    pub(super) fn end_find(&mut self, session: SessionHandle) -> Result<()> {
        let ended = self.finds.remove(&session);
        ended.map(drop).ok_or_else(no_operation)
    }

    /// A login for the operation of a session. Whether one waits for it is looked at before the PIN;
    /// `last` is the wrong PIN that locks the user out.
    pub(super) fn log_in_for_one_use(
        &mut self,
        session: SessionHandle,
        slot: SlotId,
        pin: &SecretBytes,
    ) -> Result<()> {
        let is_last = pin.reveal() == b"last";
        if is_last && !self.logged_in.contains(&slot) {
            return Err(Reason::UserNotLoggedIn.into());
        }
        let waits = self.operations.keys().any(|(of, _)| *of == session);
        if !waits || self.logged_in_for.contains(&session) {
            return Err(no_operation());
        }
        if is_last {
            self.log_out(slot);
            return Err(Reason::PinLocked.into());
        }
        check_pin(pin)?;
        self.logged_in_for.push(session);
        Ok(())
    }
}

pub(super) fn check_pin(pin: &SecretBytes) -> Result<()> {
    match pin.reveal() {
        b"right" => Ok(()),
        _ => Err(Reason::PinIncorrect.into()),
    }
}

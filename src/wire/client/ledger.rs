//! What a client remembers of its sessions, so that it can take them up with an hsmd that has
//! started again: handles, login tickets, and operations that have only just begun.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::{Mutex, RwLock};
use token::{
    Access, Operation, OutputBound, Resumption, SecretBytes, SessionHandle, SlotId, Ticket,
};
use zeroize::Zeroizing;

/// The sessions and logins of one application.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    /// The operations of each session, in shards: a verb of one session never waits for another's.
    operations: [RwLock<HashMap<SessionHandle, Arc<Operations>>>; SHARDS],
}

const SHARDS: usize = 16;

#[derive(Default)]
struct Entries {
    /// Which life of hsmd the entries are true for.
    generation: u64,
    sessions: BTreeMap<SessionHandle, (SlotId, Access)>,
    next_session: u64,
    logins: BTreeMap<SlotId, Ticket>,
}

/// What one session is in the middle of.
#[derive(Default)]
pub(super) struct Operations {
    kinds: [Mutex<Begun>; Operation::ALL.len()],
    find: Mutex<Begun>,
}

/// An operation, or none: what began it, and how far it has come.
#[derive(Default)]
pub(super) struct Begun {
    /// The verb that began it, as it was said; empty when there is no operation.
    pub(super) said: Zeroizing<Vec<u8>>,
    /// The life of hsmd in which it began.
    pub(super) generation: u64,
    /// Whether hsmd has worked on it since, so that it cannot be begun again.
    pub(super) touched: bool,
    /// How long its output can become.
    pub(super) bound: Option<OutputBound>,
}

impl Begun {
    /// Whether there is an operation.
    pub(super) fn is_active(&self) -> bool {
        !self.said.is_empty()
    }

    /// A new operation.
    pub(super) fn begin(&mut self, said: &[u8], generation: u64, bound: Option<OutputBound>) {
        self.end();
        self.said.extend_from_slice(said);
        (self.generation, self.touched, self.bound) = (generation, false, bound);
    }

    /// No operation.
    pub(super) fn end(&mut self) {
        use zeroize::Zeroize;
        self.said.as_mut_slice().zeroize();
        self.said.clear();
        self.bound = None;
    }
}

impl Operations {
    /// The operation of this kind.
    pub(super) fn of(&self, operation: Operation) -> &Mutex<Begun> {
        let [encrypt, decrypt, digest, sign, verify] = &self.kinds;
        match operation {
            Operation::Encrypt => encrypt,
            Operation::Decrypt => decrypt,
            Operation::Digest => digest,
            Operation::Sign => sign,
            Operation::Verify => verify,
        }
    }

    /// The search.
    pub(super) fn find(&self) -> &Mutex<Begun> {
        &self.find
    }
}

impl Ledger {
    /// Which life of hsmd the entries are true for.
    pub(super) fn generation(&self) -> u64 {
        self.entries.lock().generation
    }

    /// Notes a session that was opened in the life `generation`. Answers false if hsmd has started
    /// again since: then the session is gone with the old one.
    pub(super) fn opened(
        &self,
        session: SessionHandle,
        slot: SlotId,
        access: Access,
        generation: u64,
    ) -> bool {
        let mut entries = self.entries.lock();
        entries.next_session = entries.next_session.max(session.0.saturating_add(1));
        if entries.generation != generation {
            return false;
        }
        entries.sessions.insert(session, (slot, access));
        if let Some(shard) = self.shard(session) {
            shard.write().insert(session, Arc::default());
        }
        true
    }

    /// Forgets a session; with the last one of a slot, its login has ended too.
    pub(super) fn closed(&self, session: SessionHandle) {
        let mut entries = self.entries.lock();
        if let Some((slot, _)) = entries.sessions.remove(&session)
            && !entries.sessions.values().any(|(other, _)| *other == slot)
        {
            entries.logins.remove(&slot);
        }
        self.drop_operations(session);
    }

    /// Forgets all sessions of a slot.
    pub(super) fn closed_all(&self, slot: SlotId) {
        let mut entries = self.entries.lock();
        let of_slot =
            |entry: (&SessionHandle, &(SlotId, Access))| (entry.1.0 == slot).then_some(*entry.0);
        let gone: Vec<_> = entries.sessions.iter().filter_map(of_slot).collect();
        for session in gone {
            entries.sessions.remove(&session);
            self.drop_operations(session);
        }
        entries.logins.remove(&slot);
    }

    /// Notes the ticket of a login made in the life `generation`. Answers false if hsmd has started
    /// again since: then the login is gone with the old one.
    pub(super) fn logged_in(
        &self,
        session: SessionHandle,
        ticket: &Ticket,
        generation: u64,
    ) -> bool {
        let mut entries = self.entries.lock();
        if entries.generation != generation {
            return false;
        }
        if let Some((slot, _)) = entries.sessions.get(&session).copied() {
            entries.logins.insert(slot, copied(ticket));
        }
        true
    }

    /// Forgets the login of a session's slot.
    pub(super) fn logged_out(&self, session: SessionHandle) {
        let mut entries = self.entries.lock();
        if let Some((slot, _)) = entries.sessions.get(&session).copied() {
            entries.logins.remove(&slot);
        }
    }

    /// Forgets logins that could not be taken up.
    pub(super) fn lost_logins(&self, slots: &[SlotId]) {
        self.entries
            .lock()
            .logins
            .retain(|slot, _| !slots.contains(slot));
    }

    /// Begins a new life of hsmd: its number, and what is to be taken up in it.
    pub(super) fn next_life(&self) -> (u64, Resumption) {
        let mut entries = self.entries.lock();
        entries.generation += 1;
        let sessions = entries.sessions.iter();
        let resumption = Resumption {
            sessions: sessions
                .map(|(session, (slot, access))| (*session, *slot, *access))
                .collect(),
            next_session: entries.next_session.max(1),
            logins: entries
                .logins
                .iter()
                .map(|(slot, ticket)| (*slot, copied(ticket)))
                .collect(),
        };
        (entries.generation, resumption)
    }

    /// The operations of a session; none for a session that this client has not opened.
    pub(super) fn operations(&self, session: SessionHandle) -> Option<Arc<Operations>> {
        self.shard(session)?.read().get(&session).cloned()
    }

    fn drop_operations(&self, session: SessionHandle) {
        if let Some(shard) = self.shard(session) {
            shard.write().remove(&session);
        }
    }

    fn shard(
        &self,
        session: SessionHandle,
    ) -> Option<&RwLock<HashMap<SessionHandle, Arc<Operations>>>> {
        self.operations
            .get(usize::try_from(session.0 % SHARDS as u64).ok()?)
    }
}

fn copied(ticket: &Ticket) -> Ticket {
    Ticket {
        login: ticket.login,
        secret: SecretBytes::copied(ticket.secret.reveal()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: SlotId = SlotId(3);

    fn ticket() -> Ticket {
        Ticket {
            login: [1; 16],
            secret: SecretBytes::copied(b"secret"),
        }
    }

    #[test]
    fn what_was_opened_and_not_closed_is_taken_up() {
        let ledger = Ledger::default();
        for number in 1..4 {
            assert!(ledger.opened(SessionHandle(number), SLOT, Access::ReadWrite, 0));
        }
        ledger.closed(SessionHandle(2));
        let (_, resumption) = ledger.next_life();
        let handles: Vec<_> = resumption
            .sessions
            .iter()
            .map(|session| session.0.0)
            .collect();
        assert_eq!((handles, resumption.next_session), (vec![1, 3], 4));
    }

    #[test]
    fn a_session_of_the_life_before_is_not_noted() {
        let ledger = Ledger::default();
        let (generation, _) = ledger.next_life();
        assert!(!ledger.opened(SessionHandle(1), SLOT, Access::ReadOnly, generation - 1));
        assert!(ledger.opened(SessionHandle(2), SLOT, Access::ReadOnly, generation));
    }

    #[test]
    fn the_last_session_takes_the_login_with_it() {
        let ledger = Ledger::default();
        let session = SessionHandle(1);
        ledger.opened(session, SLOT, Access::ReadOnly, 0);
        assert!(ledger.logged_in(session, &ticket(), 0));
        assert_eq!(ledger.next_life().1.logins.len(), 1);
        ledger.closed(session);
        assert_eq!(ledger.next_life().1.logins.len(), 0);
    }
}

//! What a client remembers of its sessions, so that it can take them up with an hsmd that has
//! started again: handles, login tickets, and what each is in the middle of.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use token::{Access, Resumption, SecretBytes, SessionHandle, SlotId, Ticket};

use super::begun::Operations;

/// The sessions and logins of one application.
#[derive(Default)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    /// The operations of each session, in shards: a verb of one session never waits for another's.
    operations: [Shard; SHARDS],
}

#[derive(Default)]
struct Shard {
    sessions: RwLock<HashMap<SessionHandle, Arc<Operations>>>,
    /// Inits of these sessions that hsmd has not been told of.
    put_off: Arc<AtomicUsize>,
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

impl Entries {
    /// The sessions of these slots.
    fn in_slots(&self, slots: &[SlotId]) -> Vec<SessionHandle> {
        let there = self.sessions.iter();
        let there = there.filter(|(_, (slot, _))| slots.contains(slot));
        there.map(|(session, _)| *session).collect()
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
            let operations = Arc::new(Operations::new(&shard.put_off));
            shard.sessions.write().insert(session, operations);
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

    /// Forgets the login of a session's slot, and with it what all sessions there were in the
    /// middle of (§5.6.9).
    pub(super) fn logged_out(&self, session: SessionHandle) {
        let mut entries = self.entries.lock();
        let Some((slot, _)) = entries.sessions.get(&session).copied() else {
            return;
        };
        entries.logins.remove(&slot);
        let there = entries.in_slots(&[slot]);
        // Who holds one of the operations may be waiting for the entries.
        drop(entries);
        for operations in there.iter().filter_map(|of| self.operations(*of)) {
            operations.end_all();
        }
    }

    /// Forgets logins that could not be taken up, and with them the searches there, which may have
    /// found private objects.
    pub(super) fn lost_logins(&self, slots: &[SlotId]) {
        let mut entries = self.entries.lock();
        entries.logins.retain(|slot, _| !slots.contains(slot));
        let there = entries.in_slots(slots);
        drop(entries);
        for operations in there.iter().filter_map(|of| self.operations(*of)) {
            operations.lose_login();
        }
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
        self.shard(session)?.sessions.read().get(&session).cloned()
    }

    /// Sessions among which are all that have an Init that hsmd has not been told of.
    pub(super) fn putting_off(&self) -> Vec<(SessionHandle, Arc<Operations>)> {
        let mut found = Vec::new();
        for shard in &self.operations {
            if shard.put_off.load(Ordering::Acquire) > 0 {
                let sessions = shard.sessions.read();
                found.extend(
                    sessions
                        .iter()
                        .map(|(handle, of)| (*handle, Arc::clone(of))),
                );
            }
        }
        found
    }

    fn drop_operations(&self, session: SessionHandle) {
        if let Some(shard) = self.shard(session) {
            shard.sessions.write().remove(&session);
        }
    }

    fn shard(&self, session: SessionHandle) -> Option<&Shard> {
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

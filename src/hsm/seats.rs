//! The seats of an application, by slot, and how many sessions are open in each. Threads count
//! apart: only the first session that a thread opens in a slot and the last one that is closed of
//! those look at what all threads share.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use token::{Access, Error, Reason, Result, Role, SlotId, limits};

use crate::{
    cluster::Login,
    engine::Engine,
    memory::Memory,
    seat::Seat,
    slots::Presence,
    stripe::{self, Stripes},
    tally::Tally,
};

/// Session objects that a thread counts in at once, before it makes them.
const OBJECTS_AT_ONCE: usize = 64;

/// Where an application has sessions. The lock of all is taken before the locks of the stripes.
pub(crate) struct Seats {
    /// None, and never again, once the application has ended.
    all: Mutex<Option<BTreeMap<SlotId, Arc<Seat>>>>,
    stripes: Stripes<Mutex<Stripe>>,
    /// Session objects in all slots.
    objects: Arc<Tally>,
}

/// A thread's part of a seat: its sessions have it, and none of another thread's.
pub(crate) struct Share {
    seat: Arc<Seat>,
    presence: Presence,
    /// Its application's, under a count of its own.
    pub(crate) memory: Memory,
    stripe: usize,
}

#[derive(Default)]
struct Stripe {
    ended: bool,
    counts: Vec<Count>,
}

/// The sessions of a share, at least one.
struct Count {
    share: Arc<Share>,
    read_only: u64,
    read_write: u64,
}

impl Seats {
    pub(crate) fn new() -> Self {
        Self {
            all: Mutex::new(Some(BTreeMap::new())),
            stripes: Stripes::new(|_| Mutex::default()),
            objects: Arc::new(Tally::in_blocks_of(OBJECTS_AT_ONCE)),
        }
    }

    /// Counts a session in, if who is logged in lets it.
    pub(crate) fn enter(
        &self,
        engine: &Engine,
        memory: &Memory,
        slot: SlotId,
        access: Access,
    ) -> Result<Arc<Share>> {
        let stripe = stripe::mine();
        if let Some(share) = self.enter_again(stripe, slot, access)? {
            return Ok(share);
        }
        let place = engine.slot(slot)?;
        let cluster = place.cluster()?;
        let presence = place.presence()?;
        let mut all = self.all.lock();
        let all = all.as_mut().ok_or_else(ended)?;
        let seat = all.get(&slot).cloned();
        let new = || Arc::new(Seat::new(slot, cluster.clone(), self.objects.clone()));
        let seat = seat.unwrap_or_else(new);
        seat.admits(access)?;
        all.insert(slot, seat.clone());
        let share = Arc::new(Share {
            seat,
            presence,
            memory: memory.apart(),
            stripe,
        });
        let mut count = Count {
            share: share.clone(),
            read_only: 0,
            read_write: 0,
        };
        *count.of(access) = 1;
        self.stripes.get(stripe).lock().counts.push(count);
        Ok(share)
    }

    /// The same, where the thread has a session in the slot already.
    fn enter_again(
        &self,
        stripe: usize,
        slot: SlotId,
        access: Access,
    ) -> Result<Option<Arc<Share>>> {
        let mut stripe = self.stripes.get(stripe).lock();
        if stripe.ended {
            return Err(ended());
        }
        let mut counts = stripe.counts.iter_mut();
        // The HSM of another share of the slot may be gone, and a new one in its place.
        let count = counts.find(|count| count.share.slot == slot && count.share.check().is_ok());
        let Some(count) = count else { return Ok(None) };
        count.share.admits(access)?;
        *count.of(access) += 1;
        Ok(Some(count.share.clone()))
    }

    /// Counts a session out. With the last one in the slot goes the login (§5.6.2).
    pub(crate) fn leave(&self, share: &Arc<Share>, access: Access) -> Option<Arc<Login>> {
        let stripe = self.stripes.get(share.stripe);
        if stripe.lock().leave(share, access, 1) {
            return None;
        }
        let mut all = self.all.lock();
        stripe.lock().leave(share, access, 0);
        let mut stripes = self.stripes.iter();
        if stripes.any(|stripe| stripe.lock().has(&share.seat)) {
            return None;
        }
        if let Some(all) = all.as_mut() {
            all.remove(&share.slot);
        }
        share.log_out()
    }

    /// The seat in `slot`, if a session is open there.
    pub(crate) fn seat(&self, slot: SlotId) -> Option<Arc<Seat>> {
        self.all.lock().as_ref()?.get(&slot).cloned()
    }

    /// Whether there is room for so many session objects more, in whatever slot.
    pub(crate) fn has_room_for(&self, objects: usize) -> bool {
        self.objects.has_room(limits::SESSION_OBJECTS, objects)
    }

    /// Sessions open in `slot`, and the read-write ones among them.
    pub(crate) fn sessions(&self, slot: SlotId) -> (u64, u64) {
        let mut stripes: Vec<_> = self.stripes.iter().map(Mutex::lock).collect();
        let (read_only, read_write) = sum(&mut stripes, |seat| seat.slot == slot);
        (read_only.saturating_add(read_write), read_write)
    }

    /// Whether `name` may log in now (§5.6.8).
    pub(crate) fn may_log_in(&self, seat: &Seat, role: Role, name: &str) -> Result<()> {
        let (sessions, read_write) = self.sessions(seat.slot);
        seat.may_log_in(role, name, sessions.saturating_sub(read_write))
    }

    /// Logs in, unless somebody else did meanwhile, or the last session was closed.
    pub(crate) fn log_in(&self, seat: &Seat, login: &Arc<Login>) -> Result<()> {
        let _all = self.all.lock();
        // Nobody opens or closes a session between the question and the answer.
        let mut stripes: Vec<_> = self.stripes.iter().map(Mutex::lock).collect();
        let (read_only, read_write) = sum(&mut stripes, |other| std::ptr::eq(other, seat));
        if read_only.saturating_add(read_write) == 0 {
            return Err(Reason::SessionHandleInvalid.into());
        }
        seat.may_log_in(login.keyring.role, &login.keyring.name, read_only)?;
        seat.set_login(login);
        Ok(())
    }

    /// Whether sessions can be opened.
    pub(crate) fn check(&self) -> Result<()> {
        match *self.all.lock() {
            Some(_) => Ok(()),
            None => Err(ended()),
        }
    }

    /// Whether any session is counted in.
    pub(crate) fn are_taken(&self) -> bool {
        let mut stripes = self.stripes.iter();
        stripes.any(|stripe| !stripe.lock().counts.is_empty())
    }

    /// Lets no session be opened any more.
    pub(crate) fn end(&self) {
        self.all.lock().take();
        self.stripes
            .iter()
            .for_each(|stripe| stripe.lock().ended = true);
    }
}

impl Share {
    /// Whether its HSM is still there: an atomic load.
    pub(crate) fn check(&self) -> Result<()> {
        self.presence.check()
    }

    /// Whether it is a part of `seat`.
    pub(crate) fn is_of(&self, seat: &Seat) -> bool {
        std::ptr::eq(&*self.seat, seat)
    }
}

impl Deref for Share {
    type Target = Seat;

    fn deref(&self) -> &Seat {
        &self.seat
    }
}

impl Stripe {
    /// Counts a session of `share` out, if more than `least` are left of it; whether they are.
    fn leave(&mut self, share: &Arc<Share>, access: Access, least: u64) -> bool {
        let mut counts = self.counts.iter_mut();
        let position = counts.position(|count| Arc::ptr_eq(&count.share, share));
        let Some(position) = position else {
            return false;
        };
        let Some(count) = self.counts.get_mut(position) else {
            return false;
        };
        if count.sessions() <= least {
            return false;
        }
        let of_access = count.of(access);
        *of_access = of_access.saturating_sub(1);
        if count.sessions() == 0 {
            self.counts.swap_remove(position);
        }
        true
    }

    fn has(&self, seat: &Arc<Seat>) -> bool {
        self.counts
            .iter()
            .any(|count| Arc::ptr_eq(&count.share.seat, seat))
    }
}

impl Count {
    fn of(&mut self, access: Access) -> &mut u64 {
        match access {
            Access::ReadOnly => &mut self.read_only,
            Access::ReadWrite => &mut self.read_write,
        }
    }

    fn sessions(&self) -> u64 {
        self.read_only.saturating_add(self.read_write)
    }
}

/// The read-only and the read-write sessions on the `wanted` seats.
fn sum(stripes: &mut [MutexGuard<'_, Stripe>], wanted: impl Fn(&Seat) -> bool) -> (u64, u64) {
    let counts = stripes.iter().flat_map(|stripe| &stripe.counts);
    let wanted = counts.filter(|count| wanted(&count.share));
    wanted.fold((0, 0), |(read_only, read_write), count| {
        (read_only + count.read_only, read_write + count.read_write)
    })
}

fn ended() -> Error {
    Error::new(Reason::NotFound, "the application has ended")
}

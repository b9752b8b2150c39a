//! What an application has not heard yet of slots: their HSMs and tokens came, failed or went
//! (`C_WaitForSlotEvent`, §5.5.4). However often a slot changes, it is told once.

use std::collections::BTreeSet;

use parking_lot::{Condvar, Mutex};
use token::{Reason, Result, SlotId};

/// The changed slots of one application, and who waits for one.
#[derive(Default)]
pub(crate) struct SlotEvents {
    news: Mutex<News>,
    more: Condvar,
}

#[derive(Default)]
struct News {
    slots: BTreeSet<SlotId>,
    ended: bool,
}

impl SlotEvents {
    /// These slots have changed.
    pub(crate) fn add(&self, slots: &[SlotId]) {
        self.news.lock().slots.extend(slots);
        self.more.notify_all();
    }

    /// A slot that has changed: with `wait` one that has or will, else one that has, if there is
    /// one.
    pub(crate) fn next(&self, wait: bool) -> Result<Option<SlotId>> {
        let mut news = self.news.lock();
        loop {
            if news.ended {
                return Err(Reason::FunctionCanceled.into());
            }
            let slot = news.slots.pop_first();
            if slot.is_some() || !wait {
                return Ok(slot);
            }
            self.more.wait(&mut news);
        }
    }

    /// The application ends: nobody waits any more.
    pub(crate) fn end(&self) {
        self.news.lock().ended = true;
        self.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, mpsc},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn a_slot_that_changed_twice_is_told_once() {
        let events = SlotEvents::default();
        assert_eq!(events.next(false).unwrap(), None);
        events.add(&[SlotId(2), SlotId(1)]);
        events.add(&[SlotId(2)]);
        let told: Vec<_> = (0..3).map(|_| events.next(false).unwrap()).collect();
        assert_eq!(told, [Some(SlotId(1)), Some(SlotId(2)), None]);
    }

    #[test]
    fn who_waits_is_woken_by_a_change_and_by_the_end() {
        let events = Arc::new(SlotEvents::default());
        let waiting = events.clone();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || (0..2).for_each(|_| tell.send(waiting.next(true)).unwrap()));
        let next = |patience| told.recv_timeout(patience);
        // It has time to fall asleep: one that has not yet hears of both without being woken.
        let asleep = Duration::from_millis(50);
        assert!(next(asleep).is_err());
        events.add(&[SlotId(7)]);
        let limit = Duration::from_secs(60);
        assert_eq!(next(limit).unwrap().unwrap(), Some(SlotId(7)));
        assert!(next(asleep).is_err());
        events.end();
        let ended = next(limit).unwrap();
        assert_eq!(ended.unwrap_err().reason, Reason::FunctionCanceled);
    }
}

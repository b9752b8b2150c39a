//! No more passwords of one user are tried at the same time than it has tries left: else a
//! thousand guesses at once would all be looked at before the first was counted.

use std::collections::HashMap;

use parking_lot::{Condvar, Mutex};
use token::{Reason, Result, limits};

/// The tries that are going on, by the user's key.
#[derive(Default)]
pub(crate) struct Attempts {
    going_on: Mutex<HashMap<Vec<u8>, u32>>,
    ended: Condvar,
}

/// One try; it has been counted when this is dropped.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    user: Vec<u8>,
}

impl Attempts {
    /// Waits until the user has a try left that nobody is using. `failures` tells how many it has
    /// used up.
    pub(super) fn begin(
        &self,
        user: &[u8],
        failures: impl Fn() -> Result<u32>,
    ) -> Result<Attempt<'_>> {
        let mut going_on = self.going_on.lock();
        loop {
            let failures = failures()?;
            if failures >= limits::LOGIN_FAILURES {
                return Err(Reason::PinLocked.into());
            }
            let others = going_on.get(user).copied().unwrap_or(0);
            if failures.saturating_add(others) < limits::LOGIN_FAILURES {
                going_on.insert(user.to_vec(), others.saturating_add(1));
                return Ok(Attempt {
                    attempts: self,
                    user: user.to_vec(),
                });
            }
            self.ended.wait(&mut going_on);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut going_on = self.attempts.going_on.lock();
        match going_on.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                going_on.remove(&self.user);
            }
        }
        drop(going_on);
        self.attempts.ended.notify_all();
    }
}

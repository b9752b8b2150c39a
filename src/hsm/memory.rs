//! Memory that a client has the engine hold between two verbs: session objects, searches, input
//! that waits for its end. All applications of a uid share one bound, or one client could take
//! what everybody needs.

use std::sync::Arc;

use token::{Error, Reason, Result, limits};

use crate::tally::Tally;

/// Bytes that a thread takes beside what it needs.
const BYTES_AT_ONCE: usize = 16 * 1024;

/// What one uid may hold.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Part>);

/// What one thread's clones of it share.
struct Part(Arc<Account>);

struct Account {
    held: Tally,
    limit: usize,
}

/// Some bytes of it, until this is dropped.
pub(crate) struct Share {
    memory: Memory,
    bytes: usize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Part(Arc::new(Account {
            held: Tally::in_blocks_of(BYTES_AT_ONCE),
            limit,
        }))))
    }

    /// The same, for one thread: its clones and another thread's do not count in one place.
    pub(crate) fn apart(&self) -> Self {
        Self(Arc::new(Part(self.account().clone())))
    }

    fn account(&self) -> &Arc<Account> {
        let Part(account) = &*self.0;
        account
    }

    /// Takes `bytes`, if that many are left.
    pub(crate) fn share(&self, bytes: usize) -> Result<Share> {
        let mut share = Share {
            memory: self.clone(),
            bytes: 0,
        };
        share.grow(bytes)?;
        Ok(share)
    }

    /// Has `share` grow by `bytes`, from nothing if there is none yet.
    pub(crate) fn add(&self, share: &mut Option<Share>, bytes: usize) -> Result<()> {
        match share {
            Some(share) => share.grow(bytes)?,
            None => *share = Some(self.share(bytes)?),
        }
        Ok(())
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(limits::HELD_BYTES)
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<()> {
        let Account { held, limit } = &**self.memory.account();
        if !held.add_within(*limit, bytes) {
            let words = format!("what the applications of a uid hold has at most {limit} bytes");
            return Err(Error::new(Reason::DeviceMemory, words));
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.account().held.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let memory = Memory::new(100);
        let first = memory.share(60).unwrap();
        assert!(memory.share(41).is_err());
        drop(first);
        let mut share = None;
        memory.add(&mut share, 60).unwrap();
        memory.add(&mut share, 40).unwrap();
        assert!(memory.add(&mut share, 1).is_err());
        drop(share);
        assert!(memory.share(100).is_ok());
    }
}

//! What a session is in the middle of, as its client remembers it: enough to begin an operation
//! again with an hsmd that has started again, and to put an Init off until the verb that follows.

use std::{
    array,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use token::{Mechanism, MechanismId, ObjectHandle, Operation, OutputBound, Parameters, Started};
use zeroize::{Zeroize, Zeroizing};

use super::searches::Search;
use crate::memory::View;

/// Inits that are remembered for each kind of operation of a session.
const KNOWN: usize = 4;
/// The longest Init, encoded, that is remembered or put off.
const START_BYTES: usize = 1_024;
/// Additional data up to this length costs hsmd nothing that it counts.
const ADDITIONAL_BYTES: usize = 256;

/// What one session is in the middle of.
pub(super) struct Operations {
    kinds: [Mutex<Begun>; Operation::ALL.len()],
    search: Mutex<Search>,
    /// How many logins the session has lost with an hsmd.
    lost_logins: AtomicU64,
    put_off: Arc<AtomicUsize>,
    /// The kind whose Init was put off last, as its place among `kinds`.
    latest: AtomicUsize,
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
    /// There while hsmd has not been told of it.
    put_off: Option<PutOff>,
    known: Vec<Known>,
}

/// An Init that hsmd has answered well.
struct Known {
    mechanism: Mechanism,
    key: Option<ObjectHandle>,
    started: Started,
    moment: Moment,
}

/// A state of everything that the answer to an Init depends on. It does not keep the page of an hsmd
/// that has gone.
#[derive(Clone)]
pub(super) struct Moment {
    view: Weak<View>,
    home: u64,
    application: u64,
}

impl Moment {
    /// Now. To be taken before the Init is said: what changes while it is answered counts.
    pub(super) fn now(view: &Arc<View>, application: &AtomicU64) -> Self {
        Self {
            view: Arc::downgrade(view),
            home: view.changes(),
            application: application.load(Ordering::Acquire),
        }
    }

    fn lasts(&self, application: &AtomicU64) -> bool {
        application.load(Ordering::Acquire) == self.application && self.lasts_at_home()
    }

    /// Whether nothing has changed but by this application.
    pub(super) fn lasts_at_home(&self) -> bool {
        let view = self.view.upgrade();
        view.is_some_and(|view| view.changes() == self.home)
    }
}

/// Counts an Init that is put off, until it is dropped.
struct PutOff(Arc<AtomicUsize>);

impl PutOff {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for PutOff {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
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

    /// The same, by a Start. One for which the HSM has drawn something is never said again: the
    /// caller has what was drawn.
    pub(super) fn begin_operation(&mut self, said: &[u8], generation: u64, started: &Started) {
        self.begin(said, generation, Some(started.bound));
        self.touched = started.parameters_out.is_some();
    }

    /// No operation.
    pub(super) fn end(&mut self) {
        self.said.as_mut_slice().zeroize();
        self.said.clear();
        (self.bound, self.put_off) = (None, None);
    }

    /// No operation, by an error: whatever was known may be wrong.
    pub(super) fn fail(&mut self) {
        self.end();
        self.known.clear();
    }

    /// Remembers that this Init was answered well at `moment`.
    pub(super) fn learn(
        &mut self,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
        started: &Started,
        moment: Moment,
    ) {
        if self.said.len() > START_BYTES || self.touched || !is_plain(&mechanism.parameters) {
            return;
        }
        let known = Known {
            mechanism: mechanism.clone(),
            key,
            started: started.clone(),
            moment,
        };
        self.known.retain(|other| !other.answers(mechanism, key));
        self.known.truncate(KNOWN - 1);
        self.known.insert(0, known);
    }

    /// What hsmd would answer to this Init, if that is known.
    pub(super) fn recall(
        &mut self,
        mechanism: &Mechanism,
        key: Option<ObjectHandle>,
        application: &AtomicU64,
    ) -> Option<Started> {
        let known = self
            .known
            .iter()
            .find(|known| known.answers(mechanism, key))?;
        if known.moment.lasts(application) {
            return Some(known.started.clone());
        }
        self.known.retain(|known| known.moment.lasts(application));
        None
    }

    /// A new operation that hsmd is told of with the verb that follows. `say` writes its Init.
    pub(super) fn put_off(
        &mut self,
        operations: &Operations,
        operation: Operation,
        bound: OutputBound,
        say: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>,
    ) -> bool {
        let Some(said) = say(std::mem::take(&mut *self.said)) else {
            return false;
        };
        *self.said = said;
        (self.generation, self.touched) = (0, false);
        self.bound = Some(bound);
        self.put_off = Some(PutOff::new(&operations.put_off));
        operations
            .latest
            .store(operation as usize, Ordering::Release);
        true
    }

    /// Whether hsmd has not been told of it.
    pub(super) fn is_put_off(&self) -> bool {
        self.put_off.is_some()
    }

    /// From here on hsmd of the life `generation` knows of it, or the connection is lost.
    pub(super) fn tell(&mut self, generation: u64) {
        (self.generation, self.put_off) = (generation, None);
    }
}

impl Known {
    /// Whether an Init with these would be answered as this one was.
    fn answers(&self, mechanism: &Mechanism, key: Option<ObjectHandle>) -> bool {
        self.key == key
            && self.mechanism.id == mechanism.id
            && (mechanism.id != MechanismId::CLOUDHSM_AES_GCM
                && are_alike(&self.mechanism.parameters, &mechanism.parameters)
                || self.mechanism.parameters == mechanism.parameters)
    }
}

/// Whether hsmd answers an Init with the one as with the other: they differ in bytes that no Init
/// looks at.
fn are_alike(known: &Parameters, new: &Parameters) -> bool {
    match (known, new) {
        (Parameters::Iv(known), Parameters::Iv(new)) => known.len() == new.len(),
        (
            Parameters::Counter {
                counter_bits: known,
                ..
            },
            Parameters::Counter {
                counter_bits: new, ..
            },
        ) => known == new,
        (
            Parameters::Gcm {
                iv: known_iv,
                tag_bits: known_bits,
                ..
            },
            Parameters::Gcm {
                iv,
                additional,
                tag_bits,
            },
        ) => {
            known_iv.len() == iv.len()
                && known_bits == tag_bits
                && additional.len() <= ADDITIONAL_BYTES
        }
        (Parameters::AdditionalDigest(_), Parameters::AdditionalDigest(_)) => true,
        _ => false,
    }
}

/// Whether hsmd keeps nothing for it that it counts.
fn is_plain(parameters: &Parameters) -> bool {
    match parameters {
        Parameters::Gcm { additional, .. } => additional.len() <= ADDITIONAL_BYTES,
        _ => true,
    }
}

impl Operations {
    /// None, of a session; `put_off` counts what hsmd has not been told of.
    pub(super) fn new(put_off: &Arc<AtomicUsize>) -> Self {
        Self {
            kinds: array::from_fn(|_| Mutex::default()),
            search: Mutex::default(),
            lost_logins: AtomicU64::new(0),
            put_off: Arc::clone(put_off),
            latest: AtomicUsize::new(0),
        }
    }

    /// The operation of this kind.
    pub(super) fn of(&self, operation: Operation) -> &Mutex<Begun> {
        let [first, ..] = &self.kinds;
        // The kinds are numbered in the order of `Operation::ALL`.
        self.kinds.get(operation as usize).unwrap_or(first)
    }

    /// Whether an Init of another kind is put off: there is one at a time, so that hsmd hears them in
    /// the order in which they were said.
    pub(super) fn has_put_off_another(&self, operation: Operation) -> bool {
        let latest = self.latest.load(Ordering::Acquire);
        let another = self
            .kinds
            .get(latest)
            .filter(|_| latest != operation as usize);
        another.is_some_and(|begun| begun.lock().is_put_off())
    }

    /// The search, which a lost login has ended.
    pub(super) fn search(&self) -> MutexGuard<'_, Search> {
        let mut search = self.search.lock();
        search.end_without_its_login(self);
        search
    }

    /// How many logins the session has lost with an hsmd.
    pub(super) fn lost_logins(&self) -> u64 {
        self.lost_logins.load(Ordering::Acquire)
    }

    /// The session's login could not be taken up. What it was in the middle of may be held by who
    /// finds out: a search ends when it is looked at next, and an operation begins again, if hsmd
    /// lets it.
    pub(super) fn lose_login(&self) {
        self.lost_logins.fetch_add(1, Ordering::AcqRel);
    }

    /// Nothing is in the middle any more.
    pub(super) fn end_all(&self) {
        self.end_all_but_the_search();
        self.search.lock().end();
    }

    /// None of the operations can be begun again.
    pub(super) fn touch_all(&self) {
        for begun in &self.kinds {
            begun.lock().touched = true;
        }
    }

    /// No operation is in the middle any more.
    pub(super) fn end_all_but_the_search(&self) {
        for begun in &self.kinds {
            begun.lock().fail();
        }
    }
}

//! The service: what every operation works on, opened and closed as a whole.

use std::{
    fmt,
    sync::{Arc, Weak},
    thread::{self, JoinHandle},
};

use aws::{Clock, Result, Scope};
use parking_lot::{Condvar, Mutex};
use store::Store;

use crate::{
    Clusters, ModuleSource, Orphan,
    key_store::{ClusterOpener, Entry, Module, Registry},
    keys::{Directory, MessageCount},
    limits,
    records::Records,
};

/// What the service is made of.
pub struct Settings<'a> {
    /// Where its records are. Their keys start with a lower-case letter.
    pub store: Arc<dyn Store>,
    /// What its records are sealed under.
    pub master: &'a crypto::Secret,
    /// Who knows the clusters.
    pub clusters: Arc<dyn Clusters>,
    /// Which PKCS#11 module leads to them.
    pub module: ModuleSource,
    /// The account and region.
    pub scope: Scope,
    /// The time of the deletion job.
    pub clock: Arc<dyn Clock>,
}

/// The key management service.
pub struct Kms {
    pub(crate) records: Arc<Records>,
    pub(crate) stores: Arc<Registry>,
    pub(crate) keys: Directory,
    pub(crate) clusters: Arc<dyn Clusters>,
    closing: (Mutex<bool>, Condvar),
    deletions: Mutex<Option<JoinHandle<()>>>,
}

/// Why the service cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The PKCS#11 module cannot be loaded.
    Module(String),
    /// The records cannot be read.
    Records(aws::Error),
    /// The system has no thread for the deletion job.
    Thread(std::io::Error),
}

impl Kms {
    /// Opens the service. Stores that were connected connect again in the background.
    pub fn open(settings: Settings<'_>) -> std::result::Result<Arc<Self>, OpenError> {
        let Settings {
            store,
            master,
            clusters,
            module,
            scope,
            clock,
        } = settings;
        let records = Arc::new(Records::new(store, master));
        let module = Module::load(&module).map_err(|error| OpenError::Module(error.to_string()))?;
        let opener = Arc::new(ClusterOpener {
            records: Arc::clone(&records),
            clusters: Arc::clone(&clusters),
            module: Arc::new(module),
            messages: Arc::new(MessageCount::new(Arc::clone(&records))),
            then: std::sync::OnceLock::new(),
        });
        let stores = Arc::new(Registry::open(Arc::clone(&records), opener.clone())?);
        let kms = Arc::new(Self {
            keys: Directory::new(scope, Arc::clone(&records), Arc::clone(&stores)),
            records,
            stores,
            clusters,
            closing: <(Mutex<bool>, Condvar)>::default(),
            deletions: Mutex::default(),
        });
        let connected = Arc::downgrade(&kms);
        let report = move |store: &str| report_orphans(&connected, store);
        // Set before the first store connects, so it cannot be set already.
        drop(opener.then.set(Box::new(report)));
        for entry in kms.stores.entries() {
            entry.connection.resume()?;
        }
        let deleting = Arc::downgrade(&kms);
        let thread = thread::Builder::new().name("kms deletions".to_owned());
        let job = thread.spawn(move || delete_when_due(&deleting, &*clock));
        *kms.deletions.lock() = Some(job.map_err(OpenError::Thread)?);
        Ok(kms)
    }

    /// Ends the deletion job, logs out of every key store, closes their sessions.
    pub fn close(&self) {
        *self.closing.0.lock() = true;
        self.closing.1.notify_all();
        if let Some(job) = self.deletions.lock().take() {
            drop(job.join());
        }
        self.stores
            .entries()
            .iter()
            .for_each(|entry| entry.connection.close());
    }

    /// Key material in the connected stores that no key has.
    pub fn orphans(&self) -> Vec<Orphan> {
        let stores = self.stores.entries();
        let connected = stores
            .iter()
            .filter(|store| store.connection.is_connected());
        connected.flat_map(|store| self.orphans_of(store)).collect()
    }

    fn orphans_of(&self, store: &Entry) -> Vec<Orphan> {
        self.keys.orphans(store).unwrap_or_else(|error| {
            log::warn!("{}: its objects cannot be listed: {error}", store.id);
            Vec::new()
        })
    }

    /// Waits a while, or until the service closes: then `false`.
    fn pause(&self) -> bool {
        let mut closing = self.closing.0.lock();
        if !*closing {
            self.closing
                .1
                .wait_for(&mut closing, limits::DELETION_INTERVAL);
        }
        !*closing
    }
}

fn report_orphans(kms: &Weak<Kms>, store: &str) {
    let Some(kms) = kms.upgrade() else { return };
    let Ok(entry) = kms.stores.entry(store) else {
        return;
    };
    for orphan in kms.orphans_of(&entry) {
        log::warn!(
            "{store}: the cluster has key material without a KMS key, labelled {}; kmsuser can \
             delete it",
            orphan.label
        );
    }
}

fn delete_when_due(kms: &Weak<Kms>, clock: &dyn Clock) {
    while let Some(kms) = kms.upgrade() {
        if let Err(error) = kms.delete_due(clock.now()) {
            log::error!("keys whose time has come cannot be deleted: {error}");
        }
        if !kms.pause() {
            return;
        }
    }
}

impl Kms {
    /// Deletes every key whose time has come; answers how many.
    pub(crate) fn delete_due(&self, now: aws::Timestamp) -> Result<usize> {
        self.keys.delete_due(&self.records, &self.stores, now.0)
    }
}

impl From<aws::Error> for OpenError {
    fn from(error: aws::Error) -> Self {
        OpenError::Records(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Module(why) => write!(f, "the PKCS#11 module cannot be loaded: {why}"),
            OpenError::Records(error) => write!(f, "the records cannot be read: {}", error.message),
            OpenError::Thread(error) => write!(f, "no thread for the deletion job: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

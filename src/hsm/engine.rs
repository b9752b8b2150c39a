//! The engine: a home, open. It has the clusters, the slots and the applications, and it is where
//! clusters come and go.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Weak,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, RwLock};
use rustix::process::{Pid, getpid};
use store::sled::SledStore;
use token::{
    ApplicationId, ClusterId, Error, Hsm, Mode, Reason, Result, SlotId, Uses, Validation, limits,
};

use crate::{
    application::Application,
    cluster::{Cluster, Gate, Surroundings},
    databases,
    failure::{internal, stored},
    home::{self, Home},
    leftovers::Leftovers,
    object::{BuiltIn, Profile},
    registry::{Registry, SlotEntry, unknown},
    slots::{Clusters, PerHsm, Place, Slots},
    turns::Turns,
};

/// What the configuration of a home says to the engine.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Which slots HSMs have (`slots.per_hsm`).
    pub per_hsm: PerHsm,
    /// Which defaults attributes have (`profile`).
    pub profile: Profile,
    /// Which uses of keys are in the audit chain (`audit.uses`).
    pub uses: Uses,
    /// What its operator has had validated (`[[validation]]`).
    pub validations: Vec<Validation>,
}

/// Whom an application belongs to, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The uid of its process.
    pub uid: u32,
    /// Whether it may say the verbs of [`token::Operator`].
    pub operator: bool,
}

/// The engine of one home. The home is owned until the last reference goes.
pub struct Engine {
    pub(crate) settings: Settings,
    applications: Mutex<Option<HashMap<ApplicationId, Arc<Application>>>>,
    /// Whether sessions may keep what was destroyed since they were last gone through.
    pub(crate) leftovers: Leftovers,
    slots: RwLock<Slots>,
    clusters: RwLock<Clusters>,
    pub(crate) registry: Registry,
    pub(crate) surroundings: Surroundings,
    /// For keys that take long to make.
    pub(crate) turns: Arc<Turns>,
    /// Held while clusters and HSMs come and go.
    pub(crate) operations: Mutex<()>,
    process: Pid,
    /// Logins from before the start may be taken up until then.
    resumption_ends: Instant,
    /// Ends the wait of the thread that drops them.
    _awake: mpsc::Sender<()>,
    pub(crate) home: Home,
}

impl Engine {
    /// Takes the home in the folder `home`, which is made if it is not there.
    pub fn open(home: &Path, mode: Mode, settings: Settings) -> Result<Arc<Self>> {
        // First: who comes while another begins to serve tries again and again, and is not to take its
        // processor from it.
        let home = Home::take(home, mode)?;
        // Before a key is touched: what computes wrongly would seal what nobody can open.
        crypto::self_test::run().map_err(internal)?;
        log::info!("algorithms by {}", crypto::library::version());
        if !settings.validations.is_empty() && !crypto::library::IS_FIPS {
            log::warn!(
                "validations are declared, and no operation of a build without `fips` is within one"
            );
        }
        let key = home.key()?;
        let store = SledStore::open(&home.registry()).map_err(stored)?;
        let registry = Registry::open(store, &key, databases::exist(&home)?)?;
        home::make(&home.clusters())?;
        databases::remove_orphans(&home, &registry)?;
        let (patience, turns) = match mode {
            Mode::Served => (
                Duration::from_secs(limits::RESUME_SECONDS),
                Turns::of_half_the_processors(),
            ),
            // The only application is new.
            Mode::Embedded => (Duration::ZERO, Turns::of_all_processors()),
        };
        let turns = Arc::new(turns);
        let surroundings = Surroundings {
            gate: Arc::new(Gate::new(turns.clone())),
            boot: registry.boots(),
            resumable: mode == Mode::Served,
            built_in: Arc::new(BuiltIn::new(&settings.validations)),
        };
        let clusters = databases::open_clusters(&home, &registry, &surroundings);
        let (awake, ended) = mpsc::channel();
        let engine = Arc::new(Self {
            settings,
            applications: Mutex::new(Some(HashMap::new())),
            leftovers: Leftovers::default(),
            slots: RwLock::default(),
            clusters: RwLock::new(clusters),
            registry,
            surroundings,
            turns,
            operations: Mutex::new(()),
            process: getpid(),
            resumption_ends: Instant::now() + patience,
            _awake: awake,
            home,
        });
        engine.retire_lost_slots()?;
        engine.refresh()?;
        match patience {
            Duration::ZERO => engine.end_resumption(),
            _ => end_resumption_after(patience, Arc::downgrade(&engine), ended)?,
        }
        Ok(engine)
    }

    /// The application `id`: a new one, or one whose further connection this is.
    pub fn application(
        self: &Arc<Self>,
        id: ApplicationId,
        peer: Peer,
    ) -> Result<Arc<Application>> {
        self.check_process()?;
        let mut applications = self.applications.lock();
        let applications = applications.as_mut().ok_or_else(closed)?;
        if let Some(application) = applications.get(&id) {
            if application.peer().uid != peer.uid {
                return Err(Error::new(
                    Reason::NotPermitted,
                    "the application is another uid's",
                ));
            }
            return Ok(application.clone());
        }
        let same_uid: Vec<_> = applications
            .values()
            .filter(|other| other.peer().uid == peer.uid)
            .collect();
        let of_uid = same_uid.len();
        if of_uid >= limits::APPLICATIONS {
            return Err(Error::new(
                Reason::LimitExceeded,
                format!("uid {} has {of_uid} applications", peer.uid),
            ));
        }
        let memory = same_uid.first().map(|other| other.memory().clone());
        let application = Application::new(self.clone(), id, peer, memory.unwrap_or_default());
        applications.insert(id, application.clone());
        Ok(application)
    }

    /// Whether logins from before the start wait for their applications to come back.
    pub fn awaits_resumption(&self) -> bool {
        Instant::now() < self.resumption_ends
            && self
                .open_clusters()
                .iter()
                .any(|cluster| cluster.has_unresumed())
    }

    /// Has sessions let go of what was destroyed. One that is busy does it with its next verb, or when
    /// this is asked again; nothing is done where nothing was destroyed meanwhile.
    pub fn let_go(&self) {
        if !self.leftovers.take() {
            return;
        }
        let applications: Vec<_> = match self.applications.lock().as_ref() {
            Some(applications) => applications.values().cloned().collect(),
            None => return,
        };
        for application in applications {
            if !application.let_go() {
                self.leftovers.say();
            }
        }
    }

    /// A clean end: every application ends, and no login can be taken up after it. The home is free
    /// when the last reference to the engine is dropped.
    pub fn close(&self) -> Result<()> {
        self.check_process()?;
        let Some(applications) = self.applications.lock().take() else {
            return Ok(());
        };
        for application in applications.into_values() {
            if let Err(error) = application.end() {
                log::warn!("an application did not end well: {error}");
            }
        }
        for cluster in self.open_clusters() {
            cluster.drop_all_resumes();
        }
        self.forget_answers(Vec::new);
        Ok(())
    }

    /// The slots that are shown, in a fixed order.
    pub(crate) fn slots(&self) -> Vec<Arc<Place>> {
        self.slots.read().shown()
    }

    /// One slot.
    pub(crate) fn slot(&self, slot: SlotId) -> Result<Arc<Place>> {
        self.slots
            .read()
            .get(slot)
            .cloned()
            .ok_or_else(|| Reason::SlotIdInvalid.into())
    }

    /// The defaults of attributes.
    pub(crate) fn profile(&self) -> Profile {
        self.settings.profile
    }

    /// The application has ended.
    pub(crate) fn forget(&self, id: &ApplicationId) {
        if let Some(applications) = self.applications.lock().as_mut() {
            applications.remove(id);
        }
        // Answers that nobody will ask for again; what stays goes with the next start.
        let mut results = vec![self.registry.records().forget(id.0)];
        results.extend(
            self.open_clusters()
                .iter()
                .map(|cluster| cluster.records().forget(id.0)),
        );
        report_kept(results);
    }

    /// A cluster, open.
    pub(crate) fn cluster(&self, id: &ClusterId) -> Result<Arc<Cluster>> {
        self.check_process()?;
        let clusters = self.clusters.read();
        match clusters.iter().find(|(other, _)| other == id) {
            Some((_, cluster)) => cluster.clone(),
            None => Err(Error::new(Reason::NotFound, id.to_string())),
        }
    }

    /// Every cluster that could be opened, in the order of their making.
    pub(crate) fn open_clusters(&self) -> Vec<Arc<Cluster>> {
        self.clusters
            .read()
            .iter()
            .filter_map(|(_, cluster)| cluster.as_ref().ok())
            .cloned()
            .collect()
    }

    /// Puts a cluster in its place among the others, or in the place of its last epoch.
    pub(crate) fn install(&self, cluster: Arc<Cluster>) {
        let mut clusters = self.clusters.write();
        match clusters.iter_mut().find(|(id, _)| *id == cluster.id) {
            Some((_, old)) => *old = Ok(cluster),
            None => clusters.push((cluster.id.clone(), Ok(cluster))),
        }
    }

    /// Takes back [`Cluster::retire`] when the change of the registry that was to follow it failed. Where
    /// it may have been made all the same, nobody uses the cluster before the next start: what it would
    /// write might be of an epoch, or of a cluster, that is no more.
    pub(crate) fn restore(&self, cluster: &Cluster) -> Result<()> {
        if !self.registry.is_in_doubt() {
            cluster.restore();
            return Ok(());
        }
        log::error!("{} is closed: {}", cluster.id, unknown());
        let mut clusters = self.clusters.write();
        for (_, installed) in clusters.iter_mut().filter(|(id, _)| *id == cluster.id) {
            *installed = Err(unknown());
        }
        drop(clusters);
        self.refresh()
    }

    /// Takes a cluster away.
    pub(crate) fn uninstall(&self, id: &ClusterId) {
        self.clusters.write().retain(|(other, _)| other != id);
    }

    /// Brings the slots up to date with clusters and HSMs. With no cluster there is a free slot, so
    /// that `C_InitToken` has where to go.
    pub(crate) fn refresh(&self) -> Result<()> {
        // Held all along: a refresh that looked earlier must not have the last word.
        let mut slots = self.slots.write();
        let clusters = self.clusters.read().clone();
        let mut entries = self.registry.slots();
        if clusters.is_empty() && !entries.values().any(|entry| *entry == SlotEntry::Free) {
            self.registry.change(None, |draft, _| {
                draft.allot(SlotEntry::Free);
                Ok(Vec::new())
            })?;
            entries = self.registry.slots();
        }
        let changed = slots.refresh(&entries, &clusters, self.settings.per_hsm);
        drop(slots);
        if let Some(applications) = self.applications.lock().as_ref() {
            for application in applications.values() {
                application.slot_events().add(&changed);
            }
        }
        Ok(())
    }

    /// A forked child has the memory of this engine and none of its threads.
    pub(crate) fn check_process(&self) -> Result<()> {
        if getpid() == self.process {
            return Ok(());
        }
        Err(Error::new(
            Reason::HomeInUse,
            format!(
                "process {} owns the home in embedded mode, and a child that it forked cannot use \
                 it: set mode = \"served\" and let hsmd share it",
                self.process.as_raw_nonzero()
            ),
        ))
    }

    /// Slots of HSMs that were never made, or whose deletion was interrupted.
    fn retire_lost_slots(&self) -> Result<()> {
        let clusters = self.clusters.read().clone();
        let lost = |entry: &SlotEntry| match entry {
            SlotEntry::Free | SlotEntry::Retired => false,
            SlotEntry::Cluster(id) => !clusters.iter().any(|(other, _)| other == id),
            SlotEntry::Hsm(id, hsm) => match clusters.iter().find(|(other, _)| other == id) {
                Some((_, Ok(cluster))) => !cluster.hsms().iter().any(|other| other.id == *hsm),
                Some((_, Err(_))) => false,
                None => true,
            },
        };
        let entries = self.registry.slots();
        let lost: Vec<SlotId> = entries
            .iter()
            .filter(|(_, entry)| lost(entry))
            .map(|(slot, _)| *slot)
            .collect();
        if lost.is_empty() {
            return Ok(());
        }
        self.registry.change(None, |draft, _| {
            lost.iter()
                .for_each(|slot| draft.set_slot(*slot, SlotEntry::Retired));
            Ok(Vec::new())
        })
    }

    fn end_resumption(&self) {
        for cluster in self.open_clusters() {
            cluster.drop_unresumed();
        }
        if self.applications.lock().is_none() {
            return;
        }
        self.forget_answers(|| match self.applications.lock().as_ref() {
            Some(applications) => applications.keys().map(|id| id.0).collect(),
            None => Vec::new(),
        });
    }

    /// Answers are kept for retries; who has ended retries nothing.
    fn forget_answers(&self, living: impl Fn() -> Vec<[u8; 16]>) {
        let mut results = vec![self.registry.records().forget_all_but(&living)];
        let clusters = self.open_clusters();
        results.extend(
            clusters
                .iter()
                .map(|cluster| cluster.records().forget_all_but(&living)),
        );
        report_kept(results);
    }
}

fn report_kept(results: Vec<Result<()>>) {
    for error in results.into_iter().filter_map(Result::err) {
        log::warn!("answers to ended applications are still kept: {error}");
    }
}

fn end_resumption_after(
    patience: Duration,
    engine: Weak<Engine>,
    ended: mpsc::Receiver<()>,
) -> Result<()> {
    let wait = move || {
        if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout)
            && let Some(engine) = engine.upgrade()
        {
            engine.end_resumption();
        }
    };
    thread::Builder::new()
        .name("resumption".to_owned())
        .spawn(wait)
        .map_err(internal)?;
    Ok(())
}

fn closed() -> Error {
    Error::new(Reason::Unreachable, "the engine is closed")
}

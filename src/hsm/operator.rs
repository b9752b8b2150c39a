//! The verbs of an operator: clusters and HSMs come and go. Two databases take part, a cluster's
//! and the registry; where a crash falls between them, the next start finds and ends it.

use crypto::Secret;
use store::CommitId;
use token::{
    AuditReport, Cluster, ClusterId, Error, HsmId, NewCluster, Operator, Origin, Reason, Request,
    Result, Role, SecretBytes, SlotId, limits,
};

use crate::{
    application::Application,
    audit,
    cluster::{self, Caller, check_label, found, new_id, since_1970, users::FIRST_ADMIN},
    engine::{self, Engine},
    failure::internal,
    registry::SlotEntry,
    slots::Content,
};

/// The zones of a cluster that `C_InitToken` makes.
const ZONES: [&str; 2] = ["zone-1", "zone-2"];

impl Operator for Application {
    fn create_cluster(&self, request: Request, cluster: &NewCluster) -> Result<ClusterId> {
        let caller = self.operator()?.asking(request);
        self.engine().create_cluster(&caller, &cluster.label)
    }

    fn clusters(&self) -> Result<Vec<Cluster>> {
        self.operator()?;
        Ok(self
            .engine()
            .open_clusters()
            .iter()
            .map(|cluster| cluster.information())
            .collect())
    }

    fn cluster(&self, cluster: &ClusterId) -> Result<Cluster> {
        self.operator()?;
        Ok(self.engine().cluster(cluster)?.information())
    }

    fn delete_cluster(&self, request: Request, cluster: &ClusterId) -> Result<()> {
        let caller = self.operator()?.asking(request);
        self.engine().delete_cluster(&caller, cluster)
    }

    fn create_hsm(&self, request: Request, cluster: &ClusterId, zone: &str) -> Result<HsmId> {
        let caller = self.operator()?.asking(request);
        self.engine().create_hsm(&caller, cluster, zone)
    }

    fn delete_hsm(&self, request: Request, cluster: &ClusterId, hsm: &HsmId) -> Result<()> {
        let caller = self.operator()?.asking(request);
        self.engine().delete_hsm(&caller, cluster, hsm)
    }

    fn initialize_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        certificate: &str,
        trust_anchor: &str,
    ) -> Result<()> {
        let caller = self.operator()?.asking(request);
        self.engine()
            .cluster(cluster)?
            .initialize(&caller, certificate, trust_anchor)
    }

    fn activate_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        password: &SecretBytes,
    ) -> Result<()> {
        let caller = self.operator()?.asking(request);
        self.engine()
            .cluster(cluster)?
            .activate(&caller, password)?;
        self.engine().refresh()
    }

    fn verify_audit(&self, cluster: &ClusterId) -> Result<AuditReport> {
        self.operator()?;
        audit::verify(self.engine().cluster(cluster)?.as_ref())
    }
}

impl Application {
    /// Who asks, if it may ask this.
    fn operator(&self) -> Result<Caller> {
        self.engine().check_process()?;
        if self.peer().operator {
            return Ok(self.caller());
        }
        Err(Error::new(
            Reason::NotPermitted,
            format!("uid {} is not an operator of this home", self.peer().uid),
        ))
    }
}

/// What a new epoch of a cluster is made with.
struct Epoch {
    id: ClusterId,
    number: u64,
    origin: Origin,
    created: u64,
    key: Secret,
}

impl Engine {
    fn create_cluster(&self, caller: &Caller, label: &str) -> Result<ClusterId> {
        check_label(label)?;
        let _operations = self.operations.lock();
        if let Some(answer) = self.answered(caller)? {
            return cluster_id(&answer);
        }
        let epoch = self.first_epoch(Origin::ControlPlane)?;
        let label = if label.is_empty() {
            epoch.id.tail()
        } else {
            label
        };
        let cluster = self.found(&epoch, caller, label)?;
        let id = cluster.id.clone();
        let registered = self.registry.change(commit_id(caller), |draft, _| {
            let order = draft.next_order();
            let entry = self.registry.entry(
                &id,
                order,
                epoch.number,
                epoch.origin,
                epoch.created,
                &epoch.key,
            )?;
            draft.set_cluster(&id, Some(entry));
            draft.allot(SlotEntry::Cluster(id.clone()));
            Ok(id.as_str().as_bytes().to_vec())
        });
        if let Err(error) = registered {
            self.abandon(cluster, &epoch);
            return Err(error);
        }
        self.install(cluster);
        self.refresh()?;
        Ok(id)
    }

    fn delete_cluster(&self, caller: &Caller, id: &ClusterId) -> Result<()> {
        let _operations = self.operations.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let cluster = self.cluster(id)?;
        if !cluster.hsms().is_empty() {
            let text = format!("{id} has HSMs: they have to be deleted first");
            return Err(Error::new(Reason::ClusterState, text));
        }
        cluster.retire()?;
        let deleted = self.registry.change(commit_id(caller), |draft, slots| {
            draft.set_cluster(id, None);
            let of_cluster = |entry: &SlotEntry| match entry {
                SlotEntry::Cluster(other) | SlotEntry::Hsm(other, _) => other == id,
                SlotEntry::Free | SlotEntry::Retired => false,
            };
            for slot in slots
                .iter()
                .filter(|(_, entry)| of_cluster(entry))
                .map(|(slot, _)| slot)
            {
                draft.set_slot(*slot, SlotEntry::Retired);
            }
            Ok(Vec::new())
        });
        if let Err(error) = deleted {
            cluster.restore();
            return Err(error);
        }
        self.uninstall(id);
        drop(cluster);
        self.refresh()?;
        self.remove_folder(&self.home.cluster(id));
        Ok(())
    }

    fn create_hsm(&self, caller: &Caller, id: &ClusterId, zone: &str) -> Result<HsmId> {
        let _operations = self.operations.lock();
        let cluster = self.cluster(id)?;
        let hsm = new_hsm()?;
        // A slot without its HSM is retired at the next start, an HSM without a slot would be lost:
        // so the slot comes first.
        let mut slot = None;
        if cluster.answered(caller)?.is_none() {
            self.registry.change(None, |draft, _| {
                slot = Some(draft.allot(SlotEntry::Hsm(id.clone(), hsm.clone())));
                Ok(Vec::new())
            })?;
        }
        let made = cluster.create_hsm(caller, hsm, zone);
        if let (Err(_), Some(slot)) = (&made, slot) {
            self.retire_slot(slot);
        }
        self.refresh()?;
        made
    }

    fn delete_hsm(&self, caller: &Caller, id: &ClusterId, hsm: &HsmId) -> Result<()> {
        let _operations = self.operations.lock();
        self.cluster(id)?.delete_hsm(caller, hsm)?;
        let entry = SlotEntry::Hsm(id.clone(), hsm.clone());
        let slots = self.registry.slots();
        if let Some((slot, _)) = slots.iter().find(|(_, other)| **other == entry) {
            self.retire_slot(*slot);
        }
        self.refresh()
    }

    /// `C_InitToken`: makes an active cluster in a free slot, or makes one anew that it made.
    pub(crate) fn initialize_token(
        &self,
        caller: &Caller,
        slot: SlotId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()> {
        self.check_process()?;
        check_label(label)?;
        let _operations = self.operations.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        match self.registry.slots().get(&slot) {
            Some(SlotEntry::Free) => self.initialize_free(caller, slot, pin, label),
            Some(SlotEntry::Cluster(id)) => self.initialize_again(caller, id, pin, label),
            Some(SlotEntry::Hsm(..)) => Err(Error::new(
                Reason::TokenWriteProtected,
                "the slot is one HSM's: the cluster's own slot can be initialised",
            )),
            Some(SlotEntry::Retired) => Err(Reason::DeviceRemoved.into()),
            None => Err(Reason::SlotIdInvalid.into()),
        }
    }

    fn initialize_free(
        &self,
        caller: &Caller,
        slot: SlotId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()> {
        if self.slot(slot)?.content() != Content::Blank {
            return Err(Reason::TokenNotPresent.into());
        }
        let epoch = self.first_epoch(Origin::InitToken)?;
        let hsms = [new_hsm()?, new_hsm()?];
        let cluster = self.found(&epoch, caller, label)?;
        let made = furnish(&cluster, caller, &hsms, pin).and_then(|()| {
            self.registry.change(commit_id(caller), |draft, _| {
                let order = draft.next_order();
                let Epoch {
                    id,
                    number,
                    origin,
                    created,
                    key,
                } = &epoch;
                let entry = self
                    .registry
                    .entry(id, order, *number, *origin, *created, key)?;
                draft.set_cluster(id, Some(entry));
                draft.set_slot(slot, SlotEntry::Cluster(id.clone()));
                for hsm in &hsms {
                    draft.allot(SlotEntry::Hsm(id.clone(), hsm.clone()));
                }
                Ok(Vec::new())
            })
        });
        if let Err(error) = made {
            self.abandon(cluster, &epoch);
            return Err(error);
        }
        self.install(cluster);
        self.refresh()
    }

    fn initialize_again(
        &self,
        caller: &Caller,
        id: &ClusterId,
        pin: &SecretBytes,
        label: &str,
    ) -> Result<()> {
        let old = self.cluster(id)?;
        let protected = |why: &str| Err(Error::new(Reason::TokenWriteProtected, why));
        if old.origin != Origin::InitToken {
            return protected("an operator made the cluster: only an operator deletes it");
        }
        if old.serves_key_store()? {
            return protected("the cluster has a user kmsuser: a key store uses it");
        }
        old.check_unused()?;
        old.check_password(caller, Role::Admin, FIRST_ADMIN, pin)?;
        let hsms: Vec<HsmId> = old.hsms().into_iter().map(|hsm| hsm.id).collect();
        let (_, entry) = self
            .registry
            .clusters()
            .into_iter()
            .find(|(other, _)| other == id)
            .ok_or_else(|| internal("a cluster without an entry"))?;
        let epoch = Epoch {
            id: id.clone(),
            number: entry.epoch.saturating_add(1),
            origin: entry.origin,
            created: since_1970().as_secs(),
            key: Secret::random(32).map_err(internal)?,
        };
        let new = self.found(&epoch, caller, label)?;
        let switched = furnish(&new, caller, &hsms, pin)
            .and_then(|()| old.retire())
            .and_then(|()| {
                self.registry
                    .change(commit_id(caller), |draft, _| {
                        let Epoch {
                            id,
                            number,
                            origin,
                            created,
                            key,
                        } = &epoch;
                        let entry = self.registry.entry(
                            id,
                            entry.order,
                            *number,
                            *origin,
                            *created,
                            key,
                        )?;
                        draft.set_cluster(id, Some(entry));
                        Ok(Vec::new())
                    })
                    .inspect_err(|_| old.restore())
            });
        if let Err(error) = switched {
            self.abandon(new, &epoch);
            return Err(error);
        }
        self.install(new);
        drop(old);
        self.refresh()?;
        self.remove_folder(&self.home.epoch(id, entry.epoch));
        Ok(())
    }

    fn first_epoch(&self, origin: Origin) -> Result<Epoch> {
        if self.registry.clusters().len() >= limits::CLUSTERS {
            return Err(Error::new(
                Reason::LimitExceeded,
                format!("a home has at most {} clusters", limits::CLUSTERS),
            ));
        }
        let id = new_id(ClusterId::PREFIX)?;
        Ok(Epoch {
            id: ClusterId::parse(&id).ok_or_else(|| internal("a new id is not one"))?,
            number: 0,
            origin,
            created: since_1970().as_secs(),
            key: Secret::random(32).map_err(internal)?,
        })
    }

    /// Makes the database of a new epoch. Until the registry names it, it is nobody's.
    fn found(
        &self,
        epoch: &Epoch,
        caller: &Caller,
        label: &str,
    ) -> Result<std::sync::Arc<cluster::Cluster>> {
        let key = || Secret::from(epoch.key.reveal());
        let Epoch {
            id,
            number,
            origin,
            created,
            ..
        } = epoch;
        self.make_epoch(id, *number, |store| found(store, &key(), caller, label))?;
        self.open_epoch(id, *number, *origin, *created, key())
    }

    fn abandon(&self, cluster: std::sync::Arc<cluster::Cluster>, epoch: &Epoch) {
        drop(cluster);
        self.remove_folder(&self.home.epoch(&epoch.id, epoch.number));
    }

    /// What stays is removed at the next start.
    fn remove_folder(&self, folder: &std::path::Path) {
        if let Err(error) = engine::remove(folder) {
            log::warn!("{error}");
        }
    }

    /// A slot that stays is retired at the next start.
    fn retire_slot(&self, slot: SlotId) {
        let retired = self.registry.change(None, |draft, _| {
            draft.set_slot(slot, SlotEntry::Retired);
            Ok(Vec::new())
        });
        if let Err(error) = retired {
            log::warn!("slot {} is still in the registry: {error}", slot.0);
        }
    }

    fn answered(&self, caller: &Caller) -> Result<Option<Vec<u8>>> {
        match caller.commit_id() {
            Some(id) => self.registry.answered(id),
            None => Ok(None),
        }
    }
}

/// Takes a new cluster through all steps: HSMs, certificate, first admin.
fn furnish(
    cluster: &cluster::Cluster,
    caller: &Caller,
    hsms: &[HsmId],
    pin: &SecretBytes,
) -> Result<()> {
    // The request is the registry's to remember.
    let caller = Caller {
        request: None,
        ..caller.clone()
    };
    for (hsm, zone) in hsms.iter().zip(ZONES.into_iter().cycle()) {
        cluster.create_hsm(&caller, hsm.clone(), zone)?;
    }
    cluster.initialize_ourselves(&caller)?;
    cluster.activate(&caller, pin)
}

fn commit_id(caller: &Caller) -> Option<(CommitId, u64)> {
    caller.commit_id().map(|id| (id, caller.settled()))
}

fn new_hsm() -> Result<HsmId> {
    let id = new_id(HsmId::PREFIX)?;
    HsmId::parse(&id).ok_or_else(|| internal("a new id is not one"))
}

fn cluster_id(answer: &[u8]) -> Result<ClusterId> {
    let text = std::str::from_utf8(answer).map_err(internal)?;
    ClusterId::parse(text).ok_or_else(|| internal("a kept answer is not a cluster's id"))
}

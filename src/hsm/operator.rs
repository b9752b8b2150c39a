//! The verbs of an operator: clusters and HSMs come and go. Two databases take part, a cluster's
//! and the registry; where a crash falls between them, the next start finds and ends it.

use store::CommitId;
use token::{
    AUDIT_EVENTS, AuditFilter, AuditPage, AuditPlace, AuditReport, ClusterId, Error, HsmId,
    NewCluster, Operator, Origin, Reason, Request, Result, Role, SecretBytes, SlotId,
};

use crate::{
    application::Application,
    audit::{
        self,
        archive::{Archive, Archived},
        chain::Chain,
    },
    cluster::{Caller, Cluster, check_label, new_id},
    databases,
    engine::Engine,
    failure::internal,
    home,
    registry::SlotEntry,
};

impl Operator for Application {
    fn create_cluster(&self, request: Request, cluster: &NewCluster) -> Result<ClusterId> {
        let caller = self.operator()?.asking(request);
        self.engine().create_cluster(&caller, &cluster.label)
    }

    fn clusters(&self) -> Result<Vec<token::Cluster>> {
        self.operator()?;
        Ok(self
            .engine()
            .open_clusters()
            .iter()
            .map(|cluster| cluster.information())
            .collect())
    }

    fn cluster(&self, cluster: &ClusterId) -> Result<token::Cluster> {
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
        self.engine().of_chain(cluster, audit::chain::verify)
    }

    fn audit_records(
        &self,
        cluster: &ClusterId,
        place: &AuditPlace,
        filter: &AuditFilter,
    ) -> Result<AuditPage> {
        self.operator()?;
        let event = filter.event.as_deref();
        if let Some(unknown) = event.filter(|event| !AUDIT_EVENTS.contains(event)) {
            // An empty list would say that it has never happened.
            let (unknown, known) = (unknown.escape_debug(), AUDIT_EVENTS.join(", "));
            let words = format!("there is no event `{unknown}`, but {known}");
            return Err(Error::new(Reason::ArgumentsBad, words));
        }
        self.engine()
            .of_chain(cluster, |chain| audit::chain::list(chain, place, filter))
    }

    fn unlock_user(
        &self,
        request: Request,
        cluster: &ClusterId,
        name: &str,
        role: Role,
    ) -> Result<()> {
        let caller = self.operator()?.asking(request);
        self.engine()
            .cluster(cluster)?
            .unlock_user(&caller, name, role)
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
        let cluster = self.found(&epoch, caller, label, None)?;
        let id = cluster.id.clone();
        let registered = self.registry.change(commit_id(caller), |draft, _| {
            let order = draft.next_order();
            let entry = self.registry.entry(&epoch, order)?;
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
        // Nothing may come into the chain that is not in its archive.
        let still = cluster.stand_still();
        let deleted = self.registry.change(commit_id(caller), |draft, slots| {
            draft.archive(id, self.archive(caller, &cluster)?);
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
        drop(still);
        if let Err(error) = deleted {
            self.restore(&cluster)?;
            return Err(error);
        }
        self.uninstall(id);
        drop(cluster);
        self.refresh()?;
        self.remove_folder(&self.home.cluster(id));
        Ok(())
    }

    /// Writes the audit chain of a cluster that `caller` deletes where it stays.
    fn archive(&self, caller: &Caller, cluster: &Cluster) -> Result<Archived> {
        let path = self.home.archive(&cluster.id);
        home::make(&self.home.archives())?;
        home::sync_folder(self.home.path())?;
        let key = cluster.sealing().audit_key();
        let wrapped = self.registry.wrap_audit_key(&cluster.id, key)?;
        audit::archive::write(cluster, caller, &path, wrapped)
    }

    /// What `read` reads of a cluster's audit chain, which a deleted one has left behind.
    fn of_chain<T>(&self, id: &ClusterId, read: impl FnOnce(&dyn Chain) -> Result<T>) -> Result<T> {
        match self.registry.archived(id)? {
            Some((archived, key)) => read(&Archive {
                path: &self.home.archive(id),
                archived: &archived,
                key: &key,
            }),
            None => read(self.cluster(id)?.as_ref()),
        }
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

    /// What stays is removed at the next start.
    pub(crate) fn remove_folder(&self, folder: &std::path::Path) {
        if let Err(error) = databases::remove(folder) {
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

    pub(crate) fn answered(&self, caller: &Caller) -> Result<Option<Vec<u8>>> {
        match caller.commit_id() {
            Some(id) => self.registry.answered(id),
            None => Ok(None),
        }
    }
}

pub(crate) fn commit_id(caller: &Caller) -> Option<(CommitId, u64)> {
    caller.commit_id().map(|id| (id, caller.settled()))
}

pub(crate) fn new_hsm() -> Result<HsmId> {
    let id = new_id(HsmId::PREFIX)?;
    HsmId::parse(&id).ok_or_else(|| internal("a new id is not one"))
}

fn cluster_id(answer: &[u8]) -> Result<ClusterId> {
    let text = std::str::from_utf8(answer).map_err(internal)?;
    ClusterId::parse(text).ok_or_else(|| internal("a kept answer is not a cluster's id"))
}

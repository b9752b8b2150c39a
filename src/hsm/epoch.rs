//! Epochs of a cluster, each a database of its own: the first, and those that `C_InitToken` puts in
//! the place of the last. An epoch counts from the moment that the registry names it.

use std::sync::Arc;

use crypto::Secret;
use token::{ClusterId, Error, HsmId, Origin, Reason, Result, Role, SecretBytes, SlotId, limits};

use crate::{
    cluster::{Caller, Cluster, check_label, found, new_id, since_1970, users::FIRST_ADMIN},
    engine::Engine,
    failure::internal,
    operator::{commit_id, new_hsm},
    registry::SlotEntry,
    slots::Content,
};

/// The zones of a cluster that `C_InitToken` makes.
const ZONES: [&str; 2] = ["zone-1", "zone-2"];

/// What a new epoch of a cluster is made with.
pub(crate) struct Epoch {
    pub(crate) id: ClusterId,
    pub(crate) number: u64,
    pub(crate) origin: Origin,
    pub(crate) created: u64,
    pub(crate) key: Secret,
}

impl Engine {
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
        let cluster = self.found(&epoch, caller, label, None)?;
        let made = furnish(&cluster, caller, &hsms, pin).and_then(|()| {
            self.registry.change(commit_id(caller), |draft, _| {
                let order = draft.next_order();
                let id = &epoch.id;
                draft.set_cluster(id, Some(self.registry.entry(&epoch, order)?));
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
            number: self.unused_epoch(id, entry.epoch)?,
            origin: entry.origin,
            created: since_1970().as_secs(),
            key: Secret::random(32).map_err(internal)?,
        };
        // The new epoch's audit chain goes on where the old one's ends: so that one ends first.
        old.retire()?;
        let still = old.stand_still();
        let new = self.found(&epoch, caller, label, Some(&old));
        let switched = new.and_then(|new| {
            let switched = furnish(&new, caller, &hsms, pin).and_then(|()| {
                self.registry.change(commit_id(caller), |draft, _| {
                    let entry = self.registry.entry(&epoch, entry.order)?;
                    draft.set_cluster(id, Some(entry));
                    Ok(Vec::new())
                })
            });
            switched.map(|()| new)
        });
        drop(still);
        let new = match switched {
            Ok(new) => new,
            Err(error) => {
                self.restore(&old)?;
                self.remove_unnamed(&epoch);
                return Err(error);
            }
        };
        self.install(new);
        drop(old);
        self.refresh()?;
        self.remove_folder(&self.home.epoch(id, entry.epoch));
        Ok(())
    }

    pub(crate) fn first_epoch(&self, origin: Origin) -> Result<Epoch> {
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

    /// Makes the database of a new epoch, after the one `before`. Until the registry names it, it is
    /// nobody's.
    pub(crate) fn found(
        &self,
        epoch: &Epoch,
        caller: &Caller,
        label: &str,
        before: Option<&Cluster>,
    ) -> Result<Arc<Cluster>> {
        let key = || Secret::from(epoch.key.reveal());
        let Epoch {
            id,
            number,
            origin,
            created,
            ..
        } = epoch;
        self.make_epoch(id, *number, |store| {
            found(store, &key(), caller, label, before)
        })?;
        self.open_epoch(id, *number, *origin, *created, key())
    }

    pub(crate) fn abandon(&self, cluster: Arc<Cluster>, epoch: &Epoch) {
        drop(cluster);
        self.remove_unnamed(epoch);
    }

    /// Removes an epoch that did not come to be. Where the registry may name it all the same, the next
    /// start removes whichever it does not name.
    fn remove_unnamed(&self, epoch: &Epoch) {
        let folder = self.home.epoch(&epoch.id, epoch.number);
        if self.registry.is_in_doubt() {
            log::warn!("{} stays until the next start", folder.display());
            return;
        }
        self.remove_folder(&folder);
    }

    /// The number of an epoch after `last` of which there is no folder: what an earlier try left behind
    /// may be what the registry on the disk names.
    fn unused_epoch(&self, id: &ClusterId, last: u64) -> Result<u64> {
        let unused = |number: &u64| !self.home.epoch(id, *number).exists();
        let mut later = (last..u64::MAX).skip(1);
        later
            .find(unused)
            .ok_or_else(|| internal("no epoch is left"))
    }
}

/// Takes a new cluster through all steps: HSMs, certificate, first admin.
fn furnish(cluster: &Cluster, caller: &Caller, hsms: &[HsmId], pin: &SecretBytes) -> Result<()> {
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

//! The slots of a home: which are shown, in which order, and what is in each. A slot costs a look
//! in a map; whether its HSM is still there, one atomic load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use token::{ClusterId, ClusterState, Error, Reason, Result, SlotId};

use crate::{cluster::Cluster, registry::SlotEntry};

/// Which slots the HSMs of a cluster have, beside the cluster's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerHsm {
    /// One each, with a token.
    #[default]
    All,
    /// One each, without a token: names that show what there is.
    Names,
    /// None: desktop programs would show every object once for each slot.
    None,
}

/// What is in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Content {
    /// A token that nobody has initialised.
    Blank,
    /// Nothing: the cluster is not active yet, or the slot is there for its name alone.
    Nothing,
    /// The token of a cluster, or of one of its HSMs.
    Token,
    /// What was in it is gone.
    Removed,
}

/// One slot.
pub(crate) struct Place {
    pub(crate) id: SlotId,
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// The one HSM that it uses; a cluster's own slot uses any.
    pub(crate) hsm: Option<token::HsmInformation>,
    damage: Option<Error>,
    content: AtomicU8,
}

/// Sessions are open in a slot: while this lives, its cluster is not taken away.
pub(crate) struct Presence(Arc<Place>);

/// All slots.
#[derive(Default)]
pub(crate) struct Slots {
    places: BTreeMap<SlotId, Arc<Place>>,
    shown: Vec<SlotId>,
}

/// Clusters in the order of their making; those that could not be opened say why.
pub(crate) type Clusters = Vec<(ClusterId, std::result::Result<Arc<Cluster>, Error>)>;

impl Place {
    fn removed(id: SlotId) -> Self {
        Self {
            id,
            cluster: None,
            hsm: None,
            damage: None,
            content: AtomicU8::new(Content::Removed as u8),
        }
    }

    /// The cluster that answers in this slot.
    pub(crate) fn cluster(&self) -> Result<&Arc<Cluster>> {
        self.check()?;
        self.cluster
            .as_ref()
            .ok_or_else(|| Reason::TokenNotRecognized.into())
    }

    /// What is in the slot now.
    pub(crate) fn content(&self) -> Content {
        match self.content.load(Ordering::Acquire) {
            0 => Content::Blank,
            1 => Content::Nothing,
            2 => Content::Token,
            _ => Content::Removed,
        }
    }

    /// Keeps the cluster in its place.
    pub(crate) fn presence(self: &Arc<Self>) -> Result<Presence> {
        self.cluster()?.enter()?;
        Ok(Presence(self.clone()))
    }

    fn check(&self) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        match self.content() {
            Content::Token => Ok(()),
            Content::Blank => Err(Reason::TokenNotRecognized.into()),
            Content::Nothing => Err(Reason::TokenNotPresent.into()),
            Content::Removed => Err(Reason::DeviceRemoved.into()),
        }
    }

    fn set(&self, content: Content) {
        self.content.store(content as u8, Ordering::Release);
    }

    /// Whether this is still the place of the same HSM of the same cluster.
    fn is_of(&self, cluster: Option<&Arc<Cluster>>, hsm: Option<&token::HsmInformation>) -> bool {
        let same_cluster = match (&self.cluster, cluster) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_cluster && self.hsm.as_ref().map(|hsm| &hsm.id) == hsm.map(|hsm| &hsm.id)
    }
}

impl Presence {
    /// Whether the HSM is still there: an atomic load.
    pub(crate) fn check(&self) -> Result<()> {
        self.0.check()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(cluster) = &self.0.cluster {
            cluster.leave();
        }
    }
}

impl Slots {
    /// The slots that are shown, in their order.
    pub(crate) fn shown(&self) -> Vec<Arc<Place>> {
        self.shown
            .iter()
            .filter_map(|slot| self.places.get(slot))
            .cloned()
            .collect()
    }

    pub(crate) fn get(&self, slot: SlotId) -> Option<&Arc<Place>> {
        self.places.get(&slot)
    }

    /// Looks at what there is now. A place that stays is the same value, so that sessions which
    /// hold it see what became of it. Answers the slots that are not what they were.
    pub(crate) fn refresh(
        &mut self,
        entries: &BTreeMap<SlotId, SlotEntry>,
        clusters: &Clusters,
        per_hsm: PerHsm,
    ) -> Vec<SlotId> {
        let contents = self.contents();
        let before = std::mem::take(self);
        for (id, cluster) in clusters {
            self.add_cluster(&before, entries, id, cluster, per_hsm);
        }
        if clusters.is_empty() {
            for (slot, _) in entries
                .iter()
                .filter(|(_, entry)| **entry == SlotEntry::Free)
            {
                self.add(&before, *slot, None, None, None, Content::Blank);
            }
        }
        for (slot, place) in before.places {
            let current = self.places.get(&slot);
            if !current.is_some_and(|current| Arc::ptr_eq(current, &place)) {
                place.set(Content::Removed);
            }
            // A slot that has gone answers that it has, for as long as this process lives; it does
            // not keep its cluster's database open.
            self.places
                .entry(slot)
                .or_insert_with(|| Arc::new(Place::removed(slot)));
        }
        let mut now = self.contents();
        now.retain(|slot, state| contents.get(slot) != Some(state));
        now.into_keys().collect()
    }

    /// What is in each slot: whose place it is, and its content. What is gone is gone.
    fn contents(&self) -> BTreeMap<SlotId, (Option<*const Place>, Content)> {
        let state = |place: &Arc<Place>| match place.content() {
            Content::Removed => (None, Content::Removed),
            content => (Some(Arc::as_ptr(place)), content),
        };
        let places = self.places.iter();
        places.map(|(slot, place)| (*slot, state(place))).collect()
    }

    fn add_cluster(
        &mut self,
        before: &Slots,
        entries: &BTreeMap<SlotId, SlotEntry>,
        id: &ClusterId,
        cluster: &std::result::Result<Arc<Cluster>, Error>,
        per_hsm: PerHsm,
    ) {
        let slot_of = |wanted: &SlotEntry| {
            entries
                .iter()
                .find(|(_, entry)| *entry == wanted)
                .map(|(slot, _)| *slot)
        };
        let own = slot_of(&SlotEntry::Cluster(id.clone()));
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(error) => {
                if let Some(own) = own {
                    self.add(before, own, None, None, Some(error), Content::Nothing);
                }
                return;
            }
        };
        let active = cluster.state() == ClusterState::Active;
        let hsms = cluster.hsms();
        let content = match hsms.is_empty() {
            _ if !active => Content::Nothing,
            false => Content::Token,
            true => Content::Removed,
        };
        if let Some(own) = own {
            self.add(before, own, Some(cluster), None, None, content);
        }
        for hsm in hsms.iter().filter(|_| per_hsm != PerHsm::None) {
            let Some(slot) = slot_of(&SlotEntry::Hsm(id.clone(), hsm.id.clone())) else {
                continue;
            };
            let content = match per_hsm {
                PerHsm::All if active => Content::Token,
                _ => Content::Nothing,
            };
            self.add(before, slot, Some(cluster), Some(hsm), None, content);
        }
    }

    fn add(
        &mut self,
        before: &Slots,
        id: SlotId,
        cluster: Option<&Arc<Cluster>>,
        hsm: Option<&token::HsmInformation>,
        damage: Option<&Error>,
        content: Content,
    ) {
        let known = before
            .places
            .get(&id)
            .filter(|place| place.is_of(cluster, hsm));
        let place = known.cloned().unwrap_or_else(|| {
            Arc::new(Place {
                id,
                cluster: cluster.cloned(),
                hsm: hsm.cloned(),
                damage: damage.cloned(),
                content: AtomicU8::new(content as u8),
            })
        });
        place.set(content);
        self.places.insert(id, place);
        self.shown.push(id);
    }
}

//! What KMS must know of a cluster before and while it uses it; whoever runs the clusters tells.

use std::collections::BTreeSet;

/// Where the facts come from. Asked when key stores and keys are made and when a store connects,
/// never for the use of a key.
pub trait Clusters: Send + Sync {
    /// The cluster with this id, `cluster-…`; `None` if there is none (any more).
    fn cluster(&self, id: &str) -> Result<Option<Cluster>, Unreachable>;
}

/// What there is to know about a cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Whether it is in the state `ACTIVE`.
    pub active: bool,
    /// Its HSMs.
    pub hsms: Vec<ClusterHsm>,
    /// The certificate of the customer's own CA, PEM: `customerCA.crt`.
    pub trust_anchor: Option<String>,
    /// The same for all clusters that come from one another's backups.
    pub backup_history: String,
    /// The serial number of the token that stands for the whole cluster.
    pub token_serial: String,
}

/// One HSM of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterHsm {
    /// Its availability zone.
    pub zone: String,
    /// Whether it is in the state `ACTIVE`.
    pub active: bool,
}

/// The clusters could not be asked: why.
#[derive(Clone, Debug)]
pub struct Unreachable(pub String);

impl Cluster {
    /// In how many zones it has an active HSM.
    pub(crate) fn active_zones(&self) -> usize {
        let active = self.hsms.iter().filter(|hsm| hsm.active);
        active
            .map(|hsm| hsm.zone.as_str())
            .collect::<BTreeSet<_>>()
            .len()
    }
}

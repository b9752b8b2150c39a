//! What KMS must know of clusters, asked of their operator.

use std::sync::Arc;

use kms::{Cluster, ClusterHsm, Clusters, Unreachable};
use token::{ClusterId, ClusterState, Operator, Reason};

/// The clusters of the home.
pub(crate) struct HomeClusters(pub(crate) Arc<dyn Operator>);

impl Clusters for HomeClusters {
    fn cluster(&self, id: &str) -> Result<Option<Cluster>, Unreachable> {
        let Some(id) = ClusterId::parse(id) else {
            return Ok(None);
        };
        let cluster = match self.0.cluster(&id) {
            Err(error) if error.reason == Reason::NotFound => return Ok(None),
            Err(error) => return Err(Unreachable(error.to_string())),
            Ok(cluster) => cluster,
        };
        let hsm = |hsm: token::HsmInformation| ClusterHsm {
            zone: hsm.zone,
            active: true,
        };
        Ok(Some(Cluster {
            active: cluster.state == ClusterState::Active,
            hsms: cluster.hsms.into_iter().map(hsm).collect(),
            trust_anchor: cluster.certificates.trust_anchor,
            backup_history: cluster.backup_history,
            token_serial: id.tail().to_owned(),
        }))
    }
}

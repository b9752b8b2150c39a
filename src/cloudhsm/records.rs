//! What the control plane keeps of a cluster and a subnet (docs/storage-format.md, keyspaces `C`
//! and `N`). A cluster without a record was made by other means and has the defaults.

use aws::Result;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::Batch;
use token::ClusterId;

use crate::{CloudHsm, errors};

const VERSION: u8 = 1;
const CLUSTER: u8 = b'C';
const SUBNET: u8 = b'N';

/// A cluster's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterRecord {
    pub(crate) hsm_type: String,
    /// Zone and subnet.
    pub(crate) subnets: Vec<(String, String)>,
    pub(crate) retention_days: u16,
    /// Key and value, in the order of their keys.
    pub(crate) tags: Vec<(String, String)>,
    /// HSMs that were asked for with an address.
    pub(crate) addresses: Vec<(String, String)>,
}

impl Default for ClusterRecord {
    fn default() -> Self {
        Self {
            hsm_type: "hsm2m.medium".to_owned(),
            subnets: Vec::new(),
            retention_days: 90,
            tags: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

impl CloudHsm {
    /// The record of a cluster, or what it would be.
    pub(crate) fn record(&self, cluster: &ClusterId) -> Result<ClusterRecord> {
        Ok(self
            .read(&key(CLUSTER, cluster.as_str()))?
            .unwrap_or_default())
    }

    /// Changes the record of a cluster, if `edit` agrees.
    pub(crate) fn change(
        &self,
        cluster: &ClusterId,
        edit: impl FnOnce(&mut ClusterRecord) -> Result<()>,
    ) -> Result<()> {
        let _alone = self.changes.lock();
        let mut record = self.record(cluster)?;
        edit(&mut record)?;
        self.write(vec![(
            key(CLUSTER, cluster.as_str()),
            Some(encoded(&record)?),
        )])
    }

    /// Keeps a new cluster's record, and the zones of its subnets.
    pub(crate) fn keep(&self, cluster: &ClusterId, record: &ClusterRecord) -> Result<()> {
        let mut write = vec![(key(CLUSTER, cluster.as_str()), Some(encoded(record)?))];
        for (zone, subnet) in &record.subnets {
            write.push((key(SUBNET, subnet), Some(encoded(zone)?)));
        }
        self.write(write)
    }

    /// Forgets a cluster.
    pub(crate) fn forget(&self, cluster: &ClusterId) -> Result<()> {
        self.write(vec![(key(CLUSTER, cluster.as_str()), None)])
    }

    /// The zone that a subnet was found in before.
    pub(crate) fn zone_of(&self, subnet: &str) -> Result<Option<String>> {
        self.read(&key(SUBNET, subnet))
    }

    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>> {
        let Some(bytes) = self
            .store
            .get(key)
            .map_err(|error| errors::unstored(&error))?
        else {
            return Ok(None);
        };
        let damaged = |what: &str| errors::unstored(&store::Error::Damaged(what.to_owned()));
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest)
                .map(Some)
                .map_err(|_| damaged("a record of clusters")),
            _ => Err(damaged("a record of clusters of an unknown version")),
        }
    }

    fn write(&self, write: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<()> {
        let batch = Batch {
            write,
            ..Batch::default()
        };
        self.store
            .commit(None, batch)
            .map(drop)
            .map_err(|error| errors::unstored(&error))
    }
}

fn key(keyspace: u8, id: &str) -> Vec<u8> {
    [&[keyspace], id.as_bytes()].concat()
}

fn encoded<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    postcard::to_extend(record, vec![VERSION])
        .map_err(|error| errors::unstored(&store::Error::Failed(error.to_string())))
}

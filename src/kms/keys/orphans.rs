//! Key material without a record: what a crash between the two leaves, or a deletion that did not
//! reach the HSMs. It is found and reported; an operator decides.

use aws::Result;

use super::{Directory, KeyId};
use crate::key_store::Entry;

/// Material of ours that no key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The key store.
    pub custom_key_store_id: String,
    /// The label of the object in the cluster: the ARN of the key that does not exist.
    pub label: String,
}

impl Directory {
    /// The orphans in one connected store.
    pub(crate) fn orphans(&self, store: &Entry) -> Result<Vec<Orphan>> {
        let labels = store.connection.run(|hsm| hsm.labels());
        let labels = labels.map_err(|fault| fault.of_store(&store.id))?;
        let mut orphans = Vec::new();
        for label in labels {
            let Some(id) = KeyId::from_arn(&self.scope, &label) else {
                continue;
            };
            // First whether it is being made: its record comes before it is no longer.
            if !store.is_making(id) && self.find(id)?.is_none() {
                orphans.push(Orphan {
                    custom_key_store_id: store.id.clone(),
                    label,
                });
            }
        }
        Ok(orphans)
    }
}

//! ConnectCustomKeyStore, DisconnectCustomKeyStore, DeleteCustomKeyStore. Connecting goes on after
//! the answer; DescribeCustomKeyStores tells how it went.

use std::sync::Arc;

use aws::{Call, Result, Validation};
use serde::Deserialize;

use super::{cluster, common::Empty};
use crate::{
    Kms,
    key_store::{Entry, Phase},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StoreRequest {
    custom_key_store_id: Option<String>,
}

pub(super) fn connect_custom_key_store(
    kms: &Kms,
    call: &Call,
    request: StoreRequest,
) -> Result<Empty> {
    let entry = request.entry(kms, call)?;
    if matches!(entry.connection.phase(), Phase::Disconnected) {
        // What is easily seen is told at once, and the store stays disconnected.
        let facts = cluster::active(kms, &entry.record().cluster)?;
        cluster::check_zones(&facts, 1)?;
    }
    let _changing = kms.stores.changing();
    kms.stores.entry(&entry.id)?.connection.connect()?;
    Ok(Empty {})
}

pub(super) fn disconnect_custom_key_store(
    kms: &Kms,
    call: &Call,
    request: StoreRequest,
) -> Result<Empty> {
    request.entry(kms, call)?.connection.disconnect()?;
    Ok(Empty {})
}

pub(super) fn delete_custom_key_store(
    kms: &Kms,
    call: &Call,
    request: StoreRequest,
) -> Result<Empty> {
    let entry = request.entry(kms, call)?;
    let _changing = kms.stores.changing();
    kms.stores.delete(&*kms.stores.entry(&entry.id)?)?;
    Ok(Empty {})
}

impl StoreRequest {
    fn entry(self, kms: &Kms, call: &Call) -> Result<Arc<Entry>> {
        let mut check = Validation::new();
        check.present("customKeyStoreId", &self.custom_key_store_id);
        check.length(
            "customKeyStoreId",
            self.custom_key_store_id.as_deref(),
            1..=64,
        );
        check.finish()?;
        let id = aws::required("customKeyStoreId", self.custom_key_store_id)?;
        let entry = kms.stores.entry(&id)?;
        cluster::note(call, &entry);
        Ok(entry)
    }
}

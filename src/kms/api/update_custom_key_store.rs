//! UpdateCustomKeyStore: another name; or, while it is disconnected, the password that kmsuser has
//! now, or a related cluster.

use aws::{Call, Error, Result, Validation};
use serde::Deserialize;

use super::{
    cluster,
    common::Empty,
    create_custom_key_store::{External, check_password},
};
use crate::{
    Kms,
    errors::{self, CLUSTER_NOT_RELATED},
    key_store::{Password, Phase, StoreRecord},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateCustomKeyStoreRequest {
    custom_key_store_id: Option<String>,
    new_custom_key_store_name: Option<String>,
    key_store_password: Option<Password>,
    cloud_hsm_cluster_id: Option<String>,
    #[serde(flatten)]
    external: External,
}

pub(super) fn update_custom_key_store(
    kms: &Kms,
    call: &Call,
    request: UpdateCustomKeyStoreRequest,
) -> Result<Empty> {
    let id = request.check()?;
    let _changing = kms.stores.changing();
    let entry = kms.stores.entry(&id)?;
    let inside = request.key_store_password.is_some() || request.cloud_hsm_cluster_id.is_some();
    match entry.connection.phase() {
        Phase::Disconnected => {}
        Phase::Connected(_) if !inside => {}
        _ => return Err(entry.connection.invalid_state()),
    }
    let mut record = StoreRecord::clone(&entry.record());
    if let Some(name) = request.new_custom_key_store_name {
        kms.stores.check_name(&name, Some(&id))?;
        record.name = name;
    }
    if let Some(cluster) = request.cloud_hsm_cluster_id {
        call.requested("clusterId", cluster.as_str());
        let facts = cluster::check_for_new_keys(kms, &cluster)?;
        if facts.backup_history != record.backup_history {
            let text = format!(
                "Cluster '{cluster}' does not share a backup history with '{}'.",
                record.cluster
            );
            return Err(Error::new(CLUSTER_NOT_RELATED, text));
        }
        record.cluster = cluster;
    }
    kms.stores
        .update(&entry, record, request.key_store_password)?;
    cluster::note(call, &entry);
    Ok(Empty {})
}

impl UpdateCustomKeyStoreRequest {
    fn check(&self) -> Result<String> {
        let mut check = Validation::new();
        check.present("customKeyStoreId", &self.custom_key_store_id);
        check.length(
            "customKeyStoreId",
            self.custom_key_store_id.as_deref(),
            1..=64,
        );
        check.length(
            "newCustomKeyStoreName",
            self.new_custom_key_store_name.as_deref(),
            1..=256,
        );
        check_password(&mut check, self.key_store_password.as_ref());
        cluster::check_id(&mut check, self.cloud_hsm_cluster_id.as_deref());
        check.finish()?;
        self.external.refuse(false)?;
        let nothing = self.new_custom_key_store_name.is_none()
            && self.key_store_password.is_none()
            && self.cloud_hsm_cluster_id.is_none();
        if nothing {
            return Err(errors::validation(
                "At least one property of the store must be given.",
            ));
        }
        aws::required("customKeyStoreId", self.custom_key_store_id.clone())
    }
}

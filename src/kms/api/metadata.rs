//! KeyMetadata: what CreateKey and DescribeKey tell of a key.

use aws::{Scope, Timestamp};
use serde::Serialize;

use super::common::SYMMETRIC_DEFAULT;
use crate::keys::{Key, record::Life, state::State};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    aws_account_id: String,
    key_id: String,
    arn: String,
    creation_date: Timestamp,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<Timestamp>,
    origin: &'static str,
    custom_key_store_id: String,
    cloud_hsm_cluster_id: String,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    encryption_algorithms: [&'static str; 1],
    multi_region: bool,
}

/// An answer that is a key's metadata.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetadataResponse {
    pub(super) key_metadata: KeyMetadata,
}

impl KeyMetadata {
    pub(super) fn of(scope: &Scope, key: &Key) -> Self {
        let state = key.state();
        let deletion_date = match key.record.life {
            Life::Pending { due_ms } => Some(Timestamp(due_ms)),
            Life::Enabled | Life::Disabled => None,
        };
        Self {
            aws_account_id: scope.account.clone(),
            key_id: key.id.to_string(),
            arn: key.arn.clone(),
            creation_date: key.record.created(),
            enabled: state == State::Enabled,
            description: key.record.description.clone(),
            key_usage: "ENCRYPT_DECRYPT",
            key_state: state.text(),
            deletion_date,
            origin: "AWS_CLOUDHSM",
            custom_key_store_id: key.store.id.clone(),
            cloud_hsm_cluster_id: key.store.record().cluster.clone(),
            key_manager: "CUSTOMER",
            customer_master_key_spec: SYMMETRIC_DEFAULT,
            key_spec: SYMMETRIC_DEFAULT,
            encryption_algorithms: [SYMMETRIC_DEFAULT],
            multi_region: false,
        }
    }
}

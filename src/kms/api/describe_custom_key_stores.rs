//! DescribeCustomKeyStores: every store, or one, and how it is connected.

use aws::{Call, Error, Result, Timestamp, Validation};
use serde::{Deserialize, Serialize};

use super::page::Page;
use crate::{
    Kms,
    errors::{self, STORE_NOT_FOUND},
    key_store::{Entry, Phase},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeCustomKeyStoresRequest {
    custom_key_store_id: Option<String>,
    custom_key_store_name: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeCustomKeyStoresResponse {
    custom_key_stores: Vec<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    custom_key_store_id: String,
    custom_key_store_name: String,
    cloud_hsm_cluster_id: String,
    trust_anchor_certificate: String,
    connection_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_error_code: Option<&'static str>,
    creation_date: Timestamp,
    custom_key_store_type: &'static str,
}

pub(super) fn describe_custom_key_stores(
    kms: &Kms,
    _call: &Call,
    request: DescribeCustomKeyStoresRequest,
) -> Result<DescribeCustomKeyStoresResponse> {
    let (id, name) = (&request.custom_key_store_id, &request.custom_key_store_name);
    let mut check = Validation::new();
    check.length("customKeyStoreId", id.as_deref(), 1..=64);
    check.length("customKeyStoreName", name.as_deref(), 1..=256);
    check.finish()?;
    let page = Page::new(request.limit, request.marker.as_deref(), 100, 1000)?;
    let entries = match (id, name) {
        (Some(_), Some(_)) => {
            let text = "Give CustomKeyStoreId or CustomKeyStoreName, not both.";
            return Err(errors::validation(text));
        }
        (Some(id), None) => vec![kms.stores.entry(id)?],
        (None, Some(name)) => {
            let found = kms
                .stores
                .entries()
                .into_iter()
                .find(|entry| entry.record().name == *name);
            let text = format!("No custom key store is called '{name}'.");
            vec![found.ok_or_else(|| Error::new(STORE_NOT_FOUND, text))?]
        }
        (None, None) => kms.stores.entries(),
    };
    let after = page.after.as_deref().unwrap_or("");
    let rest = entries
        .into_iter()
        .filter(|entry| entry.id.as_str() > after);
    let cut = page.cut(rest.take(page.reach()).collect(), |entry| entry.id.clone());
    Ok(DescribeCustomKeyStoresResponse {
        custom_key_stores: cut
            .entries
            .iter()
            .map(|entry| Description::of(entry))
            .collect(),
        truncated: cut.next_marker.is_some(),
        next_marker: cut.next_marker,
    })
}

impl Description {
    fn of(entry: &Entry) -> Self {
        let (record, phase) = (entry.record(), entry.connection.phase());
        let code = match phase {
            Phase::Failed(code) => Some(code.text()),
            _ => None,
        };
        Self {
            custom_key_store_id: entry.id.clone(),
            custom_key_store_name: record.name.clone(),
            cloud_hsm_cluster_id: record.cluster.clone(),
            trust_anchor_certificate: record.trust_anchor.clone(),
            connection_state: phase.text(),
            connection_error_code: code,
            creation_date: Timestamp(record.created_ms),
            custom_key_store_type: "AWS_CLOUDHSM",
        }
    }
}

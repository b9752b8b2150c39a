//! ListKeys: the id and ARN of every key.

use aws::{Call, Result};
use serde::{Deserialize, Serialize};

use super::page::Page;
use crate::Kms;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListKeysRequest {
    limit: Option<i64>,
    marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListKeysResponse {
    keys: Vec<KeyListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyListEntry {
    key_id: String,
    key_arn: String,
}

pub(super) fn list_keys(
    kms: &Kms,
    _call: &Call,
    request: ListKeysRequest,
) -> Result<ListKeysResponse> {
    let page = Page::new(request.limit, request.marker.as_deref(), 100, 1000)?;
    let after = page.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|()| Page::foreign_marker())?;
    let cut = page.cut(kms.keys.ids(after, page.reach())?, ToString::to_string);
    let entry = |id: &crate::keys::KeyId| KeyListEntry {
        key_id: id.to_string(),
        key_arn: id.arn(&kms.keys.scope),
    };
    Ok(ListKeysResponse {
        keys: cut.entries.iter().map(entry).collect(),
        truncated: cut.next_marker.is_some(),
        next_marker: cut.next_marker,
    })
}

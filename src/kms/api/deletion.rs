//! ScheduleKeyDeletion, CancelKeyDeletion: a key waits 7 to 30 days before it is gone for ever.

use aws::{Call, Result, Timestamp, Validation};
use serde::{Deserialize, Serialize};

use super::common::{self, KeyRequest};
use crate::{
    Kms,
    keys::{
        record::{self, Life},
        state::Demand,
    },
    limits,
};

const DEFAULT_WINDOW_DAYS: i64 = 30;
const DAY_SECONDS: i64 = 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleKeyDeletionRequest {
    key_id: Option<String>,
    pending_window_in_days: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ScheduleKeyDeletionResponse {
    key_id: String,
    deletion_date: Timestamp,
    key_state: &'static str,
    pending_window_in_days: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelKeyDeletionResponse {
    key_id: String,
}

pub(super) fn schedule_key_deletion(
    kms: &Kms,
    call: &Call,
    request: ScheduleKeyDeletionRequest,
) -> Result<ScheduleKeyDeletionResponse> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    let window = request.pending_window_in_days;
    check.number("pendingWindowInDays", window, limits::PENDING_WINDOW_DAYS);
    check.finish()?;
    let window = window.unwrap_or(DEFAULT_WINDOW_DAYS);
    let due = call.now.plus_seconds(window * DAY_SECONDS);
    let id = kms
        .keys
        .resolve_key(&aws::required("keyId", request.key_id)?)?
        .id;
    let key = kms.keys.change(id, Demand::Change, |key, record, change| {
        record.life = Life::Pending { due_ms: due.0 };
        // The store's id stays after the record is gone: the material is there.
        Ok(change.put(record::due(due.0, id), &key.record.store))
    })?;
    call.resource(key.arn.as_str());
    call.additional("customKeyStoreId", key.store.id.as_str());
    call.additional("clusterId", key.store.record().cluster.as_str());
    Ok(ScheduleKeyDeletionResponse {
        key_id: key.arn.clone(),
        deletion_date: due,
        key_state: key.state().text(),
        pending_window_in_days: window,
    })
}

pub(super) fn cancel_key_deletion(
    kms: &Kms,
    call: &Call,
    request: KeyRequest,
) -> Result<CancelKeyDeletionResponse> {
    let id = kms.keys.resolve_key(&request.checked()?)?.id;
    let key = kms.keys.change(id, Demand::Revive, |key, record, change| {
        record.life = Life::Disabled;
        match key.record.life {
            Life::Pending { due_ms } => Ok(change.delete(record::due(due_ms, id))),
            Life::Enabled | Life::Disabled => Ok(change),
        }
    })?;
    call.resource(key.arn.as_str());
    Ok(CancelKeyDeletionResponse {
        key_id: key.arn.clone(),
    })
}

//! EnableKey, DisableKey, UpdateKeyDescription. They are accepted while the key's store is
//! disconnected, and seen when it is connected again.

use aws::{Call, Result, Validation};
use serde::Deserialize;

use super::common::{self, Empty, KeyRequest};
use crate::{
    Kms,
    keys::{
        record::{KeyRecord, Life},
        state::Demand,
    },
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateKeyDescriptionRequest {
    key_id: Option<String>,
    description: Option<String>,
}

pub(super) fn enable_key(kms: &Kms, call: &Call, request: KeyRequest) -> Result<Empty> {
    change(kms, call, &request.checked()?, |record| {
        record.life = Life::Enabled
    })
}

pub(super) fn disable_key(kms: &Kms, call: &Call, request: KeyRequest) -> Result<Empty> {
    change(kms, call, &request.checked()?, |record| {
        record.life = Life::Disabled
    })
}

pub(super) fn update_key_description(
    kms: &Kms,
    call: &Call,
    request: UpdateKeyDescriptionRequest,
) -> Result<Empty> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.present("description", &request.description);
    check.length(
        "description",
        request.description.as_deref(),
        limits::DESCRIPTION,
    );
    check.finish()?;
    let key = aws::required("keyId", request.key_id)?;
    let description = aws::required("description", request.description)?;
    change(kms, call, &key, |record| record.description = description)
}

fn change(kms: &Kms, call: &Call, name: &str, edit: impl FnOnce(&mut KeyRecord)) -> Result<Empty> {
    let id = kms.keys.resolve_key(name)?.id;
    let key = kms.keys.change(id, Demand::Change, |_, record, change| {
        edit(record);
        Ok(change)
    })?;
    call.resource(key.arn.as_str());
    Ok(Empty {})
}

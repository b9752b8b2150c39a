//! DescribeKey: what there is to know about a key, by any of its names.

use aws::{Call, Result, Validation};
use serde::Deserialize;

use super::{
    common,
    metadata::{KeyMetadata, MetadataResponse},
};
use crate::Kms;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeKeyRequest {
    key_id: Option<String>,
    grant_tokens: Option<Vec<String>>,
}

pub(super) fn describe_key(
    kms: &Kms,
    call: &Call,
    request: DescribeKeyRequest,
) -> Result<MetadataResponse> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.finish()?;
    common::no_grant_tokens(request.grant_tokens.as_deref())?;
    let key = kms.keys.resolve(&aws::required("keyId", request.key_id)?)?;
    call.resource(key.arn.as_str());
    Ok(MetadataResponse {
        key_metadata: KeyMetadata::of(&kms.keys.scope, &key),
    })
}

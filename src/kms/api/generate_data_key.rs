//! GenerateDataKey, GenerateDataKeyWithoutPlaintext: bytes from the cluster, encrypted there under
//! the key.

use std::sync::Arc;

use aws::{Blob, Call, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::common;
use crate::{
    Kms, errors,
    keys::{
        Key,
        context::{self, Context},
        state::Demand,
    },
    limits,
};

const SPECS: &[(&str, usize)] = &[("AES_256", 32), ("AES_128", 16)];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateDataKeyRequest {
    key_id: Option<String>,
    encryption_context: Option<Context>,
    number_of_bytes: Option<i64>,
    key_spec: Option<String>,
    grant_tokens: Option<Vec<String>>,
    recipient: Option<IgnoredAny>,
    dry_run: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateDataKeyResponse {
    ciphertext_blob: Blob,
    plaintext: Blob,
    key_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateDataKeyWithoutPlaintextResponse {
    ciphertext_blob: Blob,
    key_id: String,
}

pub(super) fn generate_data_key(
    kms: &Kms,
    call: &Call,
    request: GenerateDataKeyRequest,
) -> Result<GenerateDataKeyResponse> {
    let DataKey {
        plaintext,
        ciphertext_blob,
        key,
    } = generate(kms, call, request)?;
    Ok(GenerateDataKeyResponse {
        ciphertext_blob,
        plaintext,
        key_id: key.arn.clone(),
    })
}

pub(super) fn generate_data_key_without_plaintext(
    kms: &Kms,
    call: &Call,
    request: GenerateDataKeyRequest,
) -> Result<GenerateDataKeyWithoutPlaintextResponse> {
    let DataKey {
        ciphertext_blob,
        key,
        ..
    } = generate(kms, call, request)?;
    Ok(GenerateDataKeyWithoutPlaintextResponse {
        ciphertext_blob,
        key_id: key.arn.clone(),
    })
}

struct DataKey {
    plaintext: Blob,
    ciphertext_blob: Blob,
    key: Arc<Key>,
}

fn generate(kms: &Kms, call: &Call, request: GenerateDataKeyRequest) -> Result<DataKey> {
    let specs: Vec<&str> = SPECS.iter().map(|(name, _)| *name).collect();
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.number("numberOfBytes", request.number_of_bytes, limits::RANDOM);
    check.one_of("keySpec", request.key_spec.as_deref(), &specs);
    check.finish()?;
    common::no_grant_tokens(request.grant_tokens.as_deref())?;
    common::no_recipient(request.recipient.as_ref())?;
    let len = len(request.number_of_bytes, request.key_spec.as_deref())?;
    let context = context::canonical(request.encryption_context.as_ref())?;
    let key = kms.keys.resolve(&aws::required("keyId", request.key_id)?)?;
    common::note(call, &key);
    key.permit(Demand::Use)?;
    common::not_dry(request.dry_run)?;
    let plaintext = key.random(len)?;
    let ciphertext_blob = key.encrypt(&context, plaintext.reveal())?;
    Ok(DataKey {
        plaintext,
        ciphertext_blob,
        key,
    })
}

/// The length is said in one way, not in none or both.
fn len(bytes: Option<i64>, spec: Option<&str>) -> Result<usize> {
    let spec = spec.and_then(|spec| SPECS.iter().find(|(name, _)| *name == spec));
    match (bytes.and_then(|bytes| usize::try_from(bytes).ok()), spec) {
        (Some(bytes), None) => Ok(bytes),
        (None, Some((_, bytes))) => Ok(*bytes),
        _ => Err(errors::validation(
            "Please specify either number of bytes or key spec.",
        )),
    }
}

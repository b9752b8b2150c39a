//! ReEncrypt: from one key or context to another, the plaintext never outside of this function.

use aws::{Blob, Call, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    common::{self, SYMMETRIC_DEFAULT},
    decrypt,
};
use crate::{
    Kms,
    keys::{
        ciphertext::Header,
        context::{self, Context},
        state::Demand,
    },
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncryptRequest {
    ciphertext_blob: Option<Blob>,
    source_encryption_context: Option<Context>,
    source_key_id: Option<String>,
    destination_key_id: Option<String>,
    destination_encryption_context: Option<Context>,
    source_encryption_algorithm: Option<String>,
    destination_encryption_algorithm: Option<String>,
    grant_tokens: Option<Vec<String>>,
    dry_run: Option<bool>,
    dry_run_modifiers: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReEncryptResponse {
    ciphertext_blob: Blob,
    source_key_id: String,
    key_id: String,
    source_encryption_algorithm: &'static str,
    destination_encryption_algorithm: &'static str,
}

pub(super) fn re_encrypt(
    kms: &Kms,
    call: &Call,
    request: ReEncryptRequest,
) -> Result<ReEncryptResponse> {
    let (from, to) = (
        &request.source_encryption_algorithm,
        &request.destination_encryption_algorithm,
    );
    let mut check = Validation::new();
    decrypt::ciphertext(&mut check, &request.ciphertext_blob);
    check.length(
        "sourceKeyId",
        request.source_key_id.as_deref(),
        limits::KEY_ID,
    );
    common::key_id(&mut check, "destinationKeyId", &request.destination_key_id);
    common::algorithm(&mut check, "sourceEncryptionAlgorithm", from);
    common::algorithm(&mut check, "destinationEncryptionAlgorithm", to);
    check.finish()?;
    common::no_grant_tokens(request.grant_tokens.as_deref())?;
    decrypt::no_modifiers(request.dry_run_modifiers.as_deref())?;
    let source_context = context::canonical(request.source_encryption_context.as_ref())?;
    let context = context::canonical(request.destination_encryption_context.as_ref())?;
    let blob = aws::required("ciphertextBlob", request.ciphertext_blob)?;
    let (header, body) = Header::parse(blob.reveal())?;
    let source = decrypt::key_of(kms, header, request.source_key_id.as_deref())?;
    let name = aws::required("destinationKeyId", request.destination_key_id)?;
    let destination = kms.keys.resolve(&name)?;
    call.resource(source.arn.as_str());
    call.resource(destination.arn.as_str());
    call.additional("customKeyStoreId", destination.store.id.as_str());
    for (key, algorithm) in [(&source, from), (&destination, to)] {
        common::usable_algorithm(algorithm.as_deref())?;
        key.permit(Demand::Use)?;
    }
    common::not_dry(request.dry_run)?;
    let plaintext = source.decrypt(&source_context, header, body)?;
    Ok(ReEncryptResponse {
        ciphertext_blob: destination.encrypt(&context, plaintext.reveal())?,
        source_key_id: source.arn.clone(),
        key_id: destination.arn.clone(),
        source_encryption_algorithm: SYMMETRIC_DEFAULT,
        destination_encryption_algorithm: SYMMETRIC_DEFAULT,
    })
}

//! Encrypt: up to 4 KiB under a key, in its cluster.

use aws::{Blob, Call, Result, Validation};
use serde::{Deserialize, Serialize};

use super::common::{self, SYMMETRIC_DEFAULT};
use crate::{
    Kms,
    keys::{
        context::{self, Context},
        state::Demand,
    },
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptRequest {
    key_id: Option<String>,
    plaintext: Option<Blob>,
    encryption_context: Option<Context>,
    grant_tokens: Option<Vec<String>>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptResponse {
    ciphertext_blob: Blob,
    key_id: String,
    encryption_algorithm: &'static str,
}

pub(super) fn encrypt(kms: &Kms, call: &Call, request: EncryptRequest) -> Result<EncryptResponse> {
    let mut check = Validation::new();
    common::key_id(&mut check, "keyId", &request.key_id);
    check.present("plaintext", &request.plaintext);
    let len = request
        .plaintext
        .as_ref()
        .map(|plaintext| plaintext.reveal().len());
    check.count("plaintext", len, limits::PLAINTEXT);
    common::algorithm(
        &mut check,
        "encryptionAlgorithm",
        &request.encryption_algorithm,
    );
    check.finish()?;
    common::no_grant_tokens(request.grant_tokens.as_deref())?;
    let context = context::canonical(request.encryption_context.as_ref())?;
    let key = kms.keys.resolve(&aws::required("keyId", request.key_id)?)?;
    common::note(call, &key);
    common::usable_algorithm(request.encryption_algorithm.as_deref())?;
    key.permit(Demand::Use)?;
    common::not_dry(request.dry_run)?;
    let plaintext = aws::required("plaintext", request.plaintext)?;
    Ok(EncryptResponse {
        ciphertext_blob: key.encrypt(&context, plaintext.reveal())?,
        key_id: key.arn.clone(),
        encryption_algorithm: SYMMETRIC_DEFAULT,
    })
}

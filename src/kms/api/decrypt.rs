//! Decrypt: the ciphertext says which key; a KeyId in the request must say the same.

use std::sync::Arc;

use aws::{Blob, Call, Error, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::common::{self, SYMMETRIC_DEFAULT};
use crate::{
    Kms,
    errors::{self, INCORRECT_KEY},
    keys::{
        Key,
        ciphertext::Header,
        context::{self, Context},
        state::Demand,
    },
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecryptRequest {
    ciphertext_blob: Option<Blob>,
    encryption_context: Option<Context>,
    grant_tokens: Option<Vec<String>>,
    key_id: Option<String>,
    encryption_algorithm: Option<String>,
    recipient: Option<IgnoredAny>,
    dry_run: Option<bool>,
    dry_run_modifiers: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecryptResponse {
    key_id: String,
    plaintext: Blob,
    encryption_algorithm: &'static str,
}

pub(super) fn decrypt(kms: &Kms, call: &Call, request: DecryptRequest) -> Result<DecryptResponse> {
    let mut check = Validation::new();
    ciphertext(&mut check, &request.ciphertext_blob);
    check.length("keyId", request.key_id.as_deref(), limits::KEY_ID);
    common::algorithm(
        &mut check,
        "encryptionAlgorithm",
        &request.encryption_algorithm,
    );
    check.finish()?;
    // An event of Decrypt always shows it.
    call.requested("encryptionAlgorithm", SYMMETRIC_DEFAULT);
    common::no_grant_tokens(request.grant_tokens.as_deref())?;
    common::no_recipient(request.recipient.as_ref())?;
    no_modifiers(request.dry_run_modifiers.as_deref())?;
    let context = context::canonical(request.encryption_context.as_ref())?;
    let blob = aws::required("ciphertextBlob", request.ciphertext_blob)?;
    let (header, body) = Header::parse(blob.reveal())?;
    let key = key_of(kms, header, request.key_id.as_deref())?;
    common::note(call, &key);
    common::usable_algorithm(request.encryption_algorithm.as_deref())?;
    key.permit(Demand::Use)?;
    common::not_dry(request.dry_run)?;
    Ok(DecryptResponse {
        plaintext: key.decrypt(&context, header, body)?,
        key_id: key.arn.clone(),
        encryption_algorithm: SYMMETRIC_DEFAULT,
    })
}

/// A ciphertext must be there and not be too long.
pub(super) fn ciphertext(check: &mut Validation, blob: &Option<Blob>) {
    check.present("ciphertextBlob", blob);
    let len = blob.as_ref().map(|blob| blob.reveal().len());
    check.count("ciphertextBlob", len, limits::CIPHERTEXT);
}

/// The key that made a ciphertext, which must be the one that the request names, if it names one.
pub(super) fn key_of(kms: &Kms, header: Header, named: Option<&str>) -> Result<Arc<Key>> {
    let named = named.map(|name| kms.keys.resolve(name)).transpose()?;
    match named {
        Some(key) if key.id == header.key => Ok(key),
        Some(_) => Err(Error::new(
            INCORRECT_KEY,
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )),
        // A blob of another server, or of a key that was deleted.
        None => kms
            .keys
            .find(header.key)?
            .ok_or_else(errors::invalid_ciphertext),
    }
}

/// A dry run checks the ciphertext too: there is no way to leave that out.
pub(super) fn no_modifiers(modifiers: Option<&[IgnoredAny]>) -> Result<()> {
    match modifiers {
        None | Some([]) => Ok(()),
        Some(_) => Err(errors::unsupported("DryRunModifiers are not supported.")),
    }
}

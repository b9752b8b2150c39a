//! GenerateRandom: from a key store's cluster where one is named, else from this machine.

use aws::{Blob, Call, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::common;
use crate::{Kms, errors, limits};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateRandomRequest {
    number_of_bytes: Option<i64>,
    custom_key_store_id: Option<String>,
    recipient: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateRandomResponse {
    plaintext: Blob,
}

pub(super) fn generate_random(
    kms: &Kms,
    call: &Call,
    request: GenerateRandomRequest,
) -> Result<GenerateRandomResponse> {
    let mut check = Validation::new();
    check.number("numberOfBytes", request.number_of_bytes, limits::RANDOM);
    check.length(
        "customKeyStoreId",
        request.custom_key_store_id.as_deref(),
        1..=64,
    );
    check.finish()?;
    common::no_recipient(request.recipient.as_ref())?;
    let len = request
        .number_of_bytes
        .and_then(|len| usize::try_from(len).ok());
    let len = len.ok_or_else(|| errors::validation("NumberOfBytes is required."))?;
    let plaintext = match request.custom_key_store_id {
        Some(store) => of_store(kms, call, &store, len)?,
        None => of_this_machine(len)?,
    };
    Ok(GenerateRandomResponse { plaintext })
}

fn of_store(kms: &Kms, call: &Call, id: &str, len: usize) -> Result<Blob> {
    let store = kms.stores.entry(id)?;
    call.additional("customKeyStoreId", id);
    if !store.connection.is_connected() {
        return Err(store.connection.invalid_state());
    }
    let bytes = store.connection.run(|hsm| {
        let mut bytes = Zeroizing::new(vec![0; len]);
        hsm.random(&mut bytes)?;
        Ok(Blob::from(std::mem::take(&mut *bytes)))
    });
    bytes.map_err(|fault| fault.of_store(id))
}

fn of_this_machine(len: usize) -> Result<Blob> {
    let mut bytes = Zeroizing::new(vec![0; len]);
    crypto::random::fill(&mut bytes)
        .map_err(|error| errors::internal(format!("No randomness: {error}.")))?;
    Ok(Blob::from(std::mem::take(&mut *bytes)))
}

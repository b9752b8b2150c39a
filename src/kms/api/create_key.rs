//! CreateKey: an AES-256 key in a custom key store. Its material is made first, its record second:
//! there is never a key without material.

use aws::{Call, Result, Validation};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    cluster,
    common::SYMMETRIC_DEFAULT,
    metadata::{KeyMetadata, MetadataResponse},
};
use crate::{
    Kms, errors, faults,
    key_store::{Entry, KeyName},
    keys::{
        KeyId,
        record::{KeyRecord, Life},
        tags::{self, Tag},
    },
    limits,
};

const ORIGINS: &[&str] = &["EXTERNAL", "AWS_CLOUDHSM", "AWS_KMS", "EXTERNAL_KEY_STORE"];
const USAGES: &[&str] = &[
    "SIGN_VERIFY",
    "ENCRYPT_DECRYPT",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
];
const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateKeyRequest {
    policy: Option<IgnoredAny>,
    description: Option<String>,
    key_usage: Option<String>,
    customer_master_key_spec: Option<String>,
    key_spec: Option<String>,
    origin: Option<String>,
    custom_key_store_id: Option<String>,
    tags: Option<Vec<Tag>>,
    multi_region: Option<bool>,
    xks_key_id: Option<IgnoredAny>,
}

pub(super) fn create_key(
    kms: &Kms,
    call: &Call,
    request: CreateKeyRequest,
) -> Result<MetadataResponse> {
    let store_id = request.check()?;
    let tags = request.tags.unwrap_or_default();
    tags::check(&tags)?;
    let store = kms.stores.entry(&store_id)?;
    if !store.connection.is_connected() {
        return Err(store.connection.invalid_state());
    }
    cluster::check_for_new_keys(kms, &store.record().cluster)?;
    kms.keys.check_quota()?;
    let record = KeyRecord {
        store: store_id,
        created_ms: call.now.0,
        description: request.description.unwrap_or_default(),
        life: Life::Enabled,
    };
    let key = make(kms, &store, record, &tags)?;
    call.resource(key.arn.as_str());
    call.answered("keyId", key.arn.as_str());
    call.additional("customKeyStoreId", store.id.as_str());
    Ok(MetadataResponse {
        key_metadata: KeyMetadata::of(&kms.keys.scope, &key),
    })
}

fn make(
    kms: &Kms,
    store: &Entry,
    record: KeyRecord,
    tags: &[Tag],
) -> Result<std::sync::Arc<crate::keys::Key>> {
    let id = KeyId::random()?;
    let _making = store.making(id);
    let arn = id.arn(&kms.keys.scope);
    let name = KeyName { id, arn: &arn };
    let made = store.connection.run(|hsm| hsm.generate(name));
    made.map_err(|fault| fault.of_store(&store.id))?;
    faults::reach(faults::KEY_GENERATED);
    kms.keys.create(id, &record, tags).inspect_err(|_| {
        if let Err(fault) = store.connection.run(|hsm| hsm.destroy(name)) {
            log::error!("{arn}: not made, but its material is in the cluster: {fault:?}");
        }
    })
}

impl CreateKeyRequest {
    /// The id of the key store; what this version lacks is refused, never ignored.
    fn check(&self) -> Result<String> {
        let mut check = Validation::new();
        check.length(
            "description",
            self.description.as_deref(),
            limits::DESCRIPTION,
        );
        check.one_of("keyUsage", self.key_usage.as_deref(), USAGES);
        check.one_of(
            "customerMasterKeySpec",
            self.customer_master_key_spec.as_deref(),
            SPECS,
        );
        check.one_of("keySpec", self.key_spec.as_deref(), SPECS);
        check.one_of("origin", self.origin.as_deref(), ORIGINS);
        check.length(
            "customKeyStoreId",
            self.custom_key_store_id.as_deref(),
            1..=64,
        );
        for tag in self.tags.iter().flatten() {
            super::tags::check_form(&mut check, tag);
        }
        check.finish()?;
        if self.key_spec.is_some() && self.customer_master_key_spec.is_some() {
            return Err(errors::validation(
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
                 CustomerMasterKeySpec is deprecated.",
            ));
        }
        self.refuse_the_rest()?;
        match (self.origin.as_deref(), &self.custom_key_store_id) {
            (Some("AWS_CLOUDHSM"), Some(store)) => Ok(store.clone()),
            (Some("AWS_CLOUDHSM"), None) => Err(errors::validation(
                "Origin AWS_CLOUDHSM needs a CustomKeyStoreId.",
            )),
            (_, Some(_)) => Err(errors::validation(
                "A key in a custom key store with CustomKeyStoreId needs the Origin AWS_CLOUDHSM.",
            )),
            (_, None) => Err(errors::unsupported(
                "There is no default key store: create the key in a custom key store, with \
                 Origin AWS_CLOUDHSM and CustomKeyStoreId.",
            )),
        }
    }

    fn refuse_the_rest(&self) -> Result<()> {
        let spec = self
            .key_spec
            .as_deref()
            .or(self.customer_master_key_spec.as_deref());
        let text = match (spec, self.key_usage.as_deref(), self.origin.as_deref()) {
            _ if self.policy.is_some() => {
                "Key policies are not supported: create the key without Policy."
            }
            _ if self.multi_region == Some(true) => "Multi-Region keys are not supported.",
            _ if self.xks_key_id.is_some() => "External key stores are not supported.",
            (Some(spec), ..) if spec != SYMMETRIC_DEFAULT => {
                "A custom key store has symmetric encryption keys only: KeySpec SYMMETRIC_DEFAULT."
            }
            (_, Some(usage), _) if usage != "ENCRYPT_DECRYPT" => {
                "A custom key store has symmetric encryption keys only: KeyUsage ENCRYPT_DECRYPT."
            }
            (.., Some("EXTERNAL")) => "Imported key material is not supported.",
            (.., Some("EXTERNAL_KEY_STORE")) => "External key stores are not supported.",
            _ => return Ok(()),
        };
        Err(errors::unsupported(text))
    }
}

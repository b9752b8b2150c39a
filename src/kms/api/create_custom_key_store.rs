//! CreateCustomKeyStore: tells KMS of a cluster and of kmsuser's password in it. Nothing in the
//! cluster changes.

use aws::{Call, Error, Result, Validation};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::cluster;
use crate::{
    Cluster, Kms, certificate,
    errors::{self, CLUSTER_IN_USE, LIMIT_EXCEEDED},
    key_store::{Credentials, Entry, Password, Phase, StoreRecord},
    limits,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateCustomKeyStoreRequest {
    custom_key_store_name: Option<String>,
    cloud_hsm_cluster_id: Option<String>,
    trust_anchor_certificate: Option<String>,
    key_store_password: Option<Password>,
    custom_key_store_type: Option<String>,
    #[serde(flatten)]
    external: External,
}

/// What only stores outside of AWS have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct External {
    xks_proxy_uri_endpoint: Option<IgnoredAny>,
    xks_proxy_uri_path: Option<IgnoredAny>,
    xks_proxy_vpc_endpoint_service_name: Option<IgnoredAny>,
    xks_proxy_vpc_endpoint_service_owner: Option<IgnoredAny>,
    xks_proxy_authentication_credential: Option<IgnoredAny>,
    xks_proxy_connectivity: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateCustomKeyStoreResponse {
    custom_key_store_id: String,
}

pub(super) fn create_custom_key_store(
    kms: &Kms,
    call: &Call,
    request: CreateCustomKeyStoreRequest,
) -> Result<CreateCustomKeyStoreResponse> {
    let wanted = Wanted::checked(request)?;
    call.requested("clusterId", wanted.cluster.as_str());
    let _changing = kms.stores.changing();
    let custom_key_store_id = match wanted.existing(kms)? {
        Some(entry) => entry.id.clone(),
        None => wanted.create(kms, call)?,
    };
    call.answered("customKeyStoreId", custom_key_store_id.as_str());
    Ok(CreateCustomKeyStoreResponse {
        custom_key_store_id,
    })
}

/// A store that somebody wants, whatever there is.
struct Wanted {
    name: String,
    cluster: String,
    trust_anchor: String,
    password: Password,
}

impl Wanted {
    fn checked(request: CreateCustomKeyStoreRequest) -> Result<Self> {
        let mut check = Validation::new();
        check.present("customKeyStoreName", &request.custom_key_store_name);
        check.length(
            "customKeyStoreName",
            request.custom_key_store_name.as_deref(),
            1..=256,
        );
        let kind = request.custom_key_store_type.as_deref();
        check.one_of(
            "customKeyStoreType",
            kind,
            &["EXTERNAL_KEY_STORE", "AWS_CLOUDHSM"],
        );
        cluster::check_id(&mut check, request.cloud_hsm_cluster_id.as_deref());
        let trust_anchor = request.trust_anchor_certificate.as_deref();
        check.secret_length("trustAnchorCertificate", trust_anchor, 1..=5000);
        check_password(&mut check, request.key_store_password.as_ref());
        if kind != Some("EXTERNAL_KEY_STORE") {
            check.present("cloudHsmClusterId", &request.cloud_hsm_cluster_id);
            check.present("trustAnchorCertificate", &request.trust_anchor_certificate);
            check.present("keyStorePassword", &request.key_store_password);
        }
        check.finish()?;
        request
            .external
            .refuse(kind == Some("EXTERNAL_KEY_STORE"))?;
        Ok(Self {
            name: aws::required("customKeyStoreName", request.custom_key_store_name)?,
            cluster: aws::required("cloudHsmClusterId", request.cloud_hsm_cluster_id)?,
            trust_anchor: aws::required(
                "trustAnchorCertificate",
                request.trust_anchor_certificate,
            )?,
            password: aws::required("keyStorePassword", request.key_store_password)?,
        })
    }

    /// A disconnected store with all these properties: the request is a retry of the one that made it.
    fn existing(&self, kms: &Kms) -> Result<Option<std::sync::Arc<Entry>>> {
        for entry in kms.stores.entries() {
            let record = entry.record();
            let anchors =
                [&record.trust_anchor, &self.trust_anchor].map(|pem| certificate::der(pem));
            let same = record.name == self.name
                && record.cluster == self.cluster
                && anchors.first() == anchors.last()
                && matches!(entry.connection.phase(), Phase::Disconnected);
            if same
                && Credentials::read(&kms.records, &entry.id)?
                    .current
                    .is(&self.password)
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn create(self, kms: &Kms, call: &Call) -> Result<String> {
        let entries = kms.stores.entries();
        if entries.len() >= limits::KEY_STORES {
            let text = format!(
                "The account has {} custom key stores already.",
                limits::KEY_STORES
            );
            return Err(Error::new(LIMIT_EXCEEDED, text));
        }
        kms.stores.check_name(&self.name, None)?;
        let facts = cluster::active(kms, &self.cluster)?;
        check_unused(&entries, &self.cluster, &facts)?;
        cluster::check_zones(&facts, limits::ZONES)?;
        cluster::check_trust_anchor(&facts, &self.trust_anchor)?;
        let id = new_id()?;
        let record = StoreRecord {
            name: self.name,
            cluster: self.cluster,
            backup_history: facts.backup_history,
            trust_anchor: self.trust_anchor,
            created_ms: call.now.0,
        };
        kms.stores.create(&id, record, self.password)?;
        Ok(id)
    }
}

impl External {
    /// Stores outside of AWS are not there in this version.
    pub(super) fn refuse(&self, wanted: bool) -> Result<()> {
        let given = self.xks_proxy_uri_endpoint.is_some()
            || self.xks_proxy_uri_path.is_some()
            || self.xks_proxy_vpc_endpoint_service_name.is_some()
            || self.xks_proxy_vpc_endpoint_service_owner.is_some()
            || self.xks_proxy_authentication_credential.is_some()
            || self.xks_proxy_connectivity.is_some();
        match wanted || given {
            true => Err(errors::unsupported(
                "External key stores are not supported.",
            )),
            false => Ok(()),
        }
    }
}

/// The form of kmsuser's password; it is not repeated.
pub(super) fn check_password(check: &mut Validation, password: Option<&Password>) {
    check.secret_length("keyStorePassword", password.map(Password::reveal), 7..=32);
}

/// One store a cluster, and one for all clusters that come from one another's backups: they have
/// the same kmsuser.
fn check_unused(entries: &[std::sync::Arc<Entry>], id: &str, cluster: &Cluster) -> Result<()> {
    for entry in entries {
        let record = entry.record();
        if record.cluster == id || record.backup_history == cluster.backup_history {
            let text = format!(
                "Cluster '{id}', or one that shares its backup history, is the cluster of custom \
                 key store '{}'.",
                entry.id
            );
            return Err(Error::new(CLUSTER_IN_USE, text));
        }
    }
    Ok(())
}

/// `cks-` and 17 hexadecimal digits.
fn new_id() -> Result<String> {
    let bytes: [u8; 9] = crypto::random::array()
        .map_err(|error| errors::internal(format!("No randomness: {error}.")))?;
    Ok(format!(
        "cks-{}",
        hex::encode(bytes).chars().skip(1).collect::<String>()
    ))
}

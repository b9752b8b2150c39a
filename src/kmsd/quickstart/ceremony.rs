//! The steps, in the order of the AWS documents: a cluster, its certificate, its admin; a key
//! store, a key; a message there and back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use token::{ClusterId, Operator as _, SecretBytes};

use super::{
    NAME,
    api::{Api, Refused, list, text},
    authority::Authority,
    report,
    secrets::Secrets,
};
use crate::{Failure, server::Server};

/// How long a key store may take to connect.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(50);
/// The message, and what it is encrypted with.
const MESSAGE: &str = "YXR0YWNrIGF0IGRhd24=";

/// The cluster's id; when this returns it is active, with HSMs in two zones.
pub(super) fn cluster(server: &Server, api: &Api, secrets: &Secrets) -> Result<String, Failure> {
    let id = existing_cluster(server, api)?;
    let made = id.is_none();
    let id = match id {
        Some(id) => id,
        None => text(
            &api.cloudhsm("CreateCluster", &new_cluster())?,
            "/Cluster/ClusterId",
        )?
        .to_owned(),
    };
    report(made, &format!("cluster {id}"));
    hsms(server, api, &id)?;

    let authority = Authority::open(&server.records.home.path().join(NAME))?;
    report(
        authority.made,
        &format!("certificate authority {}", authority.key_path.display()),
    );
    let cluster = describe(api, &id)?;
    let state = text(&cluster, "/State")?;
    if state == "UNINITIALIZED" {
        let certificate = authority.sign(text(&cluster, "/Certificates/ClusterCsr")?)?;
        let request = json!({
            "ClusterId": id, "SignedCert": certificate, "TrustAnchor": authority.certificate,
        });
        api.cloudhsm("InitializeCluster", &request)?;
    }
    if state != "ACTIVE" {
        let cluster = ClusterId::parse(&id).ok_or("the API answered an id that is none")?;
        let open = server.services.requests.begin();
        let password = SecretBytes::copied(secrets.admin_password.as_bytes());
        server
            .services
            .operator
            .activate_cluster(open.request(), &cluster, &password)?;
    }
    report(state != "ACTIVE", "admin of the cluster, which is active");
    Ok(id)
}

/// The id of the connected key store over the cluster.
pub(super) fn key_store(
    api: &Api,
    cluster: &str,
    secrets: &Secrets,
    server: &Server,
) -> Result<String, Failure> {
    let stores = api.kms("DescribeCustomKeyStores", &json!({}))?;
    let of_cluster =
        |store: &&Value| store.get("CloudHsmClusterId").and_then(Value::as_str) == Some(cluster);
    let existing = list(&stores, "/CustomKeyStores").iter().find(of_cluster);
    let id = match existing {
        Some(store) => text(store, "/CustomKeyStoreId")?.to_owned(),
        None => {
            let authority = Authority::open(&server.records.home.path().join(NAME))?;
            let request = json!({
                "CustomKeyStoreName": NAME,
                "CloudHsmClusterId": cluster,
                "KeyStorePassword": *secrets.kmsuser_password,
                "TrustAnchorCertificate": authority.certificate,
            });
            let answer = api.kms("CreateCustomKeyStore", &request)?;
            text(&answer, "/CustomKeyStoreId")?.to_owned()
        }
    };
    report(existing.is_none(), &format!("custom key store {id}"));
    connect(api, &id)?;
    Ok(id)
}

/// The ARN of the key with quickstart's alias.
pub(super) fn key(api: &Api, store: &str) -> Result<String, Failure> {
    let alias = format!("alias/{NAME}");
    match api.kms("DescribeKey", &json!({ "KeyId": alias })) {
        Ok(key) if is_usable(&key) => {
            let arn = text(&key, "/KeyMetadata/Arn")?.to_owned();
            report(false, &format!("KMS key {arn}"));
            return Ok(arn);
        }
        // Disabled or scheduled for deletion by its user: that stays so, and another one is made.
        Ok(_) => drop(api.kms("DeleteAlias", &json!({ "AliasName": alias }))?),
        Err(error) if is_named(&error, "NotFoundException") => {}
        Err(error) => return Err(error),
    }
    // A run that was killed between the key and its alias has left the key.
    let (arn, made) = match nameless_key(api, store)? {
        Some(arn) => (arn, false),
        None => {
            let request = json!({
                "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store, "Description": NAME,
            });
            (
                text(&api.kms("CreateKey", &request)?, "/KeyMetadata/Arn")?.to_owned(),
                true,
            )
        }
    };
    api.kms(
        "CreateAlias",
        &json!({ "AliasName": alias, "TargetKeyId": arn }),
    )?;
    report(made, &format!("KMS key {arn}, {alias}"));
    Ok(arn)
}

/// Encrypts a message and decrypts it.
pub(super) fn message(api: &Api, key_arn: &str) -> Result<(), Failure> {
    let context = json!({ "page": "one" });
    let sealed = api.kms(
        "Encrypt",
        &json!({ "KeyId": key_arn, "Plaintext": MESSAGE, "EncryptionContext": context }),
    )?;
    let sealed = text(&sealed, "/CiphertextBlob")?;
    let opened = api.kms(
        "Decrypt",
        &json!({ "CiphertextBlob": sealed, "EncryptionContext": context }),
    )?;
    if text(&opened, "/Plaintext")? != MESSAGE {
        return Err("the message that was decrypted is not the one that was encrypted".into());
    }
    println!(
        "  encrypted and decrypted a message: {} characters of ciphertext",
        sealed.len()
    );
    Ok(())
}

fn new_cluster() -> Value {
    json!({
        "HsmType": "hsm2m.medium",
        "Mode": "NON_FIPS",
        "SubnetIds": ["subnet-11111111", "subnet-22222222"],
        "TagList": [{ "Key": "Name", "Value": NAME }],
    })
}

/// A cluster with quickstart's label. The label stands from the moment the cluster exists, the tag
/// is written after it.
fn existing_cluster(server: &Server, api: &Api) -> Result<Option<String>, Failure> {
    let clusters = server.services.operator.clusters()?;
    let Some(cluster) = clusters.into_iter().find(|cluster| cluster.label == NAME) else {
        return Ok(None);
    };
    let id = cluster.id.to_string();
    let known = describe(api, &id)?;
    if list(&known, "/TagList").is_empty() {
        let tags = json!([{ "Key": "Name", "Value": NAME }]);
        api.cloudhsm("TagResource", &json!({ "ResourceId": id, "TagList": tags }))?;
    }
    Ok(Some(id))
}

fn describe(api: &Api, cluster: &str) -> Result<Value, Failure> {
    let request = json!({ "Filters": { "clusterIds": [cluster] } });
    let answer = api.cloudhsm("DescribeClusters", &request)?;
    let found = list(&answer, "/Clusters").first().cloned();
    found.ok_or_else(|| format!("{cluster} is not among the clusters").into())
}

/// One HSM in each of two zones.
fn hsms(server: &Server, api: &Api, cluster: &str) -> Result<(), Failure> {
    let known = describe(api, cluster)?;
    let zones: Vec<&str> = list(&known, "/Hsms")
        .iter()
        .filter_map(|hsm| hsm.get("AvailabilityZone").and_then(Value::as_str))
        .collect();
    for letter in ['a', 'b'] {
        let zone = format!("{}{letter}", server.records.scope.region);
        let exists = zones.contains(&zone.as_str());
        if !exists {
            let request = json!({ "ClusterId": cluster, "AvailabilityZone": zone });
            api.cloudhsm("CreateHsm", &request)?;
        }
        report(!exists, &format!("HSM in {zone}"));
    }
    Ok(())
}

fn connect(api: &Api, store: &str) -> Result<(), Failure> {
    let named = json!({ "CustomKeyStoreId": store });
    let until = Instant::now() + PATIENCE;
    let (mut connected, mut repaired) = (false, false);
    loop {
        let answer = api.kms("DescribeCustomKeyStores", &named)?;
        match text(&answer, "/CustomKeyStores/0/ConnectionState")? {
            "CONNECTED" => {
                report(connected, "connection of the key store");
                return Ok(());
            }
            "DISCONNECTED" => {
                connected = true;
                api.kms("ConnectCustomKeyStore", &named)?;
            }
            "FAILED" if !repaired => {
                repaired = true;
                api.kms("DisconnectCustomKeyStore", &named)?;
            }
            "FAILED" => {
                let code = text(&answer, "/CustomKeyStores/0/ConnectionErrorCode")?;
                return Err(format!("the key store {store} does not connect: {code}").into());
            }
            _ => {}
        }
        if Instant::now() > until {
            return Err(format!("the key store {store} does not connect in time").into());
        }
        std::thread::sleep(PAUSE);
    }
}

/// A usable key of the store that has quickstart's description and no alias.
fn nameless_key(api: &Api, store: &str) -> Result<Option<String>, Failure> {
    let mut request = json!({});
    loop {
        let page = api.kms("ListKeys", &request)?;
        for listed in list(&page, "/Keys") {
            let key = api.kms("DescribeKey", &json!({ "KeyId": text(listed, "/KeyId")? }))?;
            let is =
                |path: &str, value: &str| key.pointer(path).and_then(Value::as_str) == Some(value);
            let ours = is("/KeyMetadata/Description", NAME)
                && is("/KeyMetadata/CustomKeyStoreId", store)
                && is_usable(&key);
            if ours {
                return Ok(Some(text(&key, "/KeyMetadata/Arn")?.to_owned()));
            }
        }
        match page.get("NextMarker").and_then(Value::as_str) {
            Some(marker) => request = json!({ "Marker": marker }),
            None => return Ok(None),
        }
    }
}

fn is_usable(key: &Value) -> bool {
    key.pointer("/KeyMetadata/KeyState").and_then(Value::as_str) == Some("Enabled")
}

fn is_named(failure: &Failure, name: &str) -> bool {
    failure
        .downcast_ref::<Refused>()
        .is_some_and(|refused| refused.name == name)
}

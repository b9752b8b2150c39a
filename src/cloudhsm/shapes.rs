//! AWS's shapes of clusters and HSMs, made of what the engine and our records say.

use std::collections::BTreeMap;

use aws::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use token::{ClusterId, ClusterState, HsmInformation};

use crate::{network, records::ClusterRecord};

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

/// `BackupRetentionPolicy`: the value is a number in text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BackupRetentionPolicy {
    #[serde(rename = "Type")]
    pub(crate) kind: Option<String>,
    pub(crate) value: Option<String>,
}

/// `Cluster`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Cluster {
    backup_policy: &'static str,
    backup_retention_policy: BackupRetentionPolicy,
    pub(crate) cluster_id: String,
    create_timestamp: Timestamp,
    hsms: Vec<Hsm>,
    hsm_type: String,
    security_group: String,
    pub(crate) state: &'static str,
    subnet_mapping: BTreeMap<String, String>,
    pub(crate) vpc_id: String,
    network_type: &'static str,
    certificates: Certificates,
    tag_list: Vec<Tag>,
    mode: &'static str,
}

/// `Hsm`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Hsm {
    availability_zone: String,
    cluster_id: String,
    subnet_id: String,
    pub(crate) eni_id: String,
    pub(crate) eni_ip: String,
    pub(crate) hsm_id: String,
    hsm_type: String,
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Certificates {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_csr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsm_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_hardware_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manufacturer_hardware_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_certificate: Option<String>,
}

/// A state as AWS prints it.
pub(crate) fn state(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Uninitialized => "UNINITIALIZED",
        ClusterState::Initialized => "INITIALIZED",
        ClusterState::Active => "ACTIVE",
    }
}

/// The shape of a cluster.
pub(crate) fn cluster(scope: &Scope, cluster: token::Cluster, record: ClusterRecord) -> Cluster {
    let hsms = cluster
        .hsms
        .iter()
        .map(|one| hsm(scope, &cluster.id, &record, one))
        .collect();
    // A cluster that was made without subnets has one in each zone that it has an HSM in.
    let mut mapping: BTreeMap<String, String> = record.subnets.iter().cloned().collect();
    for one in &cluster.hsms {
        mapping
            .entry(one.zone.clone())
            .or_insert_with(|| network::subnet(scope, &one.zone));
    }
    let tag = |(key, value): (String, String)| Tag { key, value };
    let certificates = cluster.certificates;
    Cluster {
        backup_policy: "DEFAULT",
        backup_retention_policy: BackupRetentionPolicy {
            kind: Some("DAYS".to_owned()),
            value: Some(record.retention_days.to_string()),
        },
        create_timestamp: Timestamp::from_seconds(cluster.created),
        hsms,
        hsm_type: record.hsm_type,
        security_group: network::security_group(&cluster.id),
        cluster_id: cluster.id.to_string(),
        state: state(cluster.state),
        subnet_mapping: mapping,
        vpc_id: network::vpc(scope),
        network_type: "IPV4",
        certificates: Certificates {
            cluster_csr: certificates.csr,
            hsm_certificate: certificates.hsm,
            aws_hardware_certificate: certificates.hardware,
            manufacturer_hardware_certificate: certificates.manufacturer,
            cluster_certificate: certificates.cluster,
        },
        tag_list: record.tags.into_iter().map(tag).collect(),
        mode: "NON_FIPS",
    }
}

/// The shape of an HSM.
pub(crate) fn hsm(
    scope: &Scope,
    cluster: &ClusterId,
    record: &ClusterRecord,
    hsm: &HsmInformation,
) -> Hsm {
    let subnet = record.subnets.iter().find(|(zone, _)| *zone == hsm.zone);
    let address = record
        .addresses
        .iter()
        .find(|(id, _)| id == hsm.id.as_str());
    Hsm {
        availability_zone: hsm.zone.clone(),
        cluster_id: cluster.to_string(),
        subnet_id: subnet.map_or_else(
            || network::subnet(scope, &hsm.zone),
            |(_, subnet)| subnet.clone(),
        ),
        eni_id: network::interface(&hsm.id),
        eni_ip: address.map_or_else(
            || network::address(&hsm.zone, &hsm.id).to_string(),
            |(_, address)| address.clone(),
        ),
        hsm_id: hsm.id.to_string(),
        hsm_type: record.hsm_type.clone(),
        state: "ACTIVE",
    }
}

//! CreateCluster, InitializeCluster, DeleteCluster.

use aws::{Call, Error, Result, Validation};
use serde::{Deserialize, Serialize};
use token::{ClusterId, NewCluster};

use crate::{
    CloudHsm,
    errors::{RESOURCE_NOT_FOUND, checked, cluster_id, invalid, refused},
    network,
    records::ClusterRecord,
    shapes::{self, BackupRetentionPolicy, Cluster, Tag},
    tags,
};

/// The tag whose value becomes the label of the cluster's token.
const NAME_TAG: &str = "Name";
/// Bytes in a token's label.
const LABEL_BYTES: usize = 32;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateRequest {
    hsm_type: Option<String>,
    subnet_ids: Option<Vec<String>>,
    source_backup_id: Option<String>,
    backup_retention_policy: Option<BackupRetentionPolicy>,
    network_type: Option<String>,
    mode: Option<String>,
    tag_list: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ClusterResponse {
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InitializeRequest {
    cluster_id: Option<String>,
    signed_cert: Option<String>,
    trust_anchor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InitializeResponse {
    state: &'static str,
    state_message: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteRequest {
    cluster_id: Option<String>,
}

/// Makes a cluster without HSMs.
pub(crate) fn create(
    service: &CloudHsm,
    call: &Call,
    request: CreateRequest,
) -> Result<ClusterResponse> {
    // Two clusters in one new subnet agree on its zone.
    let _alone = service.changes.lock();
    let record = service.new_record(request)?;
    let name = record.tags.iter().find(|(key, _)| key == NAME_TAG);
    let label = name.map(|(_, value)| label(value)).unwrap_or_default();
    let open = service.requests.begin();
    let id = service
        .operator
        .create_cluster(open.request(), &NewCluster { label })
        .map_err(|error| refused(&error))?;
    // A crash before this line leaves a cluster with the default record: visible and usable.
    service.keep(&id, &record)?;
    service.respond(call, &id)
}

/// Gives a cluster its certificate and its trust anchor.
pub(crate) fn initialize(
    service: &CloudHsm,
    call: &Call,
    request: InitializeRequest,
) -> Result<InitializeResponse> {
    let id = cluster_id(request.cluster_id.as_deref())?;
    let mut check = Validation::new();
    check.present("signedCert", &request.signed_cert);
    check.present("trustAnchor", &request.trust_anchor);
    check.length("signedCert", request.signed_cert.as_deref(), 1..=20_000);
    check.length("trustAnchor", request.trust_anchor.as_deref(), 1..=20_000);
    checked(check)?;
    let certificate = request.signed_cert.unwrap_or_default();
    let trust_anchor = request.trust_anchor.unwrap_or_default();
    call.resource(call.scope.arn("cloudhsm", &format!("cluster/{id}")));
    let open = service.requests.begin();
    service
        .operator
        .initialize_cluster(open.request(), &id, &certificate, &trust_anchor)
        .map_err(|error| refused(&error))?;
    let cluster = service
        .operator
        .cluster(&id)
        .map_err(|error| refused(&error))?;
    Ok(InitializeResponse {
        state: shapes::state(cluster.state),
        state_message: "The cluster is initialized: activate it with 'strongroom cluster activate'.",
    })
}

/// Deletes a cluster that has no HSM.
pub(crate) fn delete(
    service: &CloudHsm,
    call: &Call,
    request: DeleteRequest,
) -> Result<ClusterResponse> {
    let id = cluster_id(request.cluster_id.as_deref())?;
    let mut response = service.respond(call, &id)?;
    let open = service.requests.begin();
    service
        .operator
        .delete_cluster(open.request(), &id)
        .map_err(|error| refused(&error))?;
    service.forget(&id)?;
    response.cluster.state = "DELETE_IN_PROGRESS";
    Ok(response)
}

impl CloudHsm {
    fn respond(&self, call: &Call, id: &ClusterId) -> Result<ClusterResponse> {
        call.resource(call.scope.arn("cloudhsm", &format!("cluster/{id}")));
        call.answered("clusterId", id.as_str());
        let cluster = self.operator.cluster(id).map_err(|error| refused(&error))?;
        let record = self.record(id)?;
        Ok(ClusterResponse {
            cluster: shapes::cluster(&self.scope, cluster, record),
        })
    }

    /// The record of the cluster that a request asks for, if it can be had.
    fn new_record(&self, request: CreateRequest) -> Result<ClusterRecord> {
        let mut check = Validation::new();
        check.present("hsmType", &request.hsm_type);
        check.present("subnetIds", &request.subnet_ids);
        let pattern = "((p|)hsm[0-9][a-z.]*\\.[a-zA-Z]+)";
        check.pattern("hsmType", request.hsm_type.as_deref(), pattern, is_hsm_type);
        check.count(
            "subnetIds",
            request.subnet_ids.as_ref().map(Vec::len),
            1..=10,
        );
        for subnet in request.subnet_ids.iter().flatten() {
            let pattern = "subnet-[0-9a-fA-F]{8,17}";
            check.pattern("subnetIds", Some(subnet), pattern, network::is_subnet);
        }
        let words = ["IPV4", "DUALSTACK"];
        check.one_of("networkType", request.network_type.as_deref(), &words);
        check.one_of("mode", request.mode.as_deref(), &["FIPS", "NON_FIPS"]);
        checked(check)?;
        if let Some(backup) = request.source_backup_id {
            let text = format!("Backup {backup} does not exist in this account and Region.");
            return Err(Error::new(RESOURCE_NOT_FOUND, text));
        }
        if request.mode.as_deref() == Some("FIPS") {
            return Err(invalid(
                "This HSM is not FIPS validated: create the cluster in mode NON_FIPS.",
            ));
        }
        if request.network_type.as_deref() == Some("DUALSTACK") {
            return Err(invalid(
                "HSMs have no IPv6 address: use the network type IPV4.",
            ));
        }
        Ok(ClusterRecord {
            hsm_type: request.hsm_type.unwrap_or_default(),
            subnets: self.zones(request.subnet_ids.unwrap_or_default())?,
            retention_days: retention_days(request.backup_retention_policy)?,
            tags: tags::merged(Vec::new(), request.tag_list.unwrap_or_default())?,
            addresses: Vec::new(),
        })
    }

    /// Each subnet with its zone. A subnet keeps the zone that it was first given; a new one gets
    /// the first zone that is free among its companions.
    fn zones(&self, subnets: Vec<String>) -> Result<Vec<(String, String)>> {
        let mut mapping: Vec<(String, String)> = Vec::new();
        let mut unknown = Vec::new();
        for subnet in subnets {
            match self.zone_of(&subnet)? {
                Some(zone) if mapping.iter().any(|(taken, _)| *taken == zone) => {
                    return Err(invalid(format!(
                        "Subnet {subnet} is in zone {zone} as another one is: give one subnet for each zone."
                    )));
                }
                Some(zone) => mapping.push((zone, subnet)),
                None if unknown.contains(&subnet) => {
                    return Err(invalid(format!("Subnet {subnet} is given twice.")));
                }
                None => unknown.push(subnet),
            }
        }
        for subnet in unknown {
            let zones =
                network::ZONE_LETTERS.map(|letter| format!("{}{letter}", self.scope.region));
            let taken = |zone: &String| mapping.iter().any(|(other, _)| other == zone);
            let Some(zone) = zones.into_iter().find(|zone| !taken(zone)) else {
                return Err(invalid("There are more subnets than zones in the Region."));
            };
            mapping.push((zone, subnet));
        }
        mapping.sort();
        Ok(mapping)
    }
}

/// `hsm1.medium`, `hsm2m.medium`…
fn is_hsm_type(text: &str) -> bool {
    let text = text.strip_prefix('p').unwrap_or(text);
    let Some((family, size)) = text
        .strip_prefix("hsm")
        .and_then(|rest| rest.rsplit_once('.'))
    else {
        return false;
    };
    let mut family = family.chars();
    text.len() <= 32
        && family.next().is_some_and(|first| first.is_ascii_digit())
        && family.all(|c| c.is_ascii_lowercase() || c == '.')
        && !size.is_empty()
        && size.chars().all(|c| c.is_ascii_alphabetic())
}

fn retention_days(policy: Option<BackupRetentionPolicy>) -> Result<u16> {
    let Some(policy) = policy else {
        return Ok(ClusterRecord::default().retention_days);
    };
    let days = policy.value.as_deref().and_then(|value| value.parse().ok());
    match days.filter(|days| (7..=379).contains(days)) {
        Some(days) if policy.kind.as_deref() == Some("DAYS") => Ok(days),
        _ => Err(invalid(
            "A backup retention policy is of type DAYS with a value from 7 to 379.",
        )),
    }
}

/// As much of a name as fits a token's label.
fn label(name: &str) -> String {
    let mut end = name.len().min(LABEL_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().to_owned()
}

//! `cluster …`: what an operator does with clusters.

use serde::Serialize;
use token::{Cluster, ClusterState, Operator, SecretBytes};

use crate::{
    arguments::Arguments,
    input,
    output::{Answer, Result},
    shell::{Shell, environment_pin},
};
use token::Hsm;

/// The admin that activation makes.
const FIRST_ADMIN: &str = "admin";

pub(super) fn activate(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let cluster = shell.cluster()?;
    let password = first_password(arguments.optional("password"))?;
    shell.change(|client, request| client.activate_cluster(request, &cluster.id, &password))?;
    Answer::data("Cluster activation successful")
}

fn first_password(given: Option<&str>) -> Result<SecretBytes> {
    match (given, environment_pin()) {
        (None, Some((name, password))) if name == FIRST_ADMIN => Ok(password),
        (given, _) => input::new_password(given),
    }
}

pub(super) fn list(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let clusters = shell.client()?.clusters()?;
    let clusters = clusters.iter().map(Summary::of).collect();
    Answer::data(Clusters { clusters })
}

pub(super) fn describe(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let cluster = shell.cluster()?;
    Answer::data(Description {
        summary: Summary::of(&cluster),
        backup_history: &cluster.backup_history,
        certificates: &cluster.certificates,
    })
}

pub(super) fn hsm_info(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let cluster = shell.cluster()?;
    let slot = shell.slot(&cluster)?;
    let token = shell.client()?.token(slot)?;
    let text = |number: u8| number.to_string();
    let hsms = cluster.hsms.iter().map(|hsm| HsmSummary {
        vendor: "Strongroom",
        model: &token.model,
        serial_number: hsm.id.tail(),
        hardware_version_major: text(token.hardware_version.0),
        hardware_version_minor: text(token.hardware_version.1),
        firmware_version_major: text(token.firmware_version.0),
        firmware_version_minor: text(token.firmware_version.1),
        hsm_id: hsm.id.as_str(),
        availability_zone: &hsm.zone,
        state: "ACTIVE",
    });
    Answer::data(Hsms {
        hsms: hsms.collect(),
    })
}

/// The names of states in the CloudHSM API.
fn state(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Uninitialized => "UNINITIALIZED",
        ClusterState::Initialized => "INITIALIZED",
        ClusterState::Active => "ACTIVE",
    }
}

#[derive(Serialize)]
struct Clusters<'a> {
    clusters: Vec<Summary<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary<'a> {
    cluster_id: &'a str,
    label: &'a str,
    state: &'static str,
    hsms: Vec<&'a str>,
}

impl<'a> Summary<'a> {
    fn of(cluster: &'a Cluster) -> Self {
        Self {
            cluster_id: cluster.id.as_str(),
            label: &cluster.label,
            state: state(cluster.state),
            hsms: cluster.hsms.iter().map(|hsm| hsm.id.as_str()).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Description<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    backup_history: &'a str,
    certificates: &'a token::Certificates,
}

#[derive(Serialize)]
struct Hsms<'a> {
    hsms: Vec<HsmSummary<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HsmSummary<'a> {
    vendor: &'static str,
    model: &'a str,
    serial_number: &'a str,
    hardware_version_major: String,
    hardware_version_minor: String,
    firmware_version_major: String,
    firmware_version_minor: String,
    hsm_id: &'a str,
    availability_zone: &'a str,
    state: &'static str,
}

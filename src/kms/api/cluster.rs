//! What a cluster must be like before a key store is made on it, or a key in the store.

use aws::{Call, Error, Result, Validation};

use crate::{
    Cluster, Kms, certificate,
    errors::{
        self, CLUSTER_INVALID_CONFIGURATION, CLUSTER_NOT_ACTIVE, CLUSTER_NOT_FOUND,
        INCORRECT_TRUST_ANCHOR,
    },
    key_store::Entry,
    limits,
};

const PATTERN: &str = "cluster-[2-7a-zA-Z]{11,16}";

/// The form of a cluster's id.
pub(super) fn check_id(check: &mut Validation, id: Option<&str>) {
    check.length("cloudHsmClusterId", id, 19..=24);
    check.pattern("cloudHsmClusterId", id, PATTERN, |id| {
        id.strip_prefix("cluster-").is_some_and(|tail| {
            (11..=16).contains(&tail.len())
                && tail
                    .bytes()
                    .all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
        })
    });
}

/// The cluster `id`, which must be active.
pub(super) fn active(kms: &Kms, id: &str) -> Result<Cluster> {
    let found = kms.clusters.cluster(id).map_err(|why| {
        log::error!("{id}: {}", why.0);
        errors::internal("The clusters cannot be asked: try again.")
    })?;
    let cluster = found
        .ok_or_else(|| Error::new(CLUSTER_NOT_FOUND, format!("Cluster '{id}' does not exist.")))?;
    match cluster.active {
        true => Ok(cluster),
        false => Err(Error::new(
            CLUSTER_NOT_ACTIVE,
            format!("Cluster '{id}' is not active: initialize and activate it."),
        )),
    }
}

/// It must have active HSMs in at least so many zones.
pub(super) fn check_zones(cluster: &Cluster, least: usize) -> Result<()> {
    let zones = cluster.active_zones();
    if zones >= least {
        return Ok(());
    }
    let text = format!(
        "The cluster must have at least {least} active HSM(s), each in a different Availability \
         Zone; it has them in {zones}."
    );
    Err(Error::new(CLUSTER_INVALID_CONFIGURATION, text))
}

/// It must have been initialised by the CA that the customer says.
pub(super) fn check_trust_anchor(cluster: &Cluster, given: &str) -> Result<()> {
    let theirs = cluster.trust_anchor.as_deref().and_then(certificate::der);
    match (certificate::der(given), theirs) {
        (Some(given), Some(theirs)) if given == theirs => Ok(()),
        _ => Err(Error::new(
            INCORRECT_TRUST_ANCHOR,
            "The trust anchor certificate is not the customerCA.crt that the cluster was \
             initialized with.",
        )),
    }
}

/// Twice the minimum that using keys needs: so that a key outlives an HSM.
pub(super) fn check_for_new_keys(kms: &Kms, id: &str) -> Result<Cluster> {
    let cluster = active(kms, id)?;
    check_zones(&cluster, limits::ZONES)?;
    Ok(cluster)
}

/// The event of a call that is about a key store.
pub(super) fn note(call: &Call, store: &Entry) {
    let record = store.record();
    call.additional("customKeyStoreName", record.name.as_str());
    call.additional("clusterId", record.cluster.as_str());
}

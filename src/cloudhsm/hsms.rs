//! CreateHsm, DeleteHsm.

use std::net::Ipv4Addr;

use aws::{Call, Error, Result, Validation};
use serde::{Deserialize, Serialize};
use token::HsmId;

use crate::{
    CloudHsm,
    errors::{RESOURCE_NOT_FOUND, checked, cluster_id, invalid, refused},
    network,
    shapes::{self, Hsm},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateRequest {
    cluster_id: Option<String>,
    availability_zone: Option<String>,
    ip_address: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateResponse {
    hsm: Hsm,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteRequest {
    cluster_id: Option<String>,
    hsm_id: Option<String>,
    eni_id: Option<String>,
    eni_ip: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteResponse {
    hsm_id: String,
}

/// Makes an HSM in one of the cluster's zones.
pub(crate) fn create(
    service: &CloudHsm,
    call: &Call,
    request: CreateRequest,
) -> Result<CreateResponse> {
    let id = cluster_id(request.cluster_id.as_deref())?;
    let mut check = Validation::new();
    check.present("availabilityZone", &request.availability_zone);
    let pattern = format!("{}[a-f]", service.scope.region);
    check.pattern(
        "availabilityZone",
        request.availability_zone.as_deref(),
        &pattern,
        |zone| network::is_zone(&service.scope, zone),
    );
    check.pattern(
        "ipAddress",
        request.ip_address.as_deref(),
        "an IPv4 address",
        |text| text.parse::<Ipv4Addr>().is_ok(),
    );
    checked(check)?;
    let zone = request.availability_zone.unwrap_or_default();
    let record = service.record(&id)?;
    if !record.subnets.is_empty() && !record.subnets.iter().any(|(known, _)| *known == zone) {
        let zones: Vec<&str> = record
            .subnets
            .iter()
            .map(|(zone, _)| zone.as_str())
            .collect();
        return Err(invalid(format!(
            "Cluster {id} has no subnet in {zone}; it has subnets in {}.",
            zones.join(", ")
        )));
    }
    if let Some(address) = &request.ip_address {
        let cluster = service.operator.cluster(&id);
        let hsms = cluster.map_err(|error| refused(&error))?.hsms;
        let taken = |one| shapes::hsm(&service.scope, &id, &record, one).eni_ip == *address;
        if hsms.iter().any(taken) {
            return Err(invalid(format!("{address} is the address of another HSM.")));
        }
    }

    let open = service.requests.begin();
    let made = service
        .operator
        .create_hsm(open.request(), &id, &zone)
        .map_err(|error| refused(&error))?;
    if let Some(address) = request.ip_address {
        service.change(&id, |record| {
            record.addresses.push((made.to_string(), address));
            Ok(())
        })?;
    }
    call.resource(call.scope.arn("cloudhsm", &format!("cluster/{id}")));
    call.answered("hsmId", made.as_str());
    let cluster = service
        .operator
        .cluster(&id)
        .map_err(|error| refused(&error))?;
    let made = cluster
        .hsms
        .iter()
        .find(|hsm| hsm.id == made)
        .ok_or_else(|| no_hsm(made.as_str()))?;
    Ok(CreateResponse {
        hsm: shapes::hsm(&service.scope, &id, &service.record(&id)?, made),
    })
}

/// Deletes the HSM with this id, interface or address.
pub(crate) fn delete(
    service: &CloudHsm,
    call: &Call,
    request: DeleteRequest,
) -> Result<DeleteResponse> {
    let id = cluster_id(request.cluster_id.as_deref())?;
    let named = [&request.hsm_id, &request.eni_id, &request.eni_ip]
        .into_iter()
        .flatten();
    if named.count() != 1 {
        return Err(invalid("Give exactly one of HsmId, EniId and EniIp."));
    }
    let cluster = service
        .operator
        .cluster(&id)
        .map_err(|error| refused(&error))?;
    let record = service.record(&id)?;
    let is_meant = |hsm: &Hsm| {
        request
            .hsm_id
            .as_ref()
            .is_none_or(|text| *text == hsm.hsm_id)
            && request
                .eni_id
                .as_ref()
                .is_none_or(|text| *text == hsm.eni_id)
            && request
                .eni_ip
                .as_ref()
                .is_none_or(|text| *text == hsm.eni_ip)
    };
    let mut shapes = cluster
        .hsms
        .iter()
        .map(|one| shapes::hsm(&service.scope, &id, &record, one));
    let hsm = shapes
        .find(is_meant)
        .and_then(|hsm| HsmId::parse(&hsm.hsm_id))
        .ok_or_else(|| {
            let given = [
                request.hsm_id.clone(),
                request.eni_id.clone(),
                request.eni_ip.clone(),
            ];
            no_hsm(&given.into_iter().flatten().collect::<String>())
        })?;
    let open = service.requests.begin();
    service
        .operator
        .delete_hsm(open.request(), &id, &hsm)
        .map_err(|error| refused(&error))?;
    call.resource(call.scope.arn("cloudhsm", &format!("cluster/{id}")));
    call.answered("hsmId", hsm.as_str());
    if record.addresses.iter().any(|(of, _)| of == hsm.as_str()) {
        service.change(&id, |record| {
            record.addresses.retain(|(of, _)| of != hsm.as_str());
            Ok(())
        })?;
    }
    Ok(DeleteResponse {
        hsm_id: hsm.to_string(),
    })
}

fn no_hsm(id: &str) -> Error {
    Error::new(RESOURCE_NOT_FOUND, format!("The cluster has no HSM {id}."))
}

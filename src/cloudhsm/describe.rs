//! DescribeClusters: filters and pages.

use std::collections::BTreeMap;

use aws::{Call, Result, Validation};
use serde::{Deserialize, Serialize};

use crate::{
    CloudHsm,
    errors::{checked, invalid, refused},
    network,
    shapes::{self, Cluster},
};

/// Clusters in one answer.
const PAGE: usize = 25;

/// A filter: what of a cluster it looks at.
type Filter = (&'static str, fn(&CloudHsm, &token::Cluster) -> String);

/// FILTER TABLE.
const FILTERS: &[Filter] = &[
    ("clusterIds", |_, cluster| cluster.id.to_string()),
    ("vpcIds", |service, _| network::vpc(&service.scope)),
    ("states", |_, cluster| {
        shapes::state(cluster.state).to_owned()
    }),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeRequest {
    filters: Option<BTreeMap<String, Vec<String>>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeResponse {
    clusters: Vec<Cluster>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Clusters that pass every filter, in the order of their making.
pub(crate) fn describe(
    service: &CloudHsm,
    _: &Call,
    request: DescribeRequest,
) -> Result<DescribeResponse> {
    let mut check = Validation::new();
    check.number("maxResults", request.max_results, 1..=25);
    checked(check)?;
    let filters = request.filters.unwrap_or_default();
    if let Some(name) = filters
        .keys()
        .find(|name| !FILTERS.iter().any(|(known, _)| known == name))
    {
        let known: Vec<&str> = FILTERS.iter().map(|(name, _)| *name).collect();
        return Err(invalid(format!(
            "'{name}' is not a filter; there are {}.",
            known.join(", ")
        )));
    }
    let passes = |cluster: &token::Cluster| {
        FILTERS.iter().all(|(name, of)| {
            filters
                .get(*name)
                .is_none_or(|values| values.contains(&of(service, cluster)))
        })
    };

    let clusters = service
        .operator
        .clusters()
        .map_err(|error| refused(&error))?;
    let start = match &request.next_token {
        None => 0,
        Some(token) => {
            let last = clusters
                .iter()
                .position(|cluster| cluster.id.as_str() == token);
            last.ok_or_else(|| {
                invalid("The NextToken is not one of ours, or its cluster is gone.")
            })? + 1
        }
    };
    let limit = request
        .max_results
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(PAGE);
    let mut rest = clusters.into_iter().skip(start).filter(passes);
    let mut page = Vec::new();
    for cluster in rest.by_ref().take(limit) {
        let record = service.record(&cluster.id)?;
        page.push(shapes::cluster(&service.scope, cluster, record));
    }
    let next_token = rest
        .next()
        .and_then(|_| page.last().map(|last| last.cluster_id.clone()));
    Ok(DescribeResponse {
        clusters: page,
        next_token,
    })
}

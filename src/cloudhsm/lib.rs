//! The CloudHSM v2 control plane over the operator's verbs: clusters and HSMs under AWS's names and
//! shapes. What the engine does not know (tags, subnets) is in records of its own.
//!
//! Making and deleting are done when they are answered: the states in which AWS lets a caller wait
//! (`CREATE_IN_PROGRESS` and its like) are never seen, but for the answer of a deletion.
//!
//! The API: <https://docs.aws.amazon.com/cloudhsm/latest/APIReference/>.
#![forbid(unsafe_code)]

mod clusters;
mod describe;
mod errors;
mod hsms;
mod network;
mod records;
mod shapes;
#[cfg(test)]
mod supported;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws::{Operation, Scope, Service, typed};
use parking_lot::Mutex;
use store::Store;
use token::Operator;
use wire::Requests;

/// OPERATION TABLE.
pub static SERVICE: Service<CloudHsm> = Service {
    target: "BaldrApiService",
    signing_name: "cloudhsm",
    event_source: "cloudhsm.amazonaws.com",
    resource_type: "AWS::CloudHSM::Cluster",
    message_member: "Message",
    operations: &[
        changes(
            "CreateCluster",
            typed!(clusters::create),
            &["HsmType", "SubnetIds", "TagList"],
        ),
        changes(
            "CreateHsm",
            typed!(hsms::create),
            &["ClusterId", "AvailabilityZone", "IpAddress"],
        ),
        changes("DeleteCluster", typed!(clusters::delete), &["ClusterId"]),
        changes(
            "DeleteHsm",
            typed!(hsms::delete),
            &["ClusterId", "HsmId", "EniId", "EniIp"],
        ),
        reads(
            "DescribeClusters",
            typed!(describe::describe),
            &["Filters", "MaxResults"],
        ),
        changes(
            "InitializeCluster",
            typed!(clusters::initialize),
            &["ClusterId"],
        ),
        reads("ListTags", typed!(tags::list), &["ResourceId"]),
        changes("TagResource", typed!(tags::tag), &["ResourceId", "TagList"]),
        changes(
            "UntagResource",
            typed!(tags::untag),
            &["ResourceId", "TagKeyList"],
        ),
    ],
};

const fn changes(
    name: &'static str,
    run: aws::Run<CloudHsm>,
    logged: &'static [&'static str],
) -> Operation<CloudHsm> {
    Operation {
        name,
        run,
        read_only: false,
        swift: false,
        logged,
    }
}

const fn reads(
    name: &'static str,
    run: aws::Run<CloudHsm>,
    logged: &'static [&'static str],
) -> Operation<CloudHsm> {
    Operation {
        read_only: true,
        ..changes(name, run, logged)
    }
}

/// The control plane of a home's clusters.
pub struct CloudHsm {
    operator: Arc<dyn Operator>,
    requests: Arc<Requests>,
    store: Arc<dyn Store>,
    scope: Scope,
    /// One change of our own records at a time.
    changes: Mutex<()>,
}

impl CloudHsm {
    /// Over the operator's verbs and a store in which keyspaces of upper-case letters are ours.
    /// `requests` numbers the operator's requests.
    pub fn new(
        operator: Arc<dyn Operator>,
        requests: Arc<Requests>,
        store: Arc<dyn Store>,
        scope: Scope,
    ) -> Self {
        Self {
            operator,
            requests,
            store,
            scope,
            changes: Mutex::default(),
        }
    }
}

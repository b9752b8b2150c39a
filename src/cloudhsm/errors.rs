//! Errors of this service, and the engine's and the store's reasons in its words.

use aws::{Error, Result, Validation};
use token::{ClusterId, Reason};

aws::kinds! {
    INVALID_REQUEST = "CloudHsmInvalidRequestException" 400,
    RESOURCE_NOT_FOUND = "CloudHsmResourceNotFoundException" 400,
    RESOURCE_LIMIT_EXCEEDED = "CloudHsmResourceLimitExceededException" 400,
    SERVICE_EXCEPTION = "CloudHsmServiceException" 400,
    INTERNAL_FAILURE = "CloudHsmInternalFailureException" 500,
    TAG = "CloudHsmTagException" 400,
}

/// Reasons that are the caller's to repair; every other one is a failure of ours.
const KINDS: &[(Reason, aws::Kind)] = &[
    (Reason::NotFound, RESOURCE_NOT_FOUND),
    (Reason::LimitExceeded, RESOURCE_LIMIT_EXCEEDED),
    (Reason::ClusterState, INVALID_REQUEST),
    (Reason::Certificate, INVALID_REQUEST),
    (Reason::ArgumentsBad, INVALID_REQUEST),
    (Reason::AlreadyExists, INVALID_REQUEST),
    (Reason::SessionExists, INVALID_REQUEST),
    (Reason::DeviceRemoved, RESOURCE_NOT_FOUND),
    (Reason::Conflict, SERVICE_EXCEPTION),
    (Reason::Unreachable, SERVICE_EXCEPTION),
    (Reason::StoreFull, SERVICE_EXCEPTION),
    (Reason::StoreReadOnly, SERVICE_EXCEPTION),
    (Reason::NotPermitted, SERVICE_EXCEPTION),
];

/// The engine's error as the caller gets it.
pub(crate) fn refused(error: &token::Error) -> Error {
    let row = KINDS.iter().find(|(reason, _)| *reason == error.reason);
    match row {
        Some((_, kind)) => Error::new(*kind, error.to_string()),
        None => {
            log::error!("an operator's verb failed: {error}");
            Error::new(INTERNAL_FAILURE, error.to_string())
        }
    }
}

/// The store's error as the caller gets it.
pub(crate) fn unstored(error: &store::Error) -> Error {
    log::error!("the control plane's records: {error}");
    match error {
        store::Error::Full | store::Error::ReadOnly(_) | store::Error::Conflict => {
            Error::new(SERVICE_EXCEPTION, error.to_string())
        }
        _ => Error::new(
            INTERNAL_FAILURE,
            "The records cannot be read or written; see the log.",
        ),
    }
}

/// What is wrong with a request, under this service's name for it.
pub(crate) fn checked(validation: Validation) -> Result<()> {
    validation.finish().map_err(|error| invalid(error.message))
}

/// Takes a member out that must be there.
pub(crate) fn required<T>(member: &str, value: Option<T>) -> Result<T> {
    aws::required(member, value).map_err(|error| invalid(error.message))
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(INVALID_REQUEST, message)
}

/// The cluster that a request names.
pub(crate) fn cluster_id(text: Option<&str>) -> Result<ClusterId> {
    let mut check = Validation::new();
    check.present("clusterId", &text);
    check.pattern("clusterId", text, "cluster-[2-7a-zA-Z]{11,16}", |text| {
        ClusterId::parse(text).is_some()
    });
    checked(check)?;
    text.and_then(ClusterId::parse)
        .ok_or_else(|| no_cluster(text.unwrap_or_default()))
}

pub(crate) fn no_cluster(id: &str) -> Error {
    Error::new(
        RESOURCE_NOT_FOUND,
        format!("Cluster {id} does not exist in this account and Region."),
    )
}

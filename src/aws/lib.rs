//! What services that speak to AWS's tools share: the JSON 1.1 protocol, SigV4, principals, access
//! keys and the log of calls. Nothing here knows a key, an HSM, or an HTTP library.
//!
//! SigV4: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>. JSON 1.1:
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.
#![forbid(unsafe_code)]

mod arn;
pub mod auth;
mod call;
mod endpoint;
mod event;
pub mod events;
pub mod private;
mod protocol;
mod request;
mod service;
mod time;

pub(crate) use arn::random_id;
pub use arn::{Scope, ScopeError, derived_id};
pub use call::{Call, Notes, Principal};
pub use endpoint::{Endpoint, refusal};
pub use protocol::{
    blob::Blob,
    error::{self, Error, Kind, Result},
    json::{answer, member_name},
    validation::{Validation, required},
};
pub use request::{BODY_BYTES, Headers, Request, Response};
pub use service::{Mounted, Operation, Run, Service};
pub use time::{Clock, FixedClock, SystemClock, Timestamp};

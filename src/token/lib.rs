//! The language of an HSM: the verbs an application ([`Hsm`]) and an operator ([`Operator`]) may
//! say, and the types they say them with. Nothing here does anything: the engine answers the
//! verbs, `wire` carries them, the provider and the servers speak them.
//!
//! Section numbers without a title are those of PKCS#11 3.2; numbers of attributes, classes,
//! mechanisms and flags are the standard's own.
#![forbid(unsafe_code)]

mod attribute;
mod audit;
mod error;
mod file_system;
mod handle;
mod home;
mod hsm;
mod information;
pub mod limits;
mod mechanism;
mod operation;
mod operator;
mod owner;
mod parameters;
mod secret;
mod template;
mod validation;

pub use attribute::{AttributeRow, AttributeType, Shape, attribute_row};
pub use audit::{
    AUDIT_EVENTS, AuditDetail, AuditFilter, AuditNext, AuditPage, AuditPlace, AuditRecord,
    AuditReport, Uses,
};
pub use error::{Error, Reason, Result};
pub use file_system::network_file_system;
pub use handle::{
    ApplicationId, ClusterId, HsmId, KeyType, ObjectClass, ObjectHandle, Request, SessionHandle,
    SlotId,
};
pub use home::{HOME_KEY, may_be_before_home, refuse_foreign};
pub use hsm::{Access, Hsm, LoginAs, Resumption, Ticket};
pub use information::{
    LoginState, MechanismInformation, Role, Session, Slot, Token, UserInformation,
};
pub use mechanism::{Mechanism, MechanismId};
pub use operation::{
    Encapsulated, Operation, Outcome, OutputBound, ParametersOut, Produced, Started,
};
pub use operator::{
    Certificates, Cluster, ClusterState, HsmInformation, NewCluster, Operator, Origin,
};
pub use owner::{Mode, Owner};
pub use parameters::{
    HkdfSalt, KdfPart, MessageParameters, Oaep, ParameterShape, Parameters, Password,
    parameter_shape,
};
pub use secret::SecretBytes;
pub use template::{Asked, Attribute, Revealed, Template, Told, Value, bounded};
pub use validation::{Validation, ValidationAuthority, ValidationType, ValidationVersion};

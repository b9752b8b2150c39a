//! Objects: attributes (a map) and, where the object is a key, material. Token objects are sealed
//! records of their cluster, session objects live in memory.

mod attributes;
mod cache;
mod find;
mod index;
mod objects;
mod record;
mod rules;
mod secrets;
mod session_object;
mod shaped;
mod template;

pub(crate) use attributes::{Attributes, Plain};
pub(crate) use cache::Cache;
pub(crate) use find::{Find, sought};
pub(crate) use objects::{
    Materials, Objects, change, create, destroy, handle_in, load, material, owns_any, secret,
};
pub(crate) use record::ObjectRecord;
pub use rules::Profile;
pub(crate) use rules::{Reveal, rule};
pub(crate) use secrets::Secrets;
pub(crate) use session_object::{Held, SessionObject};
pub(crate) use shaped::number_of;
pub(crate) use template::{
    Draft, Generation, Maker, changed, created, family, generated, is_for_security_officer,
};

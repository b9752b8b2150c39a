//! Objects: attributes (a map) and, where the object is a key, material. Token objects are sealed
//! records of their cluster, session objects live in memory.

mod answer;
mod attributes;
mod blank;
mod built_in;
mod cache;
mod change;
mod counts;
mod find;
mod index;
mod objects;
mod record;
mod rules;
mod secrets;
mod session_object;
mod shaped;
mod template;
mod token_object;

pub(crate) use answer::Answer;
pub(crate) use attributes::{Attributes, Plain};
pub(crate) use built_in::BuiltIn;
pub(crate) use cache::Cache;
pub(crate) use change::{changed, copied, is_for_security_officer};
pub(crate) use counts::Counts;
pub(crate) use find::{Find, sought};
pub(crate) use objects::{Materials, Objects};
pub(crate) use record::ObjectRecord;
pub use rules::Profile;
pub(crate) use rules::{Family, Origin, Reveal};
pub(crate) use secrets::Secrets;
pub(crate) use session_object::{Held, SessionObject};
pub(crate) use shaped::number_of;
pub(crate) use template::{Draft, Maker, Making, Past, created, imposed, made, required, sort_of};
pub(crate) use token_object::{New, change, create, destroy, load, material, owns_any, secret};

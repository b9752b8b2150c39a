//! The engine: everything that PKCS#11 means, without a C pointer or a socket. It is the only code
//! that touches the database of a cluster, and the only code that sees a key.
//!
//! `Engine::open` takes a home; `Engine::application` gives a value that answers the verbs of
//! [`token::Hsm`] and [`token::Operator`] for one application.
#![forbid(unsafe_code)]

mod apart;
mod application;
mod audit;
mod cluster;
mod databases;
mod engine;
mod epoch;
mod failure;
mod home;
mod leftovers;
mod mechanism;
mod memory;
mod object;
mod operation;
mod operator;
mod registry;
mod sealing;
mod seat;
mod seats;
mod seen;
mod session;
mod sessions;
mod slot_events;
mod slots;
mod stripe;
mod table;
mod tally;
mod turns;
mod verbs;
mod view;

#[cfg(test)]
extern crate self as hsm;
#[cfg(test)]
#[path = "tests/support/mod.rs"]
mod test_support;

pub use application::Application;
pub use engine::{Engine, Peer, Settings};
pub use mechanism::{Named as NamedMechanism, named as mechanisms};
pub use object::Profile;
pub use slots::PerHsm;

/// Reads bytes that came from a database as every kind of record: what a fuzzer calls. Answers
/// whether they were any.
pub fn decode(bytes: &[u8]) -> bool {
    let object = sealing::decode::<object::ObjectRecord>(bytes).is_ok();
    let user = cluster::users::decode(bytes);
    let cluster = cluster::decode(bytes);
    let event = sealing::decode::<audit::Entry>(bytes).is_ok();
    let home = sealing::decode::<registry::ClusterEntry>(bytes).is_ok();
    let slot = sealing::decode::<registry::SlotEntry>(bytes).is_ok();
    let archived = sealing::decode::<audit::archive::Archived>(bytes).is_ok();
    object || user || cluster || event || home || slot || archived
}

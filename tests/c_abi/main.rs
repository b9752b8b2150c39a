//! The module as a C program meets it, and as a careless or hostile one does: black box, one
//! process and one home a test. `TEST_PKCS11_MODULE` names another module to run them on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod authentication;
mod cloudhsm;
mod cycles;
mod derivation;
mod dual;
mod edwards;
mod events;
mod initialize;
mod interfaces;
mod key_pairs;
mod log;
mod login;
mod memory;
mod messages;
mod null;
mod objects;
mod operations;
mod post_quantum;
mod processes;
mod program;
mod searches;
mod state;
mod sweep;
mod threads;
mod validation;
mod wrapping;

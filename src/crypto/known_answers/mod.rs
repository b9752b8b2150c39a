//! Public vectors beyond those of the self-test, and what must be refused.

mod asymmetric;
mod at_rest;
mod keys;
mod modes;
mod pqc;
mod wycheproof;

use crate::{Secret, aes};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn key(hex: &str) -> aes::Key {
    aes::Key::new(Secret::from(bytes(hex))).unwrap()
}

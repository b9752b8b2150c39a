//! Public vectors beyond those of the self-test, and what must be refused.

mod at_rest;
mod modes;

use crate::{Secret, aes};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn key(hex: &str) -> aes::Key {
    aes::Key::new(Secret::from(bytes(hex))).unwrap()
}

//! The operations against a real PKCS#11 module: each test in a process of its own.

mod aliases;
mod cryptography;
mod custom_key_stores;
mod deletion;
mod faults;
mod keys;
mod support;
mod table;
mod tags;
mod token;

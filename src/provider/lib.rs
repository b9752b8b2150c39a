//! `libstrongroom.so`: the C ABI of PKCS#11. All pointers of a caller end here; what a call means
//! is said by the HSM that it is passed on to, in hsmd or in this process.
//!
//! Section numbers without a title are those of
//! [PKCS#11 3.2](https://docs.oasis-open.org/pkcs11/pkcs11-spec/v3.2/pkcs11-spec-v3.2.html).
#![allow(non_snake_case)] // the standard's names

#[macro_use]
mod table;

mod backend;
mod boundary;
pub mod functions;
mod general;
#[cfg(test)]
mod header;
mod information;
mod interfaces;
mod journal;
mod keys;
mod library;
mod memory;
mod messages;
mod objects;
mod operations;
mod page;
mod parameters;
mod random;
mod sessions;
mod slots;
// The page is of a build without `fips`, and says what one with it has.
#[cfg(test)]
#[cfg(not(feature = "fips"))]
mod supported;
mod template;
mod wrapping;

//! The verbs of an application: `hsm` is their list, and what a verb means is in the file of its kind.

mod derivation;
mod general;
mod hsm;
mod keys;
mod logins;
mod making;
mod objects;
mod operations;
mod searches;
mod sessions;
mod users;
mod wrapping;

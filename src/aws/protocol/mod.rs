//! JSON 1.1: requests and responses as types, errors as AWS writes them.

pub(crate) mod blob;
pub mod error;
pub(crate) mod json;
pub(crate) mod validation;

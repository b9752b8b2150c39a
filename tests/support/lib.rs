//! What the black-box tests stand on: finding what is tested, homes that vanish, a process for
//! each test, and a module's functions as C sees them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::macro_metavars_in_unsafe,
    reason = "a test fails by panicking, and says nonsense on purpose"
)]

mod attributes;
mod isolation;
mod module;
mod programs;
mod token;
mod verbs;

pub use attributes::Attributes;
pub use isolation::{Other, embedded, everywhere, home, log, role, served};
pub use module::Module;
pub use programs::{module, program};
pub use token::{ADMIN_PIN, Session, Token, USER_PIN, mechanism};
pub use verbs::{Answer, Kind, plain, with};

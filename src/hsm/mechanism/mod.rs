//! Mechanisms: what each one can do (`table`), how (one file per family), and whether a key may be
//! used with one (`check_use`). Keys themselves are [`Material`].

mod blocks;
mod check;
mod counter;
mod digest;
mod failure;
mod gcm;
mod generate;
mod held;
mod hmac;
mod material;
mod row;
mod table;
#[cfg(test)]
pub(crate) mod vectors;
mod xaes;

pub(crate) use check::check_use;
pub(crate) use generate::{generate, generated_by};
pub(crate) use material::Material;
pub(crate) use row::{Parts, Row, Transformation, Use, Verification, VerificationParts, Work};

use token::MechanismInformation;

/// Every mechanism with its name, for documents.
pub fn named() -> impl Iterator<Item = (&'static str, MechanismInformation)> {
    table::ROWS.iter().map(|row| (row.name, row.information()))
}

/// What `C_GetMechanismList` and `C_GetMechanismInfo` say: it is derived from the rows.
pub(crate) fn list() -> Vec<MechanismInformation> {
    table::ROWS.iter().map(Row::information).collect()
}

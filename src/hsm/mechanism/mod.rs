//! Mechanisms: what each one can do (`table`), how (one file per family), and whether a key may be
//! used with one (`check_use`). Keys themselves are [`Material`].

mod approval;
mod blocks;
mod ccm;
mod check;
mod cloudhsm;
mod counter;
mod derive;
mod digest;
mod ecdh;
mod ecdsa;
mod eddsa;
mod failure;
mod gcm;
mod generate;
mod hashes;
mod held;
mod kdf;
mod key_wrap;
mod keying;
mod mac;
mod material;
mod ml_dsa;
mod ml_kem;
mod nonces;
mod pairs;
mod row;
mod rsa_aes_wrap;
mod rsa_encryption;
mod rsa_signature;
mod sealing_wrap;
mod signing;
mod table;
#[cfg(test)]
pub(crate) mod vectors;
mod xaes;
mod xts;

pub(crate) use approval::{Doing, draws, is_approved};
pub(crate) use check::{Function, check_key, check_other_key, check_use, find, no_column};
pub(crate) use cloudhsm::{draw_vector, must_draw};
pub(crate) use generate::{generate, generate_pair, generated_by};
pub(crate) use keying::{Derivation, OtherKeys, other_keys};
pub(crate) use material::Material;
pub(crate) use nonces::{Nonces, Reserved, check as check_generator};
pub(crate) use row::{
    KeyClass, OfMessage, Parts, Row, Transformation, Use, Verification, VerificationParts, Work,
};

#[cfg(test)]
pub(crate) use table::rows;
use token::{MechanismId, MechanismInformation};

/// A mechanism with its name, for documents.
pub struct Named {
    /// The standard's name.
    pub name: &'static str,
    /// What it is.
    pub information: MechanismInformation,
    /// What it is in a build on the FIPS module, if it is there.
    pub approved: Option<MechanismInformation>,
}

/// Every mechanism, whether this build has it or not.
pub fn named() -> impl Iterator<Item = Named> {
    table::all().map(|row| Named {
        name: row.name,
        information: row.information(),
        approved: table::approved(row).map(|row| row.information()),
    })
}

/// The standard's name of a mechanism, for messages.
pub(crate) fn name(id: MechanismId) -> Option<&'static str> {
    table::all().find(|row| row.id == id).map(|row| row.name)
}

/// What `C_GetMechanismList` and `C_GetMechanismInfo` say: it is derived from the rows.
pub(crate) fn list() -> Vec<MechanismInformation> {
    table::rows().map(Row::information).collect()
}

//! ECDSA of a digest, or with the hash computed here (§6.3.12, §6.3.13). Signatures are r ‖ s.

use crypto::{
    Error as Failure,
    ec::{PrivateKey, PublicKey},
    hash::Hash,
};
use token::{Reason, Result};

use super::{Material, Use, failure::internal, keying::typed, signing::Signing};

/// The sign and verify columns: of the hash, or of a digest that the caller brings, which may have
/// any length.
#[derive(Clone, Copy)]
pub(super) struct Ecdsa(pub(super) Option<Hash>);

/// The private key of an operation.
pub(super) fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::EcPrivate(private) => Some(&private.key),
        _ => None,
    })
}

fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::EcPublic(public) => Some(&public.key),
        _ => None,
    })
}

impl Signing for Ecdsa {
    fn hash(self) -> Option<Hash> {
        self.0
    }

    fn check_to_sign(self, with: Use<'_>) -> Result<()> {
        with.no_parameter()
    }

    fn check_to_verify(self, with: Use<'_>) -> Result<()> {
        with.no_parameter()
    }

    fn signature_len(self, with: Use<'_>) -> Result<usize> {
        Ok(2 * private(with)?.curve().len())
    }

    fn sign(self, with: Use<'_>, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        if digest.is_empty() {
            return Err(Reason::DataLenRange.into());
        }
        private(with)?.sign(digest, signature).map_err(internal)
    }

    fn verify(self, with: Use<'_>, digest: &[u8], signature: &[u8]) -> Result<()> {
        if digest.is_empty() {
            return Err(Reason::DataLenRange.into());
        }
        let verified = public(with)?.verify(digest, signature);
        verified.map_err(|failure| match failure {
            Failure::Length => Reason::SignatureLenRange.into(),
            Failure::Authentication => Reason::SignatureInvalid.into(),
            other => internal(other),
        })
    }
}

//! `CKM_EDDSA` on edwards25519 (§6.3.16): Ed25519, and with a parameter Ed25519ctx or Ed25519ph.

use crypto::{
    Error as Failure,
    edwards::{CONTEXT_MAX, PrivateKey, PublicKey, SIGNATURE_LEN, Variant},
};
use token::{OutputBound, Parameters, Reason, Result};

use super::{
    Material, Transformation, Use, Verification, failure::internal, keying::typed,
    rsa_signature::fixed,
};

/// The sign and verify columns. Ed25519 reads its data twice, so it comes at once.
pub(super) struct Eddsa;

fn private<'a>(with: Use<'a>) -> Result<&'a PrivateKey> {
    typed(with, |material| match material {
        Material::EdPrivate(private) => Some(&private.key),
        _ => None,
    })
}

fn public<'a>(with: Use<'a>) -> Result<&'a PublicKey> {
    typed(with, |material| match material {
        Material::EdPublic(public) => Some(&public.key),
        _ => None,
    })
}

fn variant(parameters: &Parameters) -> Result<Variant<'_>> {
    match parameters {
        Parameters::None => Ok(Variant::Pure),
        Parameters::Eddsa { prehash, context } if context.len() <= CONTEXT_MAX => {
            Ok(match (prehash, context.is_empty()) {
                (true, _) => Variant::Prehash(context),
                (false, false) => Variant::Context(context),
                // Ed25519ctx without a context is not wanted (RFC 8032 §8.3); it is the parameter
                // that callers bring who set nothing in it.
                (false, true) => Variant::Pure,
            })
        }
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

impl Transformation for Eddsa {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        variant(with.parameters)?;
        Ok(fixed(SIGNATURE_LEN))
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        let signature = output.try_into().map_err(|_| Reason::Internal)?;
        let signed = private(with)?.sign(variant(with.parameters)?, input, signature);
        signed.map_err(internal)
    }
}

impl Verification for Eddsa {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        variant(with.parameters).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        let verified = public(with)?.verify(variant(with.parameters)?, input, signature);
        verified.map_err(|failure| match failure {
            Failure::Length => Reason::SignatureLenRange.into(),
            Failure::Authentication => Reason::SignatureInvalid.into(),
            other => internal(other),
        })
    }
}

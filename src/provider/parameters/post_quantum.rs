//! Parameters of post-quantum signatures.

use cryptoki_sys::*;
use token::{MechanismId, Parameters};

use crate::boundary::Result;

use super::claim::{Claim, bytes};

impl Claim {
    pub(super) fn sign_context(&self) -> Result<Parameters> {
        if self.is_absent() {
            return Ok(Parameters::None);
        }
        let context: CK_SIGN_ADDITIONAL_CONTEXT = self.structure()?;
        Ok(Parameters::SignContext {
            hedge: context.hedgeVariant,
            context: bytes(context.pContext, context.ulContextLen)?,
            hash: None,
        })
    }

    pub(super) fn hash_sign_context(&self) -> Result<Parameters> {
        let context: CK_HASH_SIGN_ADDITIONAL_CONTEXT = self.structure()?;
        Ok(Parameters::SignContext {
            hedge: context.hedgeVariant,
            context: bytes(context.pContext, context.ulContextLen)?,
            hash: Some(MechanismId(context.hash)),
        })
    }
}

//! Parameters of mechanisms on curves: ECDH and EdDSA.

use cryptoki_sys::*;
use token::Parameters;

use crate::boundary::Result;

use super::claim::{Claim, bytes, flag};

impl Claim {
    pub(super) fn ecdh(&self) -> Result<Parameters> {
        let ecdh: CK_ECDH1_DERIVE_PARAMS = self.structure()?;
        Ok(Parameters::Ecdh {
            kdf: ecdh.kdf,
            shared: bytes(ecdh.pSharedData, ecdh.ulSharedDataLen)?,
            public: bytes(ecdh.pPublicData, ecdh.ulPublicDataLen)?,
        })
    }

    pub(super) fn eddsa(&self) -> Result<Parameters> {
        if self.is_absent() {
            return Ok(Parameters::None);
        }
        let eddsa: CK_EDDSA_PARAMS = self.structure()?;
        Ok(Parameters::Eddsa {
            prehash: flag(eddsa.phFlag)?,
            context: bytes(eddsa.pContextData, eddsa.ulContextDataLen)?,
        })
    }
}

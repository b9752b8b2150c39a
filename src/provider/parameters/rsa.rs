//! Parameters of RSA mechanisms.

use cryptoki_sys::*;
use token::{MechanismId, Oaep, Parameters};

use crate::boundary::Result;

use super::claim::{Claim, bytes, invalid, one};

impl Claim {
    pub(super) fn oaep(&self) -> Result<Oaep> {
        oaep(self.structure()?)
    }

    pub(super) fn pss(&self) -> Result<Parameters> {
        let pss: CK_RSA_PKCS_PSS_PARAMS = self.structure()?;
        Ok(Parameters::Pss {
            hash: MechanismId(pss.hashAlg),
            mgf: pss.mgf,
            salt_len: pss.sLen,
        })
    }

    pub(super) fn rsa_aes_key_wrap(&self) -> Result<Parameters> {
        let wrap: CK_RSA_AES_KEY_WRAP_PARAMS = self.structure()?;
        Ok(Parameters::RsaAesKeyWrap {
            aes_bits: wrap.ulAESKeyBits,
            oaep: oaep(one(wrap.pOAEPParams)?)?,
        })
    }
}

fn oaep(oaep: CK_RSA_PKCS_OAEP_PARAMS) -> Result<Oaep> {
    // Callers without a label often leave the source of it 0.
    let has_source = oaep.source == CKZ_DATA_SPECIFIED;
    if !has_source && (oaep.source != 0 || oaep.ulSourceDataLen != 0) {
        return invalid();
    }
    Ok(Oaep {
        hash: MechanismId(oaep.hashAlg),
        mgf: oaep.mgf,
        label: bytes(oaep.pSourceData.cast_const().cast(), oaep.ulSourceDataLen)?,
    })
}

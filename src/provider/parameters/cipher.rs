//! Parameters of ciphers: initialisation vectors, counters, AEADs, and the data of derivations that
//! encrypt.

use cryptoki_sys::*;
use token::Parameters;

use crate::boundary::Result;

use super::{
    claim::{Claim, bytes, invalid},
    places::{Place, Places},
};

/// `CK_GCM_PARAMS` as it was before 2.40 gave it `ulIvBits`; some callers still send it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct GcmWithoutIvBits {
    pub(super) iv: *mut CK_BYTE,
    pub(super) iv_len: CK_ULONG,
    pub(super) additional: *mut CK_BYTE,
    pub(super) additional_len: CK_ULONG,
    pub(super) tag_bits: CK_ULONG,
}

impl Claim {
    pub(super) fn optional_iv(&self, length: usize) -> Result<Parameters> {
        if self.is_absent() {
            Ok(Parameters::None)
        } else {
            self.block(length).map(Parameters::Iv)
        }
    }

    pub(super) fn counter(&self) -> Result<Parameters> {
        let counter: CK_AES_CTR_PARAMS = self.structure()?;
        Ok(Parameters::Counter {
            counter_bits: counter.ulCounterBits,
            block: counter.cb,
        })
    }

    pub(super) fn gcm(&self, places: &mut Places) -> Result<Parameters> {
        let gcm = if self.is_a::<GcmWithoutIvBits>() {
            self.structure()?
        } else {
            let gcm: CK_GCM_PARAMS = self.structure()?;
            // Callers fill in `ulIvBits` as they please, most of them not at all: no byte is read
            // on its word.
            GcmWithoutIvBits {
                iv: gcm.pIv,
                iv_len: gcm.ulIvLen,
                additional: gcm.pAAD,
                additional_len: gcm.ulAADLen,
                tag_bits: gcm.ulTagBits,
            }
        };
        places.iv = Place::at(gcm.iv, gcm.iv_len);
        Ok(Parameters::Gcm {
            iv: bytes(gcm.iv, gcm.iv_len)?,
            additional: bytes(gcm.additional, gcm.additional_len)?,
            tag_bits: gcm.tag_bits,
        })
    }

    pub(super) fn ccm(&self) -> Result<Parameters> {
        let ccm: CK_CCM_PARAMS = self.structure()?;
        Ok(Parameters::Ccm {
            data_len: ccm.ulDataLen,
            nonce: bytes(ccm.pNonce, ccm.ulNonceLen)?,
            additional: bytes(ccm.pAAD, ccm.ulAADLen)?,
            mac_len: ccm.ulMACLen,
        })
    }

    pub(super) fn derivation_data(&self) -> Result<Parameters> {
        let data: CK_KEY_DERIVATION_STRING_DATA = self.structure()?;
        Ok(Parameters::Data(bytes(data.pData, data.ulLen)?))
    }

    pub(super) fn cbc_encrypt_data(&self, iv_len: usize) -> Result<Parameters> {
        let (iv, data, data_len) = match iv_len {
            8 => {
                let des: CK_DES_CBC_ENCRYPT_DATA_PARAMS = self.structure()?;
                (des.iv.to_vec(), des.pData, des.length)
            }
            16 => {
                let aes: CK_AES_CBC_ENCRYPT_DATA_PARAMS = self.structure()?;
                (aes.iv.to_vec(), aes.pData, aes.length)
            }
            _ => return invalid(),
        };
        Ok(Parameters::CbcEncryptData {
            iv,
            data: bytes(data, data_len)?,
        })
    }
}

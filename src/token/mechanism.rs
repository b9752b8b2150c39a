//! Mechanisms by number.

use cryptoki_sys as sys;
use serde::{Deserialize, Serialize};

use crate::Parameters;

/// `CK_MECHANISM_TYPE`, a `CKM_` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MechanismId(pub u64);

impl MechanismId {
    /// `CKM_STRONGROOM_XAES_256_GCM`: C2SP XAES-256-GCM with a nonce that the HSM draws and puts
    /// before the ciphertext. Its parameter is 32 bytes of additional data, or none.
    pub const XAES_256_GCM: Self = Self(sys::CKM_VENDOR_DEFINED | 0x5352_0001);
    /// `CKM_CLOUDHSM_AES_GCM`: AES-GCM with an initialisation vector that the HSM draws and puts
    /// before the ciphertext.
    pub const CLOUDHSM_AES_GCM: Self = Self(sys::CKM_VENDOR_DEFINED | 0x1087);
    /// `CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD`: RFC 3394.
    pub const CLOUDHSM_KEY_WRAP_NO_PAD: Self = Self(sys::CKM_VENDOR_DEFINED | 0x2109);
    /// `CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD`: RFC 3394 of the value padded as in PKCS #5.
    pub const CLOUDHSM_KEY_WRAP_PKCS5_PAD: Self = Self(sys::CKM_VENDOR_DEFINED | 0x210A);
    /// `CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD`: RFC 3394 of the value padded with zeroes.
    pub const CLOUDHSM_KEY_WRAP_ZERO_PAD: Self = Self(sys::CKM_VENDOR_DEFINED | 0x216F);
    /// CloudHSM's own number for SP 800-108 in counter mode.
    pub const CLOUDHSM_COUNTER_KDF: Self = Self(sys::CKM_VENDOR_DEFINED | 0x0000_0001);

    /// Whether making a key can take a processor for long, as a search for primes or many passes over a
    /// password do: who makes one waits for its turn, and nobody looks out for the answer meanwhile.
    pub fn makes_slowly(self) -> bool {
        [
            sys::CKM_RSA_PKCS_KEY_PAIR_GEN,
            sys::CKM_RSA_X9_31_KEY_PAIR_GEN,
            sys::CKM_PKCS5_PBKD2,
        ]
        .contains(&self.0)
    }
}

/// `CK_MECHANISM`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Which.
    pub id: MechanismId,
    /// With what.
    pub parameters: Parameters,
}

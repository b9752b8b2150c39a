//! Where modules differ, one row a module: the standard says it otherwise or not at all.

use cryptoki::{
    error::RvError,
    mechanism::{MechanismType, vendor_defined::CKM_VENDOR_DEFINED},
    types::AuthPin,
};
use zeroize::Zeroizing;

use super::Password;

/// The name of the crypto user that KMS is.
const USER: &str = "kmsuser";

/// `CKM_STRONGROOM_XAES_256_GCM` of `include/strongroom.h`: C2SP XAES-256-GCM with a random 192-bit
/// nonce, drawn by the HSM and put before the ciphertext; the parameter is 32 bytes of additional
/// data. The number stands here once more because kms knows modules only through `C_*`; a module
/// that has it says so in `C_GetMechanismInfo`.
const XAES_256_GCM: u64 = CKM_VENDOR_DEFINED | 0x5352_0001;

/// That mechanism.
pub(crate) fn xaes_256_gcm() -> Result<MechanismType, cryptoki::error::Error> {
    MechanismType::new_vendor_defined(XAES_256_GCM)
}

/// How a module is different.
pub(crate) struct Quirks {
    /// What its `CK_INFO.manufacturerID` starts with.
    manufacturer: &'static str,
    /// How a user is named in a PIN.
    pin: PinForm,
    /// What `C_Decrypt` answers when the tag is wrong.
    pub(crate) altered: &'static [RvError],
}

enum PinForm {
    /// `kmsuser:password`, as CloudHSM's module.
    UserAndPassword,
    /// There is one user; the PIN is the password.
    Password,
}

/// `CKR_AEAD_DECRYPT_FAILED` of PKCS#11 3.0, which the binding does not know.
const AEAD_DECRYPT_FAILED: u64 = 0x35;

/// What the standard offers for a tag that is wrong.
const ALTERED: &[RvError] = &[
    RvError::UnknownErrorCode(AEAD_DECRYPT_FAILED),
    RvError::EncryptedDataInvalid,
    RvError::EncryptedDataLenRange,
];

const ROWS: &[Quirks] = &[Quirks {
    manufacturer: "SoftHSM",
    pin: PinForm::Password,
    // It has no code for a wrong tag of its own.
    altered: &[
        RvError::EncryptedDataInvalid,
        RvError::EncryptedDataLenRange,
        RvError::GeneralError,
    ],
}];

/// Every module that has no row.
const OTHERS: &Quirks = &Quirks {
    manufacturer: "",
    pin: PinForm::UserAndPassword,
    altered: ALTERED,
};

impl Quirks {
    /// The row of the module whose maker calls itself so.
    pub(crate) fn of(manufacturer: &str) -> &'static Self {
        ROWS.iter()
            .find(|row| manufacturer.starts_with(row.manufacturer))
            .unwrap_or(OTHERS)
    }

    /// kmsuser's PIN.
    pub(crate) fn pin(&self, password: &Password) -> AuthPin {
        AuthPin::from(self.pin_text(password).as_str())
    }

    fn pin_text(&self, password: &Password) -> Zeroizing<String> {
        Zeroizing::new(match self.pin {
            PinForm::Password => password.reveal().to_owned(),
            PinForm::UserAndPassword => format!("{USER}:{}", password.reveal()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_mechanism_has_its_number() {
        assert_eq!(XAES_256_GCM, 0xD352_0001);
        assert_eq!(*xaes_256_gcm().unwrap(), 0xD352_0001);
    }

    #[test]
    fn a_module_that_nobody_knows_takes_pins_as_cloudhsm_does() {
        let pin = |maker| Quirks::of(maker).pin_text(&Password::new("pw"));
        assert_eq!(pin("Strongroom").as_str(), "kmsuser:pw");
        assert_eq!(pin("SoftHSM").as_str(), "pw");
    }
}

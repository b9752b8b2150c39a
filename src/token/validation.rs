//! What an operator declares of a validation by somebody else: one `[[validation]]` of a home's
//! `strongroom.toml` is one `CKO_VALIDATION` object (§4.15).

use cryptoki_sys as sys;
use serde::Deserialize;

use crate::limits;

/// A validation, as its certificate says. The fields are the object's attributes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// `CKA_VALIDATION_TYPE`: what was validated.
    #[serde(rename = "type", default)]
    pub kind: ValidationType,
    /// `CKA_VALIDATION_AUTHORITY_TYPE`: who validated it.
    #[serde(default)]
    pub authority: ValidationAuthority,
    /// `CKA_VALIDATION_VERSION`: of the standard that it was held against.
    pub version: ValidationVersion,
    /// `CKA_VALIDATION_LEVEL`.
    pub level: u64,
    /// `CKA_VALIDATION_MODULE_ID`: the module's name in the documents of the validation.
    pub module_id: String,
    /// `CKA_VALIDATION_COUNTRY`: two letters.
    #[serde(default)]
    pub country: String,
    /// `CKA_VALIDATION_CERTIFICATE_IDENTIFIER`.
    #[serde(default)]
    pub certificate: String,
    /// `CKA_VALIDATION_CERTIFICATE_URI`.
    #[serde(default)]
    pub certificate_uri: String,
    /// `CKA_VALIDATION_VENDOR_URI`.
    #[serde(default)]
    pub vendor_uri: String,
    /// `CKA_VALIDATION_PROFILE`: such as a protection profile of Common Criteria.
    #[serde(default)]
    pub profile: String,
}

/// `CK_VALIDATION_TYPE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u64)]
#[allow(missing_docs, reason = "the names of the standard")]
pub enum ValidationType {
    #[default]
    Unspecified = sys::CKV_TYPE_UNSPECIFIED,
    Software = sys::CKV_TYPE_SOFTWARE,
    Hardware = sys::CKV_TYPE_HARDWARE,
    Firmware = sys::CKV_TYPE_FIRMWARE,
    Hybrid = sys::CKV_TYPE_HYBRID,
}

/// `CK_VALIDATION_AUTHORITY_TYPE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u64)]
#[allow(missing_docs, reason = "the names of the standard")]
pub enum ValidationAuthority {
    #[default]
    Unspecified = sys::CKV_AUTHORITY_TYPE_UNSPECIFIED,
    NistCmvp = sys::CKV_AUTHORITY_TYPE_NIST_CMVP,
    CommonCriteria = sys::CKV_AUTHORITY_TYPE_COMMON_CRITERIA,
}

/// `CK_VERSION`, written as `3.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ValidationVersion {
    /// What stands before the point.
    pub major: u8,
    /// What stands behind it.
    pub minor: u8,
}

impl TryFrom<String> for ValidationVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once('.');
        let parsed =
            parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match parsed {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(format!("`{text}` is no version such as \"3.0\"")),
        }
    }
}

impl Validation {
    /// Whether it can be looked up and shown: a claim that nobody can check is none.
    pub fn check(&self) -> Result<(), String> {
        let texts = [
            &self.module_id,
            &self.country,
            &self.certificate,
            &self.certificate_uri,
            &self.vendor_uri,
            &self.profile,
        ];
        if texts
            .iter()
            .any(|text| text.len() > limits::VALIDATION_TEXT_BYTES)
        {
            let most = limits::VALIDATION_TEXT_BYTES;
            return Err(format!("a text of a validation has at most {most} bytes"));
        }
        if self.module_id.is_empty() {
            return Err("`module_id` of a validation is empty".to_owned());
        }
        let two_letters =
            |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if !self.country.is_empty() && !two_letters(&self.country) {
            return Err("`country` of a validation is two capital letters".to_owned());
        }
        if self.certificate_uri.is_empty() && self.vendor_uri.is_empty() {
            let words =
                "a validation has a `certificate_uri` or a `vendor_uri`, where it can be looked up";
            return Err(words.to_owned());
        }
        Ok(())
    }
}

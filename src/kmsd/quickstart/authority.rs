//! The customer's certificate authority, made here so that there is one to try things with.

use std::path::{Path, PathBuf};

use aws::private;
use crypto::Zeroizing;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::Failure;

/// Bytes in a PEM file of ours.
const FILE_BYTES: usize = 32 * 1024;

/// The authority: a key and a certificate, in files.
pub(super) struct Authority {
    key: KeyPair,
    /// `customerCA.crt`, PEM.
    pub(super) certificate: String,
    /// Where the key is.
    pub(super) key_path: PathBuf,
    /// Whether it was made just now.
    pub(super) made: bool,
}

impl Authority {
    /// The authority in `folder`, made if it is not there: first the key, then the certificate.
    pub(super) fn open(folder: &Path) -> Result<Self, Failure> {
        private::folder(folder)?;
        let key_path = folder.join("customerCA.key");
        let key = match private::read(&key_path, FILE_BYTES)? {
            Some(pem) => KeyPair::from_pem(std::str::from_utf8(&pem)?)?,
            None => {
                let key = KeyPair::generate()?;
                private::write(&key_path, Zeroizing::new(key.serialize_pem()).as_bytes())?;
                key
            }
        };
        let path = folder.join("customerCA.crt");
        let (certificate, made) = match private::read(&path, FILE_BYTES)? {
            Some(pem) => (String::from_utf8(pem.to_vec())?, false),
            None => {
                let pem = parameters()?.self_signed(&key)?.pem();
                private::write(&path, pem.as_bytes())?;
                (pem, true)
            }
        };
        Ok(Self {
            key,
            certificate,
            key_path,
            made,
        })
    }

    /// The certificate that the authority makes of a request.
    pub(super) fn sign(&self, request: &str) -> Result<String, Failure> {
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key)?;
        let request = CertificateSigningRequestParams::from_pem(request)?;
        Ok(request.signed_by(&issuer)?.pem())
    }
}

fn parameters() -> Result<CertificateParams, Failure> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Strongroom quickstart");
    name.push(DnType::CommonName, "Example customer CA");
    parameters.distinguished_name = name;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_signs_what_its_certificate_vouches_for() {
        let home = tempfile::tempdir().unwrap();
        let first = Authority::open(home.path().join("ca").as_path()).unwrap();
        let again = Authority::open(home.path().join("ca").as_path()).unwrap();
        assert!(first.made && !again.made);
        assert_eq!(first.certificate, again.certificate);
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::new(Vec::new())
            .unwrap()
            .serialize_request(&key)
            .unwrap();
        assert!(
            again
                .sign(&request.pem().unwrap())
                .unwrap()
                .contains("BEGIN CERTIFICATE")
        );
    }

    #[test]
    fn a_killed_making_is_completed_with_the_key_that_is_there() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("ca");
        Authority::open(&folder).unwrap();
        let key = std::fs::read(folder.join("customerCA.key")).unwrap();
        std::fs::remove_file(folder.join("customerCA.crt")).unwrap();
        assert!(Authority::open(&folder).unwrap().made);
        assert_eq!(std::fs::read(folder.join("customerCA.key")).unwrap(), key);
    }
}

//! The certificates of a cluster: its request, the chain from the manufacturer to the HSM, the
//! check of what the customer's CA made of the request, and a CA for those who bring none.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use token::{Certificates, Error, HsmId, Reason, Result, limits};
use x509_parser::{
    certificate::X509Certificate,
    certification_request::X509CertificationRequest,
    pem::{Pem, parse_x509_pem},
    prelude::FromDer,
    x509::X509Version,
};
use zeroize::Zeroizing;

use crate::{cluster::caller::since_1970, failure::internal};

/// As long as the CA in CloudHSM's guide.
const VALID: Duration = Duration::from_secs(3652 * 24 * 60 * 60);

/// What the first HSM makes: the cluster's key pair, and the papers that go with it.
pub(super) struct Identity {
    pub(super) certificates: Certificates,
    /// PKCS#8.
    pub(super) private_key: Zeroizing<Vec<u8>>,
}

/// Makes the cluster's key pair in its first HSM: a request for the cluster certificate, and the
/// chain that says that the key is an HSM's. Who made the chain forgets the keys that signed it.
pub(super) fn identity(hsm: &HsmId) -> Result<Identity> {
    let manufacturer_key = key_pair()?;
    let manufacturer = authority("Strongroom Manufacturer Root", None);
    let manufacturer_certificate = manufacturer
        .self_signed(&manufacturer_key)
        .map_err(internal)?;
    let manufacturer = Issuer::new(manufacturer, manufacturer_key);

    let hardware_key = key_pair()?;
    let hardware = authority("Strongroom Hardware", Some(0));
    let hardware_certificate = hardware
        .signed_by(&hardware_key, &manufacturer)
        .map_err(internal)?;
    let hardware = Issuer::new(hardware, hardware_key);

    let key = key_pair()?;
    let subject = parameters(&format!("HSM:{}:PARTN:1, for NON-FIPS mode", hsm.tail()));
    let hsm_certificate = subject.signed_by(&key, &hardware).map_err(internal)?;
    let csr = subject
        .serialize_request(&key)
        .and_then(|csr| csr.pem())
        .map_err(internal)?;
    Ok(Identity {
        certificates: Certificates {
            csr: Some(csr),
            hsm: Some(hsm_certificate.pem()),
            hardware: Some(hardware_certificate.pem()),
            manufacturer: Some(manufacturer_certificate.pem()),
            cluster: None,
            trust_anchor: None,
        },
        private_key: Zeroizing::new(key.serialize_der()),
    })
}

/// The request's certificate and its trust anchor, from a CA that nobody keeps.
pub(super) fn sign_ourselves(csr: &str) -> Result<(String, String)> {
    let key = key_pair()?;
    let parameters = authority("Strongroom customerCA", None);
    let anchor = parameters.self_signed(&key).map_err(internal)?;
    let issuer = Issuer::new(parameters, key);
    let mut request = CertificateSigningRequestParams::from_pem(csr).map_err(internal)?;
    set_validity(&mut request.params);
    let certificate = request.signed_by(&issuer).map_err(internal)?;
    Ok((certificate.pem(), anchor.pem()))
}

/// Whether `certificate` is for the key of `csr` and signed by `anchor`, and `anchor` is the root of
/// a CA.
pub(super) fn check(csr: &str, certificate: &str, anchor: &str) -> Result<()> {
    let csr = pem("the CSR", csr, "CERTIFICATE REQUEST")?;
    let (_, csr) = X509CertificationRequest::from_der(&csr.contents).map_err(internal)?;
    let certificate = pem("the signed certificate", certificate, "CERTIFICATE")?;
    let certificate = parse("the signed certificate", &certificate)?;
    let anchor = pem("the trust anchor", anchor, "CERTIFICATE")?;
    let anchor = parse("the trust anchor", &anchor)?;

    check_anchor(&anchor)?;
    if certificate.public_key().raw != csr.certification_request_info.subject_pki.raw {
        return wrong("the signed certificate is not for the key of this cluster's CSR");
    }
    if certificate.issuer().as_raw() != anchor.subject().as_raw() {
        return wrong("the signed certificate names another issuer than the trust anchor");
    }
    if certificate
        .verify_signature(Some(anchor.public_key()))
        .is_err()
    {
        return wrong("the signed certificate was not signed by the trust anchor");
    }
    check_time("the signed certificate", &certificate)
}

/// RFC 5280, and what CloudHSM asks beyond it: self-signed; with any extension, basic constraints.
fn check_anchor(anchor: &X509Certificate<'_>) -> Result<()> {
    if anchor.issuer().as_raw() != anchor.subject().as_raw()
        || anchor.verify_signature(None).is_err()
    {
        return wrong("the trust anchor is not self-signed");
    }
    let authority = match anchor.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        Ok(None) => anchor.version() != X509Version::V3 || anchor.extensions().is_empty(),
        Err(_) => false,
    };
    let may_sign = match anchor.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    if !authority || !may_sign {
        return wrong("the trust anchor is not the certificate of a CA (basicConstraints CA:TRUE)");
    }
    check_time("the trust anchor", anchor)
}

/// A certificate that begins in a moment is one from a machine whose clock is ahead.
fn check_time(what: &str, certificate: &X509Certificate<'_>) -> Result<()> {
    let end = certificate.validity().not_after.timestamp();
    if u64::try_from(end).unwrap_or(0) < since_1970().as_secs() {
        return wrong(format!("{what} has expired"));
    }
    Ok(())
}

fn pem(what: &str, text: &str, label: &str) -> Result<Pem> {
    if text.len() > limits::CERTIFICATE_BYTES {
        return wrong(format!(
            "{what} has more than {} bytes",
            limits::CERTIFICATE_BYTES
        ));
    }
    match parse_x509_pem(text.as_bytes()) {
        Ok((_, pem)) if pem.label == label => Ok(pem),
        Ok((_, pem)) => wrong(format!(
            "{what} is a PEM {}, not a {label}",
            pem.label.escape_debug()
        )),
        Err(_) => wrong(format!("{what} is not PEM")),
    }
}

fn parse<'a>(what: &str, pem: &'a Pem) -> Result<X509Certificate<'a>> {
    match X509Certificate::from_der(&pem.contents) {
        Ok(([], certificate)) => Ok(certificate),
        _ => wrong(format!("{what} is not an X.509 certificate")),
    }
}

fn wrong<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(Reason::Certificate, text))
}

fn key_pair() -> Result<KeyPair> {
    KeyPair::generate().map_err(internal)
}

fn parameters(name: &str) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Strongroom");
    subject.push(DnType::CommonName, name);
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = subject;
    set_validity(&mut parameters);
    parameters
}

fn authority(name: &str, below: Option<u8>) -> CertificateParams {
    let mut parameters = parameters(name);
    parameters.is_ca = IsCa::Ca(match below {
        Some(count) => BasicConstraints::Constrained(count),
        None => BasicConstraints::Unconstrained,
    });
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// From a day ago, for peers whose clocks are behind.
fn set_validity(parameters: &mut CertificateParams) {
    let now = date_time_ymd(1970, 1, 1) + since_1970();
    parameters.not_before = now - Duration::from_secs(24 * 60 * 60);
    parameters.not_after = now + VALID;
}

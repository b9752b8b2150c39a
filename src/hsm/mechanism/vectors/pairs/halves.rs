//! Pairs that are made here: what one half does the other half undoes, and nothing is made that cannot
//! be a pair.

use std::sync::Arc;

use crypto::ec::Curve;
use cryptoki_sys as sys;
use token::{AttributeType, Mechanism, MechanismId, Oaep, Operation, Parameters, Reason, Result};

use super::{attributes, done, parameters, started};
use crate::{
    mechanism::{Material, Row, Use, table},
    object::{Attributes, Plain},
};

/// A pair that `mechanism` makes of a public template with one attribute.
fn pair(
    mechanism: u64,
    key_type: sys::CK_KEY_TYPE,
    kind: AttributeType,
    value: Plain,
) -> Result<[(Attributes, Arc<Material>); 2]> {
    let mut template = Attributes::default();
    template.set(kind, value);
    let mechanism = Mechanism {
        id: MechanismId(mechanism),
        parameters: Parameters::None,
    };
    let made = crate::mechanism::generate_pair(&mechanism, &template, &Attributes::default())?;
    Ok([
        (attributes(sys::CKO_PUBLIC_KEY, key_type), Arc::new(made.0)),
        (attributes(sys::CKO_PRIVATE_KEY, key_type), Arc::new(made.1)),
    ])
}

fn rsa_pair() -> [(Attributes, Arc<Material>); 2] {
    let bits = Plain::from(2048);
    let kind = AttributeType::MODULUS_BITS;
    pair(sys::CKM_RSA_PKCS_KEY_PAIR_GEN, sys::CKK_RSA, kind, bits).unwrap()
}

fn ec_pairs() -> Vec<[(Attributes, Arc<Material>); 2]> {
    let make = |mechanism, key_type, curve: &[u8]| {
        let kind = AttributeType::EC_PARAMS;
        pair(mechanism, key_type, kind, curve.to_vec().into()).unwrap()
    };
    let curves = Curve::ALL.into_iter();
    let prime = curves
        .filter(|curve| !(crypto::library::IS_FIPS && *curve == Curve::Secp256k1))
        .map(|curve| make(sys::CKM_EC_KEY_PAIR_GEN, sys::CKK_EC, curve.oid()));
    let edwards = make(
        sys::CKM_EC_EDWARDS_KEY_PAIR_GEN,
        sys::CKK_EC_EDWARDS,
        b"\x13\x0cedwards25519",
    );
    prime.chain([edwards]).collect()
}

/// Parameters that the row takes.
fn legal(row: &Row) -> Parameters {
    let pss = |hash: &str| parameters(&format!("{hash},SHA256,20"));
    match row.name {
        "CKM_RSA_PKCS_PSS" => pss("SHA256"),
        "CKM_RSA_PKCS_OAEP" => parameters("SHA384,SHA1,6c6162656c"),
        name => match name
            .strip_prefix("CKM_")
            .and_then(|name| name.strip_suffix("_RSA_PKCS_PSS"))
        {
            None => Parameters::None,
            Some("SHA3_224") => sha3_pss(sys::CKM_SHA3_224),
            Some("SHA3_256") => sha3_pss(sys::CKM_SHA3_256),
            Some("SHA3_384") => sha3_pss(sys::CKM_SHA3_384),
            Some("SHA3_512") => sha3_pss(sys::CKM_SHA3_512),
            Some(hash) => pss(hash),
        },
    }
}

fn sha3_pss(hash: u64) -> Parameters {
    Parameters::Pss {
        hash: MechanismId(hash),
        mgf: sys::CKG_MGF1_SHA3_256,
        salt_len: 32,
    }
}

#[test]
fn what_one_half_does_the_other_half_undoes() {
    let mut pairs = ec_pairs();
    pairs.push(rsa_pair());
    let mut uses = 0;
    for [public, private] in &pairs {
        let key_type = public.0.key_type().unwrap();
        let takes = |row: &&Row| {
            let rule = row.key.as_ref();
            rule.is_some_and(|rule| rule.types.contains(&key_type))
        };
        for row in table::rows().filter(takes) {
            let name = row.name;
            let mechanism = Mechanism {
                id: row.id,
                parameters: legal(row),
            };
            // As long as the digest of PSS, and so short that every padding has room.
            let data = [0x5a; 32];
            if row.sign.is_some() {
                let signature = done(Operation::Sign, &mechanism, private, &data).unwrap();
                let mut verify = started(Operation::Verify, &mechanism, public);
                let verified = verify.check(Operation::Verify, Some(&data), &signature);
                assert!(verified.is_ok(), "{name} {verified:?}");
                uses += 1;
            }
            if row.encrypt.is_some() {
                let encrypted = done(Operation::Encrypt, &mechanism, public, &data).unwrap();
                let decrypted = done(Operation::Decrypt, &mechanism, private, &encrypted).unwrap();
                assert!(decrypted.ends_with(&data), "{name}");
                uses += 1;
            }
            if row.sign_recover.is_some() {
                let signature = done(Operation::SignRecover, &mechanism, private, &data).unwrap();
                let recovered = done(Operation::VerifyRecover, &mechanism, public, &signature);
                assert!(recovered.unwrap().ends_with(&data), "{name}");
                uses += 1;
            }
        }
    }
    assert!(uses > 50, "{uses}");
}

#[test]
fn data_that_is_too_long_is_refused() {
    let [public, private] = rsa_pair();
    let of = |operation, name: &str| {
        let row = table::rows().find(|row| row.name == name)?;
        row.work(operation).map(|_| row)
    };
    // Of a row and a column that this build has.
    let answers = |operation, name: &str, len, expected| {
        let row = of(operation, name);
        assert!(row.is_some() || crypto::library::IS_FIPS, "{name}");
        let Some(row) = row else { return };
        let mechanism = Mechanism {
            id: row.id,
            parameters: legal(row),
        };
        let key = match operation {
            Operation::Encrypt => &public,
            _ => &private,
        };
        let done = done(operation, &mechanism, key, &vec![0xff; len]);
        assert_eq!(done.err().map(|error| error.reason), expected, "{name}");
    };
    let too_long = Some(Reason::DataLenRange);
    answers(Operation::Encrypt, "CKM_RSA_PKCS", 246, too_long);
    answers(Operation::Sign, "CKM_RSA_PKCS", 246, too_long);
    answers(Operation::Sign, "CKM_RSA_X_509", 257, too_long);
    answers(Operation::Sign, "CKM_RSA_PKCS_PSS", 31, too_long);
    answers(Operation::Encrypt, "CKM_RSA_PKCS_OAEP", 159, too_long);
    answers(Operation::Encrypt, "CKM_RSA_PKCS_OAEP", 158, None);
    let too_large = Some(Reason::DataInvalid);
    answers(Operation::Sign, "CKM_RSA_X_509", 256, too_large);
    answers(Operation::Encrypt, "CKM_RSA_X_509", 256, too_large);
}

#[test]
fn a_key_of_any_class_is_wrapped_by_rsa_and_comes_back() {
    let [public, private] = rsa_pair();
    let comes_back = |name: &str, parameters: Parameters, value: &[u8]| {
        let row = table::rows().find(|row| row.name == name).unwrap();
        assert!(row.wrap.is_some() || crypto::library::IS_FIPS, "{name}");
        let (Some(wrap), Some(unwrap)) = (row.wrap, row.unwrap) else {
            return;
        };
        let with = |key| Use {
            key: Some(key),
            parameters: &parameters,
        };
        let len = wrap
            .wrapped_len(with(&public.1), None, value.len())
            .unwrap();
        let mut blob = vec![0; len];
        wrap.wrap(with(&public.1), None, value, &mut blob).unwrap();
        let back = unwrap.unwrap(with(&private.1), None, &blob).unwrap();
        assert_eq!(back.reveal(), value, "{name}");
    };
    let oaep = Oaep {
        hash: MechanismId(sys::CKM_SHA256),
        mgf: sys::CKG_MGF1_SHA256,
        label: Vec::new(),
    };
    comes_back("CKM_RSA_PKCS", Parameters::None, &[7; 32]);
    let parameters = Parameters::Oaep(oaep.clone());
    comes_back("CKM_RSA_PKCS_OAEP", parameters, &[7; 32]);
    let pkcs8 = private.1.face().wrapped_form().unwrap();
    for aes_bits in [128, 192, 256] {
        let parameters = Parameters::RsaAesKeyWrap {
            aes_bits,
            oaep: oaep.clone(),
        };
        comes_back("CKM_RSA_AES_KEY_WRAP", parameters, pkcs8.reveal());
    }
}

#[test]
fn a_pair_that_cannot_be_is_not_made() {
    let reason = |mechanism, key_type, kind, value| {
        pair(mechanism, key_type, kind, value)
            .map(drop)
            .unwrap_err()
            .reason
    };
    let rsa = |kind, value| reason(sys::CKM_RSA_PKCS_KEY_PAIR_GEN, sys::CKK_RSA, kind, value);
    let bits = AttributeType::MODULUS_BITS;
    for wrong in [0, 512, 2000, 8192, u64::MAX] {
        assert_eq!(rsa(bits, wrong.into()), Reason::AttributeValueInvalid);
    }
    let exponent = AttributeType::PUBLIC_EXPONENT;
    let missing = rsa(exponent, vec![1, 0, 1].into());
    assert_eq!(missing, Reason::TemplateIncomplete);
    let ec = |curve: &[u8]| {
        let kind = AttributeType::EC_PARAMS;
        reason(
            sys::CKM_EC_KEY_PAIR_GEN,
            sys::CKK_EC,
            kind,
            curve.to_vec().into(),
        )
    };
    // brainpoolP256r1, edwards25519, nothing.
    let brainpool = b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07";
    let refused = [&brainpool[..], b"\x06\x03\x2b\x65\x70", b""].into_iter();
    for curve in refused.chain(crypto::library::IS_FIPS.then(|| Curve::Secp256k1.oid())) {
        assert_eq!(ec(curve), Reason::CurveNotSupported);
    }
}

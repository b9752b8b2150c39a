//! ECDH: the public vectors of both kinds of curve, and what the derivation does with the secret.

use crypto::Secret;
use cryptoki_sys as sys;
use token::{AttributeType, KeyType, ObjectHandle, Parameters, Reason, Result};

use super::{bytes, pairs::attributes};
use crate::{
    mechanism::{Material, OtherKeys, Row, Use, table},
    object::Secrets,
};

/// The mechanisms that these vectors are of.
pub(super) const DERIVATIONS: [u64; 2] = [sys::CKM_ECDH1_DERIVE, sys::CKM_ECDH1_COFACTOR_DERIVE];

struct NoOthers;

impl OtherKeys for NoOthers {
    fn value(&self, _handle: ObjectHandle) -> Result<Secret> {
        Err(Reason::KeyHandleInvalid.into())
    }
}

/// RFC 7748 §6.1; Wycheproof, ecdh_secp256r1_ecpoint, test 1.
const AGREEMENTS: [(sys::CK_KEY_TYPE, &[u8], &str, &str, &str); 2] = [
    (
        sys::CKK_EC_MONTGOMERY,
        b"\x13\x0acurve25519",
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    ),
    (
        sys::CKK_EC,
        b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        "0612465c89a023ab17855b0a6bcebfd3febb53aef84138647b5352e02c10c346",
        concat!(
            "0462d5bd3372af75fe85a040715d0f502428e07046868b0bfdfa61d731afe44f26",
            "ac333a93a9e70a81cd5a95b5bf8d13990eb741c8c38872b4a07d275a014e30cf",
        ),
        "53020d908b0219328b658b525f26780e3ae12bcd952bb25a93bc0895e1714285",
    ),
];

/// A row that agrees; a build with `fips` has it without some types of key.
fn row() -> &'static Row {
    let mut rows = table::rows();
    rows.find(|row| DERIVATIONS.contains(&row.id.0)).unwrap()
}

fn agreed(
    private: &Material,
    kdf: u64,
    shared: &[u8],
    public: Vec<u8>,
    wanted: Option<usize>,
) -> Result<Vec<u8>> {
    let parameters = Parameters::Ecdh {
        kdf,
        shared: shared.to_vec(),
        public,
    };
    let with = Use {
        key: Some(private),
        parameters: &parameters,
    };
    let column = row().derive.unwrap();
    let values = column.derive(with, &NoOthers, &[wanted])?;
    Ok(values[0].reveal().to_vec())
}

#[test]
fn a_secret_is_agreed_on_plain_cut_and_through_a_function() {
    let types = row().key.unwrap().types;
    assert!(types.contains(&KeyType(sys::CKK_EC)));
    for (key_type, curve, value, point, secret) in AGREEMENTS {
        let takes = types.contains(&KeyType(key_type));
        assert!(takes || crypto::library::IS_FIPS);
        if !takes {
            continue;
        }
        let mut template = attributes(sys::CKO_PRIVATE_KEY, key_type);
        template.set(AttributeType::EC_PARAMS, curve.to_vec().into());
        let private = Material::create(&template, &Secrets::value(&bytes(value))).unwrap();
        let (point, secret) = (bytes(point), bytes(secret));
        let octets = [&[4, u8::try_from(point.len()).unwrap()], &point[..]].concat();
        for public in [point.clone(), octets] {
            let whole = agreed(&private, sys::CKD_NULL, &[], public, None);
            assert_eq!(whole.unwrap(), secret);
        }
        // §6.3.18: the leading bytes are removed.
        let cut = agreed(&private, sys::CKD_NULL, &[], point.clone(), Some(16));
        assert_eq!(cut.unwrap(), secret[16..]);
        let hashed = agreed(
            &private,
            sys::CKD_SHA256_KDF,
            b"shared",
            point.clone(),
            Some(40),
        );
        let expected = crypto::kdf::x963(crypto::hash::Hash::Sha256, &secret, b"shared", 40);
        assert_eq!(hashed.unwrap(), expected.unwrap().reveal());
        let one_step = agreed(
            &private,
            sys::CKD_SHA384_KDF_SP800,
            b"",
            point.clone(),
            None,
        );
        assert_eq!(one_step.unwrap().len(), 48);

        let refused = [
            agreed(&private, 99, &[], point.clone(), None),
            agreed(&private, sys::CKD_NULL, b"shared", point.clone(), None),
            agreed(&private, sys::CKD_NULL, &[], vec![0; point.len()], None),
            agreed(&private, sys::CKD_NULL, &[], vec![], None),
        ];
        for refused in refused {
            assert_eq!(refused.unwrap_err().reason, Reason::MechanismParamInvalid);
        }
        let longer = agreed(&private, sys::CKD_NULL, &[], point, Some(33));
        assert_eq!(longer.unwrap_err().reason, Reason::AttributeValueInvalid);
    }
}

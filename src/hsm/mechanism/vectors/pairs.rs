//! The rows whose keys are pairs, by their public vectors: signatures, ciphertexts and wrapped keys of
//! others.

mod halves;

use std::sync::Arc;

use crypto::{Secret, ec::Curve};
use cryptoki_sys as sys;
use token::{
    AttributeType, Mechanism, MechanismId, Oaep, Operation, Parameters, Produced, Reason, Result,
};

use super::{agreement::DERIVATIONS, bytes, usable};
use crate::{
    mechanism::{Material, Row, Use, table},
    object::{Attributes, Secrets},
    operation::{Key, Operations},
};

const SIGNATURES: &str = include_str!("signatures.txt");
const DECRYPTIONS: &str = include_str!("decryptions.txt");
const WRAPPED: &str = include_str!("wrapped.txt");

/// A vector of the files beside this one.
struct Vector {
    mechanism: Mechanism,
    row: &'static Row,
    key: &'static str,
    rest: [&'static str; 2],
}

/// Whether the row has a vector here.
pub(super) fn covers(row: &Row) -> bool {
    let listed = vectors(SIGNATURES)
        .chain(vectors(DECRYPTIONS))
        .chain(vectors(WRAPPED))
        .any(|vector| vector.row.id == row.id);
    listed || DERIVATIONS.contains(&row.id.0)
}

fn vectors(file: &'static str) -> impl Iterator<Item = Vector> {
    let lines = file
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let lines: Vec<_> = lines.collect();
    let (blocks, rest) = lines.as_chunks::<4>();
    assert!(rest.is_empty());
    let blocks = blocks.to_vec();
    // A row or a curve that this build has not is not tested.
    blocks.into_iter().filter_map(|[head, key, first, second]| {
        let is_in = !crypto::library::IS_FIPS || !key.starts_with("Secp256k1 ");
        let mut words = head.split(' ');
        let name = words.next().unwrap();
        let row = table::rows().find(|row| row.name == name && is_in)?;
        Some(Vector {
            mechanism: Mechanism {
                id: row.id,
                parameters: parameters(words.next().unwrap()),
            },
            row,
            key,
            rest: [first, second],
        })
    })
}

/// `-`, or hash, mask generation function, and bytes of salt or a label; for EdDSA `ctx:` or `ph:` and
/// a context.
fn parameters(text: &str) -> Parameters {
    if let Some((variant, context)) = text.split_once(':') {
        return Parameters::Eddsa {
            prehash: variant == "ph",
            context: context.into(),
        };
    }
    let fields: Vec<_> = text.split(',').collect();
    let [hash, mgf, last] = fields[..] else {
        return Parameters::None;
    };
    let known = [
        ("SHA1", sys::CKM_SHA_1, sys::CKG_MGF1_SHA1),
        ("SHA224", sys::CKM_SHA224, sys::CKG_MGF1_SHA224),
        ("SHA256", sys::CKM_SHA256, sys::CKG_MGF1_SHA256),
        ("SHA384", sys::CKM_SHA384, sys::CKG_MGF1_SHA384),
        ("SHA512", sys::CKM_SHA512, sys::CKG_MGF1_SHA512),
        ("SHA3_224", sys::CKM_SHA3_224, sys::CKG_MGF1_SHA3_224),
        ("SHA3_256", sys::CKM_SHA3_256, sys::CKG_MGF1_SHA3_256),
        ("SHA3_384", sys::CKM_SHA3_384, sys::CKG_MGF1_SHA3_384),
        ("SHA3_512", sys::CKM_SHA3_512, sys::CKG_MGF1_SHA3_512),
    ];
    let find = |name| known.iter().find(|(known, ..)| *known == name).unwrap();
    let (hash, mgf) = (MechanismId(find(hash).1), find(mgf).2);
    match last.parse() {
        Ok(salt_len) if last.len() < 3 => Parameters::Pss {
            hash,
            mgf,
            salt_len,
        },
        _ => Parameters::Oaep(Oaep {
            hash,
            mgf,
            label: bytes(last),
        }),
    }
}

/// A key of this class and type with every usage.
pub(super) fn attributes(class: u64, key_type: sys::CK_KEY_TYPE) -> Attributes {
    let mut attributes = usable(key_type);
    attributes.set(AttributeType::CLASS, class.into());
    for usage in [AttributeType::SIGN_RECOVER, AttributeType::VERIFY_RECOVER] {
        attributes.set(usage, true.into());
    }
    attributes
}

/// The public key of a line of `signatures.txt`.
fn public(text: &str) -> (Attributes, Arc<Material>) {
    let (curve, value) = text.split_once(' ').unwrap_or(("RSA", text));
    let mut template = match curve {
        "RSA" => {
            let mut template = attributes(sys::CKO_PUBLIC_KEY, sys::CKK_RSA);
            let (modulus, exponent) = value.split_once('/').unwrap_or((value, "010001"));
            template.set(AttributeType::MODULUS, bytes(modulus).into());
            template.set(AttributeType::PUBLIC_EXPONENT, bytes(exponent).into());
            template
        }
        "Ed25519" => {
            let mut template = attributes(sys::CKO_PUBLIC_KEY, sys::CKK_EC_EDWARDS);
            template.set(
                AttributeType::EC_PARAMS,
                b"\x06\x03\x2b\x65\x70".to_vec().into(),
            );
            template
        }
        curve => {
            let curve = Curve::ALL
                .into_iter()
                .find(|known| format!("{known:?}") == curve);
            let mut template = attributes(sys::CKO_PUBLIC_KEY, sys::CKK_EC);
            template.set(
                AttributeType::EC_PARAMS,
                curve.unwrap().oid().to_vec().into(),
            );
            template
        }
    };
    if curve != "RSA" {
        template.set(AttributeType::EC_POINT, bytes(value).into());
    }
    let material = Material::create(&template, &Secrets::default()).unwrap();
    (template, Arc::new(material))
}

fn started(
    operation: Operation,
    mechanism: &Mechanism,
    (attributes, material): &(Attributes, Arc<Material>),
) -> Operations {
    let mut operations = Operations::default();
    let key = Some(Key::new(attributes, material.clone()));
    operations.start(operation, mechanism.clone(), key).unwrap();
    operations
}

fn done(
    operation: Operation,
    mechanism: &Mechanism,
    key: &(Attributes, Arc<Material>),
    input: &[u8],
) -> Result<Vec<u8>> {
    let mut output = vec![0; 1024];
    let mut operations = started(operation, mechanism, key);
    match operations.transform(operation, input, Some(&mut output))? {
        Produced::Written(len) => output.truncate(len),
        Produced::Needed(len) => panic!("1024 bytes are enough, not {len}"),
    }
    Ok(output)
}

#[test]
fn every_signature_verifies_at_once_and_in_parts_and_no_other_does() {
    for vector in vectors(SIGNATURES) {
        let name = vector.row.name;
        let [message, mut signature] = vector.rest.map(bytes);
        let key = public(vector.key);
        let start = || started(Operation::Verify, &vector.mechanism, &key);
        let whole = start().check(Operation::Verify, Some(&message), &signature);
        assert!(whole.is_ok(), "{name} {whole:?}");
        if name.contains("_SHA") || name.starts_with("CKM_SHA") || name == "CKM_EDDSA" {
            let mut operations = start();
            for part in message.chunks(3) {
                operations.absorb(Operation::Verify, part).unwrap();
            }
            let parts = operations.check(Operation::Verify, None, &signature);
            assert!(parts.is_ok(), "{name} {parts:?}");
        }
        let short = &signature[1..];
        let refused = start().check(Operation::Verify, Some(&message), short);
        assert_eq!(
            refused.unwrap_err().reason,
            Reason::SignatureLenRange,
            "{name}"
        );
        *signature.last_mut().unwrap() ^= 1;
        let refused = start().check(Operation::Verify, Some(&message), &signature);
        assert_eq!(
            refused.unwrap_err().reason,
            Reason::SignatureInvalid,
            "{name}"
        );
    }
}

#[test]
fn every_ciphertext_decrypts() {
    for vector in vectors(DECRYPTIONS) {
        let name = vector.row.name;
        let attributes = attributes(sys::CKO_PRIVATE_KEY, sys::CKK_RSA);
        let pkcs8 = Secret::from(bytes(vector.key));
        let material = Material::of_value(&attributes, pkcs8, Reason::WrappedKeyInvalid);
        let key = (attributes, Arc::new(material.unwrap()));
        let [ciphertext, message] = vector.rest.map(bytes);
        // A build with `fips` has some rows without this column.
        let decrypts = vector.row.decrypt.is_some();
        assert!(decrypts || crypto::library::IS_FIPS, "{name}");
        if !decrypts {
            continue;
        }
        let decrypted = done(Operation::Decrypt, &vector.mechanism, &key, &ciphertext);
        assert_eq!(decrypted.unwrap(), message, "{name}");

        let mut operations = started(Operation::Decrypt, &vector.mechanism, &key);
        let bound = operations.transform(Operation::Decrypt, &ciphertext, None);
        assert_eq!(bound.unwrap(), Produced::Needed(256), "{name}");
        let short = operations.transform(Operation::Decrypt, &ciphertext, Some(&mut []));
        assert_eq!(short.unwrap(), Produced::Needed(message.len()), "{name}");
        let mut output = vec![0; message.len()];
        let whole = operations.transform(Operation::Decrypt, &ciphertext, Some(&mut output));
        assert_eq!(whole.unwrap(), Produced::Written(message.len()), "{name}");
        assert_eq!(output, message, "{name}");

        let refused = done(
            Operation::Decrypt,
            &vector.mechanism,
            &key,
            &ciphertext[1..],
        );
        assert_eq!(refused.unwrap_err().reason, Reason::EncryptedDataLenRange);
        let refused = done(Operation::Decrypt, &vector.mechanism, &key, &[0xff; 256]);
        assert_eq!(refused.unwrap_err().reason, Reason::EncryptedDataInvalid);
    }
}

#[test]
fn what_others_wrapped_unwraps() {
    for vector in vectors(WRAPPED) {
        let attributes = attributes(sys::CKO_PRIVATE_KEY, sys::CKK_RSA);
        let pkcs8 = Secret::from(bytes(vector.key));
        let key = Material::of_value(&attributes, pkcs8, Reason::WrappedKeyInvalid).unwrap();
        let [wrapped, value] = vector.rest.map(bytes);
        let parameters = match (vector.row.id.0, vector.mechanism.parameters) {
            (sys::CKM_RSA_AES_KEY_WRAP, Parameters::Oaep(oaep)) => Parameters::RsaAesKeyWrap {
                aes_bits: 256,
                oaep,
            },
            (_, other) => other,
        };
        let with = Use {
            key: Some(&key),
            parameters: &parameters,
        };
        // A build with `fips` has some rows without this column.
        let column = vector.row.unwrap;
        assert!(column.is_some() || crypto::library::IS_FIPS);
        let Some(column) = column else { continue };
        let unwrapped = column.unwrap(with, None, &wrapped).unwrap();
        assert_eq!(unwrapped.reveal(), value, "{}", vector.row.name);
    }
}

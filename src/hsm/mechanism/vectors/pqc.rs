//! ML-DSA's and ML-KEM's rows: public vectors, and that signatures are hedged, and of their context.

use std::sync::Arc;

use cryptoki_sys as sys;
use token::{
    AttributeType, Mechanism, MechanismId, Operation, Parameters, Produced, Reason, Result,
    SecretBytes,
};

use super::{bytes, usable};
use crate::{
    mechanism::{Material, Row, Use, table},
    object::{Attributes, Secrets},
    operation::{self, Operations},
};

const SIGNATURES: &str = include_str!("ml_dsa.txt");
const CIPHERTEXTS: &str = include_str!("ml_kem.txt");

/// Whether the row has a vector here.
pub(super) fn covers(row: &Row) -> bool {
    row.id.0 == sys::CKM_ML_KEM || signatures().any(|signature| signature.row.id == row.id)
}

/// Blocks of four lines.
fn blocks(file: &'static str) -> Vec<[&'static str; 4]> {
    let lines = file.lines();
    let lines: Vec<_> = lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    lines.as_chunks::<4>().0.to_vec()
}

fn row(name: &str) -> &'static Row {
    table::rows().find(|row| row.name == name).unwrap()
}

type Key = (Attributes, Arc<Material>);

/// A key of this class and parameters with every usage.
fn key(class: u64, key_type: u64, set: u64, kind: AttributeType, value: &[u8]) -> Key {
    let mut attributes = usable(key_type);
    attributes.set(AttributeType::CLASS, class.into());
    attributes.set(AttributeType::PARAMETER_SET, set.into());
    let mut secrets = Secrets::default();
    match class {
        sys::CKO_PUBLIC_KEY => attributes.set(kind, value.to_vec().into()),
        _ => secrets.set(kind, SecretBytes::copied(value)),
    }
    let material = Material::create(&attributes, &secrets).unwrap();
    (attributes, Arc::new(material))
}

struct Signature {
    row: &'static Row,
    mechanism: Mechanism,
    key: Key,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn signatures() -> impl Iterator<Item = Signature> {
    blocks(SIGNATURES)
        .into_iter()
        .map(|[head, public, message, signature]| {
            let words: Vec<_> = head.split(' ').collect();
            let row = row(words[0]);
            let set = match words[1] {
                "44" => sys::CKP_ML_DSA_44,
                "65" => sys::CKP_ML_DSA_65,
                _ => sys::CKP_ML_DSA_87,
            };
            let context = match words[2] {
                "-" => Vec::new(),
                digits => bytes(digits),
            };
            let hash = (words[3] == "SHA256").then_some(MechanismId(sys::CKM_SHA256));
            let (class, key_type) = (sys::CKO_PUBLIC_KEY, sys::CKK_ML_DSA);
            Signature {
                row,
                mechanism: Mechanism {
                    id: row.id,
                    parameters: signing(sys::CKH_HEDGE_PREFERRED, &context, hash),
                },
                key: key(class, key_type, set, AttributeType::VALUE, &bytes(public)),
                message: bytes(message),
                signature: bytes(signature),
            }
        })
}

fn signing(hedge: u64, context: &[u8], hash: Option<MechanismId>) -> Parameters {
    Parameters::SignContext {
        hedge,
        context: context.to_vec(),
        hash,
    }
}

fn start(operation: Operation, mechanism: &Mechanism, key: &Key) -> Result<Operations> {
    let mut operations = Operations::default();
    let key = Some(operation::Key::new(&key.0, key.1.clone()));
    operations.start(operation, mechanism.clone(), key)?;
    Ok(operations)
}

#[test]
fn every_signature_verifies_at_once_and_in_parts_and_no_other_does() {
    for mut vector in signatures() {
        let name = vector.row.name;
        let begin = || start(Operation::Verify, &vector.mechanism, &vector.key).unwrap();
        let check = |message: &[u8], signature: &[u8]| {
            begin().check(Operation::Verify, Some(message), signature)
        };
        let whole = check(&vector.message, &vector.signature);
        assert!(whole.is_ok(), "{name} {whole:?}");
        if vector.row.id.0 != sys::CKM_HASH_ML_DSA {
            let mut operations = begin();
            for part in vector.message.chunks(3) {
                operations.absorb(Operation::Verify, part).unwrap();
            }
            let parts = operations.check(Operation::Verify, None, &vector.signature);
            assert!(parts.is_ok(), "{name} {parts:?}");
        }
        let short = check(&vector.message, &vector.signature[1..]).unwrap_err();
        assert_eq!(short.reason, Reason::SignatureLenRange, "{name}");
        vector.message[0] ^= 1;
        let altered = check(&vector.message, &vector.signature).unwrap_err();
        assert_eq!(altered.reason, Reason::SignatureInvalid, "{name}");
    }
}

fn pair() -> [Key; 2] {
    let set = sys::CKP_ML_DSA_65;
    let class = sys::CKO_PRIVATE_KEY;
    let private = key(class, sys::CKK_ML_DSA, set, AttributeType::SEED, &[7; 32]);
    let Material::MlDsaPrivate(material) = &*private.1 else {
        panic!("an ML-DSA key");
    };
    let (class, value) = (sys::CKO_PUBLIC_KEY, material.public().bytes());
    let public = key(class, sys::CKK_ML_DSA, set, AttributeType::VALUE, value);
    [private, public]
}

fn signed(mechanism: &Mechanism, key: &Key, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut operations = start(Operation::Sign, mechanism, key)?;
    let mut signature = vec![0; 5_000];
    let produced = match parts {
        [whole] => operations.transform(Operation::Sign, whole, Some(&mut signature))?,
        parts => {
            for part in parts {
                operations.absorb(Operation::Sign, part)?;
            }
            operations.produce(Operation::Sign, Some(&mut signature))?
        }
    };
    match produced {
        Produced::Written(len) => signature.truncate(len),
        Produced::Needed(len) => panic!("5,000 bytes are enough, not {len}"),
    }
    Ok(signature)
}

#[test]
fn every_row_signs_what_its_public_key_verifies_at_once_and_in_parts() {
    let [private, public] = pair();
    let rows = table::rows().filter(|row| row.name.contains("ML_DSA") && row.sign.is_some());
    for row in rows {
        let of_digest = row.id.0 == sys::CKM_HASH_ML_DSA;
        let hash = of_digest.then_some(MechanismId(sys::CKM_SHA3_256));
        let with = |hedge, context: &[u8]| Mechanism {
            id: row.id,
            parameters: signing(hedge, context, hash),
        };
        let mechanism = |context: &[u8]| with(sys::CKH_HEDGE_REQUIRED, context);
        let (text, cut): ([u8; 32], usize) = ([5; 32], 9);
        let whole = signed(&mechanism(b"a"), &private, &[&text]).unwrap();
        let again = match of_digest {
            true => signed(&mechanism(b"a"), &private, &[&text]),
            false => signed(&mechanism(b"a"), &private, &[&text[..cut], &text[cut..]]),
        };
        let again = again.unwrap();
        assert_ne!(whole, again, "{} is hedged", row.name);
        let mut all = vec![whole, again];
        if !crypto::library::IS_FIPS {
            let always = with(sys::CKH_DETERMINISTIC_REQUIRED, b"a");
            let [one, other] = [(); 2].map(|()| signed(&always, &private, &[&text]).unwrap());
            assert_eq!(one, other, "{} is deterministic", row.name);
            assert!(!all.contains(&one), "{}", row.name);
            all.push(one);
        }
        for signature in &all {
            let check = |context: &[u8]| {
                start(Operation::Verify, &mechanism(context), &public)
                    .unwrap()
                    .check(Operation::Verify, Some(&text), signature)
            };
            assert!(check(b"a").is_ok(), "{}", row.name);
            let other = check(b"b").unwrap_err();
            assert_eq!(other.reason, Reason::SignatureInvalid, "{}", row.name);
        }
    }
}

#[test]
fn what_a_signature_cannot_be_is_refused_at_the_start() {
    let [private, public] = pair();
    let sha256 = Some(MechanismId(sys::CKM_SHA256));
    let refused = |operation, id, parameters, key: &Key| {
        let id = MechanismId(id);
        let mechanism = Mechanism { id, parameters };
        start(operation, &mechanism, key)
            .err()
            .map(|error| error.reason)
    };
    let param_invalid = Some(Reason::MechanismParamInvalid);
    for (id, parameters) in [
        (sys::CKM_ML_DSA, signing(3, b"", None)),
        (sys::CKM_ML_DSA, signing(0, &[0; 256], None)),
        (sys::CKM_ML_DSA, signing(0, b"", sha256)),
        (sys::CKM_HASH_ML_DSA, Parameters::None),
        (
            sys::CKM_HASH_ML_DSA,
            signing(0, b"", Some(MechanismId(sys::CKM_SHA_1))),
        ),
    ] {
        let reason = refused(Operation::Sign, id, parameters, &private);
        assert_eq!(reason, param_invalid, "{id:#x}");
    }
    // Who verifies cannot tell, and need not.
    let deterministic = || signing(sys::CKH_DETERMINISTIC_REQUIRED, b"", None);
    assert_eq!(
        refused(Operation::Verify, sys::CKM_ML_DSA, deterministic(), &public),
        None
    );
    let signs = refused(Operation::Sign, sys::CKM_ML_DSA, deterministic(), &private);
    match crypto::library::IS_FIPS {
        true => assert_eq!(signs, param_invalid),
        false => assert_eq!(signs, None),
    }
    let of_digest = Mechanism {
        id: MechanismId(sys::CKM_HASH_ML_DSA),
        parameters: signing(0, b"", sha256),
    };
    let short = signed(&of_digest, &private, &[&[1; 31]]).unwrap_err();
    assert_eq!(short.reason, Reason::DataLenRange);
}

#[test]
fn every_ciphertext_opens_to_its_secret() {
    let column = row("CKM_ML_KEM").decapsulate.unwrap();
    for [head, seed, ciphertext, secret] in blocks(CIPHERTEXTS) {
        let set = match head.split(' ').next().unwrap() {
            "512" => sys::CKP_ML_KEM_512,
            "768" => sys::CKP_ML_KEM_768,
            _ => sys::CKP_ML_KEM_1024,
        };
        let (class, kind) = (sys::CKO_PRIVATE_KEY, AttributeType::SEED);
        let (_, material) = key(class, sys::CKK_ML_KEM, set, kind, &bytes(seed));
        let with = Use {
            key: Some(&material),
            parameters: &Parameters::None,
        };
        let opened = column.decapsulate(with, &bytes(ciphertext)).unwrap();
        assert_eq!(opened.reveal(), bytes(secret), "{head}");
        let short = column.decapsulate(with, &bytes(ciphertext)[1..]);
        assert_eq!(
            short.err().map(|error| error.reason),
            Some(Reason::WrappedKeyLenRange)
        );
    }
}

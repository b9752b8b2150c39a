//! Every mechanism row gives the answers of a public vector, at once and in parts: through the
//! operation machine, as a caller would ask.

mod agreement;
mod keys;
mod pairs;
mod pqc;
mod symmetric;

use std::sync::Arc;

use cryptoki_sys as sys;
use token::{AttributeType, Mechanism, MechanismId, Operation, Parameters, Produced, Result};

use super::{Material, Use, Work, table};
use crate::{
    object::{Attributes, Secrets},
    operation::{Key, Operations},
};

/// One public vector of one mechanism.
struct Vector {
    mechanism: sys::CK_MECHANISM_TYPE,
    parameters: fn() -> Parameters,
    key_type: sys::CK_KEY_TYPE,
    /// Hexadecimal, as the next two.
    key: &'static str,
    input: &'static str,
    /// Ciphertext, digest or code.
    output: &'static str,
}

/// A key with every usage, and nothing else that a check reads.
pub(crate) fn usable(key_type: sys::CK_KEY_TYPE) -> Attributes {
    let mut attributes = Attributes::default();
    attributes.set(AttributeType::CLASS, sys::CKO_SECRET_KEY.into());
    attributes.set(AttributeType::KEY_TYPE, key_type.into());
    for usage in [
        AttributeType::ENCRYPT,
        AttributeType::DECRYPT,
        AttributeType::SIGN,
        AttributeType::VERIFY,
    ] {
        attributes.set(usage, true.into());
    }
    attributes
}

/// A secret key of this value.
pub(crate) fn secret_key(key_type: sys::CK_KEY_TYPE, value: &[u8]) -> Material {
    Material::create(&usable(key_type), &Secrets::value(value)).unwrap()
}

impl Vector {
    fn row(&self) -> &'static super::Row {
        table::rows()
            .find(|row| row.id.0 == self.mechanism)
            .unwrap()
    }

    fn start(&self, operation: Operation) -> Operations {
        let attributes = usable(self.key_type);
        let key = (operation != Operation::Digest)
            .then(|| Arc::new(secret_key(self.key_type, &bytes(self.key))))
            .map(|material| Key::new(&attributes, material));
        let mechanism = Mechanism {
            id: MechanismId(self.mechanism),
            parameters: (self.parameters)(),
        };
        let mut operations = Operations::default();
        operations.start(operation, mechanism, key).unwrap();
        operations
    }

    /// Output of `operation` on `input`, once at once and once in parts of `part_len`.
    fn whole(&self, operation: Operation, input: &[u8]) -> Vec<u8> {
        let mut output = vec![0; 256];
        let produced = self
            .start(operation)
            .transform(operation, input, Some(&mut output));
        written(produced, output)
    }

    fn parts(&self, operation: Operation, input: &[u8], part_len: usize) -> Vec<u8> {
        let mut operations = self.start(operation);
        let mut all = Vec::new();
        for part in input.chunks(part_len) {
            let mut output = vec![0; 256];
            match operation {
                Operation::Encrypt | Operation::Decrypt => {
                    let produced = operations.update(operation, part, Some(&mut output));
                    all.extend(written(produced, output));
                }
                _ => operations.absorb(operation, part).unwrap(),
            }
        }
        let mut output = vec![0; 256];
        let produced = operations.produce(operation, Some(&mut output));
        all.extend(written(produced, output));
        all
    }

    /// Whether the mechanism does `operation` in parts, too.
    fn takes_parts(&self, operation: Operation) -> bool {
        let key =
            (operation != Operation::Digest).then(|| secret_key(self.key_type, &bytes(self.key)));
        let with = Use {
            key: key.as_ref(),
            parameters: &(self.parameters)(),
        };
        match self.row().work(operation) {
            Some(Work::Transform(column)) => column.parts(with).is_ok(),
            _ => false,
        }
    }

    fn run(&self) {
        let (row, input, output) = (self.row(), bytes(self.input), bytes(self.output));
        let draws = [XAES, symmetric::CLOUDHSM_GCM];
        let deterministic = !draws.contains(&row.id.0);
        for part_len in [1, 7, 16, 33] {
            for operation in [Operation::Encrypt, Operation::Digest, Operation::Sign] {
                if deterministic && row.work(operation).is_some() {
                    let name = format!("{} {operation:?} {part_len}", row.name);
                    assert_eq!(self.whole(operation, &input), output, "{name}");
                    if self.takes_parts(operation) {
                        assert_eq!(self.parts(operation, &input, part_len), output, "{name}");
                    }
                }
            }
            if row.decrypt.is_some() {
                let name = format!("{} decrypts {part_len}", row.name);
                assert_eq!(self.whole(Operation::Decrypt, &output), input, "{name}");
                if self.takes_parts(Operation::Decrypt) {
                    let parts = self.parts(Operation::Decrypt, &output, part_len);
                    assert_eq!(parts, input, "{name}");
                }
            }
            if row.verify.is_some() {
                let mut operations = self.start(Operation::Verify);
                operations
                    .check(Operation::Verify, Some(&input), &output)
                    .unwrap();
                let mut operations = self.start(Operation::Verify);
                for part in input.chunks(part_len) {
                    operations.absorb(Operation::Verify, part).unwrap();
                }
                operations.check(Operation::Verify, None, &output).unwrap();
            }
        }
    }
}

/// The vectors of the rows that this build has.
fn vectors() -> impl Iterator<Item = &'static Vector> {
    let all = [VECTORS, symmetric::VECTORS].into_iter().flatten();
    all.filter(|vector| is_there(vector.mechanism))
}

fn is_there(mechanism: sys::CK_MECHANISM_TYPE) -> bool {
    table::rows().any(|row| row.id.0 == mechanism)
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

fn written(produced: Result<Produced>, mut output: Vec<u8>) -> Vec<u8> {
    match produced.unwrap() {
        Produced::Written(len) => output.truncate(len),
        Produced::Needed(len) => panic!("256 bytes are enough, not {len}"),
    }
    output
}

#[test]
fn every_vector_comes_out_at_once_and_in_parts() {
    vectors().for_each(Vector::run);
}

#[test]
fn every_row_but_the_key_generators_has_a_vector() {
    for row in table::rows() {
        // A generated key is random: that it is used rightly is what the other rows show.
        let generates = row.generate.is_some() || row.generate_pair.is_some();
        let has_vector = vectors().any(|vector| vector.mechanism == row.id.0)
            || keys::covers(row)
            || pairs::covers(row)
            || pqc::covers(row);
        assert!(has_vector != generates, "{}", row.name);
    }
}

#[cfg(not(feature = "fips"))]
#[test]
fn xaes_opens_what_it_sealed_and_never_seals_twice_the_same() {
    let vector = VECTORS
        .iter()
        .find(|vector| vector.mechanism == XAES)
        .unwrap();
    let [a, b] = [(); 2].map(|()| vector.whole(Operation::Encrypt, b"hello"));
    assert_ne!(a, b);
    assert_eq!(a.len(), 5 + 40);
    assert_eq!(vector.whole(Operation::Decrypt, &a), b"hello");
}

const XAES: sys::CK_MECHANISM_TYPE = MechanismId::XAES_256_GCM.0;

fn none() -> Parameters {
    Parameters::None
}

fn iv() -> Parameters {
    Parameters::Iv(bytes("000102030405060708090a0b0c0d0e0f"))
}

fn counter() -> Parameters {
    let block = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
        .try_into()
        .unwrap();
    Parameters::Counter {
        counter_bits: 128,
        block,
    }
}

fn gcm() -> Parameters {
    Parameters::Gcm {
        iv: bytes("cafebabefacedbaddecaf888"),
        additional: bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
        tag_bits: 128,
    }
}

const KEY_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const BLOCKS: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                      30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

const VECTORS: &[Vector] = &[
    // SP 800-38A F.1.5, F.2.5, F.5.5.
    Vector {
        mechanism: sys::CKM_AES_ECB,
        parameters: none,
        key_type: sys::CKK_AES,
        key: KEY_256,
        input: BLOCKS,
        output: "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870\
                 b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
    },
    Vector {
        mechanism: sys::CKM_AES_CBC,
        parameters: iv,
        key_type: sys::CKK_AES,
        key: KEY_256,
        input: BLOCKS,
        output: "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
                 39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
    },
    Vector {
        mechanism: sys::CKM_AES_CTR,
        parameters: counter,
        key_type: sys::CKK_AES,
        key: KEY_256,
        input: BLOCKS,
        output: "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
                 2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
    },
    // Wycheproof, aes_cbc_pkcs5_test.json, 1 and 2.
    Vector {
        mechanism: sys::CKM_AES_CBC_PAD,
        parameters: || Parameters::Iv(bytes("da9520f7d3520277035173299388bee2")),
        key_type: sys::CKK_AES,
        key: "e34f15c7bd819930fe9d66e0c166e61c",
        input: "",
        output: "b10ab60153276941361000414aed0a9d",
    },
    Vector {
        mechanism: sys::CKM_AES_CBC_PAD,
        parameters: || Parameters::Iv(bytes("c9ee3cd746bf208c65ca9e72a266d54f")),
        key_type: sys::CKK_AES,
        key: "e09eaa5a3f5e56d279d5e7a03373f6ea",
        input: "ef4eab37181f98423e53e947e7050fd0",
        output: "d1fa697f3e2e04d64f1a0da203813ca5bc226a0b1d42287b2a5b994a66eaf14a",
    },
    // The GCM specification, test case 16; its tag cut, SP 800-38D §5.2.1.2.
    Vector {
        mechanism: sys::CKM_AES_GCM,
        parameters: gcm,
        key_type: sys::CKK_AES,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        input: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        output: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                 76fc6ece0f4e1768cddf8853bb2d551b",
    },
    Vector {
        mechanism: sys::CKM_AES_GCM,
        parameters: || match gcm() {
            Parameters::Gcm { iv, additional, .. } => Parameters::Gcm {
                iv,
                additional,
                tag_bits: 96,
            },
            other => other,
        },
        key_type: sys::CKK_AES,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        input: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        output: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                 76fc6ece0f4e1768cddf8853",
    },
    // C2SP XAES-256-GCM, the first vector; the nonce stands before it.
    Vector {
        mechanism: XAES,
        parameters: none,
        key_type: sys::CKK_AES,
        key: "0101010101010101010101010101010101010101010101010101010101010101",
        input: "584145532d3235362d47434d",
        output: "4142434445464748494a4b4c4d4e4f505152535455565758\
                 ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
    },
    // FIPS 180-4, the examples of two blocks; their first message is in the self-test.
    digest(
        sys::CKM_SHA_1,
        "6162636462636465636465666465666765666768666768696768696a68696a6b\
         696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
    ),
    digest(
        sys::CKM_SHA224,
        "6162636462636465636465666465666765666768666768696768696a68696a6b\
         696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
        "75388b16512776cc5dba5da1fd890150b0c6455cb4f58b1952522525",
    ),
    digest(
        sys::CKM_SHA256,
        "6162636462636465636465666465666765666768666768696768696a68696a6b\
         696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ),
    digest(
        sys::CKM_SHA384,
        "616263",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
         8086072ba1e7cc2358baeca134c825a7",
    ),
    digest(
        sys::CKM_SHA512,
        "616263",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    // RFC 2202 §3, test case 2; RFC 4231 §4.3. The key types are the reserved ones.
    code(
        sys::CKM_SHA_1_HMAC,
        sys::CKK_SHA_1_HMAC,
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    ),
    code(
        sys::CKM_SHA224_HMAC,
        sys::CKK_SHA224_HMAC,
        "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
    ),
    code(
        sys::CKM_SHA256_HMAC,
        sys::CKK_SHA256_HMAC,
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    code(
        sys::CKM_SHA384_HMAC,
        sys::CKK_SHA384_HMAC,
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e\
         8e2240ca5e69e2c78b3239ecfab21649",
    ),
    code(
        sys::CKM_SHA512_HMAC,
        sys::CKK_SHA512_HMAC,
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    // RFC 2202 §3, test case 5; RFC 4231 §4.6: codes that are cut.
    cut(
        sys::CKM_SHA_1_HMAC_GENERAL,
        || Parameters::MacLength(12),
        "4c1a03424b55e07fe7f27be1",
    ),
    cut(
        sys::CKM_SHA224_HMAC_GENERAL,
        sixteen,
        "0e2aea68a90c8d37c988bcdb9fca6fa8",
    ),
    cut(
        sys::CKM_SHA256_HMAC_GENERAL,
        sixteen,
        "a3b6167473100ee06e0c796c2955552b",
    ),
    cut(
        sys::CKM_SHA384_HMAC_GENERAL,
        sixteen,
        "3abf34c3503b2a23a46efc619baef897",
    ),
    cut(
        sys::CKM_SHA512_HMAC_GENERAL,
        sixteen,
        "415fad6271580a531d4179bc891d87a6",
    ),
];

const fn digest(
    mechanism: sys::CK_MECHANISM_TYPE,
    input: &'static str,
    output: &'static str,
) -> Vector {
    let (key_type, key) = (sys::CKK_GENERIC_SECRET, "");
    Vector {
        mechanism,
        parameters: none,
        key_type,
        key,
        input,
        output,
    }
}

/// The key `Jefe`, the input `what do ya want for nothing?`.
const fn code(
    mechanism: sys::CK_MECHANISM_TYPE,
    key_type: sys::CK_KEY_TYPE,
    output: &'static str,
) -> Vector {
    let input = "7768617420646f2079612077616e7420666f72206e6f7468696e673f";
    Vector {
        mechanism,
        parameters: none,
        key_type,
        key: "4a656665",
        input,
        output,
    }
}

fn sixteen() -> Parameters {
    Parameters::MacLength(16)
}

/// The key 20 times 0x0c, the input `Test With Truncation`.
const fn cut(
    mechanism: sys::CK_MECHANISM_TYPE,
    parameters: fn() -> Parameters,
    output: &'static str,
) -> Vector {
    let key = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c";
    let input = "546573742057697468205472756e636174696f6e";
    Vector {
        mechanism,
        parameters,
        key_type: sys::CKK_GENERIC_SECRET,
        key,
        input,
        output,
    }
}

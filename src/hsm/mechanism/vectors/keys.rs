//! The rows that wrap or derive keys: their public vectors.

use crypto::Secret;
use cryptoki_sys as sys;
use token::{HkdfSalt, KdfPart, MechanismId, ObjectHandle, Parameters, Result};

use super::{BLOCKS, KEY_256, bytes, is_there, secret_key};
use crate::mechanism::{OtherKeys, Row, Use, table};

struct Derivation {
    mechanism: sys::CK_MECHANISM_TYPE,
    parameters: fn() -> Parameters,
    key_type: sys::CK_KEY_TYPE,
    /// Hexadecimal, as the output.
    key: &'static str,
    /// How many bytes are asked for.
    wanted: Option<usize>,
    output: &'static str,
}

struct Wrap {
    mechanism: MechanismId,
    /// Hexadecimal, as the next two.
    key: &'static str,
    value: &'static str,
    wrapped: &'static str,
}

/// Whether the row has a public vector here. CloudHSM's number of the counter mode has the standard's
/// column: only its parameter is another structure.
pub(super) fn covers(row: &Row) -> bool {
    DERIVATIONS
        .iter()
        .any(|vector| vector.mechanism == row.id.0)
        || WRAPS.iter().any(|vector| vector.mechanism == row.id)
        || row.id == MechanismId::CLOUDHSM_COUNTER_KDF
}

/// The other key of every vector that names one.
struct Others;

impl OtherKeys for Others {
    fn value(&self, _handle: ObjectHandle) -> Result<Secret> {
        Ok(Secret::from(bytes("89abcdef")))
    }
}

fn row(id: MechanismId) -> &'static Row {
    table::rows().find(|row| row.id == id).unwrap()
}

#[test]
fn every_derivation_gives_its_known_key() {
    for vector in DERIVATIONS
        .iter()
        .filter(|vector| is_there(vector.mechanism))
    {
        let row = row(MechanismId(vector.mechanism));
        let key = secret_key(vector.key_type, &bytes(vector.key));
        let with = Use {
            key: Some(&key),
            parameters: &(vector.parameters)(),
        };
        let column = row.derive.unwrap();
        let derived = column.derive(with, &Others, &[vector.wanted]).unwrap();
        assert_eq!(derived.len(), 1, "{}", row.name);
        assert_eq!(
            hex::encode(derived[0].reveal()),
            vector.output,
            "{}",
            row.name
        );
    }
}

#[test]
fn a_password_gives_its_known_key() {
    // RFC 6070, two iterations.
    let mut attributes = super::usable(sys::CKK_GENERIC_SECRET);
    attributes.set(token::AttributeType::VALUE_LEN, 20.into());
    let parameters = Parameters::Pbkdf2 {
        prf: sys::CKP_PKCS5_PBKD2_HMAC_SHA1,
        iterations: 2,
        salt: b"salt".to_vec(),
        password: token::SecretBytes::copied(b"password").into(),
    };
    let generate = row(MechanismId(sys::CKM_PKCS5_PBKD2)).generate.unwrap();
    let key = generate(&parameters, &attributes).unwrap();
    let answer = bytes("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
    assert_eq!(key.value(), Some(&answer[..]));
}

#[test]
fn further_keys_have_segments_of_their_own() {
    // §6.42.8's example: 48 and 16 bytes over SHA-256 are three segments.
    let key = secret_key(sys::CKK_GENERIC_SECRET, &[7; 32]);
    let parameters = counter_kdf(sys::CKM_SHA256_HMAC, 32, false, "00");
    let with = Use {
        key: Some(&key),
        parameters: &parameters,
    };
    let column = row(MechanismId(sys::CKM_SP800_108_COUNTER_KDF))
        .derive
        .unwrap();
    let two = column.derive(with, &Others, &[Some(48), Some(16)]).unwrap();
    let one = column.derive(with, &Others, &[Some(96)]).unwrap();
    assert_eq!(two[0].reveal(), &one[0].reveal()[..48]);
    assert_eq!(two[1].reveal(), &one[0].reveal()[64..80]);
}

#[test]
fn every_wrap_gives_its_known_blob_and_back() {
    for vector in WRAPS {
        let row = row(vector.mechanism);
        let key = secret_key(sys::CKK_AES, &bytes(vector.key));
        let with = Use {
            key: Some(&key),
            parameters: &Parameters::None,
        };
        let value = bytes(vector.value);
        let column = row.wrap.unwrap();
        let mut wrapped = vec![0; column.wrapped_len(with, None, value.len()).unwrap()];
        column.wrap(with, None, &value, &mut wrapped).unwrap();
        assert_eq!(hex::encode(&wrapped), vector.wrapped, "{}", row.name);
        let unwrapped = row.unwrap.unwrap().unwrap(with, None, &wrapped).unwrap();
        assert!(unwrapped.reveal().starts_with(&value), "{}", row.name);
    }
}

const WRAPS: &[Wrap] = &[
    // RFC 3394 §4.1; NIST CAVP KW_AE_128, a plaintext that ends as one byte of padding does, and
    // RFC 3394 §4.3 for what zeroes fill up.
    Wrap {
        mechanism: MechanismId::CLOUDHSM_KEY_WRAP_NO_PAD,
        key: "000102030405060708090a0b0c0d0e0f",
        value: "00112233445566778899aabbccddeeff",
        wrapped: "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
    },
    Wrap {
        mechanism: MechanismId::CLOUDHSM_KEY_WRAP_PKCS5_PAD,
        key: "688a6e52120088f342130d9c799bfa9d",
        value: "8312678eb1e73e9093a0a0a880b865",
        wrapped: "d3dfc000273d872b51c512e9f338574b29dbf3026b55030e",
    },
    Wrap {
        mechanism: MechanismId::CLOUDHSM_KEY_WRAP_ZERO_PAD,
        key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        value: "00112233445566778899aabbccddeeff",
        wrapped: "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7",
    },
];

fn counter_kdf(prf: u64, bits: u64, last: bool, data: &str) -> Parameters {
    let counter = KdfPart::Iteration {
        bits,
        little_endian: false,
    };
    let data = KdfPart::Bytes(bytes(data));
    let parts = match last {
        true => vec![data, counter],
        false => vec![counter, data],
    };
    Parameters::Kdf108 {
        prf: MechanismId(prf),
        parts,
        iv: Vec::new(),
    }
}

const DERIVATIONS: &[Derivation] = &[
    // §6.43's own examples.
    simple(
        sys::CKM_CONCATENATE_BASE_AND_KEY,
        || Parameters::Key(ObjectHandle(1)),
        None,
        "0123456789abcdef",
    ),
    simple(
        sys::CKM_CONCATENATE_BASE_AND_DATA,
        || Parameters::Data(bytes("89abcdef")),
        None,
        "0123456789abcdef",
    ),
    simple(
        sys::CKM_CONCATENATE_DATA_AND_BASE,
        || Parameters::Data(bytes("89abcdef")),
        None,
        "89abcdef01234567",
    ),
    simple(
        sys::CKM_XOR_BASE_AND_DATA,
        || Parameters::Data(bytes("89abcdef")),
        None,
        "88888888",
    ),
    Derivation {
        key: "329f84a9",
        ..simple(
            sys::CKM_EXTRACT_KEY_FROM_KEY,
            || Parameters::Bit(21),
            Some(2),
            "9526",
        )
    },
    // SP 800-38A F.1.5 and F.2.5, their first halves.
    Derivation {
        mechanism: sys::CKM_AES_ECB_ENCRYPT_DATA,
        parameters: || Parameters::Data(bytes(BLOCKS)),
        key_type: sys::CKK_AES,
        key: KEY_256,
        wanted: Some(32),
        output: "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
    },
    Derivation {
        mechanism: sys::CKM_AES_CBC_ENCRYPT_DATA,
        parameters: || Parameters::CbcEncryptData {
            iv: bytes("000102030405060708090a0b0c0d0e0f"),
            data: bytes(BLOCKS),
        },
        key_type: sys::CKK_AES,
        key: KEY_256,
        wanted: Some(32),
        output: "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
    },
    // FIPS 81, appendices B and C.
    Derivation {
        mechanism: sys::CKM_DES_ECB_ENCRYPT_DATA,
        parameters: || Parameters::Data(bytes("4e6f77206973207468652074696d6520666f7220616c6c20")),
        key_type: sys::CKK_DES,
        key: "0123456789abcdef",
        wanted: None,
        output: "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53",
    },
    Derivation {
        mechanism: sys::CKM_DES_CBC_ENCRYPT_DATA,
        parameters: || Parameters::CbcEncryptData {
            iv: bytes("1234567890abcdef"),
            data: bytes("4e6f77206973207468652074696d6520666f7220616c6c20"),
        },
        key_type: sys::CKK_DES,
        key: "0123456789abcdef",
        wanted: None,
        output: "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
    },
    // NIST CAVP, TECBMMT3 and TCBCMMT3, encryption 2.
    Derivation {
        mechanism: sys::CKM_DES3_ECB_ENCRYPT_DATA,
        parameters: || Parameters::Data(bytes("dd9a97741093334bd0c9761105cfb79cc3bac34a7c85bd8a")),
        key_type: sys::CKK_DES3,
        key: "c16189f43451196bfb4c438580c20408571f0d5e4a586491",
        wanted: None,
        output: "d2f3f1d32a9ea09b5acb589c41a07320fb8d33a2fc2b0ed2",
    },
    Derivation {
        mechanism: sys::CKM_DES3_CBC_ENCRYPT_DATA,
        parameters: || Parameters::CbcEncryptData {
            iv: bytes("7fcfa736f7548b6f"),
            data: bytes("983c3edacd939406010e1bc6ff9e12320ac5008117fa8f84"),
        },
        key_type: sys::CKK_DES3,
        key: "1a5d4c0825072a15a8ad9dfdaeda8c048adffb85bc4fced0",
        wanted: None,
        output: "d84fa24f38cf451ca2c9adc960120bd8ff9871584fe31cee",
    },
    // RFC 5869 §A.1.
    Derivation {
        mechanism: sys::CKM_HKDF_DERIVE,
        parameters: hkdf,
        key_type: sys::CKK_HKDF,
        key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        wanted: Some(42),
        output: HKDF,
    },
    Derivation {
        mechanism: sys::CKM_HKDF_DATA,
        parameters: hkdf,
        key_type: sys::CKK_GENERIC_SECRET,
        key: "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        wanted: Some(42),
        output: HKDF,
    },
    // The same key material as a feedback function: RFC 5869 §2.3 is one.
    Derivation {
        mechanism: sys::CKM_SP800_108_FEEDBACK_KDF,
        parameters: || Parameters::Kdf108 {
            prf: MechanismId(sys::CKM_SHA256_HMAC),
            parts: vec![
                VARIABLE,
                KdfPart::Bytes(bytes("f0f1f2f3f4f5f6f7f8f9")),
                KdfPart::Counter {
                    bits: 8,
                    little_endian: false,
                },
            ],
            iv: Vec::new(),
        },
        key_type: sys::CKK_GENERIC_SECRET,
        key: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        wanted: Some(42),
        output: HKDF,
    },
    // TLS 1.2's P_SHA256 is a double pipeline: the working group's vector, its beginning.
    Derivation {
        mechanism: sys::CKM_SP800_108_DOUBLE_PIPELINE_KDF,
        parameters: || Parameters::Kdf108 {
            prf: MechanismId(sys::CKM_SHA256_HMAC),
            parts: vec![
                VARIABLE,
                KdfPart::Bytes(bytes(
                    "74657374206c6162656ca0ba9f936cda311827a6f796ffd5198c",
                )),
            ],
            iv: Vec::new(),
        },
        key_type: sys::CKK_GENERIC_SECRET,
        key: "9bbe436ba940f017b17652849a71db35",
        wanted: Some(48),
        output: "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
                 6b301791e90d35c9c9a46b4e14baf9af",
    },
    // CAVS 14.4, SP800-108: HMAC-SHA-256 with the counter before the data, CMAC-AES-256 after it;
    // COUNT 30.
    Derivation {
        mechanism: sys::CKM_SP800_108_COUNTER_KDF,
        parameters: || {
            counter_kdf(
                sys::CKM_SHA256_HMAC,
                32,
                false,
                "1c69c54766791e315c2cc5c47ecd3ffab87d0d273dd920e70955814c220eacac\
                 e6a5946542da3dfe24ff626b4897898cafb7db83bdff3c14fa46fd4b",
            )
        },
        key_type: sys::CKK_SHA256_HMAC,
        key: "c4bedbddb66493e7c7259a3bbbc25f8c7e0ca7fe284d92d431d9cd99a0d214ac",
        wanted: Some(40),
        output: "1da47638d6c9c4d04d74d4640bbd42ab814d9e8cc22f4326695239f96b0693f1\
                 2d0dd1152cf44430",
    },
    Derivation {
        mechanism: sys::CKM_SP800_108_COUNTER_KDF,
        parameters: || {
            counter_kdf(
                sys::CKM_AES_CMAC,
                16,
                true,
                "987418624c7d56458c679b1538ba82d7a1106eb3416da02113fd2200c06db676\
                 614bfcee4c9f5526182fcfd1289922b540ae81daecaa0749c7773c7e",
            )
        },
        key_type: sys::CKK_AES,
        key: "8757f1fa830bf289b8a1f436bbe1205f5763a6a9088a53c855d98d4523c23239",
        wanted: Some(40),
        output: "3a9e22b40dd57a4db1a436535c97490ae0e238a7ec0028d0e713c390fe497d80\
                 c237248a1ab91e57",
    },
    // NIST CAVP, the first short message of 256 bits of each hash is the base key.
    hashed(
        sys::CKM_SHA1_KEY_DERIVATION,
        "0321794b739418c24e7c2e565274791c4be749752ad234ed56cb0a6347430c6b",
        "b89962c94d60f6a332fd60f6f07d4f032a586b76",
    ),
    hashed(
        sys::CKM_SHA224_KEY_DERIVATION,
        "fe1f0fb02c9011f4c8c5905934ed15136771737ce31c5859e67f235fe594f5f6",
        "bbeaacc632c2a3db2a9b47f157ab54aa27776c6e74cf0bcaa91b06d5",
    ),
    hashed(
        sys::CKM_SHA256_KEY_DERIVATION,
        "09fc1accc230a205e4a208e64a8f204291f581a12756392da4b8c0cf5ef02b95",
        "4f44c1c7fbebb6f9601829f3897bfd650c56fa07844be76489076356ac1886a4",
    ),
    hashed(
        sys::CKM_SHA384_KEY_DERIVATION,
        "be01e520e69f04174ccf95455b1c81445298264d9adc4958574a52843d95b8ba",
        "c5cf54b8e3105b1c7bf7a43754d915b0947f28b6dc94a019182929b5c848e114\
         41c9e4e90c7449f4c3cd12954f0f5d99",
    ),
    hashed(
        sys::CKM_SHA512_KEY_DERIVATION,
        "8ccb08d2a1a282aa8cc99902ecaf0f67a9f21cffe28005cb27fcf129e963f99d",
        "4551def2f9127386eea8d4dae1ea8d8e49b2add0509f27ccbce7d9e950ac7db0\
         1d5bca579c271b9f2d806730d88f58252fd0c2587851c3ac8a0e72b4e1dc0da6",
    ),
    hashed(
        sys::CKM_SHA512_224_KEY_DERIVATION,
        "be4850f5be6cb68cdba5948e3b94dbbce82989aa75b97073e55139aac849a894",
        "c11eedaadc5249cefafc5a9fadf39e812db700bd2767b8de1cdd6099",
    ),
    hashed(
        sys::CKM_SHA512_256_KEY_DERIVATION,
        "1b77c8dcfd2fc4b54617054fa6b14d6e9d09ce9185a34a7fd2b27923998aab99",
        "683b486861e598dabba740ac919522cf3b609c18205b6beca4ccbe6b0f6dc6db",
    ),
    hashed(
        sys::CKM_SHA3_224_KEY_DERIVATION,
        "dd0f85b55fdf56ba254e06f8c2b650cc6b86bf28a14d714011141a86b8f14bd9",
        "0fe92469297c2c34911eae424710db6d312047898b9756edc5c2deb2",
    ),
    hashed(
        sys::CKM_SHA3_256_KEY_DERIVATION,
        "c178ce0f720a6d73c6cf1caa905ee724d5ba941c2e2628136e3aad7d853733ba",
        "64537b87892835ff0963ef9ad5145ab4cfce5d303a0cb0415b3b03f9d16e7d6b",
    ),
    hashed(
        sys::CKM_SHA3_384_KEY_DERIVATION,
        "6189597e0198a18c65fa0bdd0797f13037c75c4058b7d3454c0f71bd2dd13b6c",
        "110630ca7631b7620e6bee6ed6e929098965571936c34829484983eba9532b81\
         75528c228c57439453f027a4f7c83ca3",
    ),
    hashed(
        sys::CKM_SHA3_512_KEY_DERIVATION,
        "7c1688217b313278b9eae8edcf8aa4271614296d0c1e8916f9e0e940d28b88c5",
        "627ba4de74d05bb6df8991112e4d373bfced37acde1304e0f664f29fa126cb49\
         7c8a1b717b9929120883ec8898968e4649013b760a2180a9dc0fc9b27f5b7f3b",
    ),
    // NIST CAVP, SHAKE128ShortMsg and SHAKE256ShortMsg, the messages of 8 bits.
    Derivation {
        wanted: Some(16),
        ..hashed(
            sys::CKM_SHAKE_128_KEY_DERIVATION,
            "0e",
            "fa996dafaa208d72287c23bc4ed4bfd5",
        )
    },
    Derivation {
        wanted: Some(32),
        ..hashed(
            sys::CKM_SHAKE_256_KEY_DERIVATION,
            "0f",
            "aabb07488ff9edd05d6a603b7791b60a16d45093608f1badc0c9cc9a9154f215",
        )
    },
];

const HKDF: &str = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                    34007208d5b887185865";

const VARIABLE: KdfPart = KdfPart::Iteration {
    bits: 0,
    little_endian: false,
};

fn hkdf() -> Parameters {
    Parameters::Hkdf {
        extract: true,
        expand: true,
        hash: MechanismId(sys::CKM_SHA256),
        salt: HkdfSalt::Data(bytes("000102030405060708090a0b0c")),
        info: bytes("f0f1f2f3f4f5f6f7f8f9"),
    }
}

/// From the base key 01234567.
const fn simple(
    mechanism: sys::CK_MECHANISM_TYPE,
    parameters: fn() -> Parameters,
    wanted: Option<usize>,
    output: &'static str,
) -> Derivation {
    Derivation {
        mechanism,
        parameters,
        key_type: sys::CKK_GENERIC_SECRET,
        key: "01234567",
        wanted,
        output,
    }
}

const fn hashed(
    mechanism: sys::CK_MECHANISM_TYPE,
    key: &'static str,
    output: &'static str,
) -> Derivation {
    Derivation {
        mechanism,
        parameters: || Parameters::None,
        key_type: sys::CKK_GENERIC_SECRET,
        key,
        wanted: None,
        output,
    }
}

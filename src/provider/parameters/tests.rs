//! Mechanism parameters, from C.

use std::ptr;

use token::{HkdfSalt, KdfPart, ObjectHandle, Operation, ParametersOut, Reason};

use super::vendor::cloudhsm::*;
use super::{cipher::GcmWithoutIvBits, message::Tag, vendor::*, *};
use crate::{boundary::Error, memory::Input};

fn mechanism<T>(id: CK_MECHANISM_TYPE, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: id,
        pParameter: ptr::from_mut(parameter).cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    }
}

fn parameters<T>(id: CK_MECHANISM_TYPE, mut parameter: T) -> Result<Parameters> {
    let (mechanism, _) = read(&mechanism(id, &mut parameter))?;
    Ok(mechanism.parameters)
}

fn is_invalid<T>(read: Result<T>) -> bool {
    matches!(read, Err(Error::Hsm(error)) if error.reason == Reason::MechanismParamInvalid)
}

fn gcm(iv: &mut [u8], iv_len: CK_ULONG, iv_bits: CK_ULONG) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: iv_len,
        ulIvBits: iv_bits,
        pAAD: ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    }
}

fn part<T>(type_: CK_PRF_DATA_TYPE, value: &mut T) -> CK_PRF_DATA_PARAM {
    CK_PRF_DATA_PARAM {
        type_,
        pValue: ptr::from_mut(value).cast(),
        ulValueLen: size_of::<T>() as CK_ULONG,
    }
}

/// Mechanisms whose parameter is never one byte.
const STRUCTURED: [CK_MECHANISM_TYPE; 29] = [
    CKM_AES_ECB,
    CKM_AES_CBC_PAD,
    CKM_AES_KEY_WRAP,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_CCM,
    CKM_SHA256_HMAC_GENERAL,
    CKM_RSA_PKCS_OAEP,
    CKM_RSA_PKCS_PSS,
    CKM_RSA_AES_KEY_WRAP,
    CKM_ECDH1_DERIVE,
    CKM_EDDSA,
    CKM_ML_DSA,
    CKM_HASH_ML_DSA,
    CKM_HKDF_DERIVE,
    CKM_SP800_108_COUNTER_KDF,
    CKM_SP800_108_FEEDBACK_KDF,
    CKM_PKCS5_PBKD2,
    CKM_CONCATENATE_BASE_AND_KEY,
    CKM_CONCATENATE_BASE_AND_DATA,
    CKM_EXTRACT_KEY_FROM_KEY,
    CKM_AES_CBC_ENCRYPT_DATA,
    CKM_DES3_CBC_ENCRYPT_DATA,
    CKM_DES3_CBC,
    CKM_AES_XTS,
    MechanismId::XAES_256_GCM.0,
    MechanismId::CLOUDHSM_AES_GCM.0,
    MechanismId::CLOUDHSM_COUNTER_KDF.0,
    CKM_SHA256,
];

#[test]
fn a_parameter_of_the_wrong_size_is_refused() {
    for id in STRUCTURED {
        assert!(is_invalid(parameters(id, 0_u8)), "{id:x}");
        assert!(is_invalid(parameters(id, [0_u8; 4096])), "{id:x}");
    }
}

#[test]
fn a_length_without_an_address_is_refused() {
    for id in STRUCTURED {
        for length in 1..=80 {
            let missing = CK_MECHANISM {
                mechanism: id,
                pParameter: ptr::null_mut(),
                ulParameterLen: length,
            };
            assert!(is_invalid(read(&missing)), "{id:x} {length}");
        }
    }
}

#[test]
fn why_an_address_is_refused_is_told() {
    let mut iv = [1; 12];
    let mut told = |pointer, length| {
        let mut gcm = gcm(&mut iv, 12, 96);
        (gcm.pAAD, gcm.ulAADLen) = (pointer, length);
        match parameters(CKM_AES_GCM, gcm) {
            Err(Error::Hsm(error)) => error.to_string(),
            _ => panic!("was not refused"),
        }
    };
    let mut text = [0; 1];
    let cases = [
        (ptr::null_mut(), 1, "is NULL"),
        (ptr::without_provenance_mut(16), 1, "no address"),
        (text.as_mut_ptr(), CK_ULONG::MAX, "too long"),
    ];
    for (pointer, length, why) in cases {
        let told = told(pointer, length);
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn a_number_in_the_place_of_a_pointer_is_refused() {
    // As many fields as any structure has, all of them 1 to 16: lengths, flags and addresses.
    for id in STRUCTURED {
        for value in [1 as CK_ULONG, 8, 16] {
            let mut fields = [value; 10];
            for length in (8..=80).step_by(8) {
                let nonsense = CK_MECHANISM {
                    mechanism: id,
                    pParameter: ptr::from_mut(&mut fields).cast(),
                    ulParameterLen: length,
                };
                // Refused, or a structure without pointers.
                let _ = read(&nonsense);
                let _ = read_wrapping(&nonsense, true);
                let _ = read_derivation(&nonsense);
            }
        }
    }
}

#[test]
fn the_length_of_a_gcm_iv_is_that_in_bytes_whatever_the_bits_say() {
    let mut iv = *b"twelve bytes";
    for (bytes, bits) in [(12, 96), (12, 0), (12, 7), (0, 96), (0, CK_ULONG::MAX)] {
        let expected = Parameters::Gcm {
            iv: iv[..usize::try_from(bytes).unwrap()].to_vec(),
            additional: vec![],
            tag_bits: 128,
        };
        let read = parameters(CKM_AES_GCM, gcm(&mut iv, bytes, bits)).unwrap();
        assert_eq!(read, expected, "{bytes} {bits}");
    }
}

#[test]
fn the_older_gcm_structure_is_understood() {
    let mut iv = *b"twelve bytes";
    let parameter = GcmWithoutIvBits {
        iv: iv.as_mut_ptr(),
        iv_len: 12,
        additional: iv.as_mut_ptr(),
        additional_len: 2,
        tag_bits: 96,
    };
    let expected = Parameters::Gcm {
        iv: iv.to_vec(),
        additional: b"tw".to_vec(),
        tag_bits: 96,
    };
    assert_eq!(parameters(CKM_AES_GCM, parameter).unwrap(), expected);
}

#[test]
fn a_generated_iv_is_written_where_the_structure_says_and_never_beyond() {
    let mut iv = [0_u8; 13];
    let mut parameter = gcm(&mut iv, 12, 0);
    let (_, places) = read(&mechanism(CKM_AES_GCM, &mut parameter)).unwrap();
    let written = |iv: &[u8]| ParametersOut {
        iv: iv.to_vec(),
        tag: vec![],
    };
    assert!(places.write(Some(&written(&[1; 13]))).is_err());
    places.write(Some(&written(&[2; 12]))).unwrap();
    assert_eq!(iv[11..], [2, 0]);
}

#[test]
fn a_label_needs_its_source_and_no_label_needs_none() {
    let mut label = *b"label";
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: 0,
        pSourceData: label.as_mut_ptr().cast(),
        ulSourceDataLen: 5,
    };
    assert!(is_invalid(parameters(CKM_RSA_PKCS_OAEP, oaep)));
    oaep.ulSourceDataLen = 0;
    assert!(parameters(CKM_RSA_PKCS_OAEP, oaep).is_ok());
    (oaep.source, oaep.ulSourceDataLen) = (CKZ_DATA_SPECIFIED, 5);
    let read = parameters(CKM_RSA_PKCS_OAEP, oaep).unwrap();
    assert!(matches!(read, Parameters::Oaep(oaep) if oaep.label == b"label"));
}

#[test]
fn an_oaep_structure_in_another_one_is_followed() {
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA_1,
        mgf: CKG_MGF1_SHA1,
        source: CKZ_DATA_SPECIFIED,
        ..Default::default()
    };
    let mut wrap = CK_RSA_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 256,
        pOAEPParams: ptr::null_mut(),
    };
    assert!(is_invalid(parameters(CKM_RSA_AES_KEY_WRAP, wrap)));
    wrap.pOAEPParams = &raw mut oaep;
    let read = parameters(CKM_RSA_AES_KEY_WRAP, wrap).unwrap();
    assert!(matches!(
        read,
        Parameters::RsaAesKeyWrap { aes_bits: 256, .. }
    ));
}

#[test]
fn what_the_other_half_of_hkdf_would_need_is_not_looked_at() {
    let mut info = *b"info";
    let hkdf = CK_HKDF_PARAMS {
        bExtract: CK_FALSE,
        bExpand: CK_TRUE,
        prfHashMechanism: CKM_SHA256,
        ulSaltType: CKF_HKDF_SALT_DATA,
        pSalt: ptr::without_provenance_mut(16),
        ulSaltLen: CK_ULONG::MAX,
        hSaltKey: 0,
        pInfo: info.as_mut_ptr(),
        ulInfoLen: 4,
    };
    let read = parameters(CKM_HKDF_DERIVE, hkdf).unwrap();
    let Parameters::Hkdf { salt, info, .. } = read else {
        panic!("{read:?}")
    };
    assert_eq!((salt, info), (HkdfSalt::Null, b"info".to_vec()));
    let both = CK_HKDF_PARAMS {
        bExtract: CK_TRUE,
        ..hkdf
    };
    assert!(is_invalid(parameters(CKM_HKDF_DERIVE, both)));
}

#[test]
fn the_parts_of_an_sp800_108_function_are_read_in_their_order() {
    let mut counter = CK_SP800_108_COUNTER_FORMAT {
        bLittleEndian: CK_FALSE,
        ulWidthInBits: 32,
    };
    let mut length = CK_SP800_108_DKM_LENGTH_FORMAT {
        dkmLengthMethod: CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
        bLittleEndian: CK_TRUE,
        ulWidthInBits: 16,
    };
    let (mut label, mut key) = (*b"label", 7 as CK_OBJECT_HANDLE);
    let mut parts = [
        part(CK_SP800_108_ITERATION_VARIABLE, &mut counter),
        part(CK_SP800_108_BYTE_ARRAY, &mut label),
        part(CK_SP800_108_KEY_HANDLE, &mut key),
        part(CK_SP800_108_DKM_LENGTH, &mut length),
    ];
    let mut kdf = CK_SP800_108_KDF_PARAMS {
        prfType: CKM_AES_CMAC,
        ulNumberOfDataParams: 4,
        pDataParams: parts.as_mut_ptr(),
        ulAdditionalDerivedKeys: 0,
        pAdditionalDerivedKeys: ptr::null_mut(),
    };
    let expected = vec![
        KdfPart::Iteration {
            bits: 32,
            little_endian: false,
        },
        KdfPart::Bytes(b"label".to_vec()),
        KdfPart::Key(ObjectHandle(7)),
        KdfPart::Length {
            method: CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS,
            bits: 16,
            little_endian: true,
        },
    ];
    let read = parameters(CKM_SP800_108_COUNTER_KDF, kdf).unwrap();
    assert!(matches!(read, Parameters::Kdf108 { parts, .. } if parts == expected));
    // A second counter is for the feedback mode alone.
    parts[3].type_ = CK_SP800_108_COUNTER;
    kdf.pDataParams = parts.as_mut_ptr();
    assert!(is_invalid(parameters(CKM_SP800_108_COUNTER_KDF, kdf)));
    kdf.ulNumberOfDataParams = 1_000_000;
    assert!(is_invalid(parameters(CKM_SP800_108_COUNTER_KDF, kdf)));
}

#[test]
fn further_keys_have_a_template_and_a_place_each() {
    let mut counter = CK_SP800_108_COUNTER_FORMAT {
        bLittleEndian: CK_FALSE,
        ulWidthInBits: 8,
    };
    let mut parts = [part(CK_SP800_108_ITERATION_VARIABLE, &mut counter)];
    let (mut handle, mut keys) = (0, [CK_DERIVED_KEY::default(); 2]);
    keys[0].phKey = &raw mut handle;
    let mut kdf = CK_SP800_108_KDF_PARAMS {
        prfType: CKM_SHA256_HMAC,
        ulNumberOfDataParams: 1,
        pDataParams: parts.as_mut_ptr(),
        ulAdditionalDerivedKeys: 1,
        pAdditionalDerivedKeys: keys.as_mut_ptr(),
    };
    let derivation = |kdf: &mut _| read_derivation(&mechanism(CKM_SP800_108_COUNTER_KDF, kdf));
    let read = derivation(&mut kdf).unwrap();
    assert_eq!((read.templates.len(), read.handles.len()), (1, 1));
    read.handles[0].write(9).unwrap();
    assert_eq!(handle, 9);
    kdf.ulAdditionalDerivedKeys = 2;
    assert!(derivation(&mut kdf).is_err(), "a key without a place");
    kdf.ulAdditionalDerivedKeys = CK_ULONG::MAX;
    assert!(derivation(&mut kdf).is_err(), "keys without end");
}

#[test]
fn cloudhsms_parts_come_in_any_order_and_go_into_its_own() {
    let (mut width, mut label, mut context) = (16 as CK_ULONG, *b"label", *b"context");
    let mut length = CloudHsmLength {
        method: 1,
        bits: 32,
    };
    let mut parts = [
        part(LENGTH_FORMAT, &mut length),
        part(CONTEXT, &mut context),
        part(COUNTER_FORMAT, &mut width),
        part(LABEL, &mut label),
    ];
    let mut kdf = CloudHsmKdf {
        prf: CKM_SHA256_HMAC,
        part_count: 4,
        parts: parts.as_mut_ptr(),
    };
    let expected = vec![
        KdfPart::Iteration {
            bits: 16,
            little_endian: false,
        },
        KdfPart::Bytes(b"label".to_vec()),
        KdfPart::Bytes(vec![0]),
        KdfPart::Bytes(b"context".to_vec()),
        KdfPart::Length {
            method: 1,
            bits: 32,
            little_endian: false,
        },
    ];
    let id = MechanismId::CLOUDHSM_COUNTER_KDF.0;
    let read = parameters(id, kdf).unwrap();
    assert!(matches!(read, Parameters::Kdf108 { parts, .. } if parts == expected));
    parts[3].type_ = CONTEXT;
    kdf.parts = parts.as_mut_ptr();
    assert!(is_invalid(parameters(id, kdf)), "the same part twice");
}

#[test]
fn a_password_has_its_length_or_the_address_of_it() {
    let (mut password, mut salt, mut length) = (*b"password", *b"salt", 8 as CK_ULONG);
    let mut pbkdf2 = CK_PKCS5_PBKD2_PARAMS2 {
        saltSource: CKZ_SALT_SPECIFIED,
        pSaltSourceData: salt.as_mut_ptr().cast(),
        ulSaltSourceDataLen: 4,
        iterations: 1000,
        prf: CKP_PKCS5_PBKD2_HMAC_SHA256,
        pPrfData: ptr::null_mut(),
        ulPrfDataLen: 0,
        pPassword: password.as_mut_ptr(),
        ulPasswordLen: 8,
    };
    for password_len in [8, (&raw mut length).expose_provenance() as CK_ULONG] {
        pbkdf2.ulPasswordLen = password_len;
        let read = parameters(CKM_PKCS5_PBKD2, pbkdf2).unwrap();
        assert!(
            matches!(read, Parameters::Pbkdf2 { password, .. } if password.reveal() == b"password")
        );
    }
    for nonsense in [65_536, CK_ULONG::MAX, CK_ULONG::MAX / 2] {
        pbkdf2.ulPasswordLen = nonsense;
        assert!(is_invalid(parameters(CKM_PKCS5_PBKD2, pbkdf2)));
    }
}

#[test]
fn of_an_iv_that_the_hsm_generates_only_the_fixed_bits_are_read() {
    let (mut iv, mut tag) = ([0xff_u8; 12], [0xee_u8; 16]);
    let mut gcm = CK_GCM_MESSAGE_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 32,
        ivGenerator: CKG_GENERATE,
        pTag: tag.as_mut_ptr(),
        ulTagBits: 128,
    };
    let read = |gcm: &mut CK_GCM_MESSAGE_PARAMS, operation, tag| {
        // SAFETY: the structure lives until the test's end.
        let claim = unsafe {
            Input::claim(
                ptr::from_mut(gcm).cast(),
                size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG,
            )
        };
        read_message(&claim, operation, tag)
    };
    let message = read(&mut gcm, Operation::MessageEncrypt, Tag::Now).unwrap();
    let Parameters::Message(encrypt) = message.parameters else {
        panic!()
    };
    assert_eq!(encrypt.iv[..4], [0xff; 4]);
    assert_eq!(encrypt.iv[4..], [0; 8]);
    assert!(encrypt.tag.is_empty());
    let message = read(&mut gcm, Operation::MessageDecrypt, Tag::Now).unwrap();
    let Parameters::Message(decrypt) = message.parameters else {
        panic!()
    };
    assert_eq!((decrypt.iv, decrypt.tag), (iv.to_vec(), tag.to_vec()));
    gcm.pTag = ptr::null_mut();
    assert!(is_invalid(
        read(&mut gcm, Operation::MessageEncrypt, Tag::Now).map(drop)
    ));
    assert!(read(&mut gcm, Operation::MessageEncrypt, Tag::Later).is_ok());
    gcm.ulIvLen = CK_ULONG::MAX;
    assert!(is_invalid(
        read(&mut gcm, Operation::MessageEncrypt, Tag::Later).map(drop)
    ));
    (gcm.ulIvLen, gcm.pIv) = (12, ptr::null_mut());
    assert!(is_invalid(
        read(&mut gcm, Operation::MessageEncrypt, Tag::Later).map(drop)
    ));
}

#[test]
fn the_structures_of_authenticated_wrapping_are_told_by_their_length() {
    let (mut iv, mut additional) = ([3_u8; 12], *b"additional");
    let mut wrap = CK_GCM_WRAP_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 0,
        ivGenerator: CKG_NO_GENERATE,
        pAAD: additional.as_mut_ptr(),
        ulAADLen: 10,
        ulTagBits: 128,
    };
    let read = read_wrapping(&mechanism(CKM_AES_GCM, &mut wrap), false).unwrap();
    assert!(matches!(read.mechanism.parameters, Parameters::Message(message) if message.iv == iv));
    assert_eq!(read.additional.as_deref(), Some(&b"additional"[..]));
    let mut plain = gcm(&mut iv, 12, 96);
    let read = read_wrapping(&mechanism(CKM_AES_GCM, &mut plain), false).unwrap();
    assert!(matches!(read.mechanism.parameters, Parameters::Gcm { .. }));
    assert_eq!(read.additional, None);
}

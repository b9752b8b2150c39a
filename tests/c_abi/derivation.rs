//! Keys from keys: derivations by their families, further keys, and keys that two sides agree on.

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, Session, Token, everywhere, plain, with};

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

fn secret(session: &Session<'_>, value: &[u8]) -> CK_OBJECT_HANDLE {
    let template = Attributes::new()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .flag(CKA_DERIVE, true)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true)
        .bytes(CKA_VALUE, value);
    session.create(template).unwrap()
}

/// A generic secret of this length that can be read.
fn becomes(length: CK_ULONG) -> Attributes {
    Attributes::new()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true)
        .number(CKA_VALUE_LEN, length)
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let digits = digits.map(|pair| std::str::from_utf8(pair).unwrap());
    digits
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

#[test]
fn hkdf_gives_the_first_vector_of_rfc_5869_by_its_hash_and_by_the_hmac() {
    with_session(|session| {
        let base = secret(session, &[0x0b; 22]);
        let (mut salt, mut info) = (
            hex("000102030405060708090a0b0c"),
            hex("f0f1f2f3f4f5f6f7f8f9"),
        );
        let mut hkdf = CK_HKDF_PARAMS {
            bExtract: CK_TRUE,
            bExpand: CK_TRUE,
            prfHashMechanism: CKM_SHA256,
            ulSaltType: CKF_HKDF_SALT_DATA,
            pSalt: salt.as_mut_ptr(),
            ulSaltLen: salt.len() as CK_ULONG,
            hSaltKey: 0,
            pInfo: info.as_mut_ptr(),
            ulInfoLen: info.len() as CK_ULONG,
        };
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                        34007208d5b887185865";
        for hash in [CKM_SHA256, CKM_SHA256_HMAC] {
            hkdf.prfHashMechanism = hash;
            let derived = session.derive(with(CKM_HKDF_DERIVE, &mut hkdf), base, becomes(42));
            assert_eq!(
                session.attribute(derived.unwrap(), CKA_VALUE),
                Ok(hex(expected))
            );
        }
    });
}

#[test]
fn hkdf_makes_data_of_a_template_that_calls_it_a_generic_secret_and_of_no_other_key() {
    with_session(|session| {
        let base = secret(session, &[0x0b; 22]);
        let mut hkdf = CK_HKDF_PARAMS {
            bExtract: CK_TRUE,
            bExpand: CK_TRUE,
            prfHashMechanism: CKM_SHA256,
            ulSaltType: CKF_HKDF_SALT_NULL,
            pSalt: ptr::null_mut(),
            ulSaltLen: 0,
            hSaltKey: 0,
            pInfo: ptr::null_mut(),
            ulInfoLen: 0,
        };
        let data = || {
            Attributes::new()
                .number(CKA_CLASS, CKO_DATA)
                .number(CKA_VALUE_LEN, 42)
        };
        let mut derive = |template| session.derive(with(CKM_HKDF_DATA, &mut hkdf), base, template);
        // RFC 5869's third vector.
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                        9d201395faa4b61a96c8";
        for template in [data(), data().number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)] {
            let derived = derive(template).unwrap();
            assert_eq!(session.attribute(derived, CKA_VALUE), Ok(hex(expected)));
            assert_eq!(
                session.attribute(derived, CKA_KEY_TYPE),
                Err(CKR_ATTRIBUTE_TYPE_INVALID)
            );
        }
        let aes = data().number(CKA_KEY_TYPE, CKK_AES);
        assert_eq!(derive(aes), Err(CKR_TEMPLATE_INCONSISTENT));
        assert_eq!(derive(becomes(42)), Err(CKR_TEMPLATE_INCONSISTENT));
    });
}

/// RFC 6070's second vector.
#[test]
fn a_password_gives_the_same_key_by_either_structure_of_pbkdf2() {
    with_session(|session| {
        let (mut password, mut salt) = (*b"password", *b"salt");
        let mut password_len = password.len() as CK_ULONG;
        let mut older = CK_PKCS5_PBKD2_PARAMS {
            saltSource: CKZ_SALT_SPECIFIED,
            pSaltSourceData: salt.as_mut_ptr().cast(),
            ulSaltSourceDataLen: salt.len() as CK_ULONG,
            iterations: 2,
            prf: CKP_PKCS5_PBKD2_HMAC_SHA1,
            pPrfData: ptr::null_mut(),
            ulPrfDataLen: 0,
            pPassword: password.as_mut_ptr(),
            ulPasswordLen: &raw mut password_len,
        };
        let mut newer = CK_PKCS5_PBKD2_PARAMS2 {
            saltSource: older.saltSource,
            pSaltSourceData: older.pSaltSourceData,
            ulSaltSourceDataLen: older.ulSaltSourceDataLen,
            iterations: older.iterations,
            prf: older.prf,
            pPrfData: older.pPrfData,
            ulPrfDataLen: older.ulPrfDataLen,
            pPassword: older.pPassword,
            ulPasswordLen: password_len,
        };
        let keys = [
            session.generate_with(with(CKM_PKCS5_PBKD2, &mut older), becomes(20)),
            session.generate_with(with(CKM_PKCS5_PBKD2, &mut newer), becomes(20)),
        ];
        for key in keys {
            let value = session.attribute(key.unwrap(), CKA_VALUE);
            assert_eq!(value, Ok(hex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")));
        }
        older.saltSource = 0;
        newer.saltSource = 0;
        let refused = [
            session.generate_with(with(CKM_PKCS5_PBKD2, &mut older), becomes(20)),
            session.generate_with(with(CKM_PKCS5_PBKD2, &mut newer), becomes(20)),
        ];
        assert_eq!(refused, [Err(CKR_MECHANISM_PARAM_INVALID); 2]);
    });
}

#[test]
fn one_derivation_makes_further_keys_and_tells_their_handles() {
    with_session(|session| {
        let base = secret(session, &[7; 32]);
        let mut counter = CK_SP800_108_COUNTER_FORMAT {
            bLittleEndian: CK_FALSE,
            ulWidthInBits: 32,
        };
        let mut parts = [CK_PRF_DATA_PARAM {
            type_: CK_SP800_108_ITERATION_VARIABLE,
            pValue: (&raw mut counter).cast(),
            ulValueLen: size_of::<CK_SP800_108_COUNTER_FORMAT>() as CK_ULONG,
        }];
        let (mut template, mut handle) = (becomes(16), 0);
        let mut further = [CK_DERIVED_KEY {
            pTemplate: template.pointer(),
            ulAttributeCount: template.count(),
            phKey: &raw mut handle,
        }];
        let mut kdf = CK_SP800_108_KDF_PARAMS {
            prfType: CKM_SHA256_HMAC,
            ulNumberOfDataParams: 1,
            pDataParams: parts.as_mut_ptr(),
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: further.as_mut_ptr(),
        };
        let mut derive = |further, length| {
            kdf.ulAdditionalDerivedKeys = further;
            let derived = session.derive(
                with(CKM_SP800_108_COUNTER_KDF, &mut kdf),
                base,
                becomes(length),
            );
            session.attribute(derived.unwrap(), CKA_VALUE).unwrap()
        };
        let alone = derive(0, 48);
        let first = derive(1, 32);
        assert_eq!(first, alone[..32]);
        let second = session.attribute(handle, CKA_VALUE).unwrap();
        assert_eq!(second, alone[32..]);
    });
}

#[test]
fn two_sides_agree_on_a_key() {
    const P_256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    with_session(|session| {
        let pair = || {
            let public = Attributes::new().bytes(CKA_EC_PARAMS, P_256);
            let private = Attributes::new().flag(CKA_DERIVE, true);
            session
                .generate_pair(plain(CKM_EC_KEY_PAIR_GEN), public, private)
                .unwrap()
        };
        let (ours, theirs) = (pair(), pair());
        for (kdf, shared) in [(CKD_NULL, &b""[..]), (CKD_SHA256_KDF, b"shared")] {
            let agree = |private, public, skipped: usize| {
                let mut point = session.attribute(public, CKA_EC_POINT).unwrap();
                let mut shared = shared.to_vec();
                let mut ecdh = CK_ECDH1_DERIVE_PARAMS {
                    kdf,
                    ulSharedDataLen: shared.len() as CK_ULONG,
                    pSharedData: shared.as_mut_ptr(),
                    ulPublicDataLen: (point.len() - skipped) as CK_ULONG,
                    pPublicData: point[skipped..].as_mut_ptr(),
                };
                let mechanism = with(CKM_ECDH1_DERIVE, &mut ecdh);
                let derived = session.derive(mechanism, private, becomes(32)).unwrap();
                session.attribute(derived, CKA_VALUE).unwrap()
            };
            // The point is given as the standard says, or as CKA_EC_POINT has it.
            let one = agree(ours.1, theirs.0, 2);
            assert_eq!(one, agree(theirs.1, ours.0, 0));
        }
        let mut nonsense = [4_u8; 65];
        let mut ecdh = CK_ECDH1_DERIVE_PARAMS {
            kdf: CKD_NULL,
            ulSharedDataLen: 0,
            pSharedData: ptr::null_mut(),
            ulPublicDataLen: 65,
            pPublicData: nonsense.as_mut_ptr(),
        };
        let mechanism = with(CKM_ECDH1_DERIVE, &mut ecdh);
        let code = session.derive(mechanism, ours.1, becomes(32)).unwrap_err();
        assert!(
            [CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID].contains(&code),
            "0x{code:x}"
        );
    });
}

#[test]
fn a_derivation_is_refused_as_the_standard_says() {
    with_session(|session| {
        if !session.has(CKM_XOR_BASE_AND_DATA, CKF_DERIVE) {
            return;
        }
        let base = secret(session, &[7; 32]);
        let mut data = [1_u8; 16];
        let mut parameter = CK_KEY_DERIVATION_STRING_DATA {
            pData: data.as_mut_ptr(),
            ulLen: 16,
        };
        let xor = with(CKM_XOR_BASE_AND_DATA, &mut parameter);
        assert_eq!(
            session.derive(xor, 0xdead, becomes(16)),
            Err(CKR_KEY_HANDLE_INVALID)
        );
        assert_eq!(
            session.derive(plain(CKM_SHA256), base, becomes(16)),
            Err(CKR_MECHANISM_INVALID)
        );
        assert_eq!(
            session.derive(plain(CKM_XOR_BASE_AND_DATA), base, becomes(16)),
            Err(CKR_MECHANISM_PARAM_INVALID)
        );
        let template = Attributes::new()
            .number(CKA_CLASS, CKO_SECRET_KEY)
            .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
            .flag(CKA_DERIVE, false)
            .bytes(CKA_VALUE, &[1; 16]);
        let stays = session.create(template).unwrap();
        let xor = with(CKM_XOR_BASE_AND_DATA, &mut parameter);
        assert_eq!(
            session.derive(xor, stays, becomes(16)),
            Err(CKR_KEY_FUNCTION_NOT_PERMITTED)
        );
    });
}

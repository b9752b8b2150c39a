//! Key pairs: what they sign, recover, encrypt and encapsulate, and how a wrong use is answered.

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, call, everywhere, ok, plain, with};

const P_256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P_384: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x22];
const SECP256K1: &[u8] = &[0x06, 5, 0x2b, 0x81, 4, 0, 0x0a];
const ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

/// A kind of pair, and the mechanisms that sign data of any length with it.
struct Pair {
    name: &'static str,
    generate: CK_MECHANISM_TYPE,
    public: fn() -> Attributes,
    signs: &'static [CK_MECHANISM_TYPE],
    signature_len: usize,
}

const PAIRS: &[Pair] = &[
    Pair {
        name: "RSA",
        generate: CKM_RSA_PKCS_KEY_PAIR_GEN,
        public: rsa,
        signs: &[
            CKM_SHA1_RSA_PKCS,
            CKM_SHA256_RSA_PKCS,
            CKM_SHA512_RSA_PKCS,
            CKM_SHA3_256_RSA_PKCS,
        ],
        signature_len: 256,
    },
    Pair {
        name: "P-256",
        generate: CKM_EC_KEY_PAIR_GEN,
        public: || Attributes::new().bytes(CKA_EC_PARAMS, P_256),
        signs: &[CKM_ECDSA_SHA1, CKM_ECDSA_SHA256, CKM_ECDSA_SHA3_384],
        signature_len: 64,
    },
    Pair {
        name: "P-384",
        generate: CKM_EC_KEY_PAIR_GEN,
        public: || Attributes::new().bytes(CKA_EC_PARAMS, P_384),
        signs: &[CKM_ECDSA_SHA384],
        signature_len: 96,
    },
    Pair {
        name: "secp256k1",
        generate: CKM_EC_KEY_PAIR_GEN,
        public: || Attributes::new().bytes(CKA_EC_PARAMS, SECP256K1),
        signs: &[CKM_ECDSA_SHA256],
        signature_len: 64,
    },
    Pair {
        name: "Ed25519",
        generate: CKM_EC_EDWARDS_KEY_PAIR_GEN,
        public: || Attributes::new().bytes(CKA_EC_PARAMS, ED25519),
        signs: &[CKM_EDDSA],
        signature_len: 64,
    },
];

fn rsa() -> Attributes {
    Attributes::new()
        .number(CKA_MODULUS_BITS, 2048)
        .bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1])
}

fn make(session: &Session<'_>, pair: &Pair) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let public = (pair.public)().flag(CKA_VERIFY, true);
    let private = Attributes::new().flag(CKA_SIGN, true);
    let made = session.generate_pair(plain(pair.generate), public, private);
    made.unwrap_or_else(|code| panic!("{}: 0x{code:x}", pair.name))
}

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

#[test]
fn what_a_private_key_signs_its_public_key_verifies() {
    with_session(|session| {
        // A build with `fips` has neither that curve nor signatures over SHA-1.
        let pairs = PAIRS.iter();
        for pair in pairs.filter(|pair| pair.name != "secp256k1" || !session.module.is_fips()) {
            let (public, private) = make(session, pair);
            let signs = pair.signs.iter();
            for mechanism in signs.filter(|mechanism| session.has(**mechanism, CKF_SIGN)) {
                let name = format!("{} {mechanism:x}", pair.name);
                let sign = |data| session.run(Kind::Sign, plain(*mechanism), private, data);
                let mut signature = sign(b"a message").expect(&name);
                assert_eq!(signature.len(), pair.signature_len, "{name}");
                let verify = |data, signature: &[u8]| {
                    session.verify(plain(*mechanism), public, data, signature)
                };
                assert_eq!(verify(b"a message", &signature), CKR_OK, "{name}");
                assert_eq!(
                    verify(b"another", &signature),
                    CKR_SIGNATURE_INVALID,
                    "{name}"
                );
                signature[7] ^= 1;
                assert_eq!(
                    verify(b"a message", &signature),
                    CKR_SIGNATURE_INVALID,
                    "{name}"
                );
                signature.pop();
                assert_eq!(
                    verify(b"a message", &signature),
                    CKR_SIGNATURE_LEN_RANGE,
                    "{name}"
                );
            }
        }
    });
}

#[test]
fn a_signature_may_be_given_before_its_data() {
    with_session(|session| {
        let (public, private) = make(session, &PAIRS[1]);
        let mechanism = || plain(CKM_ECDSA_SHA256);
        let signature = session.run(Kind::Sign, mechanism(), private, b"a message");
        let mut signature = signature.unwrap();
        let (module, handle) = (session.module, session.handle);
        let length = signature.len() as CK_ULONG;
        let start = |signature: &mut [u8]| {
            let mut mechanism = mechanism();
            let first = signature.as_mut_ptr();
            call!(
                module,
                C_VerifySignatureInit(handle, &raw mut mechanism, public, first, length)
            )
        };
        let mut data = *b"a message";
        let first = data.as_mut_ptr();
        assert_eq!(start(&mut signature), CKR_OK);
        ok!(module, C_VerifySignature(handle, first, 9));
        assert_eq!(start(&mut signature), CKR_OK);
        ok!(module, C_VerifySignatureUpdate(handle, first, 4));
        ok!(
            module,
            C_VerifySignatureUpdate(handle, first.wrapping_add(4), 5)
        );
        ok!(module, C_VerifySignatureFinal(handle));
        signature[0] ^= 1;
        assert_eq!(start(&mut signature), CKR_OK);
        assert_eq!(
            call!(module, C_VerifySignature(handle, first, 9)),
            CKR_SIGNATURE_INVALID
        );
        assert_eq!(
            call!(module, C_VerifySignatureFinal(handle)),
            CKR_OPERATION_NOT_INITIALIZED
        );
    });
}

#[test]
fn what_is_signed_with_recovery_comes_back() {
    with_session(|session| {
        let public = rsa().flag(CKA_VERIFY_RECOVER, true);
        let private = Attributes::new().flag(CKA_SIGN_RECOVER, true);
        let pair = session.generate_pair(plain(CKM_RSA_PKCS_KEY_PAIR_GEN), public, private);
        let (public, private) = pair.unwrap();
        let signature = session.run(Kind::SignRecover, plain(CKM_RSA_PKCS), private, b"data");
        let mut signature = signature.unwrap();
        let recover = |signature: &[u8]| {
            session.run(Kind::VerifyRecover, plain(CKM_RSA_PKCS), public, signature)
        };
        assert_eq!(recover(&signature).as_deref(), Ok(&b"data"[..]));
        signature[9] ^= 1;
        assert_eq!(recover(&signature), Err(CKR_SIGNATURE_INVALID));
        assert_eq!(recover(&signature[1..]), Err(CKR_SIGNATURE_LEN_RANGE));
    });
}

#[test]
fn oaep_takes_a_label_and_refuses_another_one() {
    with_session(|session| {
        let public = rsa().flag(CKA_ENCRYPT, true);
        let private = Attributes::new().flag(CKA_DECRYPT, true);
        let pair = session.generate_pair(plain(CKM_RSA_PKCS_KEY_PAIR_GEN), public, private);
        let (public, private) = pair.unwrap();
        let oaep = |label: &mut [u8]| CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: CKM_SHA256,
            mgf: CKG_MGF1_SHA256,
            source: CKZ_DATA_SPECIFIED,
            pSourceData: label.as_mut_ptr().cast(),
            ulSourceDataLen: label.len() as CK_ULONG,
        };
        let (mut one, mut other) = (*b"one", *b"another");
        let (mut one, mut other) = (oaep(&mut one), oaep(&mut other));
        let run = |kind, parameter: &mut _, key, data: &[u8]| {
            session.run(kind, with(CKM_RSA_PKCS_OAEP, parameter), key, data)
        };
        let sealed = run(Kind::Encrypt, &mut one, public, b"secret").unwrap();
        let opened = run(Kind::Decrypt, &mut one, private, &sealed);
        assert_eq!(opened.as_deref(), Ok(&b"secret"[..]));
        assert_eq!(
            run(Kind::Decrypt, &mut other, private, &sealed),
            Err(CKR_ENCRYPTED_DATA_INVALID)
        );
        assert_eq!(
            run(Kind::Encrypt, &mut one, public, &[0; 191]),
            Err(CKR_DATA_LEN_RANGE)
        );
        one.mgf = 0x99;
        assert_eq!(
            run(Kind::Encrypt, &mut one, public, b"secret"),
            Err(CKR_MECHANISM_PARAM_INVALID)
        );
    });
}

#[test]
fn a_pss_signature_has_the_salt_that_the_parameter_says() {
    with_session(|session| {
        let (public, private) = make(session, &PAIRS[0]);
        let pss = |salt_len| CK_RSA_PKCS_PSS_PARAMS {
            hashAlg: CKM_SHA256,
            mgf: CKG_MGF1_SHA256,
            sLen: salt_len,
        };
        const MECHANISM: CK_MECHANISM_TYPE = CKM_SHA256_RSA_PKCS_PSS;
        for salt_len in [0, 20, 32, 222] {
            let mut parameter = pss(salt_len);
            let sign = with(MECHANISM, &mut parameter);
            let signature = session.run(Kind::Sign, sign, private, b"data").unwrap();
            let verify = with(MECHANISM, &mut parameter);
            assert_eq!(session.verify(verify, public, b"data", &signature), CKR_OK);
            let mut other = pss(salt_len + 1);
            let verify = with(MECHANISM, &mut other);
            assert_ne!(session.verify(verify, public, b"data", &signature), CKR_OK);
        }
        let mut too_long = pss(223);
        assert!(
            session
                .run(Kind::Sign, with(MECHANISM, &mut too_long), private, b"data")
                .is_err()
        );
    });
}

#[test]
fn a_pair_tells_what_its_halves_have_in_common_and_no_secret() {
    with_session(|session| {
        let (public, private) = make(session, &PAIRS[0]);
        assert_eq!(
            session.attribute(public, CKA_MODULUS),
            session.attribute(private, CKA_MODULUS)
        );
        assert_eq!(session.number(public, CKA_MODULUS_BITS), Ok(2048));
        for kind in [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_COEFFICIENT] {
            assert_eq!(
                session.attribute(private, kind),
                Err(CKR_ATTRIBUTE_SENSITIVE)
            );
        }
        let (public, private) = make(session, &PAIRS[1]);
        let point = session.attribute(public, CKA_EC_POINT).unwrap();
        assert_eq!((point[0], point[1], point[2], point.len()), (4, 65, 4, 67));
        assert_eq!(
            session.attribute(private, CKA_VALUE),
            Err(CKR_ATTRIBUTE_SENSITIVE)
        );
    });
}

#[test]
fn a_pair_that_cannot_be_is_refused_as_the_standard_says() {
    with_session(|session| {
        let generate =
            |mechanism, public| session.generate_pair(plain(mechanism), public, Attributes::new());
        let cases = [
            (
                CKM_RSA_PKCS_KEY_PAIR_GEN,
                Attributes::new(),
                &[CKR_TEMPLATE_INCOMPLETE][..],
            ),
            (
                CKM_EC_KEY_PAIR_GEN,
                Attributes::new(),
                &[CKR_TEMPLATE_INCOMPLETE],
            ),
            (
                CKM_EC_KEY_PAIR_GEN,
                Attributes::new().bytes(CKA_EC_PARAMS, b"no curve"),
                &[
                    CKR_DOMAIN_PARAMS_INVALID,
                    CKR_CURVE_NOT_SUPPORTED,
                    CKR_ATTRIBUTE_VALUE_INVALID,
                ],
            ),
            (
                CKM_RSA_PKCS_KEY_PAIR_GEN,
                Attributes::new().number(CKA_MODULUS_BITS, 100),
                &[CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID],
            ),
            (CKM_AES_KEY_GEN, Attributes::new(), &[CKR_MECHANISM_INVALID]),
        ];
        for (position, (mechanism, public, expected)) in cases.into_iter().enumerate() {
            let code = generate(mechanism, public).unwrap_err();
            assert!(expected.contains(&code), "case {position}: 0x{code:x}");
        }
    });
}

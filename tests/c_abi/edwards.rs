//! `CKM_EDDSA`: the variants of RFC 8032, all of the message at once and in parts.

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, call, everywhere, ok, plain, with};

const ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

/// How a vector's parameter is made.
#[derive(Clone, Copy)]
enum Variant {
    Pure,
    /// `CK_EDDSA_PARAMS`: `phFlag`, and the context.
    Parameter(bool, &'static [u8]),
}

struct Vector {
    seed: &'static str,
    public: &'static str,
    variant: Variant,
    message: &'static str,
    signature: &'static str,
}

/// RFC 8032 §7.1 (tests 1 and 3), §7.2 (foo) and §7.3.
const VECTORS: &[Vector] = &[
    Vector {
        seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        variant: Variant::Pure,
        message: "",
        signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                    5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    },
    Vector {
        seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        public: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        variant: Variant::Pure,
        message: "af82",
        signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                    18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    },
    // A parameter in which nothing is set is Ed25519 (§6.3.16).
    Vector {
        seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        public: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        variant: Variant::Parameter(false, b""),
        message: "af82",
        signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                    18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    },
    Vector {
        seed: "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        public: "dfc9425e4f968f7f0c29f0259cf5f9aed6851c2bb4ad8bfb860cfee0ab248292",
        variant: Variant::Parameter(false, b"foo"),
        message: "f726936d19c800494e3fdaff20b276a8",
        signature: "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a\
                    8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
    },
    Vector {
        seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        public: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        variant: Variant::Parameter(true, b""),
        message: "616263",
        signature: "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
                    31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    },
];

impl Vector {
    /// Hands out the mechanism with the vector's parameter.
    fn using<T>(&self, then: impl FnOnce(CK_MECHANISM) -> T) -> T {
        match self.variant {
            Variant::Pure => then(plain(CKM_EDDSA)),
            Variant::Parameter(prehash, context) => {
                let mut parameter = eddsa(prehash, context);
                then(with(CKM_EDDSA, &mut parameter))
            }
        }
    }

    fn keys(&self, session: &Session<'_>) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
        let key = |class, usage, kind, value: &[u8]| {
            let template = Attributes::new()
                .number(CKA_CLASS, class)
                .number(CKA_KEY_TYPE, CKK_EC_EDWARDS)
                .bytes(CKA_EC_PARAMS, ED25519)
                .flag(usage, true)
                .bytes(kind, value);
            session.create(template).unwrap()
        };
        let (seed, public) = (bytes(self.seed), bytes(self.public));
        (
            key(CKO_PUBLIC_KEY, CKA_VERIFY, CKA_EC_POINT, &public),
            key(CKO_PRIVATE_KEY, CKA_SIGN, CKA_VALUE, &seed),
        )
    }
}

fn eddsa(prehash: bool, context: &[u8]) -> CK_EDDSA_PARAMS {
    CK_EDDSA_PARAMS {
        phFlag: prehash.into(),
        ulContextDataLen: context.len() as CK_ULONG,
        pContextData: context.as_ptr().cast_mut(),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
    let pairs = digits.as_bytes().as_chunks::<2>().0.iter();
    pairs
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

/// `C_SignUpdate` byte by byte, and `C_SignFinal`.
fn sign_in_parts(session: &Session<'_>, message: &[u8]) -> Vec<u8> {
    let handle = session.handle;
    for byte in message {
        let part = ptr::from_ref(byte).cast_mut();
        ok!(session.module, C_SignUpdate(handle, part, 1));
    }
    let mut length = 0;
    ok!(
        session.module,
        C_SignFinal(handle, ptr::null_mut(), &raw mut length)
    );
    let mut signature = vec![0; length as usize];
    let first = signature.as_mut_ptr();
    ok!(session.module, C_SignFinal(handle, first, &raw mut length));
    signature
}

/// `C_VerifyUpdate` byte by byte, and `C_VerifyFinal`.
fn verify_in_parts(session: &Session<'_>, message: &[u8], signature: &[u8]) -> CK_RV {
    let handle = session.handle;
    for byte in message {
        let part = ptr::from_ref(byte).cast_mut();
        ok!(session.module, C_VerifyUpdate(handle, part, 1));
    }
    let (first, length) = (signature.as_ptr().cast_mut(), signature.len() as CK_ULONG);
    call!(session.module, C_VerifyFinal(handle, first, length))
}

fn with_session(body: impl Fn(&Session<'_>)) {
    everywhere(|| {
        let token = Token::make();
        body(&token.logged_in());
    });
}

#[test]
fn each_variant_signs_and_verifies_at_once_and_in_parts_as_rfc_8032_says() {
    with_session(|session| {
        for (position, vector) in VECTORS.iter().enumerate() {
            let (public, private) = vector.keys(session);
            let (message, signature) = (bytes(vector.message), bytes(vector.signature));
            let begin = |kind, key| {
                let started = vector.using(|mechanism| session.start(kind, mechanism, key));
                assert_eq!(started, CKR_OK, "{position}");
            };
            begin(Kind::Sign, private);
            assert_eq!(session.pass(Kind::Sign, &message).as_ref(), Ok(&signature));
            let verified =
                vector.using(|mechanism| session.verify(mechanism, public, &message, &signature));
            assert_eq!(verified, CKR_OK, "{position}");
            if !message.is_empty() {
                begin(Kind::Sign, private);
                assert_eq!(sign_in_parts(session, &message), signature, "{position}");
                begin(Kind::Verify, public);
                let verified = verify_in_parts(session, &message, &signature);
                assert_eq!(verified, CKR_OK, "{position}");
                begin(Kind::Verify, public);
                let verified = verify_in_parts(session, &message[1..], &signature);
                assert_eq!(verified, CKR_SIGNATURE_INVALID, "{position}");
            }
            begin(Kind::Verify, public);
            let verified = verify_in_parts(session, b"another", &signature);
            assert_eq!(verified, CKR_SIGNATURE_INVALID, "{position}");
            begin(Kind::Verify, public);
            let verified = verify_in_parts(session, b"another", &signature[1..]);
            assert_eq!(verified, CKR_SIGNATURE_LEN_RANGE, "{position}");
        }
    });
}

#[test]
fn a_context_of_another_variant_or_length_is_another_signature_or_refused() {
    with_session(|session| {
        let context = VECTORS.iter().find(|vector| {
            matches!(vector.variant, Variant::Parameter(false, context) if !context.is_empty())
        });
        let context = context.unwrap();
        let (public, private) = context.keys(session);
        let (message, signature) = (bytes(context.message), bytes(context.signature));
        for (prehash, other) in [(false, &b"bar"[..]), (true, b"foo"), (false, b"")] {
            let mut parameter = eddsa(prehash, other);
            let mechanism = with(CKM_EDDSA, &mut parameter);
            let verified = session.verify(mechanism, public, &message, &signature);
            assert_eq!(verified, CKR_SIGNATURE_INVALID, "{prehash} {other:?}");
        }
        for (len, expected) in [(255, CKR_OK), (256, CKR_MECHANISM_PARAM_INVALID)] {
            for prehash in [false, true] {
                let long = vec![7; len];
                let mut parameter = eddsa(prehash, &long);
                let mechanism = with(CKM_EDDSA, &mut parameter);
                let signed = session.run(Kind::Sign, mechanism, private, &message);
                assert_eq!(signed.map(drop).err().unwrap_or(CKR_OK), expected, "{len}");
            }
        }
    });
}

//! Post-quantum keys: ML-KEM agrees on keys, ML-DSA signs.

use cryptoki_sys::*;
use tests::{Attributes, Kind, Token, everywhere, plain, with};

/// A generic secret that can be read.
fn becomes() -> Attributes {
    Attributes::new()
        .number(CKA_CLASS, CKO_SECRET_KEY)
        .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true)
        .number(CKA_VALUE_LEN, 32)
}

#[test]
fn what_is_encapsulated_is_decapsulated_to_the_same_key() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        for parameter_set in [CKP_ML_KEM_512, CKP_ML_KEM_768, CKP_ML_KEM_1024] {
            let public = Attributes::new()
                .number(CKA_PARAMETER_SET, parameter_set)
                .flag(CKA_ENCAPSULATE, true);
            let private = Attributes::new().flag(CKA_DECAPSULATE, true);
            let pair = session.generate_pair(plain(CKM_ML_KEM_KEY_PAIR_GEN), public, private);
            let (public, private) = pair.unwrap();
            let (mut ciphertext, ours) = session
                .encapsulate(plain(CKM_ML_KEM), public, becomes())
                .unwrap();
            let decapsulated = |ciphertext: &[u8]| {
                session.decapsulate(plain(CKM_ML_KEM), private, ciphertext, becomes())
            };
            let theirs = decapsulated(&ciphertext).unwrap();
            let value = |key| session.attribute(key, CKA_VALUE).unwrap();
            assert_eq!(value(ours), value(theirs));
            // FIPS 203: an altered ciphertext gives another key, and no error.
            ciphertext[5] ^= 1;
            let other = decapsulated(&ciphertext).unwrap();
            assert_ne!(value(other), value(ours));
            assert!(decapsulated(&ciphertext[1..]).is_err());
        }
    });
}

#[test]
fn a_signature_is_good_for_its_data_and_its_context() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        for (parameter_set, signature_len) in [
            (CKP_ML_DSA_44, 2420),
            (CKP_ML_DSA_65, 3309),
            (CKP_ML_DSA_87, 4627),
        ] {
            let public = Attributes::new()
                .number(CKA_PARAMETER_SET, parameter_set)
                .flag(CKA_VERIFY, true);
            let private = Attributes::new().flag(CKA_SIGN, true);
            let pair = session.generate_pair(plain(CKM_ML_DSA_KEY_PAIR_GEN), public, private);
            let (public, private) = pair.unwrap();
            let signature = session.run(Kind::Sign, plain(CKM_ML_DSA), private, b"data");
            let signature = signature.unwrap();
            assert_eq!(signature.len(), signature_len);
            let verify = |mechanism, data, signature: &[u8]| {
                session.verify(mechanism, public, data, signature)
            };
            let good = verify(plain(CKM_ML_DSA), b"data", &signature);
            assert_eq!(good, CKR_OK);
            let bad = verify(plain(CKM_ML_DSA), b"other", &signature);
            assert_eq!(bad, CKR_SIGNATURE_INVALID);
            let short = verify(plain(CKM_ML_DSA), b"data", &signature[1..]);
            assert_eq!(short, CKR_SIGNATURE_LEN_RANGE);
            let mut words = [7; 256];
            let mut context = CK_SIGN_ADDITIONAL_CONTEXT {
                hedgeVariant: CKH_HEDGE_PREFERRED,
                pContext: words.as_mut_ptr(),
                ulContextLen: 7,
            };
            let sign = with(CKM_ML_DSA, &mut context);
            let signature = session.run(Kind::Sign, sign, private, b"data").unwrap();
            let good = verify(with(CKM_ML_DSA, &mut context), b"data", &signature);
            assert_eq!(good, CKR_OK);
            let without = verify(plain(CKM_ML_DSA), b"data", &signature);
            assert_eq!(without, CKR_SIGNATURE_INVALID);
            context.ulContextLen = 256;
            assert_eq!(
                session.start(Kind::Sign, with(CKM_ML_DSA, &mut context), private),
                CKR_MECHANISM_PARAM_INVALID
            );
        }
    });
}

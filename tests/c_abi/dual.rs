//! Two operations at once: what is encrypted is digested or signed, what is decrypted is digested
//! or verified, and the result is that of one after the other.

use cryptoki_sys::*;
use tests::{Attributes, Kind, Session, Token, call, everywhere, ok, plain};

fn with_keys(body: impl Fn(&Session<'_>, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)) {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        let template = Attributes::new()
            .number(CKA_CLASS, CKO_SECRET_KEY)
            .number(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
            .flag(CKA_SIGN, true)
            .flag(CKA_VERIFY, true)
            .flag(CKA_SENSITIVE, false)
            .flag(CKA_EXTRACTABLE, true)
            .bytes(CKA_VALUE, &[7; 32]);
        body(&session, key, session.create(template).unwrap());
    });
}

/// Passes three parts to a function of two operations, and ends the cipher.
fn in_parts(session: &Session<'_>, encrypts: bool, with: Kind, data: &[u8]) -> Vec<u8> {
    let (module, handle, mut all) = (session.module, session.handle, vec![]);
    for part in data.chunks(data.len().div_ceil(3)) {
        let (first, count) = (part.as_ptr().cast_mut(), part.len() as CK_ULONG);
        let (mut output, mut length) = (vec![0; part.len() + 32], part.len() as CK_ULONG + 32);
        let (place, length) = (output.as_mut_ptr(), &raw mut length);
        let answer = match (encrypts, with) {
            (true, Kind::Digest) => {
                call!(
                    module,
                    C_DigestEncryptUpdate(handle, first, count, place, length)
                )
            }
            (true, _) => call!(
                module,
                C_SignEncryptUpdate(handle, first, count, place, length)
            ),
            (false, Kind::Digest) => {
                call!(
                    module,
                    C_DecryptDigestUpdate(handle, first, count, place, length)
                )
            }
            (false, _) => call!(
                module,
                C_DecryptVerifyUpdate(handle, first, count, place, length)
            ),
        };
        assert_eq!(answer, CKR_OK, "{encrypts} {with:?}");
        // SAFETY: the place of this part's length.
        all.extend(&output[..unsafe { *length } as usize]);
    }
    let (mut output, mut length) = ([0; 64], 64);
    let place = output.as_mut_ptr();
    match encrypts {
        true => ok!(module, C_EncryptFinal(handle, place, &raw mut length)),
        false => ok!(module, C_DecryptFinal(handle, place, &raw mut length)),
    }
    let rest = &output[..length as usize];
    // §5.15.2: what only the end of the decryption gives is not passed on by itself.
    if !encrypts {
        let (first, count) = (rest.as_ptr().cast_mut(), length);
        match with {
            Kind::Digest => ok!(module, C_DigestUpdate(handle, first, count)),
            _ => ok!(module, C_VerifyUpdate(handle, first, count)),
        }
    }
    all.extend(rest);
    all
}

fn cbc(iv: &mut [u8; 16]) -> CK_MECHANISM {
    tests::mechanism(CKM_AES_CBC_PAD, iv)
}

#[test]
fn the_token_says_that_a_session_does_two_operations_at_once() {
    everywhere(|| assert_ne!(Token::make().flags() & CKF_DUAL_CRYPTO_OPERATIONS, 0));
}

#[test]
fn a_message_is_digested_while_it_is_encrypted_and_decrypted() {
    with_keys(|session, key, _| {
        let data: Vec<u8> = (0..200).collect();
        let digest = session
            .run(Kind::Digest, plain(CKM_SHA256), 0, &data)
            .unwrap();
        let sealed = session
            .run(Kind::Encrypt, cbc(&mut [0; 16]), key, &data)
            .unwrap();
        for encrypts in [true, false] {
            let (cipher, input, output) = match encrypts {
                true => (Kind::Encrypt, &data, &sealed),
                false => (Kind::Decrypt, &sealed, &data),
            };
            assert_eq!(session.start(cipher, cbc(&mut [0; 16]), key), CKR_OK);
            assert_eq!(session.start(Kind::Digest, plain(CKM_SHA256), 0), CKR_OK);
            assert_eq!(in_parts(session, encrypts, Kind::Digest, input), *output);
            let (mut beside, mut length) = ([0; 32], 32);
            ok!(
                session.module,
                C_DigestFinal(session.handle, beside.as_mut_ptr(), &raw mut length)
            );
            assert_eq!(beside[..], digest);
        }
    });
}

#[test]
fn a_message_is_signed_while_it_is_encrypted_and_verified_while_it_is_decrypted() {
    with_keys(|session, key, secret| {
        let data: Vec<u8> = (0..200).collect();
        let hmac = || plain(CKM_SHA256_HMAC);
        let signature = session.run(Kind::Sign, hmac(), secret, &data).unwrap();
        assert_eq!(session.start(Kind::Encrypt, cbc(&mut [0; 16]), key), CKR_OK);
        assert_eq!(session.start(Kind::Sign, hmac(), secret), CKR_OK);
        let sealed = in_parts(session, true, Kind::Sign, &data);
        let (mut beside, mut length) = ([0; 32], 32);
        ok!(
            session.module,
            C_SignFinal(session.handle, beside.as_mut_ptr(), &raw mut length)
        );
        assert_eq!(beside[..], signature);
        for (altered, expected) in [(false, CKR_OK), (true, CKR_SIGNATURE_INVALID)] {
            beside[0] ^= u8::from(altered);
            assert_eq!(session.start(Kind::Decrypt, cbc(&mut [0; 16]), key), CKR_OK);
            assert_eq!(session.start(Kind::Verify, hmac(), secret), CKR_OK);
            assert_eq!(in_parts(session, false, Kind::Verify, &sealed), data);
            let answer = call!(
                session.module,
                C_VerifyFinal(session.handle, beside.as_mut_ptr(), 32)
            );
            assert_eq!(answer, expected);
        }
    });
}

#[test]
fn both_operations_have_to_be_active() {
    with_keys(|session, key, _| {
        let (mut data, mut output, mut length) = ([1_u8; 16], [0_u8; 64], 64);
        let (first, place, handle) = (data.as_mut_ptr(), output.as_mut_ptr(), session.handle);
        assert_eq!(session.start(Kind::Encrypt, cbc(&mut [0; 16]), key), CKR_OK);
        assert_eq!(
            call!(
                session.module,
                C_DigestEncryptUpdate(handle, first, 16, place, &raw mut length)
            ),
            CKR_OPERATION_NOT_INITIALIZED
        );
    });
}

#[test]
fn a_key_that_may_be_read_is_digested_as_its_value_is_and_another_one_is_not() {
    with_keys(|session, sensitive, secret| {
        assert_eq!(session.start(Kind::Digest, plain(CKM_SHA256), 0), CKR_OK);
        let refused = call!(session.module, C_DigestKey(session.handle, sensitive));
        assert_eq!(refused, CKR_KEY_INDIGESTIBLE);
        let expected = session.run(Kind::Digest, plain(CKM_SHA256), 0, &[7; 32]);
        assert_eq!(session.start(Kind::Digest, plain(CKM_SHA256), 0), CKR_OK);
        ok!(session.module, C_DigestKey(session.handle, secret));
        let (mut digest, mut length) = ([0; 32], 32);
        ok!(
            session.module,
            C_DigestFinal(session.handle, digest.as_mut_ptr(), &raw mut length)
        );
        assert_eq!(expected.as_deref(), Ok(&digest[..]));
    });
}

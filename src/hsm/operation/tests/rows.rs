//! Where the rows of the mechanism table differ: lengths, padding, tags, parameters.

use super::*;
use crate::mechanism;

/// XAES-256-GCM, which a build with `fips` has not.
fn xaes() -> Option<sys::CK_MECHANISM_TYPE> {
    let mut rows = mechanism::rows();
    let row = rows.find(|row| row.id == MechanismId::XAES_256_GCM);
    assert_ne!(row.is_some(), crypto::library::IS_FIPS);
    row.map(|row| row.id.0)
}

#[test]
fn input_may_be_empty_where_the_mechanism_takes_any_length() {
    let mut bench = bench();
    let xaes = xaes().map(|id| (id, Parameters::None, 40));
    let rows = [
        (sys::CKM_AES_ECB, Parameters::None, 0),
        (sys::CKM_AES_CBC, iv(), 0),
        (sys::CKM_AES_CBC_PAD, iv(), 16),
        (sys::CKM_AES_CTR, counter(128), 0),
        (sys::CKM_AES_GCM, gcm(128), 16),
    ];
    for (id, parameters, len) in rows.into_iter().chain(xaes) {
        let sealed = bench.whole(Encrypt, id, parameters.clone(), b"").unwrap();
        assert_eq!(sealed.len(), len, "{id:#x}");
        assert_eq!(
            bench.whole(Decrypt, id, parameters, &sealed).unwrap(),
            b"",
            "{id:#x}"
        );
    }
}

#[test]
fn the_bound_of_each_mechanism_is_never_too_small_and_exact_where_it_can_be() {
    let mut bench = bench();
    let xaes = xaes().map(|id| (id, Parameters::AdditionalDigest([3; 32])));
    let rows = [
        (sys::CKM_AES_CTR, counter(128)),
        (sys::CKM_AES_CBC_PAD, iv()),
        (sys::CKM_AES_GCM, gcm(96)),
    ];
    for (id, parameters) in rows.into_iter().chain(xaes) {
        for len in [0, 1, 15, 16] {
            let input = vec![9; len];
            let bound = bench.start(Encrypt, id, parameters.clone()).unwrap().bound;
            bench.operations.cancel(Encrypt).unwrap();
            let sealed = bench
                .whole(Encrypt, id, parameters.clone(), &input)
                .unwrap();
            assert_eq!(bound.of(len), sealed.len(), "{id:#x}");
            let bound = bench.start(Decrypt, id, parameters.clone()).unwrap().bound;
            bench.operations.cancel(Decrypt).unwrap();
            let opened = bench
                .whole(Decrypt, id, parameters.clone(), &sealed)
                .unwrap();
            assert_eq!(opened, input);
            assert!(
                (len..=len + 16).contains(&bound.of(sealed.len())),
                "{id:#x}"
            );
        }
    }
}

#[test]
fn padding_is_taken_off_into_an_output_that_fits_exactly() {
    let mut bench = bench();
    let sealed = bench
        .whole(Encrypt, sys::CKM_AES_CBC_PAD, iv(), b"thirteen byte")
        .unwrap();
    bench.start(Decrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    let asked = bench
        .operations
        .transform(Decrypt, &sealed, Some(&mut [0; 12]))
        .unwrap();
    assert_eq!(asked, Produced::Needed(13));
    let mut output = [0; 13];
    let given = bench
        .operations
        .transform(Decrypt, &sealed, Some(&mut output))
        .unwrap();
    assert_eq!((given, &output), (Produced::Written(13), b"thirteen byte"));

    bench.start(Decrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    bench
        .operations
        .update(Decrypt, &sealed, Some(&mut []))
        .unwrap();
    let asked = bench
        .operations
        .produce(Decrypt, Some(&mut [0; 12]))
        .unwrap();
    assert_eq!(asked, Produced::Needed(13));
    let given = bench
        .operations
        .produce(Decrypt, Some(&mut output))
        .unwrap();
    assert_eq!((given, &output), (Produced::Written(13), b"thirteen byte"));
}

#[test]
fn lengths_that_are_not_whole_blocks_have_their_own_reasons() {
    let mut bench = bench();
    for (id, parameters) in [
        (sys::CKM_AES_ECB, Parameters::None),
        (sys::CKM_AES_CBC, iv()),
    ] {
        let failed = bench.whole(Encrypt, id, parameters.clone(), &[0; 17]);
        assert_eq!(reason(failed), Some(Reason::DataLenRange));
        let failed = bench.whole(Decrypt, id, parameters.clone(), &[0; 17]);
        assert_eq!(reason(failed), Some(Reason::EncryptedDataLenRange));
        bench.start(Encrypt, id, parameters).unwrap();
        bench
            .operations
            .update(Encrypt, &[0; 17], Some(&mut [0; 16]))
            .unwrap();
        let failed = bench.operations.produce(Encrypt, Some(&mut []));
        assert_eq!(reason(failed), Some(Reason::DataLenRange));
    }
    for input in [&[0; 0][..], &[0; 15], &[0; 17]] {
        let failed = bench.whole(Decrypt, sys::CKM_AES_CBC_PAD, iv(), input);
        assert_eq!(reason(failed), Some(Reason::EncryptedDataLenRange));
    }
    let failed = bench.whole(Decrypt, sys::CKM_AES_GCM, gcm(128), &[0; 15]);
    assert_eq!(reason(failed), Some(Reason::EncryptedDataLenRange));
    if let Some(xaes) = xaes() {
        let failed = bench.whole(Decrypt, xaes, Parameters::None, &[0; 39]);
        assert_eq!(reason(failed), Some(Reason::EncryptedDataLenRange));
    }
}

#[test]
fn every_wrong_padding_is_the_same_error() {
    let mut bench = bench();
    for last in [0, 2, 16, 17, 255] {
        // Not padded here, so that the block ends as the test wants.
        let mut block = [9; 16];
        block[15] = last;
        let sealed = bench
            .whole(Encrypt, sys::CKM_AES_CBC, iv(), &block)
            .unwrap();
        let failed = bench.whole(Decrypt, sys::CKM_AES_CBC_PAD, iv(), &sealed);
        assert_eq!(reason(failed), Some(Reason::EncryptedDataInvalid), "{last}");
    }
}

#[test]
fn altered_ciphertext_is_invalid_and_gives_no_plaintext() {
    let mut bench = bench();
    let mut sealed = bench
        .whole(Encrypt, sys::CKM_AES_GCM, gcm(128), b"hello")
        .unwrap();
    sealed[0] ^= 1;
    bench.start(Decrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let mut output = [0; 5];
    let failed = bench
        .operations
        .transform(Decrypt, &sealed, Some(&mut output));
    assert_eq!(reason(failed), Some(Reason::EncryptedDataInvalid));
    assert_eq!(output, [0; 5]);
}

#[test]
fn gcm_in_parts_gives_plaintext_only_at_its_end() {
    let mut bench = bench();
    let sealed = bench
        .whole(Encrypt, sys::CKM_AES_GCM, gcm(128), &[8; 100])
        .unwrap();
    bench.start(Decrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let mut output = [0; 100];
    let part = bench
        .operations
        .update(Decrypt, &sealed, Some(&mut output))
        .unwrap();
    assert_eq!((part, output), (Produced::Written(0), [0; 100]));
    assert_eq!(
        bench.operations.produce(Decrypt, None).unwrap(),
        Produced::Needed(100)
    );
    let end = bench
        .operations
        .produce(Decrypt, Some(&mut output))
        .unwrap();
    assert_eq!((end, output), (Produced::Written(100), [8; 100]));
}

#[test]
#[cfg(not(feature = "fips"))]
fn xaes_encrypts_in_one_call_only() {
    let mut bench = bench();
    bench
        .start(Encrypt, MechanismId::XAES_256_GCM.0, Parameters::None)
        .unwrap();
    let failed = bench.operations.update(Encrypt, b"abc", Some(&mut [0; 64]));
    assert_eq!(reason(failed), Some(Reason::OperationNotInitialized));
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn wrong_parameters_are_named_as_such() {
    let mut bench = bench();
    let long_iv = Parameters::Gcm {
        iv: vec![0; 4_097],
        additional: Vec::new(),
        tag_bits: 128,
    };
    let no_iv = Parameters::Gcm {
        iv: Vec::new(),
        additional: Vec::new(),
        tag_bits: 128,
    };
    let additional = vec![0; limits::PARAMETER_BYTES + 1];
    let much = Parameters::Gcm {
        iv: vec![0; 12],
        additional,
        tag_bits: 128,
    };
    let digest = Parameters::AdditionalDigest([0; 32]);
    let none = || Parameters::None;
    let xaes = xaes().map(|id| (Encrypt, id, iv()));
    let rows = [
        (Encrypt, sys::CKM_AES_ECB, iv()),
        (Encrypt, sys::CKM_AES_CBC, none()),
        (Encrypt, sys::CKM_AES_CBC_PAD, Parameters::Iv(vec![0; 17])),
        (Encrypt, sys::CKM_AES_CTR, counter(0)),
        (Encrypt, sys::CKM_AES_CTR, counter(129)),
        (Decrypt, sys::CKM_AES_CTR, counter(u64::MAX)),
        (Encrypt, sys::CKM_AES_GCM, none()),
        (Encrypt, sys::CKM_AES_GCM, gcm(0)),
        (Encrypt, sys::CKM_AES_GCM, gcm(100)),
        (Decrypt, sys::CKM_AES_GCM, gcm(136)),
        (Decrypt, sys::CKM_AES_GCM, gcm(u64::MAX)),
        (Encrypt, sys::CKM_AES_GCM, long_iv),
        (Encrypt, sys::CKM_AES_GCM, no_iv),
        (Encrypt, sys::CKM_AES_GCM, much),
        (Digest, sys::CKM_SHA256, digest),
        (Sign, sys::CKM_SHA256_HMAC, Parameters::MacLength(32)),
        (Sign, sys::CKM_SHA256_HMAC_GENERAL, none()),
        (Sign, sys::CKM_SHA256_HMAC_GENERAL, Parameters::MacLength(0)),
        (
            Verify,
            sys::CKM_SHA256_HMAC_GENERAL,
            Parameters::MacLength(33),
        ),
    ];
    for (operation, id, parameters) in rows.into_iter().chain(xaes) {
        let failed = bench.start(operation, id, parameters);
        assert_eq!(
            reason(failed),
            Some(Reason::MechanismParamInvalid),
            "{operation:?} {id:#x}"
        );
    }
}

#[test]
fn gcm_takes_every_tag_and_iv_that_the_standard_has() {
    let mut bench = bench();
    for tag_bits in [32, 64, 96, 104, 112, 120, 128] {
        let sealed = bench
            .whole(Encrypt, sys::CKM_AES_GCM, gcm(tag_bits), b"hello")
            .unwrap();
        assert_eq!(sealed.len() as u64, 5 + tag_bits / 8);
        let opened = bench.whole(Decrypt, sys::CKM_AES_GCM, gcm(tag_bits), &sealed);
        assert_eq!(opened.unwrap(), b"hello");
    }
    for iv_len in [1, 8, 13, 16, 256] {
        let parameters = Parameters::Gcm {
            iv: vec![5; iv_len],
            additional: Vec::new(),
            tag_bits: 128,
        };
        let sealed = bench
            .whole(Encrypt, sys::CKM_AES_GCM, parameters.clone(), b"hi")
            .unwrap();
        let opened = bench.whole(Decrypt, sys::CKM_AES_GCM, parameters, &sealed);
        assert_eq!(opened.unwrap(), b"hi");
    }
}

#[test]
fn a_signature_is_right_wrong_or_of_the_wrong_length() {
    let mut bench = bench();
    let hmac = sys::CKM_SHA256_HMAC;
    let mut code = bench.whole(Sign, hmac, Parameters::None, b"hello").unwrap();
    let mut check = |code: &[u8]| {
        bench.start(Verify, hmac, Parameters::None).unwrap();
        let whole = bench.operations.check(Verify, Some(b"hello"), code);
        bench.start(Verify, hmac, Parameters::None).unwrap();
        bench.operations.absorb(Verify, b"hel").unwrap();
        bench.operations.absorb(Verify, b"lo").unwrap();
        let parts = bench.operations.check(Verify, None, code);
        assert_eq!(reason(whole.clone()), reason(parts));
        reason(whole)
    };
    assert_eq!(check(&code), None);
    assert_eq!(check(&code[..31]), Some(Reason::SignatureLenRange));
    assert_eq!(check(&[]), Some(Reason::SignatureLenRange));
    code[31] ^= 1;
    assert_eq!(check(&code), Some(Reason::SignatureInvalid));
}

#[test]
fn one_call_takes_no_more_than_the_limit() {
    let mut bench = bench();
    let much = vec![0; limits::DATA_BYTES + 1];
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    assert_eq!(
        reason(bench.operations.absorb(Digest, &much)),
        Some(Reason::DataLenRange)
    );
    bench.start(Decrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    bench
        .operations
        .update(Decrypt, &much[1..], Some(&mut []))
        .unwrap();
    let failed = bench.operations.update(Decrypt, &[0], Some(&mut []));
    assert_eq!(reason(failed), Some(Reason::EncryptedDataLenRange));
}

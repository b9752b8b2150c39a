//! Two operations at once: what is too short changes neither, an error ends both.

use super::*;

const DATA: &[u8] = b"thirty-two bytes of input, so far";

fn digest_of(data: &[u8]) -> Vec<u8> {
    let mut bench = bench();
    bench
        .whole(Digest, sys::CKM_SHA256, Parameters::None, data)
        .unwrap()
}

#[test]
fn a_part_is_digested_and_encrypted() {
    let mut bench = bench();
    let expected = bench
        .whole(Encrypt, sys::CKM_AES_CBC_PAD, iv(), DATA)
        .unwrap();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let operations = &mut bench.operations;
    let mut all = Vec::new();
    for part in DATA.chunks(20) {
        let mut both = |output: Option<&mut [u8]>| {
            operations
                .update_both(Encrypt, Digest, part, output)
                .unwrap()
        };
        let Produced::Needed(needed) = both(None) else {
            panic!()
        };
        assert_eq!(
            both(Some(&mut vec![0; needed - 1])),
            Produced::Needed(needed)
        );
        let mut output = vec![0; needed];
        assert_eq!(both(Some(&mut output)), Produced::Written(needed));
        all.extend(output);
    }
    let mut last = [0; 16];
    operations.produce(Encrypt, Some(&mut last)).unwrap();
    all.extend(last);
    assert_eq!(all, expected);
    let mut digest = [0; 32];
    operations.produce(Digest, Some(&mut digest)).unwrap();
    assert_eq!(digest.to_vec(), digest_of(DATA));
}

#[test]
fn what_comes_out_of_decryption_is_digested_and_verified() {
    let mut bench = bench();
    let from_zero = || Parameters::Counter {
        counter_bits: 128,
        block: [0; 16],
    };
    let sealed = bench
        .whole(Encrypt, sys::CKM_AES_CTR, from_zero(), DATA)
        .unwrap();
    let code = bench
        .whole(Sign, sys::CKM_SHA256_HMAC, Parameters::None, DATA)
        .unwrap();
    let pairs = [(Digest, sys::CKM_SHA256), (Verify, sys::CKM_SHA256_HMAC)];
    for (beside, mechanism) in pairs {
        bench.start(Decrypt, sys::CKM_AES_CTR, from_zero()).unwrap();
        bench.start(beside, mechanism, Parameters::None).unwrap();
        let operations = &mut bench.operations;
        let mut opened = Vec::new();
        for part in sealed.chunks(9) {
            let mut output = vec![0; part.len()];
            operations
                .update_both(Decrypt, beside, part, Some(&mut output))
                .unwrap();
            opened.extend(output);
        }
        operations.produce(Decrypt, Some(&mut [])).unwrap();
        assert_eq!(opened, DATA);
        match beside {
            Digest => {
                let mut digest = [0; 32];
                operations.produce(Digest, Some(&mut digest)).unwrap();
                assert_eq!(digest.to_vec(), digest_of(DATA));
            }
            _ => operations.check(Verify, None, &code).unwrap(),
        }
    }
}

#[test]
fn a_part_is_signed_and_encrypted() {
    let mut bench = bench();
    let hmac = sys::CKM_SHA256_HMAC;
    let expected = bench.whole(Sign, hmac, Parameters::None, DATA).unwrap();
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    bench.start(Sign, hmac, Parameters::None).unwrap();
    let operations = &mut bench.operations;
    operations
        .update_both(Encrypt, Sign, DATA, Some(&mut [0; 64]))
        .unwrap();
    let mut code = [0; 32];
    operations.produce(Sign, Some(&mut code)).unwrap();
    assert_eq!(code.to_vec(), expected);
    assert!(bench.is_active(Encrypt));
}

#[test]
fn an_error_ends_both() {
    let mut bench = bench();
    // The counter of eight bits comes round.
    bench.start(Encrypt, sys::CKM_AES_CTR, counter(8)).unwrap();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let failed = bench
        .operations
        .update_both(Encrypt, Digest, DATA, Some(&mut [0; 64]));
    assert_eq!(reason(failed), Some(Reason::DataLenRange));
    assert!(!bench.is_active(Encrypt) && !bench.is_active(Digest));
}

#[test]
fn where_one_is_missing_the_other_goes_on() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    let failed = bench
        .operations
        .update_both(Encrypt, Digest, DATA, Some(&mut [0; 64]));
    assert_eq!(reason(failed), Some(Reason::OperationNotInitialized));
    assert!(bench.is_active(Encrypt));
}

#[test]
fn only_the_four_pairs_of_the_standard_exist() {
    let mut bench = bench();
    for cipher in Operation::ALL {
        for beside in Operation::ALL {
            let known = matches!(
                (cipher, beside),
                (Encrypt, Digest | Sign) | (Decrypt, Digest | Verify)
            );
            let refused = bench.operations.update_both(cipher, beside, b"", None);
            let expected = match known {
                true => Reason::OperationNotInitialized,
                false => Reason::ArgumentsBad,
            };
            assert_eq!(reason(refused), Some(expected), "{cipher:?} {beside:?}");
        }
    }
}

#[test]
fn who_asks_for_the_length_of_a_part_is_never_told_that_it_needs_no_room() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let mut both = |output: Option<&mut [u8]>| {
        let part = b"five.";
        bench.operations.update_both(Encrypt, Digest, part, output)
    };
    assert_eq!(both(None).unwrap(), Produced::Needed(5));
    assert_eq!(both(Some(&mut [0; 5])).unwrap(), Produced::Written(0));
}

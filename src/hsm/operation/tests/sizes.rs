//! What is encrypted can be decrypted: both ways have one limit.

use token::limits::DATA_BYTES;

use super::*;

const TAG: usize = 16;

fn ccm(data_len: usize) -> Parameters {
    Parameters::Ccm {
        data_len: data_len as u64,
        nonce: vec![1; 11],
        additional: Vec::new(),
        mac_len: TAG as u64,
    }
}

#[test]
fn the_longest_ciphertext_that_comes_out_goes_in_again() {
    let mut bench = bench();
    let longest = vec![7; DATA_BYTES - TAG];
    let sealed = bench
        .whole(Encrypt, sys::CKM_AES_GCM, gcm(128), &longest)
        .unwrap();
    assert_eq!(sealed.len(), DATA_BYTES);
    let opened = bench
        .whole(Decrypt, sys::CKM_AES_GCM, gcm(128), &sealed)
        .unwrap();
    assert!(opened == longest);
}

#[test]
fn data_whose_ciphertext_no_verb_carries_is_not_encrypted() {
    let mut bench = bench();
    let too_long = vec![7; DATA_BYTES - TAG + 1];
    let failed = bench.whole(Encrypt, sys::CKM_AES_GCM, gcm(128), &too_long);
    assert_eq!(reason(failed), Some(Reason::DataLenRange));
    assert!(!bench.is_active(Encrypt));
    let failed = bench.start(Encrypt, sys::CKM_AES_CCM, ccm(too_long.len()));
    assert_eq!(reason(failed), Some(Reason::MechanismParamInvalid));
}

#[test]
fn parts_have_the_limit_of_the_whole() {
    let mut bench = bench();
    let part = vec![7; DATA_BYTES - TAG];
    let mut output = vec![0; part.len()];
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let mut update = |part: &[u8]| bench.operations.update(Encrypt, part, Some(&mut output));
    assert_eq!(update(&part).unwrap(), Produced::Written(part.len()));
    assert_eq!(reason(update(&[7])), Some(Reason::DataLenRange));
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn a_message_has_the_limit_of_a_call_and_its_tag_counts() {
    let mut bench = bench();
    bench.begin(Operation::MessageEncrypt, sys::CKM_AES_GCM);
    let message = Parameters::Message(messages::counted());
    let mut output = vec![0; DATA_BYTES];
    let mut seal = |data: &[u8]| {
        let room = Some(&mut output[..data.len()]);
        let kind = Operation::MessageEncrypt;
        bench.operations.message(kind, &message, b"", data, room)
    };
    let data = vec![7; DATA_BYTES];
    assert_eq!(reason(seal(&data)), Some(Reason::DataLenRange));
    seal(&data[TAG..]).unwrap();
}

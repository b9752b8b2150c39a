//! Message by message: vectors, tags apart, parts, and what ends what.

use token::{MessageParameters, Outcome};

use super::*;

use Operation::{MessageDecrypt, MessageEncrypt, MessageSign, MessageVerify};

const DATA: &[u8] = b"a message of no special length";

/// A message whose vector the HSM counts behind four bytes of the caller.
pub(super) fn counted() -> MessageParameters {
    MessageParameters {
        iv: [vec![7; 4], vec![0; 8]].concat(),
        fixed_bits: 32,
        generator: sys::CKG_GENERATE_COUNTER_XOR,
        tag_bits: 128,
        ..MessageParameters::default()
    }
}

impl Bench {
    pub(super) fn begin(&mut self, operation: Operation, id: sys::CK_MECHANISM_TYPE) {
        let (key_type, key) = match operation {
            MessageEncrypt | MessageDecrypt => (sys::CKK_AES, &self.aes),
            _ => (sys::CKK_GENERIC_SECRET, &self.secret),
        };
        let mechanism = Mechanism {
            id: MechanismId(id),
            parameters: Parameters::None,
        };
        let attributes = usable(key_type);
        let key = Some(Key::new(&attributes, key.clone()));
        self.operations.start(operation, mechanism, key).unwrap();
    }

    /// One message, sealed: its ciphertext, and the parameters that open it.
    fn seal(&mut self, message: &MessageParameters) -> (Vec<u8>, MessageParameters) {
        let mut output = vec![0; DATA.len()];
        let parameters = Parameters::Message(message.clone());
        let Outcome {
            produced,
            parameters_out,
        } = self
            .operations
            .message(
                MessageEncrypt,
                &parameters,
                b"header",
                DATA,
                Some(&mut output),
            )
            .unwrap();
        assert_eq!(produced, Produced::Written(DATA.len()));
        let out = parameters_out.unwrap();
        let sealed = MessageParameters {
            iv: out.iv,
            tag: out.tag,
            ..message.clone()
        };
        (output, sealed)
    }

    fn open(&mut self, sealed: &[u8], message: &MessageParameters) -> Result<Vec<u8>> {
        let mut output = vec![0; sealed.len()];
        let parameters = Parameters::Message(message.clone());
        self.operations.message(
            MessageDecrypt,
            &parameters,
            b"header",
            sealed,
            Some(&mut output),
        )?;
        Ok(output)
    }
}

#[test]
fn messages_are_sealed_under_one_init_and_opened_under_another() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    bench.begin(MessageDecrypt, sys::CKM_AES_GCM);
    for count in 0..3 {
        let (sealed, message) = bench.seal(&counted());
        assert_eq!(message.iv, [7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, count]);
        assert_eq!(message.tag.len(), 16);
        assert_eq!(bench.open(&sealed, &message).unwrap(), DATA);
    }
    bench.operations.message_end(MessageEncrypt).unwrap();
    assert!(!bench.is_active(MessageEncrypt) && bench.is_active(MessageDecrypt));
}

#[test]
fn a_message_is_what_one_call_of_the_mechanism_gives() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let (sealed, message) = bench.seal(&counted());
    let parameters = Parameters::Gcm {
        iv: message.iv,
        additional: b"header".to_vec(),
        tag_bits: 128,
    };
    let whole = bench
        .whole(Encrypt, sys::CKM_AES_GCM, parameters, DATA)
        .unwrap();
    assert_eq!([sealed, message.tag].concat(), whole);
}

#[test]
fn a_length_query_uses_no_vector_up() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let parameters = Parameters::Message(counted());
    for output in [None, Some(&mut [0; 3][..])] {
        let asked = bench
            .operations
            .message(MessageEncrypt, &parameters, b"", DATA, output)
            .unwrap();
        assert_eq!(asked.produced, Produced::Needed(DATA.len()));
    }
    assert_eq!(bench.seal(&counted()).1.iv[11], 0);
}

#[test]
fn an_altered_message_is_refused_and_the_next_one_is_not() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    bench.begin(MessageDecrypt, sys::CKM_AES_GCM);
    let (sealed, message) = bench.seal(&counted());
    let mut altered = message.clone();
    altered.tag[0] ^= 1;
    let failed = bench.open(&sealed, &altered);
    assert_eq!(reason(failed), Some(Reason::AeadDecryptFailed));
    altered.tag.pop();
    let failed = bench.open(&sealed, &altered);
    assert_eq!(reason(failed), Some(Reason::MechanismParamInvalid));
    assert_eq!(bench.open(&sealed, &message).unwrap(), DATA);
}

#[test]
fn a_message_in_parts_is_the_message_in_one() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    bench.begin(MessageDecrypt, sys::CKM_AES_GCM);
    let (whole, mut message) = bench.seal(&counted());
    message.generator = sys::CKG_NO_GENERATE;
    let operations = &mut bench.operations;
    let parameters = Parameters::Message(message.clone());

    operations
        .message_begin(MessageEncrypt, &parameters, b"header")
        .unwrap();
    let (first, last) = DATA.split_at(11);
    let mut sealed = vec![0; DATA.len()];
    let (first_out, last_out) = sealed.split_at_mut(11);
    let part = operations
        .message_next(MessageEncrypt, &parameters, first, false, Some(first_out))
        .unwrap();
    assert_eq!(part.produced, Produced::Written(11));
    let asked = operations
        .message_next(MessageEncrypt, &parameters, last, true, None)
        .unwrap();
    assert_eq!(asked.produced, Produced::Needed(last.len()));
    let end = operations
        .message_next(MessageEncrypt, &parameters, last, true, Some(last_out))
        .unwrap();
    assert_eq!(sealed, whole);
    assert_eq!(end.parameters_out.unwrap().tag, message.tag);

    operations
        .message_begin(MessageDecrypt, &parameters, b"header")
        .unwrap();
    let (first, last) = sealed.split_at(23);
    let mut opened = vec![0; DATA.len()];
    let part = operations
        .message_next(MessageDecrypt, &parameters, first, false, Some(&mut opened))
        .unwrap();
    assert_eq!(part.produced, Produced::Written(0));
    // What waited comes with the end, so the last part alone is not enough room.
    let short = operations
        .message_next(MessageDecrypt, &parameters, last, true, Some(&mut [0; 7]))
        .unwrap();
    assert_eq!(short.produced, Produced::Needed(DATA.len()));
    operations
        .message_next(MessageDecrypt, &parameters, last, true, Some(&mut opened))
        .unwrap();
    assert_eq!(opened, DATA);
}

#[test]
fn no_message_begins_while_the_parts_of_another_come() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let operations = &mut bench.operations;
    let parameters = Parameters::Message(counted());
    let early = operations.message_next(MessageEncrypt, &parameters, b"", true, None);
    assert_eq!(reason(early), Some(Reason::OperationNotInitialized));
    operations
        .message_begin(MessageEncrypt, &parameters, b"")
        .unwrap();
    let second = operations.message_begin(MessageEncrypt, &parameters, b"");
    assert_eq!(reason(second), Some(Reason::OperationActive));
    let whole = operations.message(MessageEncrypt, &parameters, b"", DATA, None);
    assert_eq!(reason(whole), Some(Reason::OperationActive));
    operations.message_end(MessageEncrypt).unwrap();
    assert!(!bench.is_active(MessageEncrypt));
}

#[test]
fn a_part_that_could_not_be_brought_ends_its_message_and_not_the_messages() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let operations = &mut bench.operations;
    let parameters = Parameters::Message(counted());
    operations
        .message_begin(MessageEncrypt, &parameters, b"")
        .unwrap();
    operations.message_failed(MessageEncrypt).unwrap();
    let next = operations.message_next(MessageEncrypt, &parameters, DATA, true, None);
    assert_eq!(reason(next), Some(Reason::OperationNotInitialized));
    operations
        .message_begin(MessageEncrypt, &parameters, b"")
        .unwrap();
}

#[test]
fn messages_are_signed_and_verified_at_once_and_in_parts() {
    let mut bench = bench();
    let hmac = sys::CKM_SHA256_HMAC;
    let expected = bench.whole(Sign, hmac, Parameters::None, DATA).unwrap();
    bench.begin(MessageSign, hmac);
    bench.begin(MessageVerify, hmac);
    let none = Parameters::None;
    let operations = &mut bench.operations;
    for _ in 0..2 {
        let mut code = [0; 32];
        let asked = operations
            .message(MessageSign, &none, b"", DATA, None)
            .unwrap();
        assert_eq!(asked.produced, Produced::Needed(32));
        operations
            .message(MessageSign, &none, b"", DATA, Some(&mut code))
            .unwrap();
        assert_eq!(code.to_vec(), expected);
        operations.message_check(&none, DATA, &code).unwrap();

        operations.message_begin(MessageSign, &none, b"").unwrap();
        let (first, last) = DATA.split_at(9);
        operations
            .message_next(MessageSign, &none, first, false, None)
            .unwrap();
        let mut code = [0; 32];
        for output in [None, Some(&mut code[..31])] {
            let asked = operations.message_next(MessageSign, &none, last, true, output);
            assert_eq!(asked.unwrap().produced, Produced::Needed(32));
        }
        operations
            .message_next(MessageSign, &none, last, true, Some(&mut code))
            .unwrap();
        assert_eq!(code.to_vec(), expected);

        operations.message_begin(MessageVerify, &none, b"").unwrap();
        operations.message_check_next(first, None).unwrap();
        operations.message_check_next(last, Some(&code)).unwrap();
        code[0] ^= 1;
        let failed = operations.message_check(&none, DATA, &code);
        assert_eq!(reason(failed), Some(Reason::SignatureInvalid));
    }
}

#[test]
fn other_verbs_are_refused_to_messages() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let failed = bench.operations.transform(MessageEncrypt, DATA, None);
    assert_eq!(reason(failed), Some(Reason::ArgumentsBad));
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let parameters = Parameters::Message(counted());
    let failed = bench
        .operations
        .message(Encrypt, &parameters, b"", DATA, None);
    assert_eq!(reason(failed), Some(Reason::ArgumentsBad));
    let failed = bench.operations.message_end(MessageSign);
    assert_eq!(reason(failed), Some(Reason::OperationNotInitialized));
}

#[test]
fn a_second_init_goes_on_counting_where_the_first_one_ended() {
    let mut bench = bench();
    for count in 0..3 {
        bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
        assert_eq!(bench.seal(&counted()).1.iv[11], count);
        bench.operations.message_end(MessageEncrypt).unwrap();
    }
}

#[test]
fn a_message_that_cannot_be_settles_nothing() {
    let mut bench = bench();
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let wrong = MessageParameters {
        fixed_bits: 64,
        tag_bits: 7,
        ..counted()
    };
    let parameters = Parameters::Message(wrong);
    let kind = MessageEncrypt;
    let failed = bench
        .operations
        .message(kind, &parameters, b"", b"", Some(&mut []));
    assert_eq!(reason(failed), Some(Reason::MechanismParamInvalid));
    assert_eq!(bench.seal(&counted()).1.iv[11], 0);
}

#[test]
fn in_cloudhsms_profile_the_hsm_makes_the_vector_of_every_message() {
    let mut bench = bench();
    bench.operations = Operations::new(Memory::default(), Profile::CloudHsm);
    bench.begin(MessageEncrypt, sys::CKM_AES_GCM);
    let chosen = MessageParameters {
        generator: sys::CKG_NO_GENERATE,
        ..counted()
    };
    let parameters = Parameters::Message(chosen);
    let operations = &mut bench.operations;
    let refused = operations.message(MessageEncrypt, &parameters, b"", b"", Some(&mut []));
    assert_eq!(reason(refused), Some(Reason::MechanismParamInvalid));
    let refused = operations.message_begin(MessageEncrypt, &parameters, b"");
    assert_eq!(reason(refused), Some(Reason::MechanismParamInvalid));
    let (sealed, message) = bench.seal(&counted());
    bench.begin(MessageDecrypt, sys::CKM_AES_GCM);
    assert_eq!(bench.open(&sealed, &message).unwrap(), DATA);
}

//! The state machine: what leaves an operation as it was, what ends it, and with which reason.

mod dual;
mod ends;
mod messages;
mod rows;
mod sizes;
mod splits;
mod uses;

use std::sync::Arc;

use cryptoki_sys as sys;
use token::MechanismId;

use super::*;
use crate::mechanism::{
    Material,
    vectors::{secret_key, usable},
};

/// Operations of a session, and keys of two types.
struct Bench {
    operations: Operations,
    aes: Arc<Material>,
    secret: Arc<Material>,
}

fn bench() -> Bench {
    let import = |key_type| secret_key(key_type, &[7; 32]);
    Bench {
        operations: Operations::default(),
        aes: Arc::new(import(sys::CKK_AES)),
        secret: Arc::new(import(sys::CKK_GENERIC_SECRET)),
    }
}

#[test]
fn ciphertext_that_waits_for_its_tag_is_counted_and_given_back() {
    let memory = Memory::new(1_000);
    let mut bench = bench();
    bench.operations = Operations::new(memory.clone(), Profile::Standard);
    let parameters = Parameters::Gcm {
        iv: vec![0; 12],
        additional: Vec::new(),
        tag_bits: 128,
    };
    bench
        .start(Operation::Decrypt, sys::CKM_AES_GCM, parameters)
        .unwrap();
    let mut part = || {
        bench
            .operations
            .update(Operation::Decrypt, &[0; 600], Some(&mut []))
    };
    part().unwrap();
    assert_eq!(part().unwrap_err().reason, Reason::DeviceMemory);
    assert!(memory.share(1_000).is_ok());
}

impl Bench {
    fn start(
        &mut self,
        operation: Operation,
        id: sys::CK_MECHANISM_TYPE,
        parameters: Parameters,
    ) -> Result<Started> {
        let (key_type, key) = match operation {
            Operation::Encrypt | Operation::Decrypt => (sys::CKK_AES, Some(&self.aes)),
            Operation::Sign | Operation::Verify => (sys::CKK_GENERIC_SECRET, Some(&self.secret)),
            _ => (0, None),
        };
        let attributes = usable(key_type);
        let key = key.map(|key| Key::new(&attributes, key.clone()));
        let mechanism = Mechanism {
            id: MechanismId(id),
            parameters,
        };
        self.operations.start(operation, mechanism, key)
    }

    /// All of `input` through a new operation.
    fn whole(
        &mut self,
        operation: Operation,
        id: sys::CK_MECHANISM_TYPE,
        parameters: Parameters,
        input: &[u8],
    ) -> Result<Vec<u8>> {
        self.start(operation, id, parameters)?;
        let mut output = vec![0; input.len() + 64];
        match self
            .operations
            .transform(operation, input, Some(&mut output))?
        {
            Produced::Written(len) => output.truncate(len),
            Produced::Needed(len) => panic!("{len}"),
        }
        Ok(output)
    }

    fn is_active(&mut self, operation: Operation) -> bool {
        self.operations.places.of(operation).is_active()
    }
}

fn iv() -> Parameters {
    Parameters::Iv(vec![0; 16])
}

fn gcm(tag_bits: u64) -> Parameters {
    Parameters::Gcm {
        iv: vec![1; 12],
        additional: vec![2; 3],
        tag_bits,
    }
}

fn counter(counter_bits: u64) -> Parameters {
    Parameters::Counter {
        counter_bits,
        block: [0xFF; 16],
    }
}

fn reason<T>(result: Result<T>) -> Option<Reason> {
    result.err().map(|error| error.reason)
}

use Operation::{Decrypt, Digest, Encrypt, Sign, Verify};

#[test]
fn a_length_query_keeps_the_operation() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    let asked = bench.operations.transform(Encrypt, b"hello", None).unwrap();
    assert_eq!(asked, Produced::Needed(16));
    let given = bench
        .operations
        .transform(Encrypt, b"hello", Some(&mut [0; 16]))
        .unwrap();
    assert_eq!(given, Produced::Written(16));
}

#[test]
fn an_output_that_is_too_short_keeps_the_operation() {
    let mut bench = bench();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let mut short = [0xAA; 31];
    let asked = bench
        .operations
        .transform(Digest, b"abc", Some(&mut short))
        .unwrap();
    assert_eq!((asked, short), (Produced::Needed(32), [0xAA; 31]));
    let given = bench
        .operations
        .transform(Digest, b"abc", Some(&mut [0; 32]))
        .unwrap();
    assert_eq!(given, Produced::Written(32));
}

#[test]
fn a_success_ends_the_operation() {
    let mut bench = bench();
    bench
        .whole(Digest, sys::CKM_SHA256, Parameters::None, b"abc")
        .unwrap();
    let again = bench.operations.transform(Digest, b"abc", None);
    assert_eq!(reason(again), Some(Reason::OperationNotInitialized));
}

#[test]
fn an_error_ends_the_operation() {
    let mut bench = bench();
    let failed = bench.whole(Encrypt, sys::CKM_AES_CBC, iv(), b"15 bytes of it.");
    assert_eq!(reason(failed), Some(Reason::DataLenRange));
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn an_error_in_a_part_ends_the_operation() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CTR, counter(8)).unwrap();
    let failed = bench
        .operations
        .update(Encrypt, &[0; 17], Some(&mut [0; 17]));
    assert_eq!(reason(failed), Some(Reason::DataLenRange));
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn a_failed_start_starts_nothing() {
    let mut bench = bench();
    let failed = bench.start(Encrypt, sys::CKM_AES_CBC, Parameters::Iv(vec![0; 8]));
    assert_eq!(reason(failed), Some(Reason::MechanismParamInvalid));
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn a_second_start_is_refused_and_the_first_goes_on() {
    let mut bench = bench();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    bench.operations.absorb(Digest, b"abc").unwrap();
    let second = bench.start(Digest, sys::CKM_SHA512, Parameters::None);
    assert_eq!(reason(second), Some(Reason::OperationActive));
    let given = bench
        .operations
        .produce(Digest, Some(&mut [0; 32]))
        .unwrap();
    assert_eq!(given, Produced::Written(32));
}

#[test]
fn operations_of_different_kinds_do_not_touch_each_other() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    bench
        .start(Sign, sys::CKM_SHA256_HMAC, Parameters::None)
        .unwrap();
    bench
        .operations
        .transform(Encrypt, b"abc", Some(&mut [0; 16]))
        .unwrap();
    assert!(!bench.is_active(Encrypt));
    assert!(bench.is_active(Sign));
}

#[test]
fn all_at_once_after_a_part_fails_and_the_parts_go_on() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    bench
        .operations
        .update(Encrypt, b"abc", Some(&mut [0; 16]))
        .unwrap();
    let failed = bench
        .operations
        .transform(Encrypt, b"abc", Some(&mut [0; 64]));
    assert_eq!(reason(failed), Some(Reason::OperationActive));
    let rest = bench.operations.produce(Encrypt, Some(&mut [0; 16]));
    assert_eq!(rest.unwrap(), Produced::Written(16));

    bench
        .start(Verify, sys::CKM_SHA256_HMAC, Parameters::None)
        .unwrap();
    bench.operations.absorb(Verify, b"abc").unwrap();
    let failed = bench.operations.check(Verify, Some(b"abc"), &[0; 32]);
    assert_eq!(reason(failed), Some(Reason::OperationActive));
    assert!(bench.is_active(Verify));
}

#[test]
fn all_at_once_after_a_length_query_for_a_part_is_fine() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let asked = bench.operations.update(Encrypt, b"abc", None).unwrap();
    assert_eq!(asked, Produced::Needed(3));
    let given = bench
        .operations
        .transform(Encrypt, b"abc", Some(&mut [0; 19]))
        .unwrap();
    assert_eq!(given, Produced::Written(19));
}

#[test]
fn a_length_query_for_the_end_keeps_what_came_before() {
    let mut bench = bench();
    let expected = bench
        .whole(Digest, sys::CKM_SHA256, Parameters::None, b"abc")
        .unwrap();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    bench.operations.absorb(Digest, b"ab").unwrap();
    assert_eq!(
        bench.operations.produce(Digest, None).unwrap(),
        Produced::Needed(32)
    );
    bench.operations.absorb(Digest, b"c").unwrap();
    let mut output = [0; 32];
    bench.operations.produce(Digest, Some(&mut output)).unwrap();
    assert_eq!(output.to_vec(), expected);
}

#[test]
fn nothing_can_be_said_of_an_operation_that_was_not_started() {
    let mut bench = bench();
    let operations = &mut bench.operations;
    for operation in Operation::ALL {
        let answers = [
            reason(operations.transform(operation, b"", None)),
            reason(operations.update(operation, b"", None)),
            reason(operations.absorb(operation, b"")),
            reason(operations.produce(operation, None)),
            reason(operations.check(operation, None, b"")),
        ];
        assert_eq!(
            answers,
            [Some(Reason::OperationNotInitialized); 5],
            "{operation:?}"
        );
    }
}

#[test]
fn a_verb_of_another_kind_of_operation_is_refused() {
    let mut bench = bench();
    bench
        .start(Verify, sys::CKM_SHA256_HMAC, Parameters::None)
        .unwrap();
    let refused = bench.operations.transform(Verify, b"", Some(&mut [0; 64]));
    assert_eq!(reason(refused), Some(Reason::ArgumentsBad));
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    assert_eq!(
        reason(bench.operations.absorb(Encrypt, b"")),
        Some(Reason::ArgumentsBad)
    );
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let refused = bench.operations.check(Digest, Some(b""), b"");
    assert_eq!(reason(refused), Some(Reason::ArgumentsBad));
    assert!(
        ![Verify, Encrypt, Digest]
            .map(|operation| bench.is_active(operation))
            .contains(&true)
    );
}

#[test]
fn a_cancelled_operation_is_gone_and_another_can_start() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    bench.operations.cancel(Encrypt).unwrap();
    assert!(!bench.is_active(Encrypt));
    let again = bench.operations.cancel(Encrypt);
    assert_eq!(reason(again), Some(Reason::OperationNotInitialized));
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    bench.operations.cancel_all();
    assert!(!bench.is_active(Encrypt));
}

#[test]
fn the_end_may_come_without_any_part() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_CBC_PAD, iv()).unwrap();
    let given = bench
        .operations
        .produce(Encrypt, Some(&mut [0; 16]))
        .unwrap();
    assert_eq!(given, Produced::Written(16));
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let given = bench
        .operations
        .produce(Encrypt, Some(&mut [0; 16]))
        .unwrap();
    assert_eq!(given, Produced::Written(16));
}

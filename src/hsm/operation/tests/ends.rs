//! The end of an operation: nothing of it is left, however it came.

use std::panic::{AssertUnwindSafe, catch_unwind};

use token::OutputBound;

use super::*;
use crate::{
    mechanism::{Transformation, Use, Work},
    operation::active::{Stage, Start},
};

/// A mechanism with a fault: it panics at its Init, or in its use.
struct Faulty {
    at_init: bool,
}

impl Transformation for Faulty {
    fn begin(&self, _with: Use<'_>) -> Result<OutputBound> {
        assert!(!self.at_init, "on purpose");
        Ok(OutputBound::longer_by(0))
    }

    fn whole(&self, _with: Use<'_>, _input: &[u8], _output: &mut [u8]) -> Result<()> {
        panic!("on purpose")
    }
}

impl Bench {
    /// Begins an encryption with `mechanism` and the AES key.
    fn begin_with(&mut self, mechanism: &'static dyn Transformation) -> Result<OutputBound> {
        let start = Start {
            operation: Encrypt,
            number: 1,
            mechanism: MechanismId(sys::CKM_AES_ECB),
            work: Work::Transform(mechanism),
            key: Some(self.aes.clone().into()),
            parameters: Parameters::None,
            drawn: false,
            signature: None,
            always_authenticate: false,
            share: None,
        };
        let place = self.operations.places.of(Encrypt);
        place.begin(&Memory::default(), start, Stage::Fresh)
    }

    /// Whether nothing of an encryption is left.
    fn is_rid_of_it(&mut self) -> bool {
        !self.is_active(Encrypt) && Arc::strong_count(&self.aes) == 1
    }
}

#[test]
fn an_operation_that_has_ended_keeps_neither_its_key_nor_its_memory() {
    type End = fn(&mut Operations);
    let ends: [(&str, End); 6] = [
        ("all at once", |operations| {
            let done = operations.transform(Encrypt, b"abc", Some(&mut [0; 19]));
            assert_eq!(done.unwrap(), Produced::Written(19));
        }),
        ("its last part", |operations| {
            operations
                .update(Encrypt, b"abc", Some(&mut [0; 3]))
                .unwrap();
            operations.produce(Encrypt, Some(&mut [0; 16])).unwrap();
        }),
        ("too much input", |operations| {
            let much = vec![0; limits::DATA_BYTES + 1];
            let done = operations.transform(Encrypt, &much, None);
            assert_eq!(reason(done), Some(Reason::DataLenRange));
        }),
        ("a verb of others", |operations| {
            let done = operations.absorb(Encrypt, b"abc");
            assert_eq!(reason(done), Some(Reason::ArgumentsBad));
        }),
        ("a verb of others, at its end", |operations| {
            let done = operations.check(Encrypt, Some(b"abc"), b"");
            assert_eq!(reason(done), Some(Reason::ArgumentsBad));
        }),
        ("a cancel", |operations| {
            operations.cancel(Encrypt).unwrap();
        }),
    ];
    for (how, end) in ends {
        let (mut bench, memory) = (bench(), Memory::new(1_000));
        bench.operations = Operations::new(memory.clone(), Profile::Standard);
        let parameters = Parameters::Gcm {
            iv: vec![1; 12],
            additional: vec![2; 600],
            tag_bits: 128,
        };
        bench.start(Encrypt, sys::CKM_AES_GCM, parameters).unwrap();
        assert!(!bench.is_rid_of_it() && memory.share(1_000).is_err());
        end(&mut bench.operations);
        assert!(bench.is_rid_of_it() && memory.share(1_000).is_ok(), "{how}");
    }
}

#[test]
fn an_init_that_panics_starts_nothing() {
    let mut bench = bench();
    let begun = AssertUnwindSafe(|| bench.begin_with(&Faulty { at_init: true }));
    assert!(catch_unwind(begun).is_err());
    assert!(bench.is_rid_of_it());
}

#[test]
fn a_use_that_panics_is_the_end() {
    let mut bench = bench();
    bench.begin_with(&Faulty { at_init: false }).unwrap();
    let operations = &mut bench.operations;
    let used = AssertUnwindSafe(|| operations.transform(Encrypt, b"abc", Some(&mut [0; 3])));
    assert!(catch_unwind(used).is_err());
    assert!(bench.is_rid_of_it());
}

#[test]
fn a_failed_start_in_the_place_of_an_operation_that_has_ended_starts_nothing() {
    let mut bench = bench();
    bench
        .whole(Encrypt, sys::CKM_AES_CBC_PAD, iv(), b"abc")
        .unwrap();
    let failed = bench.start(Encrypt, sys::CKM_AES_CBC, Parameters::Iv(vec![0; 8]));
    assert_eq!(reason(failed), Some(Reason::MechanismParamInvalid));
    assert!(bench.is_rid_of_it());
}

#[test]
fn all_at_once_after_a_length_query_for_the_end_is_fine() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    let asked = bench.operations.produce(Encrypt, None).unwrap();
    assert_eq!(asked, Produced::Needed(16));
    let given = bench
        .operations
        .transform(Encrypt, b"abc", Some(&mut [0; 19]));
    assert_eq!(given.unwrap(), Produced::Written(19));
}

#[test]
fn all_at_once_after_a_length_query_for_two_is_fine() {
    let mut bench = bench();
    bench.start(Encrypt, sys::CKM_AES_GCM, gcm(128)).unwrap();
    bench
        .start(Digest, sys::CKM_SHA256, Parameters::None)
        .unwrap();
    let operations = &mut bench.operations;
    let asked = operations.update_both(Encrypt, Digest, b"abc", None);
    assert_eq!(asked.unwrap(), Produced::Needed(3));
    for (operation, needed) in [(Encrypt, 19), (Digest, 32)] {
        let given = operations.transform(operation, b"abc", Some(&mut [0; 64]));
        assert_eq!(given.unwrap(), Produced::Written(needed), "{operation:?}");
    }
}

//! Bytes from a database as records of every kind, as if whoever wrote them had the keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hsm::decode(bytes);
});

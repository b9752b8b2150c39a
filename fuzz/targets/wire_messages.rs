//! Bytes from a socket as messages of every kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    wire::decode(bytes);
});

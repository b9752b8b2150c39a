//! Templates that a caller made up, for every function that takes one, through the C ABI.
#![no_main]

use std::ptr::null_mut;

use cryptoki_sys::*;
use fuzz::{Input, token};
use strongroom::functions::*;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let token = token();
    let session = token.session;
    let mut input = Input::new(bytes);
    let verb = input.byte();
    let key = token.key(input.byte());
    let mut arena = input.attributes();
    let mut template = arena.template(&mut input);
    let (first, count) = (template.as_mut_ptr(), template.len() as CK_ULONG);
    let mut handle = 0;
    let mut second = 0;
    let mut found = [0; 8];
    let mut number = 0;
    let mut mechanism = CK_MECHANISM {
        mechanism: if verb & 1 == 0 {
            CKM_AES_KEY_GEN
        } else {
            CKM_GENERIC_SECRET_KEY_GEN
        },
        pParameter: null_mut(),
        ulParameterLen: 0,
    };
    // SAFETY: every pointer is to memory that lives here or in the arena, as long as it says.
    unsafe {
        let rv = match verb % 8 {
            0 | 1 => C_CreateObject(session, first, count, &raw mut handle),
            2 => C_GenerateKey(session, &raw mut mechanism, first, count, &raw mut handle),
            3 => C_CopyObject(session, key, first, count, &raw mut handle),
            4 => C_SetAttributeValue(session, key, first, count),
            5 => C_GetAttributeValue(session, key, first, count),
            6 => {
                let rv = C_FindObjectsInit(session, first, count);
                C_FindObjects(session, found.as_mut_ptr(), 8, &raw mut number);
                C_FindObjectsFinal(session);
                rv
            }
            _ => {
                mechanism.mechanism = CKM_EC_KEY_PAIR_GEN;
                let middle = template.len() / 2;
                let (half, rest) = template.split_at_mut(middle);
                let (half_len, rest_len) = (half.len() as CK_ULONG, rest.len() as CK_ULONG);
                C_GenerateKeyPair(
                    session,
                    &raw mut mechanism,
                    half.as_mut_ptr(),
                    half_len,
                    rest.as_mut_ptr(),
                    rest_len,
                    &raw mut handle,
                    &raw mut second,
                )
            }
        };
        if rv == CKR_OK {
            for made in [handle, second].into_iter().filter(|made| *made != 0) {
                C_DestroyObject(session, made);
            }
        }
    }
});

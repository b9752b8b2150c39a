//! Every mechanism with parameters that a caller made up, begun with keys of every type, through the C ABI.
#![no_main]

use cryptoki_sys::*;
use fuzz::{Input, token};
use strongroom::functions::*;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let token = token();
    let mut input = Input::new(bytes);
    let session = token.session;
    let key = token.key(input.byte());
    let id = token.mechanism(input.byte(), input.byte());
    let verb = input.byte();
    let mut arena = input.arena();
    let mut mechanism = arena.mechanism(id);
    let mechanism = &raw mut mechanism;
    let data = [7u8; 48];
    let mut out = [0u8; 8192];
    let mut len = out.len() as CK_ULONG;
    let (data, data_len, out, len) = (data.as_ptr().cast_mut(), 48, out.as_mut_ptr(), &raw mut len);
    let mut handle = 0;
    let mut second = 0;
    // SAFETY: every pointer is to memory that lives here or in the arena, as long as it says.
    unsafe {
        let rv = match verb % 14 {
            0 => C_EncryptInit(session, mechanism, key),
            1 => C_DecryptInit(session, mechanism, key),
            2 => C_SignInit(session, mechanism, key),
            3 => C_VerifyInit(session, mechanism, key),
            4 => C_DigestInit(session, mechanism),
            5 => C_DeriveKey(
                session,
                mechanism,
                key,
                std::ptr::null_mut(),
                0,
                &raw mut handle,
            ),
            6 => C_GenerateKey(session, mechanism, std::ptr::null_mut(), 0, &raw mut handle),
            7 => C_WrapKey(session, mechanism, key, token.key(0), out, len),
            8 => C_UnwrapKey(
                session,
                mechanism,
                key,
                data,
                data_len,
                std::ptr::null_mut(),
                0,
                &raw mut handle,
            ),
            9 => C_SignRecoverInit(session, mechanism, key),
            10 => C_EncapsulateKey(
                session,
                mechanism,
                key,
                std::ptr::null_mut(),
                0,
                out,
                len,
                &raw mut handle,
            ),
            11 => C_MessageEncryptInit(session, mechanism, key),
            12 => C_MessageDecryptInit(session, mechanism, key),
            _ => C_VerifySignatureInit(session, mechanism, key, data, data_len),
        };
        if rv == CKR_OK {
            match verb % 14 {
                0 => C_Encrypt(session, data, data_len, out, len),
                1 => C_Decrypt(session, data, data_len, out, len),
                2 => C_Sign(session, data, data_len, out, len),
                3 => C_Verify(session, data, data_len, data, data_len),
                4 => C_Digest(session, data, data_len, out, len),
                9 => C_SignRecover(session, data, data_len, out, len),
                11 | 12 => {
                    let mut message = input.arena();
                    let (parameter, parameter_len) = message.bytes();
                    if verb % 14 == 11 {
                        C_EncryptMessage(
                            session,
                            parameter,
                            parameter_len,
                            data,
                            4,
                            data,
                            data_len,
                            out,
                            len,
                        )
                    } else {
                        C_DecryptMessage(
                            session,
                            parameter,
                            parameter_len,
                            data,
                            4,
                            data,
                            data_len,
                            out,
                            len,
                        )
                    }
                }
                13 => C_VerifySignature(session, data, data_len),
                _ => C_DestroyObject(session, handle),
            };
        }
        let _ = &mut second;
        C_SessionCancel(session, CK_FLAGS::MAX >> 1);
    }
});

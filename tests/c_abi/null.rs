//! NULL, zero and nothing, to every function of the 3.2 list.

use std::{ffi::c_void, mem, ptr};

use cryptoki_sys::*;
use tests::{Module, Token, everywhere};

/// On the machines we build for, a function may be called with more arguments than it has.
type AnyFunction = unsafe extern "C" fn(
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
    CK_ULONG,
) -> CK_RV;

fn call(function: *const c_void, first: CK_ULONG) -> CK_RV {
    call_with(function, &[first])
}

/// Calls a function with these words and zeroes after them.
pub(crate) fn call_with(function: *const c_void, given: &[CK_ULONG]) -> CK_RV {
    assert!(!function.is_null(), "a function is missing");
    // SAFETY: all functions have word-sized arguments, ten at most, and answer a CK_RV.
    let function: AnyFunction = unsafe { mem::transmute(function) };
    let word = |position: usize| given.get(position).copied().unwrap_or(0);
    // SAFETY: what is no handle is the address of memory that the test has, or nonsense that the
    // module has to survive.
    unsafe {
        function(
            word(0),
            word(1),
            word(2),
            word(3),
            word(4),
            word(5),
            word(6),
            word(7),
            word(8),
            word(9),
        )
    }
}

/// Functions whose first argument is a pointer, and the one that takes flags and may wait.
fn takes_no_handle(module: &Module) -> Vec<*const c_void> {
    let list = module.list();
    vec![
        pointer(list.C_Initialize),
        pointer(list.C_Finalize),
        pointer(list.C_GetInfo),
        pointer(list.C_GetFunctionList),
        pointer(list.C_GetInterfaceList),
        pointer(list.C_GetInterface),
        pointer(list.C_WaitForSlotEvent),
    ]
}

fn pointer<F: Copy>(function: F) -> *const c_void {
    assert_eq!(mem::size_of::<F>(), mem::size_of::<*const c_void>());
    // SAFETY: an optional function is as large as a pointer.
    unsafe { mem::transmute_copy(&function) }
}

#[test]
fn every_function_is_there_and_answers_before_initialize() {
    everywhere(|| {
        let module = Module::load();
        let alone = takes_no_handle(&module);
        for (position, function) in module.functions().into_iter().enumerate() {
            if !alone.contains(&function) {
                let answer = call(function, 1);
                let expected = [
                    CKR_CRYPTOKI_NOT_INITIALIZED,
                    CKR_FUNCTION_NOT_SUPPORTED,
                    CKR_FUNCTION_NOT_PARALLEL,
                ];
                assert!(
                    expected.contains(&answer),
                    "function {position}: 0x{answer:x}"
                );
            }
        }
    });
}

#[test]
fn every_function_survives_null() {
    everywhere(|| {
        let token = Token::make();
        let alone = takes_no_handle(&token.module);
        let functions = token.module.functions();
        // C_Logout and C_CloseSession end the session, so each function gets a new one.
        for (position, function) in functions.into_iter().enumerate() {
            if alone[..2].contains(&function) {
                continue;
            }
            let session = token.logged_in();
            let first = if alone.contains(&function) {
                0
            } else {
                session.handle
            };
            let answer = call(function, first);
            assert_ne!(answer, CKR_GENERAL_ERROR, "function {position}");
            assert_ne!(answer, CKR_CRYPTOKI_NOT_INITIALIZED, "function {position}");
        }
        // And the module is as well as before.
        let session = token.logged_in();
        session.generate(false, "after").unwrap();
    });
}

#[test]
fn every_function_survives_handles_that_never_were() {
    everywhere(|| {
        let token = Token::make();
        let alone = takes_no_handle(&token.module);
        for handle in [0, 0xdead, CK_ULONG::MAX] {
            for function in token.module.functions() {
                if !alone.contains(&function) {
                    assert_ne!(call(function, handle), CKR_GENERAL_ERROR);
                }
            }
        }
    });
}

#[test]
fn an_out_parameter_that_is_null_is_refused_before_anything_happens() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut mechanism = tests::mechanism(CKM_AES_KEY_GEN, &mut []);
        let mut template = tests::Attributes::new()
            .flag(CKA_TOKEN, true)
            .number(CKA_VALUE_LEN, 16);
        let (count, first) = (template.count(), template.pointer());
        let null = ptr::null_mut();
        assert_eq!(
            tests::call!(
                token.module,
                C_GenerateKey(session.handle, &raw mut mechanism, first, count, null)
            ),
            CKR_ARGUMENTS_BAD
        );
        assert_eq!(session.find(tests::Attributes::new()).unwrap(), []);
        let flags = CKF_SERIAL_SESSION;
        assert_eq!(
            tests::call!(
                token.module,
                C_OpenSession(token.slot, flags, null.cast(), None, null)
            ),
            CKR_ARGUMENTS_BAD
        );
        assert_eq!(
            tests::call!(
                token.module,
                C_GenerateRandom(session.handle, null.cast(), 16)
            ),
            CKR_ARGUMENTS_BAD
        );
        assert_eq!(
            tests::call!(
                token.module,
                C_Login(session.handle, CKU_USER, null.cast(), 4)
            ),
            CKR_ARGUMENTS_BAD
        );
    });
}

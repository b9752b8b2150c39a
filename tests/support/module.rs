//! A module's functions as C sees them, so that a test can say nonsense.

use std::{collections::BTreeMap, ffi::c_void, mem, path::Path, ptr};

use cryptoki_sys::*;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

/// A loaded module. It is never unloaded, as modules of hosts are not.
pub struct Module {
    list: CK_FUNCTION_LIST_3_2,
}

/// Calls a function of a module by its name.
#[macro_export]
macro_rules! call {
    ($module:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        let function = $module.list().$function.expect(stringify!($function));
        // SAFETY: the test gives what the standard allows, or what the module has to survive.
        unsafe { function($($argument),*) }
    }};
}

/// Fails the test unless a function answers `CKR_OK`.
#[macro_export]
macro_rules! ok {
    ($module:expr, $function:ident($($argument:expr),* $(,)?)) => {
        assert_eq!(
            $crate::call!($module, $function($($argument),*)),
            cryptoki_sys::CKR_OK,
            stringify!($function)
        )
    };
}

impl Module {
    /// Whether it is a build on AWS-LC's FIPS module (docs/fips.md).
    pub fn is_fips(&self) -> bool {
        let mut information = CK_INFO::default();
        crate::ok!(self, C_GetInfo(&raw mut information));
        String::from_utf8_lossy(&information.libraryDescription).contains("FIPS")
    }

    /// Loads the module that is tested.
    pub fn load() -> Self {
        Self::load_from(&crate::module())
    }

    /// Loads any module: its 3.2 interface, or what its 2.40 list has.
    pub fn load_from(path: &Path) -> Self {
        // SAFETY: the module is made to be loaded.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = library.unwrap_or_else(|error| panic!("{error}"));
        let mut list = CK_FUNCTION_LIST_3_2::default();
        let mut found: *mut CK_FUNCTION_LIST = ptr::null_mut();
        // SAFETY: the symbol has the type that the standard gives it.
        let get = unsafe { library.get::<CK_C_GetFunctionList>(b"C_GetFunctionList\0") };
        let get = get.expect("C_GetFunctionList").expect("C_GetFunctionList");
        // SAFETY: the module writes the address of its list.
        assert_eq!(unsafe { get(&raw mut found) }, CKR_OK);
        // SAFETY: the list of 2.40 is the beginning of that of 3.2, and as long as it says.
        unsafe {
            let bytes = mem::size_of::<CK_FUNCTION_LIST>();
            ptr::copy_nonoverlapping(found.cast::<u8>(), (&raw mut list).cast::<u8>(), bytes);
        }
        if let Some(newest) = interface(&library) {
            list = newest;
        }
        mem::forget(library);
        Self { list }
    }

    /// Its functions.
    pub fn list(&self) -> &CK_FUNCTION_LIST_3_2 {
        &self.list
    }

    /// All functions in the order of the list, without their types.
    pub fn functions(&self) -> Vec<*const c_void> {
        let first = &raw const self.list.C_Initialize;
        let bytes = mem::size_of::<CK_FUNCTION_LIST_3_2>()
            - mem::offset_of!(CK_FUNCTION_LIST_3_2, C_Initialize);
        let count = bytes / mem::size_of::<CK_C_Initialize>();
        // SAFETY: the list is a version and then nothing but function pointers.
        unsafe { std::slice::from_raw_parts(first.cast::<*const c_void>(), count) }.to_vec()
    }

    /// All functions by their names.
    pub fn named_functions(&self) -> BTreeMap<&'static str, *const c_void> {
        NAMES.iter().copied().zip(self.functions()).collect()
    }

    /// `C_Initialize(NULL)`.
    pub fn initialize(&self) {
        crate::ok!(self, C_Initialize(ptr::null_mut()));
    }

    /// `C_Finalize(NULL)`.
    pub fn finalize(&self) {
        crate::ok!(self, C_Finalize(ptr::null_mut()));
    }

    /// The slots, by `C_GetSlotList`.
    pub fn slots(&self, with_token: bool) -> Vec<CK_SLOT_ID> {
        let mut count = 0;
        crate::ok!(
            self,
            C_GetSlotList(with_token.into(), ptr::null_mut(), &raw mut count)
        );
        let mut slots = vec![0; count as usize];
        crate::ok!(
            self,
            C_GetSlotList(with_token.into(), slots.as_mut_ptr(), &raw mut count)
        );
        slots.truncate(count as usize);
        slots
    }
}

fn interface(library: &Library) -> Option<CK_FUNCTION_LIST_3_2> {
    // SAFETY: the symbol has the type that the standard gives it.
    let get = unsafe { library.get::<CK_C_GetInterface>(b"C_GetInterface\0") }.ok()?;
    let get = (*get)?;
    let mut version = CK_VERSION { major: 3, minor: 2 };
    let mut interface: *mut CK_INTERFACE = ptr::null_mut();
    // SAFETY: the module writes the address of its interface.
    let answer = unsafe { get(ptr::null_mut(), &raw mut version, &raw mut interface, 0) };
    if answer != CKR_OK {
        return None;
    }
    // SAFETY: the interface lives as long as the module.
    let list = unsafe { *interface }.pFunctionList;
    // SAFETY: that of 3.2 has the list of 3.2.
    Some(unsafe { *list.cast::<CK_FUNCTION_LIST_3_2>() })
}

/// The functions in the order of the 3.2 list.
#[rustfmt::skip]
const NAMES: [&str; 104] = [
    "C_Initialize", "C_Finalize", "C_GetInfo", "C_GetFunctionList", "C_GetSlotList",
    "C_GetSlotInfo", "C_GetTokenInfo", "C_GetMechanismList", "C_GetMechanismInfo", "C_InitToken",
    "C_InitPIN", "C_SetPIN", "C_OpenSession", "C_CloseSession", "C_CloseAllSessions",
    "C_GetSessionInfo", "C_GetOperationState", "C_SetOperationState", "C_Login", "C_Logout",
    "C_CreateObject", "C_CopyObject", "C_DestroyObject", "C_GetObjectSize", "C_GetAttributeValue",
    "C_SetAttributeValue", "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal",
    "C_EncryptInit", "C_Encrypt", "C_EncryptUpdate", "C_EncryptFinal", "C_DecryptInit", "C_Decrypt",
    "C_DecryptUpdate", "C_DecryptFinal", "C_DigestInit", "C_Digest", "C_DigestUpdate",
    "C_DigestKey", "C_DigestFinal", "C_SignInit", "C_Sign", "C_SignUpdate", "C_SignFinal",
    "C_SignRecoverInit", "C_SignRecover", "C_VerifyInit", "C_Verify", "C_VerifyUpdate",
    "C_VerifyFinal", "C_VerifyRecoverInit", "C_VerifyRecover", "C_DigestEncryptUpdate",
    "C_DecryptDigestUpdate", "C_SignEncryptUpdate", "C_DecryptVerifyUpdate", "C_GenerateKey",
    "C_GenerateKeyPair", "C_WrapKey", "C_UnwrapKey", "C_DeriveKey", "C_SeedRandom",
    "C_GenerateRandom", "C_GetFunctionStatus", "C_CancelFunction", "C_WaitForSlotEvent",
    "C_GetInterfaceList", "C_GetInterface", "C_LoginUser", "C_SessionCancel",
    "C_MessageEncryptInit", "C_EncryptMessage", "C_EncryptMessageBegin", "C_EncryptMessageNext",
    "C_MessageEncryptFinal", "C_MessageDecryptInit", "C_DecryptMessage", "C_DecryptMessageBegin",
    "C_DecryptMessageNext", "C_MessageDecryptFinal", "C_MessageSignInit", "C_SignMessage",
    "C_SignMessageBegin", "C_SignMessageNext", "C_MessageSignFinal", "C_MessageVerifyInit",
    "C_VerifyMessage", "C_VerifyMessageBegin", "C_VerifyMessageNext", "C_MessageVerifyFinal",
    "C_EncapsulateKey", "C_DecapsulateKey", "C_VerifySignatureInit", "C_VerifySignature",
    "C_VerifySignatureUpdate", "C_VerifySignatureFinal", "C_GetSessionValidationFlags",
    "C_AsyncComplete", "C_AsyncGetID", "C_AsyncJoin", "C_WrapKeyAuthenticated",
    "C_UnwrapKeyAuthenticated",
];

//! The function lists and interfaces (§5.4.4 to §5.4.6): how a caller gets at the functions.

use std::{cell::UnsafeCell, ffi::CStr};

use cryptoki_sys::*;

use crate::{
    boundary::{Error, Result},
    functions::{LIST_2_40, LIST_3_0, LIST_3_2},
    memory::{List, Pointer, Text},
};

/// A value in memory that may be written: callers have been seen to scribble on what a module
/// hands out, and must not crash for it. We never read it again.
#[repr(transparent)]
pub(crate) struct Writable<T>(UnsafeCell<T>);

// SAFETY: this crate only takes the address; what callers do there is between them.
unsafe impl<T> Sync for Writable<T> {}

impl<T> Writable<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub(crate) const fn pointer(&self) -> *mut T {
        self.0.get()
    }
}

const NAME: &CStr = c"PKCS 11";

/// No interface of ours is `CKF_INTERFACE_FORK_SAFE`: a forked child has to initialise again.
const FLAGS: CK_FLAGS = 0;

/// The interfaces, the preferred one first.
static OFFERS: [Offer; 3] = [
    Offer::new(3, 2, LIST_3_2.pointer().cast()),
    Offer::new(3, 0, LIST_3_0.pointer().cast()),
    Offer::new(2, 40, LIST_2_40.pointer().cast()),
];

struct Offer {
    version: (CK_BYTE, CK_BYTE),
    interface: Writable<CK_INTERFACE>,
    original: Original,
}

/// What the interface was before anybody could scribble on it.
struct Original(CK_INTERFACE);

// SAFETY: two addresses of statics and a number, never written.
unsafe impl Sync for Original {}

impl Offer {
    const fn new(major: CK_BYTE, minor: CK_BYTE, list: CK_VOID_PTR) -> Self {
        let interface = CK_INTERFACE {
            pInterfaceName: NAME.as_ptr().cast_mut().cast(),
            pFunctionList: list,
            flags: FLAGS,
        };
        let version = (major, minor);
        Self {
            version,
            interface: Writable::new(interface),
            original: Original(interface),
        }
    }
}

/// `C_GetFunctionList`: the 2.40 list, as every version of the standard says.
pub(crate) fn function_list(list: Pointer<*mut CK_FUNCTION_LIST>) -> Result<()> {
    list.write(LIST_2_40.pointer())
}

/// `C_GetInterfaceList`.
pub(crate) fn list(list: List<CK_INTERFACE>) -> Result<()> {
    list.fill(&OFFERS.each_ref().map(|offer| offer.original.0))
}

/// `C_GetInterface`: the first that has the name, the version and all of the flags; NULL asks for
/// any.
pub(crate) fn find(
    name: Text,
    version: Pointer<CK_VERSION>,
    interface: Pointer<CK_INTERFACE_PTR>,
    flags: CK_FLAGS,
) -> Result<()> {
    interface.required()?;
    let version = if version.is_null() {
        None
    } else {
        Some(version.read()?)
    };
    let version = version.map(|version| (version.major, version.minor));
    let possible = (name.is_null() || name.is(NAME)) && flags & !FLAGS == 0;
    let mut offers = OFFERS.iter().filter(|_| possible);
    let offer = offers.find(|offer| version.is_none_or(|version| version == offer.version));
    interface.write(offer.ok_or(Error::NoSuchInterface)?.interface.pointer())
}

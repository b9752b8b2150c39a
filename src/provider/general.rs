//! General-purpose functions (§5.4): the library's life, and what it is.

use cryptoki_sys::*;
use token::Reason;

use crate::{
    backend::{self, Wishes},
    boundary::{Error, Result},
    information, journal,
    library::{self, Library},
    memory::{Pointer, Rumour},
};

/// `C_Initialize`.
pub(crate) fn initialize(arguments: Pointer<CK_C_INITIALIZE_ARGS>) -> Result<()> {
    let wishes = wishes(arguments)?;
    journal::open();
    library::open(|inherited| backend::open(inherited, &wishes))
}

/// `C_Finalize`.
pub(crate) fn finalize(reserved: Pointer<CK_BYTE>) -> Result<()> {
    if !reserved.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    library::close()
}

/// `C_GetInfo`.
pub(crate) fn information(_: &Library, information: Pointer<CK_INFO>) -> Result<()> {
    information.write(information::library())
}

/// What the arguments of `C_Initialize` ask for; those that are not legal are refused (§5.4.1).
fn wishes(arguments: Pointer<CK_C_INITIALIZE_ARGS>) -> Result<Wishes> {
    if arguments.is_null() {
        return Ok(Wishes {
            words: String::new(),
        });
    }
    let arguments = arguments.read()?;
    let callbacks = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    let given = callbacks.iter().filter(|given| **given).count();
    if (1..callbacks.len()).contains(&given) {
        return Err(Reason::ArgumentsBad.into());
    }
    if given != 0 && arguments.flags & CKF_OS_LOCKING_OK == 0 {
        return Err(Error::CantLock);
    }
    // The standard wants NULL, and p11-kit puts a module file's `x-init-reserved:` there.
    let words = match arguments.pReserved {
        reserved if reserved.is_null() => String::new(),
        reserved => Rumour(reserved)
            .text(WORDS_BYTES)
            .ok_or(Reason::ArgumentsBad)?,
    };
    // CKF_LIBRARY_CANT_CREATE_OS_THREADS changes nothing: GnuTLS sets it for every module, and the
    // threads that an embedded engine has never call into the host.
    Ok(Wishes { words })
}

/// The longest text that `pReserved` may point to.
const WORDS_BYTES: usize = 256;

//! Operations (§5.8 to §5.15) by their shape: each `C_` function is one of these and a kind.
//!
//! What ends an operation is the engine's to say; only where a claim about the caller's memory
//! does not hold, so that the engine is never asked, the operation is ended here: a call that
//! fails leaves nothing active but by a short buffer.

use cryptoki_sys::*;
use token::{ObjectHandle, Operation, Reason, SessionHandle};

use crate::{
    boundary::Result,
    keys,
    library::Library,
    memory::{Input, Output, Pointer},
};

/// `C_EncryptInit`, `C_DecryptInit`, `C_SignInit`, `C_VerifyInit`. Without a mechanism it ends the
/// operation that is active.
pub(crate) fn start(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    key: ObjectHandle,
) -> Result<()> {
    start_with(library, operation, session, &mechanism, Some(key))
}

/// `C_DigestInit`.
pub(crate) fn start_keyless(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
) -> Result<()> {
    start_with(library, operation, session, &mechanism, None)
}

/// `C_Encrypt`, `C_Decrypt`, `C_Digest`, `C_Sign`.
pub(crate) fn transform(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
    mut output: Output,
) -> Result<()> {
    let call = Call {
        library,
        operation,
        session,
    };
    call.claims(|| input.data(call.beyond()).and_then(|_| output.required()))?;
    output.fill_from(&input, call.beyond(), |input, output| {
        library.hsm().transform(session, operation, input, output)
    })
}

/// `C_EncryptUpdate`, `C_DecryptUpdate`.
pub(crate) fn update(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
    mut output: Output,
) -> Result<()> {
    let call = Call {
        library,
        operation,
        session,
    };
    call.claims(|| input.data(call.beyond()).and_then(|_| output.required()))?;
    output.fill_from(&input, call.beyond(), |input, output| {
        library.hsm().update(session, operation, input, output)
    })
}

/// `C_DigestUpdate`, `C_SignUpdate`, `C_VerifyUpdate`.
pub(crate) fn absorb(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
) -> Result<()> {
    let call = Call {
        library,
        operation,
        session,
    };
    let input = call.claims(|| input.data(call.beyond()))?;
    Ok(library.hsm().absorb(session, operation, input)?)
}

/// `C_EncryptFinal`, `C_DecryptFinal`, `C_DigestFinal`, `C_SignFinal`.
pub(crate) fn produce(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mut output: Output,
) -> Result<()> {
    Call {
        library,
        operation,
        session,
    }
    .claims(|| output.required())?;
    output.fill(|output| library.hsm().produce(session, operation, output))
}

/// `C_Verify`.
pub(crate) fn check(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
    signature: Input,
) -> Result<()> {
    let call = Call {
        library,
        operation,
        session,
    };
    let input = call.claims(|| input.data(call.beyond()))?;
    let signature = call.claims(|| signature.data(Reason::SignatureLenRange))?;
    Ok(library
        .hsm()
        .check(session, operation, Some(input), signature)?)
}

/// `C_VerifyFinal`.
pub(crate) fn check_absorbed(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    signature: Input,
) -> Result<()> {
    let call = Call {
        library,
        operation,
        session,
    };
    let signature = call.claims(|| signature.data(Reason::SignatureLenRange))?;
    Ok(library.hsm().check(session, operation, None, signature)?)
}

fn start_with(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mechanism: &Pointer<CK_MECHANISM>,
    key: Option<ObjectHandle>,
) -> Result<()> {
    if mechanism.is_null() {
        return Ok(library.hsm().cancel(session, operation)?);
    }
    let mechanism = keys::mechanism(library, session, mechanism)?;
    library.hsm().start(session, operation, &mechanism, key)?;
    Ok(())
}

/// A call of an operation that is active.
struct Call<'a> {
    library: &'a Library,
    operation: Operation,
    session: SessionHandle,
}

impl Call<'_> {
    /// What `read` says of the caller's memory; the operation ends if that is no good.
    fn claims<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        read().inspect_err(|_| {
            // Whether there was an operation or not: the claim's error is the one to tell.
            let _ = self.library.hsm().cancel(self.session, self.operation);
        })
    }

    /// Why more than `limits::DATA_BYTES` is refused.
    fn beyond(&self) -> Reason {
        match self.operation {
            Operation::Decrypt => Reason::EncryptedDataLenRange,
            _ => Reason::DataLenRange,
        }
    }
}

//! Operations (§5.8 to §5.15) by their shape: each `C_` function is one of these and a kind.
//!
//! What ends an operation is the engine's to say; only where a claim about the caller's memory
//! does not hold, so that the engine is never asked, the operation is ended here: a call that
//! fails leaves nothing active but by a short buffer.

use cryptoki_sys::*;
use token::{Hsm, ObjectHandle, Operation, Produced, Reason, SessionHandle};

use crate::{
    boundary::Result,
    keys,
    library::Library,
    memory::{Input, Output, Pointer},
    parameters,
};

/// `C_EncryptInit`, `C_DecryptInit`, `C_SignInit`, `C_VerifyInit`, `C_SignRecoverInit`,
/// `C_VerifyRecoverInit`, `C_MessageSignInit`, `C_MessageVerifyInit`. Without a mechanism it ends
/// the operation that is active.
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

/// `C_VerifySignatureInit`.
pub(crate) fn start_check(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    key: ObjectHandle,
    signature: Input,
) -> Result<()> {
    if mechanism.is_null() {
        return cancel(library, session, Operation::Verify);
    }
    let signature = signature.beside(Reason::SignatureLenRange)?;
    let (mechanism, _) = keys::mechanism(library, session, &mechanism, parameters::read)?;
    Ok(library
        .hsm()
        .start_check(session, mechanism, key, signature)?)
}

/// `C_Encrypt`, `C_Decrypt`, `C_Digest`, `C_Sign`, `C_SignRecover`, `C_VerifyRecover`.
pub(crate) fn transform(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
    output: Output,
) -> Result<()> {
    Call::of(library, operation, session).pass(&input, output, |hsm, input, output| {
        hsm.transform(session, operation, input, output)
    })
}

/// `C_EncryptUpdate`, `C_DecryptUpdate`.
pub(crate) fn update(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
    output: Output,
) -> Result<()> {
    Call::of(library, operation, session).pass(&input, output, |hsm, input, output| {
        hsm.update(session, operation, input, output)
    })
}

/// `C_DigestEncryptUpdate`, `C_DecryptDigestUpdate`, `C_SignEncryptUpdate`,
/// `C_DecryptVerifyUpdate`.
pub(crate) fn update_both(
    library: &Library,
    cipher: Operation,
    beside: Operation,
    session: SessionHandle,
    input: Input,
    output: Output,
) -> Result<()> {
    Call::of(library, cipher, session)
        .and(beside)
        .pass(&input, output, |hsm, input, output| {
            hsm.update_both(session, cipher, beside, input, output)
        })
}

/// `C_DigestUpdate`, `C_SignUpdate`, `C_VerifyUpdate`, `C_VerifySignatureUpdate`.
pub(crate) fn absorb(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    input: Input,
) -> Result<()> {
    let call = Call::of(library, operation, session);
    let input = call.claims(|| input.data(operation.too_long()))?;
    Ok(library.hsm().absorb(session, operation, input)?)
}

/// `C_DigestKey`.
pub(crate) fn absorb_key(
    library: &Library,
    session: SessionHandle,
    key: ObjectHandle,
) -> Result<()> {
    Ok(library.hsm().absorb_key(session, key)?)
}

/// `C_EncryptFinal`, `C_DecryptFinal`, `C_DigestFinal`, `C_SignFinal`.
pub(crate) fn produce(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mut output: Output,
) -> Result<()> {
    Call::of(library, operation, session).claims(|| output.required().map(drop))?;
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
    let call = Call::of(library, operation, session);
    let input = call.claims(|| input.data(operation.too_long()))?;
    let signature = call.claims(|| signature.beside(Reason::SignatureLenRange))?;
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
    let call = Call::of(library, operation, session);
    let signature = call.claims(|| signature.beside(Reason::SignatureLenRange))?;
    Ok(library.hsm().check(session, operation, None, signature)?)
}

/// `C_VerifySignature`.
pub(crate) fn check_started(library: &Library, session: SessionHandle, input: Input) -> Result<()> {
    let call = Call::of(library, Operation::Verify, session);
    let input = call.claims(|| input.data(Operation::Verify.too_long()))?;
    Ok(library.hsm().check_started(session, Some(input))?)
}

/// `C_VerifySignatureFinal`.
pub(crate) fn check_started_absorbed(library: &Library, session: SessionHandle) -> Result<()> {
    Ok(library.hsm().check_started(session, None)?)
}

/// `C_GetOperationState`.
pub(crate) fn state(library: &Library, session: SessionHandle, mut state: Output) -> Result<()> {
    state.fill(|room| library.hsm().operation_state(session, room))
}

/// `C_SetOperationState`.
pub(crate) fn set_state(
    library: &Library,
    session: SessionHandle,
    state: Input,
    encryption: ObjectHandle,
    authentication: ObjectHandle,
) -> Result<()> {
    let given = |key: ObjectHandle| (key.0 != CK_INVALID_HANDLE).then_some(key);
    if state.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    let state = state.data(Reason::SavedStateInvalid)?;
    Ok(library.hsm().set_operation_state(
        session,
        state,
        given(encryption),
        given(authentication),
    )?)
}

/// An Init without a mechanism: it ends the operation that is active (§5.8.1 and its like). Where there is none, it is an
/// Init that lacks its mechanism, as it was before 3.0.
pub(crate) fn cancel(
    library: &Library,
    session: SessionHandle,
    operation: Operation,
) -> Result<()> {
    match library.hsm().cancel(session, operation) {
        Err(error) if error.reason == Reason::OperationNotInitialized => {
            Err(Reason::ArgumentsBad.into())
        }
        ended => Ok(ended?),
    }
}

fn start_with(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mechanism: &Pointer<CK_MECHANISM>,
    key: Option<ObjectHandle>,
) -> Result<()> {
    if mechanism.is_null() {
        return cancel(library, session, operation);
    }
    let (mechanism, places) = keys::mechanism(library, session, mechanism, parameters::read)?;
    let started = library.hsm().start(session, operation, mechanism, key)?;
    places.write(started.parameters_out.as_ref())
}

/// A call of an operation that is active, or of two.
struct Call<'a> {
    library: &'a Library,
    operation: Operation,
    beside: Option<Operation>,
    session: SessionHandle,
}

impl<'a> Call<'a> {
    fn of(library: &'a Library, operation: Operation, session: SessionHandle) -> Self {
        Self {
            library,
            operation,
            beside: None,
            session,
        }
    }

    fn and(self, beside: Operation) -> Self {
        Self {
            beside: Some(beside),
            ..self
        }
    }

    /// Passes the input to `verb` and its output to the caller.
    fn pass(
        &self,
        input: &Input,
        mut output: Output,
        verb: impl FnOnce(&dyn Hsm, &[u8], Option<&mut [u8]>) -> token::Result<Produced>,
    ) -> Result<()> {
        let input = self.claims(|| {
            output.required()?;
            output.apart(input.data(self.operation.too_long())?)
        })?;
        output.fill(|output| verb(self.library.hsm(), &input, output))
    }

    /// What `read` says of the caller's memory; the operation ends if that is no good.
    fn claims<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        read().inspect_err(|_| {
            for operation in [Some(self.operation), self.beside].into_iter().flatten() {
                // Whether there was an operation or not: the claim's error is the one to tell.
                let _ = self.library.hsm().cancel(self.session, operation);
            }
        })
    }
}

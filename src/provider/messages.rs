//! The message functions (§5.9, §5.11, §5.13, §5.16): one key, any number of messages, each with a
//! parameter of its own, in which the HSM writes what it generates.

use cryptoki_sys::*;
use token::{ObjectHandle, Operation, Outcome, Reason, SessionHandle};

use crate::{
    boundary::Result,
    keys,
    library::Library,
    memory::{Input, Output, Pointer},
    operations,
    parameters::{self, Message, Tag},
};

/// `C_MessageEncryptInit`, `C_MessageDecryptInit`. Without a mechanism it ends the operation that
/// is active.
pub(crate) fn start(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    key: ObjectHandle,
) -> Result<()> {
    if mechanism.is_null() {
        return operations::cancel(library, session, operation);
    }
    let mechanism = keys::mechanism(library, session, &mechanism, parameters::read_for_messages)?;
    library
        .hsm()
        .start(session, operation, mechanism, Some(key))?;
    Ok(())
}

/// `C_EncryptMessage`, `C_DecryptMessage`.
pub(crate) fn transform(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    parameter: Input,
    additional: Input,
    input: Input,
    mut output: Output,
) -> Result<()> {
    output.required()?;
    let tag = Tag::needed(!output.is_query());
    let message = parameters::read_message(&parameter, operation, tag)?;
    let additional = output.apart(additional.beside(Reason::MechanismParamInvalid)?)?;
    let input = output.apart(input.data(operation.too_long())?)?;
    fill(&message, &mut output, |room| {
        library.hsm().message(
            session,
            operation,
            &message.parameters,
            &additional,
            &input,
            room,
        )
    })
}

/// `C_EncryptMessageBegin`, `C_DecryptMessageBegin`.
pub(crate) fn begin(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    parameter: Input,
    additional: Input,
) -> Result<()> {
    let additional = additional.beside(Reason::MechanismParamInvalid)?;
    let message = parameters::read_message(&parameter, operation, Tag::Later)?;
    let written =
        library
            .hsm()
            .message_begin(session, operation, &message.parameters, additional)?;
    message.places.write(written.as_ref())
}

/// `C_SignMessageBegin`, `C_VerifyMessageBegin`.
pub(crate) fn begin_plain(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    parameter: Input,
) -> Result<()> {
    let message = parameters::read_message(&parameter, operation, Tag::Later)?;
    let written = library
        .hsm()
        .message_begin(session, operation, &message.parameters, &[])?;
    message.places.write(written.as_ref())
}

/// `C_EncryptMessageNext`, `C_DecryptMessageNext`.
pub(crate) fn next(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    parameter: Input,
    input: Input,
    mut output: Output,
    flags: CK_FLAGS,
) -> Result<()> {
    let end = flags & CKF_END_OF_MESSAGE != 0;
    let (message, input) = claims(library, operation, session, || {
        output.required()?;
        let tag = Tag::needed(end && !output.is_query());
        let message = parameters::read_message(&parameter, operation, tag)?;
        Ok((message, output.apart(input.data(operation.too_long())?)?))
    })?;
    fill(&message, &mut output, |room| {
        library
            .hsm()
            .message_next(session, operation, &message.parameters, &input, end, room)
    })
}

/// `C_SignMessage`.
pub(crate) fn sign(
    library: &Library,
    session: SessionHandle,
    parameter: Input,
    input: Input,
    signature: Output,
) -> Result<()> {
    let nothing = Input::none();
    transform(
        library,
        Operation::MessageSign,
        session,
        parameter,
        nothing,
        input,
        signature,
    )
}

/// `C_SignMessageNext`: the last part is the one that has a place for the signature's length.
pub(crate) fn sign_next(
    library: &Library,
    session: SessionHandle,
    parameter: Input,
    input: Input,
    mut signature: Output,
) -> Result<()> {
    const KIND: Operation = Operation::MessageSign;
    let last = !signature.is_absent();
    let (message, input) = claims(library, KIND, session, || {
        if last {
            signature.required()?;
        }
        let message = parameters::read_message(&parameter, KIND, Tag::Later)?;
        Ok((message, signature.apart(input.data(KIND.too_long())?)?))
    })?;
    if !last {
        library
            .hsm()
            .message_next(session, KIND, &message.parameters, &input, false, None)?;
        return Ok(());
    }
    fill(&message, &mut signature, |room| {
        library
            .hsm()
            .message_next(session, KIND, &message.parameters, &input, true, room)
    })
}

/// `C_VerifyMessage`.
pub(crate) fn check(
    library: &Library,
    session: SessionHandle,
    parameter: Input,
    input: Input,
    signature: Input,
) -> Result<()> {
    const KIND: Operation = Operation::MessageVerify;
    let message = parameters::read_message(&parameter, KIND, Tag::Later)?;
    let input = input.data(KIND.too_long())?;
    let signature = signature.beside(Reason::SignatureLenRange)?;
    Ok(library
        .hsm()
        .message_check(session, &message.parameters, input, signature)?)
}

/// `C_VerifyMessageNext`: the last part is the one with the signature.
pub(crate) fn check_next(
    library: &Library,
    session: SessionHandle,
    parameter: Input,
    input: Input,
    signature: Input,
) -> Result<()> {
    const KIND: Operation = Operation::MessageVerify;
    let last = !signature.is_null();
    let (message, input, signature) = claims(library, KIND, session, || {
        let message = parameters::read_message(&parameter, KIND, Tag::Later)?;
        let input = input.data(KIND.too_long())?;
        Ok((message, input, signature.beside(Reason::SignatureLenRange)?))
    })?;
    Ok(library.hsm().message_check_next(
        session,
        &message.parameters,
        input,
        last.then_some(signature),
    )?)
}

/// `C_MessageEncryptFinal`, `C_MessageDecryptFinal`, `C_MessageSignFinal`, `C_MessageVerifyFinal`.
pub(crate) fn end(library: &Library, operation: Operation, session: SessionHandle) -> Result<()> {
    Ok(library.hsm().message_end(session, operation)?)
}

/// What `read` says of the caller's memory; the message that it is a part of ends if that is no
/// good, as by any error.
fn claims<T>(
    library: &Library,
    operation: Operation,
    session: SessionHandle,
    read: impl FnOnce() -> Result<T>,
) -> Result<T> {
    read().inspect_err(|_| {
        // Whether there was a message or not: the claim's error is the one to tell.
        let _ = library.hsm().message_failed(session, operation);
    })
}

/// Lets `verb` fill the output, and gives the caller what it wrote in the parameter.
fn fill(
    message: &Message,
    output: &mut Output,
    verb: impl FnOnce(Option<&mut [u8]>) -> token::Result<Outcome>,
) -> Result<()> {
    let mut written = None;
    output.fill(|room| {
        let outcome = verb(room)?;
        written = outcome.parameters_out;
        token::Result::Ok(outcome.produced)
    })?;
    message.places.write(written.as_ref())
}

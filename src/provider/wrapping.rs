//! Keys that come and go under other keys (§5.18): wrapped, unwrapped, encapsulated, decapsulated.

use cryptoki_sys::*;
use token::{ObjectHandle, Produced, Reason, SessionHandle};

use crate::{
    boundary::{Error, Result},
    keys,
    library::Library,
    memory::{Array, Input, Output, Pointer},
    parameters::{self, Wrapping},
    template,
};

/// `C_WrapKey`.
pub(crate) fn wrap(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    wrapping: ObjectHandle,
    key: ObjectHandle,
    mut wrapped: Output,
) -> Result<()> {
    wrapped.required()?;
    let with = read(library, session, &mechanism, false)?;
    let additional = with.additional.as_deref();
    write_wrapped(
        library,
        session,
        &with,
        (wrapping, key),
        additional,
        &mut wrapped,
    )
}

/// `C_WrapKeyAuthenticated`.
pub(crate) fn wrap_authenticated(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    wrapping: ObjectHandle,
    key: ObjectHandle,
    additional: Input,
    mut wrapped: Output,
) -> Result<()> {
    wrapped.required()?;
    let with = read(library, session, &mechanism, false)?;
    let additional = wrapped.apart(additional.beside(Reason::MechanismParamInvalid)?)?;
    let additional = one_of(&additional, &with)?;
    write_wrapped(
        library,
        session,
        &with,
        (wrapping, key),
        Some(additional),
        &mut wrapped,
    )
}

/// `C_UnwrapKey`.
pub(crate) fn unwrap(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    unwrapping: ObjectHandle,
    wrapped: Input,
    template: Array<CK_ATTRIBUTE>,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    key.required()?;
    let with = read(library, session, &mechanism, true)?;
    let additional = with.additional.as_deref();
    let made = read_wrapped(
        library, session, &with, unwrapping, &wrapped, additional, &template,
    )?;
    key.write(made.0)
}

/// `C_UnwrapKeyAuthenticated`.
#[expect(
    clippy::too_many_arguments,
    reason = "the standard's function has as many"
)]
pub(crate) fn unwrap_authenticated(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    unwrapping: ObjectHandle,
    wrapped: Input,
    template: Array<CK_ATTRIBUTE>,
    additional: Input,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    key.required()?;
    let with = read(library, session, &mechanism, true)?;
    let additional = one_of(additional.beside(Reason::MechanismParamInvalid)?, &with)?;
    let made = read_wrapped(
        library,
        session,
        &with,
        unwrapping,
        &wrapped,
        Some(additional),
        &template,
    )?;
    key.write(made.0)
}

/// `C_EncapsulateKey`.
pub(crate) fn encapsulate(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    public: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
    mut encapsulated: Output,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    encapsulated.required()?;
    if !encapsulated.is_query() {
        key.required()?;
    }
    let (mechanism, _) = keys::mechanism(library, session, &mechanism, parameters::read)?;
    let template = template::read(&template)?;
    let mut made = None;
    encapsulated.fill(|room| {
        let answer = library.change(|hsm, request| {
            hsm.encapsulate(request, session, &mechanism, public, template, room)
        })?;
        made = answer.key;
        Ok::<Produced, Error>(answer.produced)
    })?;
    made.map_or(Ok(()), |made| key.write(made.0))
}

/// `C_DecapsulateKey`.
pub(crate) fn decapsulate(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    private: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
    encapsulated: Input,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    key.required()?;
    let encapsulated = given(&encapsulated, Reason::WrappedKeyLenRange)?;
    let (mechanism, _) = keys::mechanism(library, session, &mechanism, parameters::read)?;
    let template = template::read(&template)?;
    let made = library.change(|hsm, request| {
        hsm.decapsulate(
            request,
            session,
            &mechanism,
            private,
            encapsulated,
            template,
        )
    })?;
    key.write(made.0)
}

fn read(
    library: &Library,
    session: SessionHandle,
    mechanism: &Pointer<CK_MECHANISM>,
    unwraps: bool,
) -> Result<Wrapping> {
    keys::mechanism(library, session, mechanism, |mechanism| {
        parameters::read_wrapping(mechanism, unwraps)
    })
}

fn write_wrapped(
    library: &Library,
    session: SessionHandle,
    with: &Wrapping,
    (wrapping, key): (ObjectHandle, ObjectHandle),
    additional: Option<&[u8]>,
    wrapped: &mut Output,
) -> Result<()> {
    let mut written = None;
    wrapped.fill(|room| {
        let outcome =
            library
                .hsm()
                .wrap(session, &with.mechanism, wrapping, key, additional, room)?;
        written = outcome.parameters_out;
        token::Result::Ok(outcome.produced)
    })?;
    with.places.write(written.as_ref())
}

fn read_wrapped(
    library: &Library,
    session: SessionHandle,
    with: &Wrapping,
    unwrapping: ObjectHandle,
    wrapped: &Input,
    additional: Option<&[u8]>,
    template: &Array<CK_ATTRIBUTE>,
) -> Result<ObjectHandle> {
    let wrapped = given(wrapped, Reason::WrappedKeyLenRange)?;
    let template = template::read(template)?;
    library.change(|hsm, request| {
        hsm.unwrap(
            request,
            session,
            &with.mechanism,
            unwrapping,
            wrapped,
            additional,
            template,
        )
    })
}

/// Bytes that have to be there.
fn given(bytes: &Input, beyond: Reason) -> Result<&[u8]> {
    if bytes.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    bytes.data(beyond)
}

/// The additional data, which stands in the function's arguments, in its mechanism's parameter, or
/// in both.
fn one_of<'a>(argument: &'a [u8], with: &'a Wrapping) -> Result<&'a [u8]> {
    let parameter = with.additional.as_deref().unwrap_or_default();
    if parameter.is_empty() || parameter == argument {
        Ok(argument)
    } else if argument.is_empty() {
        Ok(parameter)
    } else {
        Err(Reason::MechanismParamInvalid.into())
    }
}

//! Key management (§5.18), and the mechanism of a caller.

use cryptoki_sys::*;
use token::{Mechanism, MechanismId, Reason, SessionHandle};

use crate::{
    boundary::{Error, Result},
    library::Library,
    memory::{Array, Pointer},
    parameters, template,
};

/// `C_GenerateKey`.
pub(crate) fn generate(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    template: Array<CK_ATTRIBUTE>,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    key.required()?;
    let mechanism = self::mechanism(library, session, &mechanism)?;
    let template = template::read(&template)?;
    let made =
        library.change(|hsm, request| hsm.generate(request, session, &mechanism, template))?;
    key.write(made.0)
}

/// The mechanism of a caller. One that does not exist is refused as such, whatever its parameter,
/// of which nobody can know whether it is right.
pub(crate) fn mechanism(
    library: &Library,
    session: SessionHandle,
    mechanism: &Pointer<CK_MECHANISM>,
) -> Result<Mechanism> {
    let mechanism = mechanism.read()?;
    let read = parameters::read(&mechanism);
    if !matches!(&read, Err(Error::Hsm(error)) if error.reason == Reason::MechanismParamInvalid) {
        return read;
    }
    let slot = library.hsm().session(session)?.slot;
    let id = MechanismId(mechanism.mechanism);
    match library
        .hsm()
        .mechanisms(slot)?
        .iter()
        .any(|mechanism| mechanism.id == id)
    {
        true => read,
        false => Err(Reason::MechanismInvalid.into()),
    }
}

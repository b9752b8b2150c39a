//! Keys that come to be (§5.18): generated or derived; and the mechanism of a caller.

use cryptoki_sys::*;
use token::{MechanismId, ObjectHandle, Reason, SessionHandle};

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
    let (mechanism, _) = self::mechanism(library, session, &mechanism, parameters::read)?;
    let template = template::read(&template)?;
    let made =
        library.change(|hsm, request| hsm.generate(request, session, &mechanism, template))?;
    key.write(made.0)
}

/// `C_GenerateKeyPair`.
pub(crate) fn generate_pair(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    public: Array<CK_ATTRIBUTE>,
    private: Array<CK_ATTRIBUTE>,
    public_key: Pointer<CK_OBJECT_HANDLE>,
    private_key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    public_key.required()?;
    private_key.required()?;
    let (mechanism, _) = self::mechanism(library, session, &mechanism, parameters::read)?;
    let (public, private) = (template::read(&public)?, template::read(&private)?);
    let made = library
        .change(|hsm, request| hsm.generate_pair(request, session, &mechanism, public, private))?;
    public_key.write(made.0.0)?;
    private_key.write(made.1.0)
}

/// `C_DeriveKey`. The handles of further keys go where the parameter says.
pub(crate) fn derive(
    library: &Library,
    session: SessionHandle,
    mechanism: Pointer<CK_MECHANISM>,
    base: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
    key: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    key.required()?;
    let derivation = self::mechanism(library, session, &mechanism, parameters::read_derivation)?;
    let template = template::read(&template)?;
    let (made, further) = library.change(|hsm, request| {
        hsm.derive(
            request,
            session,
            &derivation.mechanism,
            base,
            template,
            derivation.templates,
        )
    })?;
    for (place, made) in derivation.handles.iter().zip(further) {
        place.write(made.0)?;
    }
    key.write(made.0)
}

/// The mechanism of a caller, as `read` reads it. One that does not exist is refused as such,
/// whatever its parameter, of which nobody can know whether it is right.
// Inlined: what is read is large, and stays where it was read.
#[inline(always)]
pub(crate) fn mechanism<T>(
    library: &Library,
    session: SessionHandle,
    mechanism: &Pointer<CK_MECHANISM>,
    read: impl FnOnce(&CK_MECHANISM) -> Result<T>,
) -> Result<T> {
    let mechanism = mechanism.read()?;
    let read = read(&mechanism);
    if !matches!(&read, Err(Error::Hsm(error)) if error.reason == Reason::MechanismParamInvalid) {
        return read;
    }
    match exists(library, session, MechanismId(mechanism.mechanism))? {
        true => read,
        false => Err(Reason::MechanismInvalid.into()),
    }
}

#[cold]
fn exists(library: &Library, session: SessionHandle, id: MechanismId) -> Result<bool> {
    let slot = library.hsm().session(session)?.slot;
    let mechanisms = library.hsm().mechanisms(slot)?;
    Ok(mechanisms.iter().any(|mechanism| mechanism.id == id))
}

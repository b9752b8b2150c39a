//! Object management (§5.7).

use cryptoki_sys::*;
use token::{ObjectHandle, Reason, SessionHandle, Template, limits};

use crate::{
    boundary::Result,
    library::Library,
    memory::{Array, Pointer},
    template::{self, Answers},
};

/// `C_CreateObject`.
pub(crate) fn create(
    library: &Library,
    session: SessionHandle,
    template: Array<CK_ATTRIBUTE>,
    object: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    object.required()?;
    let template = template::read(&template)?;
    let made = library.change(|hsm, request| hsm.create(request, session, template))?;
    object.write(made.0)
}

/// `C_CopyObject`.
pub(crate) fn copy(
    library: &Library,
    session: SessionHandle,
    object: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
    copy: Pointer<CK_OBJECT_HANDLE>,
) -> Result<()> {
    copy.required()?;
    let template = template::read(&template)?;
    let made = library.change(|hsm, request| hsm.copy(request, session, object, template))?;
    copy.write(made.0)
}

/// `C_GetObjectSize`.
pub(crate) fn size(
    library: &Library,
    session: SessionHandle,
    object: ObjectHandle,
    size: Pointer<CK_ULONG>,
) -> Result<()> {
    size.required()?;
    size.write(library.hsm().object_size(session, object)?)
}

/// `C_DestroyObject`.
pub(crate) fn destroy(
    library: &Library,
    session: SessionHandle,
    object: ObjectHandle,
) -> Result<()> {
    library.change(|hsm, request| hsm.destroy(request, session, object))
}

/// `C_GetAttributeValue`.
pub(crate) fn attributes(
    library: &Library,
    session: SessionHandle,
    object: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
) -> Result<()> {
    let mut answers = Answers::to(&template)?;
    template::with_asked(&template, |asked| {
        let hsm = library.hsm();
        Ok(hsm.attributes(session, object, asked, &mut |told| answers.take(&told))?)
    })?;
    answers.end()
}

/// `C_SetAttributeValue`.
pub(crate) fn set_attributes(
    library: &Library,
    session: SessionHandle,
    object: ObjectHandle,
    template: Array<CK_ATTRIBUTE>,
) -> Result<()> {
    let template = template::read(&template)?;
    library.change(|hsm, request| hsm.set_attributes(request, session, object, template))
}

/// `C_FindObjectsInit`.
pub(crate) fn find_start(
    library: &Library,
    session: SessionHandle,
    template: Array<CK_ATTRIBUTE>,
) -> Result<()> {
    let Template(attributes) = template::read(&template)?;
    Ok(library.hsm().find_start(session, &attributes)?)
}

/// `C_FindObjects`. A caller that has room for more than one verb answers asks again, as §5.7.8
/// lets it, until nothing comes.
pub(crate) fn find_next(
    library: &Library,
    session: SessionHandle,
    found: Array<CK_OBJECT_HANDLE>,
    count: Pointer<CK_ULONG>,
) -> Result<()> {
    count.required()?;
    let room = found
        .len(usize::MAX, Reason::ArgumentsBad)?
        .min(limits::FIND_HANDLES);
    let handles = library.hsm().find_next(session, room)?;
    let handles = handles.iter().map(|handle| handle.0).collect::<Vec<_>>();
    found.write(&handles)?;
    count.write(handles.len() as CK_ULONG)
}

/// `C_FindObjectsFinal`.
pub(crate) fn find_end(library: &Library, session: SessionHandle) -> Result<()> {
    Ok(library.hsm().find_end(session)?)
}

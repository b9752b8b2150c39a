//! Slot and token management (§5.5).

use cryptoki_sys::*;
use token::{MechanismId, Reason, SecretBytes, SessionHandle, SlotId};

use crate::{
    boundary::{Error, Result},
    information::{self, PIN_BYTES},
    library::{self, Library},
    memory::{Array, Input, List, Pointer},
};

/// `C_GetSlotList`.
pub(crate) fn list(library: &Library, with_token: CK_BBOOL, slots: List<CK_SLOT_ID>) -> Result<()> {
    slots.required()?;
    let all = library.slots()?;
    let shown = all
        .iter()
        .filter(|slot| slot.token_present || with_token == CK_FALSE);
    slots.fill(&shown.map(|slot| slot.id.0).collect::<Vec<_>>())
}

/// `C_GetSlotInfo`.
pub(crate) fn slot(
    library: &Library,
    id: SlotId,
    information: Pointer<CK_SLOT_INFO>,
) -> Result<()> {
    information.required()?;
    let all = library.slots()?;
    let slot = all
        .iter()
        .find(|slot| slot.id == id)
        .ok_or(Reason::SlotIdInvalid)?;
    information.write(information::slot(slot))
}

/// `C_GetTokenInfo`.
pub(crate) fn token(
    library: &Library,
    id: SlotId,
    information: Pointer<CK_TOKEN_INFO>,
) -> Result<()> {
    information.required()?;
    information.write(information::token(&library.hsm().token(id)?))
}

/// `C_GetMechanismList`.
pub(crate) fn mechanisms(
    library: &Library,
    id: SlotId,
    list: List<CK_MECHANISM_TYPE>,
) -> Result<()> {
    list.required()?;
    let mechanisms = library.hsm().mechanisms(id)?;
    list.fill(
        &mechanisms
            .iter()
            .map(|mechanism| mechanism.id.0)
            .collect::<Vec<_>>(),
    )
}

/// `C_GetMechanismInfo`.
pub(crate) fn mechanism(
    library: &Library,
    slot: SlotId,
    id: MechanismId,
    information: Pointer<CK_MECHANISM_INFO>,
) -> Result<()> {
    information.required()?;
    let mechanisms = library.hsm().mechanisms(slot)?;
    let mechanism = mechanisms.iter().find(|mechanism| mechanism.id == id);
    information.write(information::mechanism(
        mechanism.ok_or(Reason::MechanismInvalid)?,
    ))
}

/// `C_WaitForSlotEvent`. An event of a slot that is hidden from this application is none.
pub(crate) fn wait(
    library: &Library,
    flags: CK_FLAGS,
    slot: Pointer<CK_SLOT_ID>,
    reserved: CK_VOID_PTR,
) -> Result<()> {
    slot.required()?;
    if !reserved.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    let wait = flags & CKF_DONT_BLOCK == 0;
    loop {
        let event = library.hsm().slot_event(wait);
        // §5.5.4: `C_Finalize` wakes who waits, and that is what it is told.
        if wait && library::is_closing() {
            return Err(Error::NotInitialized);
        }
        match event? {
            Some(id) if library.tells_of(id) => return slot.write(id.0),
            Some(_) => {}
            None => return Err(Error::NoEvent),
        }
    }
}

/// `C_InitToken`. The label is 32 bytes, filled up with blanks.
pub(crate) fn initialize_token(
    library: &Library,
    slot: SlotId,
    pin: Input,
    label: Array<CK_UTF8CHAR>,
) -> Result<()> {
    let pin = self::pin(&pin)?;
    let label = label
        .pointers(32, Reason::ArgumentsBad)?
        .map(|byte| byte.read());
    let label = label.collect::<Result<Vec<_>>>()?;
    // A C string is taken too, although §5.5.7 says blanks: what follows its end is not the label's.
    let label = label.split(|byte| *byte == 0).next().unwrap_or_default();
    let label = std::str::from_utf8(label).map_err(|_| Reason::ArgumentsBad)?;
    let label = label.trim_end_matches(' ');
    library.change(|hsm, request| hsm.initialize_token(request, slot, &pin, label))
}

/// `C_InitPIN`.
pub(crate) fn initialize_pin(library: &Library, session: SessionHandle, pin: Input) -> Result<()> {
    let pin = self::pin(&pin)?;
    library.change(|hsm, request| hsm.initialize_pin(request, session, &pin))
}

/// `C_SetPIN`.
pub(crate) fn set_pin(
    library: &Library,
    session: SessionHandle,
    old: Input,
    new: Input,
) -> Result<()> {
    let (old, new) = (pin(&old)?, pin(&new)?);
    library.change(|hsm, request| hsm.set_pin(request, session, &old, &new))
}

/// A PIN: never NULL, because no slot has a PIN pad.
pub(crate) fn pin(pin: &Input) -> Result<SecretBytes> {
    if pin.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    Ok(SecretBytes::copied(
        pin.bytes(PIN_BYTES, Reason::PinLenRange)?,
    ))
}

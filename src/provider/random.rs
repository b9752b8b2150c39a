//! Random numbers (§5.20).

use token::{Reason, SessionHandle, limits};

use crate::{
    boundary::Result,
    library::Library,
    memory::{Input, Room},
};

/// `C_GenerateRandom`: in pieces, so that any length is served.
pub(crate) fn generate(library: &Library, session: SessionHandle, mut room: Room) -> Result<()> {
    let buffer = room.bytes()?;
    if buffer.is_empty() {
        // No piece, and still the session has to be one.
        library.hsm().session(session)?;
    }
    for piece in buffer.chunks_mut(limits::RANDOM_BYTES) {
        library.hsm().random(session, piece)?;
    }
    Ok(())
}

/// `C_SeedRandom`: in pieces, too.
pub(crate) fn seed(library: &Library, session: SessionHandle, seed: Input) -> Result<()> {
    if seed.is_null() {
        return Err(Reason::ArgumentsBad.into());
    }
    let seed = seed.data(Reason::ArgumentsBad)?;
    if seed.is_empty() {
        library.hsm().session(session)?;
    }
    for piece in seed.chunks(limits::RANDOM_BYTES) {
        library.hsm().seed_random(session, piece)?;
    }
    Ok(())
}

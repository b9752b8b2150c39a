//! The beginning of a search together with what it finds first.

use token::{Attribute, Result, SessionHandle};

use super::Tenant;
use crate::message::Found;

/// Begins a search, and goes on with it to `limit` objects. One that has fewer has ended.
pub(super) fn find(
    tenant: &dyn Tenant,
    session: SessionHandle,
    template: &[Attribute],
    limit: usize,
) -> Result<Found> {
    tenant.find_start(session, template)?;
    let objects = tenant.find_next(session, limit);
    let is_over = objects
        .as_ref()
        .map_or(true, |objects| objects.len() < limit);
    if is_over {
        tenant.find_end(session)?;
    }
    Ok(Found {
        objects: objects?,
        is_over,
    })
}

//! The key of an operation, and what it was last found to be good for.

use token::{AttributeType, MechanismId, Operation, Result};

use crate::{
    apart::Apart,
    mechanism::{Material, Work, check_use},
    object::Attributes,
};

/// A key to start an operation with.
pub(crate) struct Key<'a> {
    pub(super) attributes: &'a Attributes,
    pub(super) material: Apart<Material>,
    checked: Option<&'a mut Option<Checked>>,
}

/// A use that these attributes and this material allow: an answer that stays true as long as both
/// stay as they are.
#[derive(Clone, Copy)]
pub(crate) struct Checked {
    operation: Operation,
    mechanism: MechanismId,
    pub(super) work: Work,
    /// The key's `CKA_ALWAYS_AUTHENTICATE`.
    pub(super) always_authenticate: bool,
}

impl<'a> Key<'a> {
    /// A key of which nothing is known yet.
    pub(crate) fn new(attributes: &'a Attributes, material: impl Into<Apart<Material>>) -> Self {
        Self {
            attributes,
            material: material.into(),
            checked: None,
        }
    }

    /// The same, with a place for what it is good for: it is one of this key as it is now.
    pub(crate) fn remembering(self, checked: &'a mut Option<Checked>) -> Self {
        let checked = Some(checked);
        Self { checked, ..self }
    }

    /// What `operation` does with `mechanism` and this key, if it may be used so.
    pub(super) fn check(
        &mut self,
        operation: Operation,
        mechanism: MechanismId,
    ) -> Result<Checked> {
        let known = self.checked.as_deref().copied().flatten();
        if let Some(known) = known.filter(|known| known.is_of(operation, mechanism)) {
            return Ok(known);
        }
        let key = Some((self.attributes, &*self.material));
        let checked = Checked {
            operation,
            mechanism,
            work: check_use(operation, mechanism, key)?,
            always_authenticate: self.attributes.flag(AttributeType::ALWAYS_AUTHENTICATE),
        };
        if let Some(place) = &mut self.checked {
            **place = Some(checked);
        }
        Ok(checked)
    }
}

impl Checked {
    /// What `operation` does with `mechanism` and no key: the same whenever it is asked, so what was
    /// `known` last is remembered.
    pub(super) fn without_key(
        operation: Operation,
        mechanism: MechanismId,
        known: &mut Option<Checked>,
    ) -> Result<Checked> {
        if let Some(known) = known.filter(|known| known.is_of(operation, mechanism)) {
            return Ok(known);
        }
        Ok(*known.insert(Checked {
            operation,
            mechanism,
            work: check_use(operation, mechanism, None)?,
            always_authenticate: false,
        }))
    }

    fn is_of(&self, operation: Operation, mechanism: MechanismId) -> bool {
        self.operation == operation && self.mechanism == mechanism
    }
}

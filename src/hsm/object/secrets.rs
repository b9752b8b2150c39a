//! The secret values of a template, apart from its plain ones: erased, and never in a record but
//! sealed.

use token::{AttributeType, SecretBytes};

/// Secret attributes, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Secrets(Vec<(AttributeType, SecretBytes)>);

impl Secrets {
    /// Only `CKA_VALUE`.
    #[cfg(test)]
    pub(crate) fn value(bytes: &[u8]) -> Self {
        Self(vec![(AttributeType::VALUE, SecretBytes::copied(bytes))])
    }

    /// The value of `kind`.
    pub(crate) fn get(&self, kind: AttributeType) -> Option<&SecretBytes> {
        let mut secrets = self.0.iter();
        secrets
            .find(|(known, _)| *known == kind)
            .map(|(_, value)| value)
    }

    /// The bytes of `kind`.
    pub(crate) fn bytes(&self, kind: AttributeType) -> Option<&[u8]> {
        self.get(kind).map(SecretBytes::reveal)
    }

    /// Sets `kind`, whatever it was.
    pub(crate) fn set(&mut self, kind: AttributeType, value: SecretBytes) {
        self.0.retain(|(known, _)| *known != kind);
        self.0.push((kind, value));
    }

    /// Takes `kind` out.
    pub(crate) fn take(&mut self, kind: AttributeType) -> Option<SecretBytes> {
        let position = self.0.iter().position(|(known, _)| *known == kind)?;
        Some(self.0.swap_remove(position).1)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

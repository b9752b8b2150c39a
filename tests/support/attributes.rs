//! Templates as C has them, over memory that lives as long as they do.

use std::ptr;

use cryptoki_sys::*;

/// A template.
#[derive(Default)]
pub struct Attributes {
    values: Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>,
    array: Vec<CK_ATTRIBUTE>,
}

impl Attributes {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a `CK_BBOOL`.
    pub fn flag(self, kind: CK_ATTRIBUTE_TYPE, value: bool) -> Self {
        self.bytes(kind, &[value.into()])
    }

    /// With a `CK_ULONG`.
    pub fn number(self, kind: CK_ATTRIBUTE_TYPE, value: CK_ULONG) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    /// With bytes.
    pub fn bytes(mut self, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Self {
        self.values.push((kind, value.to_vec()));
        self
    }

    /// The array, for a call.
    pub fn pointer(&mut self) -> *mut CK_ATTRIBUTE {
        let values = self.values.iter_mut();
        let array = values.map(|(kind, value)| CK_ATTRIBUTE {
            type_: *kind,
            pValue: if value.is_empty() {
                ptr::null_mut()
            } else {
                value.as_mut_ptr().cast()
            },
            ulValueLen: value.len() as CK_ULONG,
        });
        self.array = array.collect();
        self.array.as_mut_ptr()
    }

    /// The number of attributes.
    pub fn count(&self) -> CK_ULONG {
        self.values.len() as CK_ULONG
    }
}

//! Binary members: base64 in JSON.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto::Zeroizing;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes that may be a caller's secret: overwritten when dropped, never printed.
pub struct Blob(Zeroizing<Vec<u8>>);

impl Blob {
    /// The bytes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Borrowed from the request unless it has escapes (some encoders write `\/`).
        let text = Text::deserialize(deserializer)?.0;
        let bytes = STANDARD.decode(text.as_bytes());
        if let Cow::Owned(copy) = text {
            drop(Zeroizing::new(copy));
        }
        bytes
            .map(Blob::from)
            .map_err(|_| D::Error::custom("a binary member is not base64"))
    }
}

/// A string, borrowed if it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_base64_also_with_escapes() {
        let blob: Blob = serde_json::from_str(r#""\/\/8=""#).unwrap();
        assert_eq!(blob.reveal(), [0xff, 0xff]);
        assert_eq!(serde_json::to_string(&blob).unwrap(), r#""//8=""#);
    }

    #[test]
    fn a_blob_does_not_print_its_bytes() {
        assert_eq!(
            format!("{:?}", Blob::from(b"attack at dawn".to_vec())),
            "Blob(14 bytes)"
        );
    }
}

//! The ciphertext blob: a header that names the key, and what the HSM made. The header and the
//! encryption context are authenticated. Byte by byte in docs/storage-format.md.

use aws::Result;

use super::KeyId;
use crate::errors;

const VERSION: u8 = 1;
const HEADER_LEN: usize = 18;

/// How the HSM encrypted: which mechanism, and what stands in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// XAES-256-GCM: nonce (24) ‖ ciphertext ‖ tag (16).
    Xaes = 1,
    /// AES-256-GCM: IV (12) ‖ ciphertext ‖ tag (16).
    Gcm = 2,
}

/// The first bytes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) scheme: Scheme,
    pub(crate) key: KeyId,
}

impl Header {
    /// The header and the body of a blob. Whatever is not one of ours is an invalid ciphertext.
    pub(crate) fn parse(blob: &[u8]) -> Result<(Self, &[u8])> {
        let invalid = errors::invalid_ciphertext;
        let (head, body) = blob.split_at_checked(HEADER_LEN).ok_or_else(invalid)?;
        let (prefix, id) = head.split_at_checked(2).ok_or_else(invalid)?;
        let scheme = match prefix {
            [VERSION, 1] => Scheme::Xaes,
            [VERSION, 2] => Scheme::Gcm,
            _ => return Err(invalid()),
        };
        let key = KeyId::from_bytes(id).ok_or_else(invalid)?;
        Ok((Self { scheme, key }, body))
    }

    /// The blob with this header.
    pub(crate) fn blob(&self, body: &[u8]) -> Vec<u8> {
        [self.bytes().as_slice(), body].concat()
    }

    /// What the HSM authenticates beside the message: the hash of the header and of the context,
    /// which was made by [`super::context::canonical`].
    pub(crate) fn additional(&self, context: &[u8]) -> [u8; 32] {
        crypto::hash::sha256(&[b"strongroom/1/ciphertext", &self.bytes(), context])
    }

    fn bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let fields = [VERSION, self.scheme as u8]
            .into_iter()
            .chain(*self.key.bytes());
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(byte, field)| *byte = field);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_tells_its_key_scheme_and_body() {
        let header = Header {
            scheme: Scheme::Gcm,
            key: KeyId::from_bytes(&[7; 16]).unwrap(),
        };
        let blob = header.blob(b"body");
        assert_eq!(blob.len(), HEADER_LEN + 4);
        assert_eq!(&blob[..3], [1, 2, 7]);
        assert_eq!(Header::parse(&blob).unwrap(), (header, &b"body"[..]));
    }

    #[test]
    fn a_foreign_blob_is_an_invalid_ciphertext_without_a_word() {
        for blob in [
            &b""[..],
            &[1; 17],
            &[2; 60],
            &[1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let error = Header::parse(blob).unwrap_err();
            assert_eq!(
                (error.kind.name, error.message.as_str()),
                ("InvalidCiphertextException", "")
            );
        }
    }

    #[test]
    fn header_and_context_are_both_authenticated() {
        let key = KeyId::from_bytes(&[7; 16]).unwrap();
        let header = Header {
            scheme: Scheme::Xaes,
            key,
        };
        let other = Header {
            scheme: Scheme::Gcm,
            key,
        };
        assert_ne!(header.additional(b""), other.additional(b""));
        assert_ne!(header.additional(b"a"), header.additional(b"b"));
    }
}

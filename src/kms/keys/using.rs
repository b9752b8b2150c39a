//! What a key does: encrypting and decrypting in its store. The caller has asked its state.

use aws::{Blob, Result};

use super::{Key, ciphertext::Header};
use crate::key_store::KeyName;

impl Key {
    /// The ciphertext blob of `plaintext` in a context made by [`super::context::canonical`].
    pub(crate) fn encrypt(&self, context: &[u8], plaintext: &[u8]) -> Result<Blob> {
        let blob = self.store.connection.run(|hsm| {
            let header = Header {
                scheme: hsm.scheme(),
                key: self.id,
            };
            let body = hsm.encrypt(self.name(), &header.additional(context), plaintext)?;
            Ok(header.blob(&body))
        });
        blob.map(Blob::from)
            .map_err(|fault| fault.of_key(&self.arn))
    }

    /// The plaintext of a ciphertext blob of this key.
    pub(crate) fn decrypt(&self, context: &[u8], header: Header, body: &[u8]) -> Result<Blob> {
        let additional = header.additional(context);
        let plaintext = self
            .store
            .connection
            .run(|hsm| hsm.decrypt(self.name(), header.scheme, &additional, body));
        plaintext.map_err(|fault| fault.of_key(&self.arn))
    }

    /// So many random bytes, drawn by the HSMs that hold the key.
    pub(crate) fn random(&self, len: usize) -> Result<Blob> {
        let bytes = self.store.connection.run(|hsm| {
            let mut bytes = zeroize::Zeroizing::new(vec![0; len]);
            hsm.random(&mut bytes)?;
            Ok(Blob::from(std::mem::take(&mut *bytes)))
        });
        bytes.map_err(|fault| fault.of_key(&self.arn))
    }

    fn name(&self) -> KeyName<'_> {
        KeyName {
            id: self.id,
            arn: &self.arn,
        }
    }
}

//! Custom key stores: what they are to the operations (`trait KeyStore`), which ones there are
//! (registry), how they connect and stay connected (connection), and PKCS#11 (module).

mod connection;
mod credentials;
mod fault;
mod login;
mod module;
mod opening;
mod password;
mod pool;
mod quirks;
mod registry;
mod state;

use aws::Blob;

use crate::keys::{KeyId, ciphertext::Scheme};

pub(crate) use connection::Connection;
pub(crate) use credentials::Credentials;
pub(crate) use fault::Fault;
pub(crate) use module::Module;
pub use module::ModuleSource;
pub(crate) use opening::{ClusterOpener, Opener};
pub(crate) use password::Password;
pub(crate) use registry::{Entry, Registry, StoreRecord};
pub(crate) use state::{ConnectionErrorCode, Phase};

/// How the material of a key is called in the HSMs: both the label and the id are its own.
#[derive(Clone, Copy)]
pub(crate) struct KeyName<'a> {
    pub(crate) id: KeyId,
    pub(crate) arn: &'a str,
}

/// A key store that is connected: the keys of KMS live behind this.
pub(crate) trait KeyStore: Send + Sync {
    /// How it encrypts.
    fn scheme(&self) -> Scheme;

    /// Makes the material of a key that has none. Made again after a lost answer, it is made once.
    fn generate(&self, key: KeyName<'_>) -> Result<(), Fault>;

    /// The body of a ciphertext blob. `additional` is authenticated.
    fn encrypt(
        &self,
        key: KeyName<'_>,
        additional: &[u8; 32],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Fault>;

    /// What [`KeyStore::encrypt`] was given, if nothing was altered.
    fn decrypt(
        &self,
        key: KeyName<'_>,
        scheme: Scheme,
        additional: &[u8; 32],
        body: &[u8],
    ) -> Result<Blob, Fault>;

    /// Fills `bytes` with randomness of the HSMs.
    fn random(&self, bytes: &mut [u8]) -> Result<(), Fault>;

    /// Destroys the material of a key.
    fn destroy(&self, key: KeyName<'_>) -> Result<(), Fault>;

    /// The label of every secret key in it.
    fn labels(&self) -> Result<Vec<String>, Fault>;

    /// Logs out and closes its sessions. Nothing is asked of it any more.
    fn close(&self);
}

//! A key store on a PKCS#11 module: keys are found by label and id, their handles remembered.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use aws::Blob;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as Pkcs11Error, RvError},
    mechanism::{Mechanism, aead::GcmParams, vendor_defined::VendorDefinedMechanism},
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
    slot::{Limit, Slot},
};
use parking_lot::RwLock;

use super::{
    Fault, KeyName, KeyStore,
    login::{LogIn, OpeningError},
    pool::Pool,
    quirks::{self, Quirks},
};
use crate::keys::{KeyId, MessageCount, ciphertext::Scheme};

const IV_LEN: usize = 12;
const TAG_BITS: u64 = 128;
const KEY_LEN: u64 = 32;

/// Which module holds the keys.
#[derive(Clone, Debug)]
pub enum ModuleSource {
    /// The one that is linked into this program.
    Linked,
    /// A file.
    Path(PathBuf),
}

/// A PKCS#11 module.
pub(crate) struct Module {
    pub(super) pkcs11: Pkcs11,
}

impl Module {
    /// Loads it. It is initialised when the first store connects.
    pub(crate) fn load(source: &ModuleSource) -> Result<Self, Pkcs11Error> {
        let pkcs11 = match source {
            ModuleSource::Linked => Pkcs11::new_from_self(),
            ModuleSource::Path(path) => Pkcs11::new(path),
        };
        Ok(Self { pkcs11: pkcs11? })
    }

    pub(super) fn initialize(&self) -> Result<(), Pkcs11Error> {
        match self
            .pkcs11
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        {
            Err(Pkcs11Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            answer => answer,
        }
    }

    /// The slot whose token has this serial number. Never by label: anybody can choose one.
    pub(super) fn slot(&self, serial: &str) -> Result<Option<Slot>, Pkcs11Error> {
        for slot in self.pkcs11.get_slots_with_token()? {
            // A token that does not answer is not ours, or will be asked again.
            let token = self.pkcs11.get_token_info(slot);
            if token.is_ok_and(|token| token.serial_number().trim_end() == serial) {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }
}

/// A key store on a module, logged in.
pub(crate) struct ModuleStore {
    quirks: &'static Quirks,
    scheme: Scheme,
    pool: Pool,
    handles: RwLock<HashMap<KeyId, ObjectHandle>>,
    messages: Arc<MessageCount>,
}

impl ModuleStore {
    /// The store behind a login.
    pub(crate) fn new(login: LogIn, messages: Arc<MessageCount>) -> Result<Self, OpeningError> {
        let LogIn {
            pkcs11,
            quirks,
            slot,
            session,
        } = login;
        let xaes = pkcs11.get_mechanism_info(slot, quirks::xaes_256_gcm()?);
        let scheme = if xaes.is_ok() {
            Scheme::Xaes
        } else {
            Scheme::Gcm
        };
        let most = match pkcs11.get_token_info(slot)?.max_rw_session_count() {
            Limit::Max(most) => usize::try_from(most).unwrap_or(usize::MAX),
            Limit::Unavailable | Limit::Infinite => usize::MAX,
        };
        let pool = Pool::new(pkcs11, slot, session, most);
        Ok(Self {
            quirks,
            scheme,
            pool,
            handles: RwLock::default(),
            messages,
        })
    }

    /// Does `task` with a session.
    fn session<T>(
        &self,
        task: impl FnOnce(&Session) -> Result<T, Pkcs11Error>,
    ) -> Result<Result<T, RvError>, Fault> {
        let lease = self.pool.lease()?;
        match task(lease.session()?) {
            Ok(value) => Ok(Ok(value)),
            Err(Pkcs11Error::Pkcs11(code, _)) if self.is_answer(&code) => Ok(Err(code)),
            Err(error) => {
                // Whatever is active in it, or wrong with it: the next one gets another.
                lease.spoil();
                Err(error.into())
            }
        }
    }

    /// Whether a code is about the input and leaves the session as it should be.
    fn is_answer(&self, code: &RvError) -> bool {
        STALE.contains(code) || self.quirks.altered.contains(code)
    }

    /// Does `task` with the key. A handle that has gone stale is looked up once more.
    fn with_key<T>(
        &self,
        key: KeyName<'_>,
        task: impl Fn(&Session, ObjectHandle) -> Result<T, Pkcs11Error>,
    ) -> Result<T, Fault> {
        for _ in 0..2 {
            let handle = self.handle(key)?;
            match self.session(|session| task(session, handle))? {
                Ok(value) => return Ok(value),
                Err(code) if STALE.contains(&code) => drop(self.handles.write().remove(&key.id)),
                Err(_) => return Err(Fault::Altered),
            }
        }
        Err(Fault::Missing)
    }

    fn handle(&self, key: KeyName<'_>) -> Result<ObjectHandle, Fault> {
        if let Some(handle) = self.handles.read().get(&key.id) {
            return Ok(*handle);
        }
        let handle = match self.find(key)?.as_slice() {
            [] => return Err(Fault::Missing),
            [handle] => *handle,
            _ => return Err(Fault::Ambiguous),
        };
        self.handles.write().insert(key.id, handle);
        Ok(handle)
    }

    fn find(&self, key: KeyName<'_>) -> Result<Vec<ObjectHandle>, Fault> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Label(key.arn.as_bytes().to_vec()),
            Attribute::Id(key.id.bytes().to_vec()),
        ];
        self.plain(|session| session.find_objects(&template))
    }

    /// Does `task`, for which every code is a failure.
    fn plain<T>(&self, task: impl FnOnce(&Session) -> Result<T, Pkcs11Error>) -> Result<T, Fault> {
        self.session(task)?
            .map_err(|code| Fault::Refused(format!("{code}")))
    }
}

/// What a module says to a handle of an object that is gone.
const STALE: &[RvError] = &[RvError::KeyHandleInvalid, RvError::ObjectHandleInvalid];

impl KeyStore for ModuleStore {
    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn generate(&self, key: KeyName<'_>) -> Result<(), Fault> {
        // The answer to a first attempt may have been lost.
        if !self.find(key)?.is_empty() {
            return Ok(());
        }
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::Sign(false),
            Attribute::Verify(false),
            Attribute::Wrap(false),
            Attribute::Unwrap(false),
            Attribute::Derive(false),
            Attribute::ValueLen(KEY_LEN.into()),
            Attribute::Label(key.arn.as_bytes().to_vec()),
            Attribute::Id(key.id.bytes().to_vec()),
        ];
        let handle =
            self.plain(|session| session.generate_key(&Mechanism::AesKeyGen, &template))?;
        self.handles.write().insert(key.id, handle);
        Ok(())
    }

    fn encrypt(
        &self,
        key: KeyName<'_>,
        additional: &[u8; 32],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        match self.scheme {
            Scheme::Xaes => self.with_key(key, |session, handle| {
                session.encrypt(&xaes(additional)?, handle, plaintext)
            }),
            Scheme::Gcm => {
                if !self.messages.count(key.id).map_err(Fault::Internal)? {
                    return Err(Fault::Exhausted);
                }
                self.with_key(key, |session, handle| {
                    let mut iv = [0; IV_LEN];
                    crypto::random::fill(&mut iv).map_err(|_| Pkcs11Error::InvalidValue)?;
                    let mut body = iv.to_vec();
                    let gcm = GcmParams::new(&mut iv, additional, TAG_BITS.into())?;
                    body.extend(session.encrypt(&Mechanism::AesGcm(gcm), handle, plaintext)?);
                    Ok(body)
                })
            }
        }
    }

    fn decrypt(
        &self,
        key: KeyName<'_>,
        scheme: Scheme,
        additional: &[u8; 32],
        body: &[u8],
    ) -> Result<Blob, Fault> {
        match scheme {
            // Made on another module: only one that has the mechanism can open it.
            Scheme::Xaes if self.scheme != Scheme::Xaes => Err(Fault::ForeignScheme),
            Scheme::Xaes => self.with_key(key, |session, handle| {
                session
                    .decrypt(&xaes(additional)?, handle, body)
                    .map(Blob::from)
            }),
            Scheme::Gcm => {
                let (iv, ciphertext) = body.split_first_chunk::<IV_LEN>().ok_or(Fault::Altered)?;
                self.with_key(key, |session, handle| {
                    let mut iv = *iv;
                    let gcm = GcmParams::new(&mut iv, additional, TAG_BITS.into())?;
                    session
                        .decrypt(&Mechanism::AesGcm(gcm), handle, ciphertext)
                        .map(Blob::from)
                })
            }
        }
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        self.plain(|session| session.generate_random_slice(bytes))
    }

    fn destroy(&self, key: KeyName<'_>) -> Result<(), Fault> {
        let handles = self.find(key)?;
        if handles.is_empty() {
            return Err(Fault::Missing);
        }
        self.handles.write().remove(&key.id);
        for handle in handles {
            self.plain(|session| session.destroy_object(handle))?;
        }
        Ok(())
    }

    fn labels(&self) -> Result<Vec<String>, Fault> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
        ];
        let mut labels = Vec::new();
        for handle in self.plain(|session| session.find_objects(&template))? {
            // One that is gone meanwhile has no label.
            let read =
                self.session(|session| session.get_attributes(handle, &[AttributeType::Label]));
            for attribute in read?.unwrap_or_default() {
                if let Attribute::Label(label) = attribute {
                    labels.extend(String::from_utf8(label));
                }
            }
        }
        Ok(labels)
    }

    fn close(&self) {
        self.pool.close();
    }
}

fn xaes(additional: &[u8; 32]) -> Result<Mechanism<'_>, Pkcs11Error> {
    let mechanism = VendorDefinedMechanism::new(quirks::xaes_256_gcm()?, Some(additional));
    Ok(Mechanism::VendorDefined(mechanism))
}

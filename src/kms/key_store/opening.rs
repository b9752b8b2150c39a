//! From a disconnected store to a connected one: the cluster's facts, the token, the login, the
//! rotation of kmsuser's password, the pool of sessions; and which error code tells what failed.

use std::sync::{Arc, OnceLock};

use super::{
    ConnectionErrorCode as Code, Credentials, KeyStore, Module, Registry, StoreRecord,
    login::LogIn, module::ModuleStore,
};
use crate::{Clusters, keys::MessageCount, records::Records};

/// Connects stores.
pub(crate) trait Opener: Send + Sync {
    /// The store, logged in.
    fn open(&self, store: &str) -> Result<Arc<dyn KeyStore>, Code>;

    /// The store has been connected.
    fn opened(&self, store: &str);
}

/// Something to do with the store of this id.
pub(crate) type Then = Box<dyn Fn(&str) + Send + Sync>;

/// Connects stores that are clusters of HSMs behind a PKCS#11 module.
pub(crate) struct ClusterOpener {
    pub(crate) records: Arc<Records>,
    pub(crate) clusters: Arc<dyn Clusters>,
    pub(crate) module: Arc<Module>,
    pub(crate) messages: Arc<MessageCount>,
    /// What to do with a store that has just been connected.
    pub(crate) then: OnceLock<Then>,
}

impl Opener for ClusterOpener {
    fn open(&self, store: &str) -> Result<Arc<dyn KeyStore>, Code> {
        let internal = |error: aws::Error| {
            log::error!("{store}: {error}");
            Code::InternalError
        };
        let record = self
            .records
            .read::<StoreRecord>(&Registry::key(store))
            .map_err(internal)?;
        let record = record.ok_or(Code::InternalError)?;
        let credentials = Credentials::read(&self.records, store).map_err(internal)?;
        let serial = self.token_serial(&record.cluster)?;
        let login = LogIn::at(&self.module, &serial).map_err(|error| {
            log::warn!("{store}: the token of {}: {error}", record.cluster);
            error.code()
        })?;
        credentials.log_in(&self.records, store, &login)?;
        let live = ModuleStore::new(login, Arc::clone(&self.messages)).map_err(|error| {
            log::warn!("{store}: {error}");
            error.code()
        })?;
        Ok(Arc::new(live))
    }

    fn opened(&self, store: &str) {
        if let Some(then) = self.then.get() {
            then(store);
        }
    }
}

impl ClusterOpener {
    /// The serial number of the cluster's token, if the cluster can be connected to.
    fn token_serial(&self, cluster: &str) -> Result<String, Code> {
        match self.clusters.cluster(cluster) {
            Err(why) => {
                log::warn!("{cluster}: {}", why.0);
                Err(Code::NetworkErrors)
            }
            Ok(None) => Err(Code::ClusterNotFound),
            Ok(Some(facts)) if facts.active_zones() == 0 => Err(Code::InsufficientCloudhsmHsms),
            Ok(Some(facts)) => Ok(facts.token_serial),
        }
    }
}

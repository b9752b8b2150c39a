//! The engine as the server's host: who is an operator is decided here, by peer credentials.

use std::{path::PathBuf, sync::Arc};

use hsm::{Engine, Peer, PerHsm, Profile, Settings};
use token::{ApplicationId, Result};
use wire::{
    Configuration, Home,
    server::{Host, Tenant},
};

use crate::lifetime::Identity;

/// An engine that makes applications for the users of this machine.
pub(crate) struct Hosted {
    engine: Arc<Engine>,
    home: PathBuf,
    identity: Identity,
    own: u32,
    operators: Vec<u32>,
}

impl Hosted {
    pub(crate) fn new(engine: Arc<Engine>, home: &Home, identity: Identity) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self {
            engine,
            home: home.path().to_owned(),
            identity,
            own,
            operators: home.configuration().operators.clone(),
        }
    }

    /// Root could become any of the others, so it need not.
    fn is_operator(&self, uid: u32) -> bool {
        uid == 0 || uid == self.own || self.operators.contains(&uid)
    }
}

impl Host for Hosted {
    fn is_there(&self) -> bool {
        Identity::of(&self.home) == self.identity
    }

    fn application(&self, id: ApplicationId, uid: u32) -> Result<Arc<dyn Tenant>> {
        let peer = Peer {
            uid,
            operator: self.is_operator(uid),
        };
        Ok(self.engine.application(id, peer)?)
    }
}

/// What the configuration says to the engine.
pub(crate) fn settings(configuration: &Configuration) -> Settings {
    Settings {
        per_hsm: match configuration.per_hsm() {
            wire::PerHsm::All => PerHsm::All,
            wire::PerHsm::Names => PerHsm::Names,
            wire::PerHsm::None => PerHsm::None,
        },
        profile: match configuration.profile {
            wire::Profile::Standard => Profile::Standard,
            wire::Profile::CloudHsm => Profile::CloudHsm,
        },
        uses: configuration.audit.uses,
        validations: configuration.validation.clone(),
    }
}

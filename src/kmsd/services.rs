//! Everything behind the address, put together and taken apart.

use std::sync::Arc;

use aws::{Endpoint, SystemClock, events::EventLog};
use cloudhsm::CloudHsm;
use kms::{Kms, ModuleSource};
use wire::{Client, Requests};

use crate::{
    Failure,
    clusters::HomeClusters,
    records::{Ownership, Records},
};

/// The services of a home, open.
pub(crate) struct Services {
    pub(crate) endpoint: Endpoint,
    /// kmsd as an operator, and as an application beside the provider's.
    pub(crate) operator: Arc<Client>,
    pub(crate) requests: Arc<Requests>,
    kms: Arc<Kms>,
    _ownership: Ownership,
}

impl Services {
    /// Opens the services of the home; starts its hsmd if nobody has.
    pub(crate) fn open(records: &Records) -> Result<Self, Failure> {
        let ownership = records.own()?;
        let store = records.store(&ownership)?;
        let operator = Arc::new(Client::connect(&records.home)?);
        let requests = Arc::new(Requests::new());
        let scope = records.scope.clone();
        let clock = Arc::new(SystemClock);
        let cloudhsm = CloudHsm::new(
            operator.clone(),
            requests.clone(),
            store.clone(),
            scope.clone(),
        );
        let kms = Kms::open(kms::Settings {
            store,
            master: &records.master,
            clusters: Arc::new(HomeClusters(operator.clone())),
            module: ModuleSource::Linked,
            scope: scope.clone(),
            clock: clock.clone(),
        })
        .map_err(|error| error.to_string())?;
        let mounted = vec![
            kms::SERVICE.mount(kms.clone()),
            cloudhsm::SERVICE.mount(Arc::new(cloudhsm)),
        ];
        let credentials = Arc::new(records.credentials()?);
        let events = EventLog::open(&records.folder.join("events"))?;
        let endpoint = Endpoint::new(mounted, credentials, scope, clock, Some(events));
        Ok(Self {
            endpoint,
            operator,
            requests,
            kms,
            _ownership: ownership,
        })
    }

    /// Logs out of every key store, ends what runs in the background, writes what was to be logged.
    pub(crate) fn close(&self) {
        self.kms.close();
        self.endpoint.flush();
    }
}

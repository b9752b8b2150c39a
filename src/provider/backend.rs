//! Where the HSMs are: in hsmd (served), or in this process (embedded).

use std::{io, ptr, sync::Arc};

use hsm::{Application, Engine, Peer, PerHsm, Profile, Settings};
use once_cell::sync::OnceCell;
use token::{ApplicationId, Hsm, Mode, Reason, Request, Slot, SlotId};
use wire::{Client, Home, Numbers, Requests};

use crate::boundary::{Error, Result};

/// What the host asks of the library.
pub(crate) struct Wishes {
    /// Settings for this application, `key=value` each.
    pub(crate) words: String,
}

/// An application of the HSMs of a home.
pub(crate) struct Backend {
    place: Place,
    per_hsm: wire::PerHsm,
}

enum Place {
    Served {
        client: Box<Client>,
        requests: Box<Requests>,
    },
    Embedded {
        engine: Arc<Engine>,
        application: Arc<Application>,
        numbers: Box<Numbers>,
    },
}

impl Backend {
    /// The HSMs.
    pub(crate) fn hsm(&self) -> &dyn Hsm {
        match &self.place {
            Place::Served { client, .. } => &**client,
            Place::Embedded { application, .. } => &**application,
        }
    }

    /// The slots that this application shows.
    pub(crate) fn slots(&self) -> Result<Vec<Slot>> {
        let mut slots = self.hsm().slots()?;
        match self.per_hsm {
            wire::PerHsm::All => {}
            wire::PerHsm::Names => {
                slots
                    .iter_mut()
                    .filter(|slot| slot.of_hsm)
                    .for_each(|slot| slot.token_present = false);
            }
            wire::PerHsm::None => slots.retain(|slot| !slot.of_hsm),
        }
        Ok(slots)
    }

    /// Whether this application is told of changes of a slot: of each but those that it hides. Of one
    /// that has gone nobody knows any more whose it was, so it is told.
    pub(crate) fn tells_of(&self, id: SlotId) -> bool {
        let hidden = |slots: Vec<Slot>| slots.iter().any(|slot| slot.id == id && slot.of_hsm);
        !matches!(self.per_hsm, wire::PerHsm::None) || !self.hsm().slots().is_ok_and(hidden)
    }

    /// Says a verb that changes them, under a number of its own.
    pub(crate) fn change<T>(
        &self,
        verb: impl FnOnce(&dyn Hsm, Request) -> token::Result<T>,
    ) -> token::Result<T> {
        match &self.place {
            Place::Served { client, requests } => {
                let in_flight = requests.begin();
                verb(&**client, in_flight.request())
            }
            Place::Embedded {
                application,
                numbers,
                ..
            } => verb(&**application, numbers.next()),
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Place::Embedded { engine, .. } = &self.place
            && let Err(error) = engine.close()
        {
            log::error!("the home was not closed well: {error}");
        }
    }
}

/// Opens the home, in the mode that its configuration says. A forked child first lets go of what
/// it has `inherited`.
pub(crate) fn open(inherited: Option<&Backend>, wishes: &Wishes) -> Result<Backend> {
    match inherited.map(|backend| &backend.place) {
        None => {}
        Some(Place::Served { client, .. }) => client.abandon(),
        // The database does not survive a fork, and its lock is the parent's: nothing of it may be
        // touched here, however the configuration reads by now.
        Some(Place::Embedded { .. }) => return Err(owned_by_parent().into()),
    }
    let mut home = home()?.clone();
    home.configuration_mut().apply(&wishes.words)?;
    let place = match home.configuration().mode {
        Mode::Served => Place::Served {
            client: Box::new(Client::connect(&home)?),
            requests: Box::default(),
        },
        Mode::Embedded => embedded(&home)?,
    };
    let per_hsm = home.configuration().per_hsm();
    Ok(Backend { place, per_hsm })
}

/// The home, found once and kept across fork: a child that has given up its rights could not find
/// the same one again.
fn home() -> Result<&'static Home> {
    static HOME: OnceCell<Home> = OnceCell::new();
    HOME.get_or_try_init(Home::resolve).map_err(Error::from)
}

fn embedded(home: &Home) -> Result<Place> {
    let per_hsm = match home.configuration().per_hsm() {
        wire::PerHsm::All => PerHsm::All,
        wire::PerHsm::Names => PerHsm::Names,
        wire::PerHsm::None => PerHsm::None,
    };
    let profile = match home.configuration().profile {
        wire::Profile::Standard => Profile::Standard,
        wire::Profile::CloudHsm => Profile::CloudHsm,
    };
    let settings = Settings {
        per_hsm,
        profile,
        uses: home.configuration().audit.uses,
        validations: home.configuration().validation.clone(),
    };
    let engine = Engine::open(home.path(), Mode::Embedded, settings)?;
    // SAFETY: has no conditions.
    let uid = unsafe { libc::geteuid() };
    let application = engine.application(
        random_id()?,
        Peer {
            uid,
            operator: true,
        },
    )?;
    Ok(Place::Embedded {
        engine,
        application,
        numbers: Box::default(),
    })
}

fn random_id() -> Result<ApplicationId> {
    let mut id = [0; 16];
    // SAFETY: the kernel fills sixteen bytes of an array of sixteen; so few come at once.
    let filled = unsafe { libc::getrandom(ptr::from_mut(&mut id).cast(), id.len(), 0) };
    if usize::try_from(filled) == Ok(id.len()) {
        return Ok(ApplicationId(id));
    }
    let error = io::Error::last_os_error();
    Err(token::Error::new(Reason::Internal, format!("getrandom: {error}")).into())
}

fn owned_by_parent() -> token::Error {
    token::Error::new(
        Reason::HomeInUse,
        "this process was forked from one that has it embedded; for more than one process, set \
         mode = \"served\" in its strongroom.toml, and hsmd will own it",
    )
}

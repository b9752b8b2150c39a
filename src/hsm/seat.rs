//! What an application has in one slot: who is logged in there, and the session objects. All sessions of the application in the slot share it (§2.4).

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};
use token::{Access, AttributeType, Error, LoginState, Reason, Result, Role, SlotId};

use crate::{
    cluster::{Cluster, Login, users::Keyring},
    object::SessionObject,
    table::Table,
    tally::Tally,
};

const STATES: [LoginState; 3] = [
    LoginState::Public,
    LoginState::User,
    LoginState::SecurityOfficer,
];

/// An application's place in a slot, from its first session there to its last. How many sessions
/// there are, `seats` counts.
pub(crate) struct Seat {
    pub(crate) slot: SlotId,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) objects: Table<SessionObject>,
    login: RwLock<Option<Arc<Login>>>,
    /// The `LoginState` that `login` comes to.
    state: AtomicU8,
    /// How often the login has changed: sessions keep what they have looked up until then.
    logins: AtomicU64,
    /// Held while a login begins or ends: what a logout ends was begun before it.
    pub(crate) login_changes: Mutex<()>,
}

impl Seat {
    /// Nobody's yet; its session objects are counted in `count`.
    pub(crate) fn new(slot: SlotId, cluster: Arc<Cluster>, count: Arc<Tally>) -> Self {
        Self {
            slot,
            cluster,
            objects: Table::counted_in(count),
            login: RwLock::default(),
            state: AtomicU8::new(LoginState::Public as u8),
            logins: AtomicU64::new(0),
            login_changes: Mutex::default(),
        }
    }

    /// Whether a session may be opened, by who is logged in (§5.6.1).
    pub(crate) fn admits(&self, access: Access) -> Result<()> {
        if access == Access::ReadOnly && self.is_security_officer() {
            return Err(Reason::SessionReadWriteSoExists.into());
        }
        Ok(())
    }

    /// Who is logged in.
    pub(crate) fn login(&self) -> Option<Arc<Login>> {
        self.login.read().clone()
    }

    /// The keys of whoever is logged in.
    pub(crate) fn keyring(&self) -> Option<Arc<Keyring>> {
        let login = self.login.read();
        login.as_ref().map(|login| login.keyring.clone())
    }

    /// The keys of the crypto user that is logged in.
    pub(crate) fn crypto_user(&self) -> Option<Arc<Keyring>> {
        self.keyring()
            .filter(|keyring| keyring.role == Role::CryptoUser)
    }

    /// Who is logged in, in the standard's words: an atomic load.
    pub(crate) fn login_state(&self) -> LoginState {
        let state = self.state.load(Ordering::Relaxed);
        STATES
            .into_iter()
            .find(|known| *known as u8 == state)
            .unwrap_or(LoginState::Public)
    }

    /// Whether the security officer is.
    pub(crate) fn is_security_officer(&self) -> bool {
        self.login_state() == LoginState::SecurityOfficer
    }

    /// Whether `name` may log in now (§5.6.8), with so many read-only sessions open.
    pub(crate) fn may_log_in(&self, role: Role, name: &str, read_only: u64) -> Result<()> {
        if let Some(keyring) = self.keyring() {
            let same = keyring.role == role && keyring.name == name;
            return Err(if same {
                Reason::UserAlreadyLoggedIn.into()
            } else {
                Error::new(
                    Reason::UserAnotherAlreadyLoggedIn,
                    format!("{} is", keyring.name),
                )
            });
        }
        if role == Role::Admin && read_only > 0 {
            return Err(Reason::SessionReadOnlyExists.into());
        }
        Ok(())
    }

    /// Logs in, while no session is opened or closed.
    pub(super) fn set_login(&self, login: &Arc<Login>) {
        let mut place = self.login.write();
        let state = match login.keyring.role {
            Role::Admin => LoginState::SecurityOfficer,
            Role::CryptoUser => LoginState::User,
        };
        self.state.store(state as u8, Ordering::Relaxed);
        *place = Some(login.clone());
        self.logins.fetch_add(1, Ordering::Release);
    }

    /// Ends the login: nobody finds its keys here from now on.
    pub(crate) fn log_out(&self) -> Option<Arc<Login>> {
        let mut place = self.login.write();
        self.logins.fetch_add(1, Ordering::Release);
        self.state
            .store(LoginState::Public as u8, Ordering::Relaxed);
        place.take()
    }

    /// How often the login has changed.
    pub(crate) fn logins(&self) -> u64 {
        self.logins.load(Ordering::Acquire)
    }

    /// Drops the private session objects, once no verb of their user runs any more.
    pub(crate) fn drop_private_objects(&self) {
        let private = |object: &SessionObject| object.attributes.flag(AttributeType::PRIVATE);
        for (handle, _) in self.objects.all(private) {
            self.objects.remove(handle);
        }
    }
}

//! What an application has in one slot: who is logged in there, how many sessions are open, and
//! the session objects. All sessions of the application in the slot share it (§2.4).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::{Mutex, RwLock};
use token::{Access, AttributeType, Error, LoginState, Reason, Result, Role, SlotId};

use crate::{
    cluster::{Cluster, Login, users::Keyring},
    object::SessionObject,
    table::Table,
};

/// An application's place in a slot, from its first session there to its last.
pub(crate) struct Seat {
    pub(crate) slot: SlotId,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) objects: Table<SessionObject>,
    occupancy: RwLock<Occupancy>,
    /// How often the login has changed: sessions keep what they have looked up until then.
    logins: AtomicU64,
    /// Held while a login begins or ends: what a logout ends was begun before it.
    pub(crate) login_changes: Mutex<()>,
}

#[derive(Default)]
struct Occupancy {
    login: Option<Arc<Login>>,
    read_only: u64,
    read_write: u64,
}

impl Seat {
    pub(crate) fn new(slot: SlotId, cluster: Arc<Cluster>) -> Self {
        Self {
            slot,
            cluster,
            objects: Table::default(),
            occupancy: RwLock::default(),
            logins: AtomicU64::new(0),
            login_changes: Mutex::default(),
        }
    }

    /// Counts a session in, if who is logged in lets it (§5.6.1).
    pub(crate) fn enter(&self, access: Access) -> Result<()> {
        let mut occupancy = self.occupancy.write();
        let role = occupancy.login.as_ref().map(|login| login.keyring.role);
        if access == Access::ReadOnly && role == Some(Role::Admin) {
            return Err(Reason::SessionReadWriteSoExists.into());
        }
        *occupancy.count(access) += 1;
        Ok(())
    }

    /// Counts a session out. With the last one goes the login (§5.6.2): whether it was the last,
    /// and the login.
    pub(crate) fn leave(&self, access: Access) -> (bool, Option<Arc<Login>>) {
        let mut occupancy = self.occupancy.write();
        let count = occupancy.count(access);
        *count = count.saturating_sub(1);
        let last = occupancy.sessions() == 0;
        self.logins.fetch_add(u64::from(last), Ordering::Release);
        (last, if last { occupancy.login.take() } else { None })
    }

    /// Sessions open, and the read-write ones among them.
    pub(crate) fn sessions(&self) -> (u64, u64) {
        let occupancy = self.occupancy.read();
        (occupancy.sessions(), occupancy.read_write)
    }

    /// Who is logged in.
    pub(crate) fn login(&self) -> Option<Arc<Login>> {
        self.occupancy.read().login.clone()
    }

    /// The keys of whoever is logged in.
    pub(crate) fn keyring(&self) -> Option<Arc<Keyring>> {
        self.occupancy
            .read()
            .login
            .as_ref()
            .map(|login| login.keyring.clone())
    }

    /// The keys of the crypto user that is logged in.
    pub(crate) fn crypto_user(&self) -> Option<Arc<Keyring>> {
        self.keyring()
            .filter(|keyring| keyring.role == Role::CryptoUser)
    }

    /// Who is logged in, in the standard's words.
    pub(crate) fn login_state(&self) -> LoginState {
        match self.keyring().map(|keyring| keyring.role) {
            None => LoginState::Public,
            Some(Role::Admin) => LoginState::SecurityOfficer,
            Some(Role::CryptoUser) => LoginState::User,
        }
    }

    /// Whether `name` may log in now (§5.6.8).
    pub(crate) fn may_log_in(&self, role: Role, name: &str) -> Result<()> {
        self.occupancy.read().may_log_in(role, name)
    }

    /// Logs in, unless somebody else did meanwhile, or the last session was closed.
    pub(crate) fn log_in(&self, login: &Arc<Login>) -> Result<()> {
        let mut occupancy = self.occupancy.write();
        if occupancy.sessions() == 0 {
            return Err(Reason::SessionHandleInvalid.into());
        }
        occupancy.may_log_in(login.keyring.role, &login.keyring.name)?;
        occupancy.login = Some(login.clone());
        self.logins.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Ends the login: nobody finds its keys here from now on.
    pub(crate) fn log_out(&self) -> Option<Arc<Login>> {
        let mut occupancy = self.occupancy.write();
        self.logins.fetch_add(1, Ordering::Release);
        occupancy.login.take()
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

impl Occupancy {
    fn count(&mut self, access: Access) -> &mut u64 {
        match access {
            Access::ReadOnly => &mut self.read_only,
            Access::ReadWrite => &mut self.read_write,
        }
    }

    fn sessions(&self) -> u64 {
        self.read_only.saturating_add(self.read_write)
    }

    fn may_log_in(&self, role: Role, name: &str) -> Result<()> {
        if let Some(login) = &self.login {
            let keyring = &login.keyring;
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
        if role == Role::Admin && self.read_only > 0 {
            return Err(Reason::SessionReadOnlyExists.into());
        }
        Ok(())
    }
}

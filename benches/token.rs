//! A token to measure on, in whatever module, and the keys that all its threads use.

use std::{
    collections::BTreeMap,
    path::Path,
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use cryptoki_sys::*;
use tests::{Attributes, Module, ok};

use crate::keys::{self, Keys, Kind};

const ADMIN_PIN: &str = "admin-1234";
const USER_PIN: &str = "1234";
const LABEL: &str = "bench";

/// An initialised token with a user, who is logged in.
pub(crate) struct Token {
    /// Its module.
    pub(crate) module: Module,
    /// Its slot, which SoftHSM2 changes when it is initialised again.
    slot: AtomicU64,
    shared: Mutex<Shared>,
}

/// The keys that all threads use, and the session that keeps them.
#[derive(Default)]
struct Shared {
    session: Option<CK_SESSION_HANDLE>,
    keys: BTreeMap<Kind, Keys>,
}

/// How long it took to begin to work.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Beginning {
    /// `C_Initialize`, `C_GetSlotList` and `C_OpenSession`.
    pub(crate) open: Duration,
    /// `C_Login` as well.
    pub(crate) logged_in: Duration,
}

impl Token {
    /// The token in the module at `path`, which is made if it is not there.
    pub(crate) fn at(path: &Path) -> Self {
        let module = Module::load_from(path);
        initialize(&module);
        let token = Self {
            module,
            slot: AtomicU64::new(0),
            shared: Mutex::default(),
        };
        if !token.find() {
            token.make();
        }
        token.login(token.session(), CKU_USER, USER_PIN);
        token
    }

    /// A read-write session; the first one has logged the user in for all.
    pub(crate) fn session(&self) -> CK_SESSION_HANDLE {
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        let slot = self.slot.load(Relaxed);
        ok!(
            self.module,
            C_OpenSession(slot, flags, ptr::null_mut(), None, &raw mut session)
        );
        session
    }

    /// The key, or pair, of a kind, which is made when it is first asked for.
    pub(crate) fn keys(&self, kind: Kind) -> Keys {
        let mut shared = self.shared.lock().unwrap();
        let session = *shared.session.get_or_insert_with(|| self.session());
        *shared.keys.entry(kind).or_insert_with(|| {
            let template = Attributes::new().bytes(CKA_LABEL, b"a key to measure");
            keys::generate(&self.module, session, kind, template).expect("a key")
        })
    }

    /// `C_Logout` and `C_Login`; private session objects are gone then.
    pub(crate) fn login_again(&self, session: CK_SESSION_HANDLE) {
        ok!(self.module, C_Logout(session));
        self.login(session, CKU_USER, USER_PIN);
        self.shared.lock().unwrap().keys.clear();
    }

    /// `C_Finalize`: nothing of it is used until it begins again.
    pub(crate) fn end(&self) {
        ok!(self.module, C_Finalize(ptr::null_mut()));
        *self.shared.lock().unwrap() = Shared::default();
    }

    /// From `C_Initialize` to `C_Login`, as a program that knows the token's label.
    pub(crate) fn begin(&self) -> Beginning {
        let begun = Instant::now();
        initialize(&self.module);
        assert!(self.find(), "it is still there");
        let session = self.session();
        let open = begun.elapsed();
        self.login(session, CKU_USER, USER_PIN);
        let logged_in = begun.elapsed();
        Beginning { open, logged_in }
    }

    /// What the module says that it is.
    pub(crate) fn version(&self) -> String {
        let mut information = CK_INFO::default();
        ok!(self.module, C_GetInfo(&raw mut information));
        let CK_VERSION { major, minor } = information.libraryVersion;
        format!("{major}.{minor}")
    }

    /// Looks for its slot.
    fn find(&self) -> bool {
        let slot = self.module.slots(true).into_iter().find(|slot| {
            let mut information = CK_TOKEN_INFO::default();
            ok!(self.module, C_GetTokenInfo(*slot, &raw mut information));
            information.label.starts_with(LABEL.as_bytes())
        });
        self.slot.store(slot.unwrap_or_default(), Relaxed);
        slot.is_some()
    }

    /// Makes it in the module's first slot. Other modules move it to another slot then.
    fn make(&self) {
        let first = self.module.slots(false)[0];
        let (mut pin, mut label) = (ADMIN_PIN.to_owned(), format!("{LABEL:32}"));
        let length = pin.len() as CK_ULONG;
        ok!(
            self.module,
            C_InitToken(first, pin.as_mut_ptr(), length, label.as_mut_ptr())
        );
        assert!(self.find(), "the token that was made");
        let session = self.session();
        self.login(session, CKU_SO, ADMIN_PIN);
        let mut pin = USER_PIN.to_owned();
        let length = pin.len() as CK_ULONG;
        ok!(self.module, C_InitPIN(session, pin.as_mut_ptr(), length));
        ok!(self.module, C_Logout(session));
        ok!(self.module, C_CloseSession(session));
    }

    fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &str) {
        let mut pin = pin.to_owned();
        let length = pin.len() as CK_ULONG;
        ok!(
            self.module,
            C_Login(session, user, pin.as_mut_ptr(), length)
        );
    }
}

fn initialize(module: &Module) {
    let mut arguments = CK_C_INITIALIZE_ARGS {
        flags: CKF_OS_LOCKING_OK,
        ..Default::default()
    };
    ok!(module, C_Initialize((&raw mut arguments).cast()));
}

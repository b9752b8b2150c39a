//! A token to measure on, in whatever module, and the folder that it lies in.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    ptr,
};

use cryptoki_sys::*;
use tempfile::TempDir;
use tests::{Module, ok};

const ADMIN_PIN: &str = "admin-1234";
const USER_PIN: &str = "1234";
const LABEL: &str = "bench";

/// An initialised token with a user.
pub(crate) struct Token {
    /// Its module.
    pub(crate) module: Module,
    /// Its slot.
    pub(crate) slot: CK_SLOT_ID,
}

impl Token {
    /// Makes one in the module's first slot. Other modules move it to another slot then.
    pub(crate) fn make(path: &Path) -> Self {
        let module = Module::load_from(path);
        let mut arguments = CK_C_INITIALIZE_ARGS {
            flags: CKF_OS_LOCKING_OK,
            ..Default::default()
        };
        ok!(module, C_Initialize((&raw mut arguments).cast()));
        let first = module.slots(false)[0];
        let (mut pin, mut label) = (ADMIN_PIN.to_owned(), format!("{LABEL:32}"));
        let length = pin.len() as CK_ULONG;
        ok!(
            module,
            C_InitToken(first, pin.as_mut_ptr(), length, label.as_mut_ptr())
        );
        let slot = module.slots(true).into_iter().find(|slot| {
            let mut information = CK_TOKEN_INFO::default();
            ok!(module, C_GetTokenInfo(*slot, &raw mut information));
            information.label.starts_with(LABEL.as_bytes())
        });
        let token = Self {
            module,
            slot: slot.expect("the token that was made"),
        };
        let session = token.session();
        token.login(session, CKU_SO, ADMIN_PIN);
        let mut pin = USER_PIN.to_owned();
        ok!(
            token.module,
            C_InitPIN(session, pin.as_mut_ptr(), pin.len() as CK_ULONG)
        );
        ok!(token.module, C_Logout(session));
        token.login(session, CKU_USER, USER_PIN);
        token
    }

    /// A read-write session; the first one has logged the user in for all.
    pub(crate) fn session(&self) -> CK_SESSION_HANDLE {
        let mut session = 0;
        let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
        let slot = self.slot;
        ok!(
            self.module,
            C_OpenSession(slot, flags, ptr::null_mut(), None, &raw mut session)
        );
        session
    }

    fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: &str) {
        let mut pin = pin.to_owned();
        ok!(
            self.module,
            C_Login(session, user, pin.as_mut_ptr(), pin.len() as CK_ULONG)
        );
    }
}

/// A folder for the tokens of one module, and the environment that makes it look there.
pub(crate) struct Place(TempDir);

impl Place {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(
            tempfile::Builder::new()
                .prefix("strongroom-bench-")
                .tempdir()
                .unwrap(),
        )
    }

    /// For our module, in this mode.
    pub(crate) fn ours(&self, mode: &str) -> Vec<(&'static str, String)> {
        let home = self.0.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
        fs::write(home.join("strongroom.toml"), format!("mode = \"{mode}\"\n")).unwrap();
        vec![("STRONGROOM_HOME", home.display().to_string())]
    }

    /// For SoftHSM2.
    pub(crate) fn softhsm(&self) -> Vec<(&'static str, String)> {
        let (tokens, file) = (
            self.0.path().join("tokens"),
            self.0.path().join("softhsm2.conf"),
        );
        fs::create_dir(&tokens).unwrap();
        let text = format!(
            "directories.tokendir = {}\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(&file, text).unwrap();
        vec![("SOFTHSM2_CONF", file.display().to_string())]
    }

    /// For Kryoptic.
    pub(crate) fn kryoptic(&self) -> Vec<(&'static str, String)> {
        let (database, file) = (
            self.0.path().join("token.sql"),
            self.0.path().join("kryoptic.conf"),
        );
        let text = format!(
            "[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
            database.display()
        );
        fs::write(&file, text).unwrap();
        vec![("KRYOPTIC_CONF", file.display().to_string())]
    }
}

/// This program again, for another command, where the environment decides what it measures.
pub(crate) fn again(environment: Vec<(&'static str, String)>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_remove("STRONGROOM_MODE").envs(environment);
    command
}

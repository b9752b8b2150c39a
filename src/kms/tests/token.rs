//! The token that the tests run on: SoftHSM2's, or with `KMS_TEST_MODULE=…/libstrongroom.so` a
//! cluster of ours (hsmd and the command line are then beside the module).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};

use super::support::PASSWORD;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
const SO_PIN: &str = "soPassword";

/// The module.
pub(super) fn module() -> PathBuf {
    std::env::var_os("KMS_TEST_MODULE")
        .unwrap_or_else(|| SOFTHSM.into())
        .into()
}

/// Makes a token in `folder` with the user that KMS is; answers the environment that leads to it.
pub(super) fn make(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    assert!(
        module().exists(),
        "these tests need SoftHSM2: apt-get install softhsm2"
    );
    if !is_softhsm() {
        let home = folder.join("home");
        let token = [
            "--init-token",
            "--slot-index",
            "0",
            "--label",
            "kms",
            "--so-pin",
            SO_PIN,
        ];
        let mut tool = Command::new("pkcs11-tool");
        run(tool
            .arg("--module")
            .arg(module())
            .args(token)
            .env("STRONGROOM_HOME", &home));
        run(operator(&["create", "--password", PASSWORD]).env("STRONGROOM_HOME", &home));
        return vec![("STRONGROOM_HOME", home)];
    }
    let configuration = folder.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nlog.level = ERROR\n",
        folder.display()
    );
    fs::write(&configuration, text).unwrap();
    run(Command::new("softhsm2-util")
        .args([
            "--init-token",
            "--free",
            "--label",
            "kms",
            "--so-pin",
            SO_PIN,
            "--pin",
            PASSWORD,
        ])
        .env("SOFTHSM2_CONF", &configuration));
    vec![("SOFTHSM2_CONF", configuration)]
}

/// The token, seen past the service.
pub(super) struct Token {
    pkcs11: Pkcs11,
    slot: Slot,
    pub(super) serial: String,
}

impl Token {
    pub(super) fn open() -> Self {
        let pkcs11 = Pkcs11::new(module()).unwrap();
        pkcs11
            .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
            .unwrap();
        let slot = pkcs11.get_slots_with_initialized_token().unwrap()[0];
        let serial = pkcs11
            .get_token_info(slot)
            .unwrap()
            .serial_number()
            .trim_end()
            .to_owned();
        Self {
            pkcs11,
            slot,
            serial,
        }
    }

    /// Whether this is kmsuser's password. Nobody may be logged in.
    pub(super) fn accepts(&self, password: &str) -> bool {
        let session = self.session();
        let pin = if is_softhsm() {
            password.to_owned()
        } else {
            format!("kmsuser:{password}")
        };
        let accepted = session
            .login(UserType::User, Some(&AuthPin::from(pin)))
            .is_ok();
        if accepted {
            session.logout().unwrap();
        }
        accepted
    }

    /// Whoever may sets kmsuser's password. Nobody may be logged in.
    pub(super) fn set_password(&self, password: &str) {
        if !is_softhsm() {
            return run(&mut operator(&["change-password", "--password", password]));
        }
        let session = self.session();
        session
            .login(UserType::So, Some(&AuthPin::from(SO_PIN)))
            .unwrap();
        session.init_pin(&AuthPin::from(password)).unwrap();
        session.logout().unwrap();
    }

    /// The token without the user that KMS is; answers its serial number.
    pub(super) fn delete_user(&self) -> String {
        if is_softhsm() {
            // It has one user, who goes with all that is in the token.
            let pin = AuthPin::from(SO_PIN);
            self.pkcs11.init_token(self.slot, &pin, "kms").unwrap();
        } else {
            run(&mut operator(&["delete"]));
        }
        let token = self.pkcs11.get_token_info(self.slot).unwrap();
        token.serial_number().trim_end().to_owned()
    }

    /// A session, logged in as the application is.
    pub(super) fn session(&self) -> Session {
        self.pkcs11.open_rw_session(self.slot).unwrap()
    }

    /// The objects with this label, as whoever is logged in sees them.
    pub(super) fn labelled(&self, session: &Session, label: &str) -> Vec<ObjectHandle> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        session.find_objects(&template).unwrap()
    }

    /// The HSMs forget every session and login, as if they had been restarted. SoftHSM2 does not live through
    /// that in the middle of a call, so what works for key stores comes to its end first.
    pub(super) fn lose_sessions(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while is_softhsm() && is_working_for_a_key_store() {
            assert!(Instant::now() < deadline, "a key store is never done");
            thread::sleep(Duration::from_millis(5));
        }
        self.pkcs11.clone().finalize().unwrap();
    }

    /// The HSMs die in the middle of everything. SoftHSM2 lives in this process: it forgets.
    pub(super) fn kill(&self) {
        let Some(home) = std::env::var_os("STRONGROOM_HOME").filter(|_| !is_softhsm()) else {
            return self.lose_sessions();
        };
        let lock = fs::read_to_string(Path::new(&home).join("lock")).unwrap();
        let process = lock.split(' ').nth(1).unwrap();
        run(Command::new("kill").args(["-9", process]));
    }

    /// Whether five wrong passwords lock a user. SoftHSM2 takes any number of them.
    pub(super) fn locks_users(&self) -> bool {
        !is_softhsm()
    }

    /// How keys of this token encrypt, as the second byte of a ciphertext blob says it.
    pub(super) fn scheme(&self) -> u8 {
        if is_softhsm() { 2 } else { 1 }
    }
}

/// Whether a thread of the service connects or disconnects a key store, or tidies up after it.
fn is_working_for_a_key_store() -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let mut names =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.any(|name| name.starts_with("kms cks-"))
}

fn is_softhsm() -> bool {
    module() == Path::new(SOFTHSM)
}

/// The command line, as the admin, about kmsuser.
fn operator(verb: &[&str]) -> Command {
    let mut command = Command::new(module().with_file_name("strongroom"));
    command
        .arg("user")
        .args(verb)
        .args(["--username", "kmsuser", "--role", "crypto-user"])
        .env("CLOUDHSM_ROLE", "admin")
        .env("CLOUDHSM_PIN", format!("admin:{SO_PIN}"));
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

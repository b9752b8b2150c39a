//! A home that vanishes, an engine in it, and applications that speak to it as the provider does.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, reason = "a test crate has no surface")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests say what they expect"
)]

mod templates;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub use self::templates::*;

use hsm::{Application, Engine, Peer, Settings};
use token::{
    Access, ApplicationId, Attribute, AttributeType, Error, Hsm, LoginAs, Mechanism, Mode,
    ObjectHandle, Produced, Reason, Request, Result, Revealed, Role, SessionHandle, SlotId,
    Template, Told, Value,
};

pub const CKO_DATA: u64 = 0;
pub const CKO_CERTIFICATE: u64 = 1;
pub const CKO_SECRET_KEY: u64 = 4;
pub const CKK_GENERIC_SECRET: u64 = 0x10;
pub const CKK_AES: u64 = 0x1f;
pub const CKM_AES_KEY_GEN: u64 = 0x1080;
pub const CKM_AES_ECB: u64 = 0x1081;
pub const CKM_AES_KEY_WRAP: u64 = 0x2109;
pub const CKM_GENERIC_SECRET_KEY_GEN: u64 = 0x350;
pub const CKF_DECRYPT: u64 = 0x200;
pub const CKF_DERIVE: u64 = 0x8_0000;

pub const ADMIN_PIN: &str = "admin-password";
pub const USER_PIN: &str = "user-password";

/// A home with one active cluster, and its engine.
pub struct World {
    pub engine: Arc<Engine>,
    pub slot: SlotId,
    home: tempfile::TempDir,
}

/// An application with its own request numbers.
pub struct App {
    pub hsm: Arc<Application>,
    pub slot: SlotId,
    requests: AtomicU64,
}

impl World {
    /// With the admin `admin` and the crypto users `user`, `kmsuser` and `example`.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// The same, with an engine of these settings.
    pub fn with(settings: Settings) -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::open(home.path(), Mode::Embedded, settings).unwrap();
        let slot = application(&engine).slots().unwrap().first().unwrap().id;
        let world = Self { engine, slot, home };
        let app = world.app();
        app.initialize();
        for name in ["kmsuser", "example"] {
            let session = app.open(Access::ReadWrite);
            app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
                .unwrap();
            let password = secret(USER_PIN);
            app.hsm
                .create_user(app.request(), session, name, Role::CryptoUser, &password)
                .unwrap();
            app.hsm.close_session(session).unwrap();
        }
        app.hsm.end().unwrap();
        world
    }

    /// One whose token `C_InitToken` may make anew.
    pub fn without_key_store() -> Self {
        let world = Self::new();
        let app = world.app();
        let session = app.open(Access::ReadWrite);
        app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
            .unwrap();
        app.hsm
            .delete_user(app.request(), session, "kmsuser", Role::CryptoUser)
            .unwrap();
        app.hsm.end().unwrap();
        world
    }

    /// A new application in it.
    pub fn app(&self) -> App {
        App {
            hsm: application(&self.engine),
            slot: self.slot,
            requests: AtomicU64::new(1),
        }
    }

    /// The same home, opened again by another engine.
    pub fn reopened(self) -> Self {
        self.engine.close().unwrap();
        let Self { engine, slot, home } = self;
        drop(engine);
        Self {
            engine: open(home.path()),
            slot,
            home,
        }
    }
}

impl App {
    /// An application that the test made itself; its requests are numbered anew.
    pub fn of(hsm: Arc<Application>) -> Self {
        let slot = hsm.slots().unwrap().first().unwrap().id;
        Self {
            hsm,
            slot,
            requests: AtomicU64::new(1),
        }
    }

    pub fn request(&self) -> Request {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Request {
            number,
            settled: number,
        }
    }

    /// Whether the token has `id` for all of these `CKF_` uses: a build with `fips` has fewer.
    pub fn has(&self, id: u64, uses: u64) -> bool {
        let mut there = self.hsm.mechanisms(self.slot).unwrap().into_iter();
        there.any(|row| row.id.0 == id && row.flags & uses == uses)
    }

    pub fn open(&self, access: Access) -> SessionHandle {
        self.hsm.open_session(self.slot, access).unwrap()
    }

    /// A read-write session in which `user` is logged in.
    pub fn session(&self, user: &str) -> SessionHandle {
        let session = self.open(Access::ReadWrite);
        self.login_as(session, LoginAs::User, &format!("{user}:{USER_PIN}"))
            .unwrap();
        session
    }

    pub fn login_as(&self, session: SessionHandle, user: LoginAs, pin: &str) -> Result<()> {
        self.hsm.login(session, user, None, &secret(pin)).map(drop)
    }

    pub fn create(&self, session: SessionHandle, template: Template) -> Result<ObjectHandle> {
        self.hsm.create(self.request(), session, template)
    }

    pub fn generate(&self, session: SessionHandle, template: Template) -> Result<ObjectHandle> {
        self.hsm.generate(
            self.request(),
            session,
            &mechanism(CKM_AES_KEY_GEN),
            template,
        )
    }

    pub fn destroy(&self, session: SessionHandle, object: ObjectHandle) -> Result<()> {
        self.hsm.destroy(self.request(), session, object)
    }

    pub fn set(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        attributes: Vec<Attribute>,
    ) -> Result<()> {
        self.hsm
            .set_attributes(self.request(), session, object, Template(attributes))
    }

    pub fn find(&self, session: SessionHandle, template: &[Attribute]) -> Vec<ObjectHandle> {
        self.hsm.find_start(session, template).unwrap();
        let mut found = Vec::new();
        loop {
            let page = self.hsm.find_next(session, 10).unwrap();
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        self.hsm.find_end(session).unwrap();
        found
    }

    pub fn attribute(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        kind: AttributeType,
    ) -> Revealed {
        let mut revealed = None;
        let mut tell = |told: Told<'_>| revealed = Some(told.into());
        self.hsm
            .attributes(session, object, &[asked(kind)], &mut tell)
            .unwrap();
        revealed.unwrap()
    }

    pub fn flag_of(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        kind: AttributeType,
    ) -> Option<bool> {
        match self.attribute(session, object, kind) {
            Revealed::Value(Value::Flag(flag)) => Some(flag),
            _ => None,
        }
    }

    /// A key of `mechanism`.
    pub fn make(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        attributes: Vec<Attribute>,
    ) -> Result<ObjectHandle> {
        self.hsm
            .generate(self.request(), session, mechanism, Template(attributes))
    }

    /// The public and the private key of `mechanism`.
    pub fn pair(
        &self,
        session: SessionHandle,
        id: u64,
        public: Vec<Attribute>,
        private: Vec<Attribute>,
    ) -> Result<(ObjectHandle, ObjectHandle)> {
        let (public, private) = (Template(public), Template(private));
        let request = self.request();
        self.hsm
            .generate_pair(request, session, &mechanism(id), public, private)
    }

    pub fn copy(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        attributes: Vec<Attribute>,
    ) -> Result<ObjectHandle> {
        let template = Template(attributes);
        self.hsm.copy(self.request(), session, object, template)
    }

    pub fn wrap(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        wrapping: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>> {
        let mut output = vec![0; 8192];
        let place = Some(output.as_mut_slice());
        let outcome = self
            .hsm
            .wrap(session, mechanism, wrapping, key, None, place)?;
        let Produced::Written(len) = outcome.produced else {
            panic!("8192 bytes are enough");
        };
        output.truncate(len);
        Ok(output)
    }

    pub fn unwrap(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        unwrapping: ObjectHandle,
        wrapped: &[u8],
        attributes: Vec<Attribute>,
    ) -> Result<ObjectHandle> {
        let (request, template) = (self.request(), Template(attributes));
        self.hsm.unwrap(
            request, session, mechanism, unwrapping, wrapped, None, template,
        )
    }

    pub fn derive(
        &self,
        session: SessionHandle,
        mechanism: &Mechanism,
        base: ObjectHandle,
        attributes: Vec<Attribute>,
    ) -> Result<ObjectHandle> {
        let (request, template) = (self.request(), Template(attributes));
        let (key, _) = self
            .hsm
            .derive(request, session, mechanism, base, template, Vec::new())?;
        Ok(key)
    }

    /// The bytes of an attribute, where they are revealed.
    pub fn bytes_of(
        &self,
        session: SessionHandle,
        object: ObjectHandle,
        kind: AttributeType,
    ) -> Option<Vec<u8>> {
        match self.attribute(session, object, kind) {
            Revealed::Value(Value::Bytes(bytes)) => Some(bytes),
            Revealed::Value(Value::Secret(bytes)) => Some(bytes.reveal().to_vec()),
            _ => None,
        }
    }

    /// One block of zeroes under the key.
    pub fn encrypt(&self, session: SessionHandle, key: ObjectHandle) -> Result<Vec<u8>> {
        let operation = token::Operation::Encrypt;
        self.hsm
            .start(session, operation, mechanism(CKM_AES_ECB), Some(key))?;
        let mut output = vec![0; 16];
        self.hsm
            .transform(session, operation, &[0; 16], Some(&mut output))?;
        Ok(output)
    }

    fn initialize(&self) {
        self.hsm
            .initialize_token(self.request(), self.slot, &secret(ADMIN_PIN), "world")
            .unwrap();
        let session = self.open(Access::ReadWrite);
        self.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
            .unwrap();
        self.hsm
            .initialize_pin(self.request(), session, &secret(USER_PIN))
            .unwrap();
        self.hsm.close_session(session).unwrap();
    }
}

/// The reason of a verb that must fail.
pub fn reason<T>(result: Result<T>) -> Reason {
    result
        .map(drop)
        .map_err(|error: Error| error.reason)
        .unwrap_err()
}

pub fn open(home: &std::path::Path) -> Arc<Engine> {
    Engine::open(home, Mode::Embedded, Settings::default()).unwrap()
}

pub fn application(engine: &Arc<Engine>) -> Arc<Application> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut id = [0; 16];
    for (to, from) in id
        .iter_mut()
        .zip(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
    {
        *to = from;
    }
    engine
        .application(
            ApplicationId(id),
            Peer {
                uid: 1000,
                operator: true,
            },
        )
        .unwrap()
}

//! A bench: the service over a token, with a clock and clusters that a test can change. PKCS#11 is
//! initialised once a process, so each test runs itself again in a process of its own.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use aws::{Call, Clock, Principal, Scope, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::token::{self, Token};
use crate::{Cluster, ClusterHsm, Clusters, Kms, ModuleSource, Settings, Unreachable};

/// Set in the process that runs the test.
const TOKEN: &str = "KMS_TEST_TOKEN";

/// kmsuser's password before KMS knows it.
pub(super) const PASSWORD: &str = "kmsPswd";
/// The cluster that the token stands for.
pub(super) const CLUSTER: &str = "cluster-2abcdefghij";
/// A cluster that comes from a backup of it.
pub(super) const RELATED: &str = "cluster-2relatedabc";
/// A cluster of somebody else.
pub(super) const OTHER: &str = "cluster-2otherabcde";

/// Each function becomes a test with a bench of its own.
macro_rules! tests {
    ($(fn $name:ident($bench:ident) $body:block)*) => {
        $(#[test]
        fn $name() {
            let name = concat!(module_path!(), "::", stringify!($name));
            crate::tests::support::isolated(name, |$bench| $body);
        })*
    };
}
pub(super) use tests;

/// Runs `test` in a process of its own, with a token of its own.
pub(super) fn isolated(name: &str, test: impl FnOnce(&Bench)) {
    if std::env::var_os(TOKEN).is_some() {
        let bench = Bench::open();
        test(&bench);
        bench.kms().close();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let environment = token::make(folder.path());
    let name = name.split_once("::").unwrap().1;
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .envs(environment)
        .env(TOKEN, folder.path())
        .output()
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success() && text[0].contains("1 passed"),
        "{}",
        text.concat()
    );
}

/// The service and everything around it.
pub(super) struct Bench {
    pub(super) store: Arc<dyn store::Store>,
    pub(super) clusters: Arc<Facts>,
    pub(super) now: Arc<Time>,
    pub(super) token: Token,
    master: crypto::Secret,
    kms: Mutex<Arc<Kms>>,
}

/// What the clusters are said to be.
pub(super) struct Facts(
    pub(super) Mutex<BTreeMap<String, Cluster>>,
    pub(super) Mutex<Option<Turn>>,
);

/// What changes about the clusters once somebody has asked about one.
pub(super) type Turn = fn(&mut BTreeMap<String, Cluster>);

/// A clock that a test moves.
pub(super) struct Time(pub(super) Mutex<Timestamp>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

impl Clusters for Facts {
    fn cluster(&self, id: &str) -> Result<Option<Cluster>, Unreachable> {
        let mut clusters = self.0.lock();
        let answer = clusters.get(id).cloned();
        if let Some(turn) = self.1.lock().take() {
            turn(&mut clusters);
        }
        Ok(answer)
    }
}

impl Bench {
    fn open() -> Self {
        let token = Token::open();
        let facts = |history: &str, anchor: &str| Cluster {
            active: true,
            hsms: ["a", "b"]
                .map(|zone| ClusterHsm {
                    zone: zone.to_owned(),
                    active: true,
                })
                .into(),
            trust_anchor: Some(anchor.to_owned()),
            backup_history: history.to_owned(),
            token_serial: token.serial.clone(),
        };
        let clusters = BTreeMap::from([
            (CLUSTER.to_owned(), facts("h1", &certificate(1))),
            (RELATED.to_owned(), facts("h1", &certificate(1))),
            (OTHER.to_owned(), facts("h2", &certificate(2))),
        ]);
        let store = store::memory::MemoryStore::new();
        let clusters = Arc::new(Facts(Mutex::new(clusters), Mutex::default()));
        let now = Arc::new(Time(Mutex::new(Timestamp(1_700_000_000_000))));
        let master = crypto::Secret::random(32).unwrap();
        let kms = open(&store, &master, &clusters, &now);
        Self {
            store,
            clusters,
            now,
            token,
            master,
            kms: Mutex::new(kms),
        }
    }

    /// The service.
    pub(super) fn kms(&self) -> Arc<Kms> {
        Arc::clone(&self.kms.lock())
    }

    /// Ends the service and opens it again with the same records.
    pub(super) fn restart(&self) {
        self.kms().close();
        *self.kms.lock() = open(&self.store, &self.master, &self.clusters, &self.now);
    }

    /// The answer of an operation.
    pub(super) fn call(&self, operation: &str, request: Value) -> aws::Result<Value> {
        let row = crate::SERVICE
            .operations
            .iter()
            .find(|row| row.name == operation)
            .unwrap();
        let principal = Principal {
            account: "111122223333".into(),
            arn: "arn:aws:iam::111122223333:user/test".into(),
            id: "AIDATEST".into(),
            user_name: "test".into(),
            access_key_id: "AKIATEST".into(),
        };
        let source = std::net::IpAddr::from([127, 0, 0, 1]);
        let call = Call::new(
            principal,
            scope(),
            "r".into(),
            self.now.now(),
            source,
            "tests".into(),
        );
        let answer = (row.run)(&self.kms(), &call, request.to_string().as_bytes())?;
        Ok(serde_json::from_slice(&answer).unwrap())
    }

    /// The answer of an operation that succeeds.
    pub(super) fn ok(&self, operation: &str, request: Value) -> Value {
        self.call(operation, request)
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Name and message of the error of an operation that fails.
    pub(super) fn error(&self, operation: &str, request: Value) -> String {
        match self.call(operation, request) {
            Ok(answer) => panic!("{operation} succeeded: {answer}"),
            Err(error) => error.to_string(),
        }
    }

    /// Makes the store on [`CLUSTER`]; answers its id.
    pub(super) fn create_store(&self) -> String {
        text(
            &self.ok("CreateCustomKeyStore", store_request()),
            "CustomKeyStoreId",
        )
    }

    /// Makes it and connects it.
    pub(super) fn connected_store(&self) -> String {
        let id = self.create_store();
        self.connect(&id);
        id
    }

    /// Connects a store.
    pub(super) fn connect(&self, id: &str) {
        self.ok("ConnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert_eq!(self.settled(id)["ConnectionState"], "CONNECTED");
    }

    /// Disconnects a store.
    pub(super) fn disconnect(&self, id: &str) {
        self.ok("DisconnectCustomKeyStore", json!({"CustomKeyStoreId": id}));
        assert_eq!(self.settled(id)["ConnectionState"], "DISCONNECTED");
    }

    /// The store's description, once nothing is being done with it.
    pub(super) fn settled(&self, id: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let answer = self.ok("DescribeCustomKeyStores", json!({"CustomKeyStoreId": id}));
            let store = answer["CustomKeyStores"][0].clone();
            if !store["ConnectionState"].as_str().unwrap().ends_with("ING") {
                return store;
            }
            assert!(Instant::now() < deadline, "{store}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes a key in a connected store; answers its ARN.
    pub(super) fn key(&self, store: &str) -> String {
        text(
            &self.ok("CreateKey", key_request(store))["KeyMetadata"],
            "Arn",
        )
    }

    /// The key's metadata.
    pub(super) fn metadata(&self, key: &str) -> Value {
        self.ok("DescribeKey", json!({"KeyId": key}))["KeyMetadata"].clone()
    }

    /// The blob of a message under a key.
    pub(super) fn encrypted(&self, key: &str, message: &str, context: Value) -> String {
        let request =
            json!({"KeyId": key, "Plaintext": base64(message), "EncryptionContext": context});
        text(&self.ok("Encrypt", request), "CiphertextBlob")
    }

    /// Moves the clock.
    pub(super) fn days_pass(&self, days: i64) {
        let mut now = self.now.0.lock();
        *now = now.plus_seconds(days * 86_400);
    }
}

fn open(
    store: &Arc<dyn store::Store>,
    master: &crypto::Secret,
    clusters: &Arc<Facts>,
    now: &Arc<Time>,
) -> Arc<Kms> {
    let opened = Kms::open(Settings {
        store: Arc::clone(store),
        master,
        clusters: clusters.clone(),
        module: ModuleSource::Path(token::module()),
        scope: scope(),
        clock: now.clone(),
    });
    opened.unwrap_or_else(|error| panic!("{error}"))
}

fn scope() -> Scope {
    Scope::new("us-east-1", "111122223333").unwrap()
}

/// A request for the store on [`CLUSTER`].
pub(super) fn store_request() -> Value {
    json!({
        "CustomKeyStoreName": "ExampleKeyStore",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": certificate(1),
        "KeyStorePassword": PASSWORD,
    })
}

/// A request for a key in a store.
pub(super) fn key_request(store: &str) -> Value {
    json!({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store})
}

/// Something that looks like a certificate.
pub(super) fn certificate(number: u8) -> String {
    let der = STANDARD.encode([number; 40]);
    format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
}

/// `request` with other members.
pub(super) fn with(mut request: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// A member that is a text.
pub(super) fn text(value: &Value, member: &str) -> String {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("no {member} in {value}"))
        .to_owned()
}

pub(super) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

pub(super) fn bytes(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

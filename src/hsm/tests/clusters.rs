//! The life of a cluster: made, given HSMs and certificates, activated, deleted; and its slots.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::{fs, process::Command, sync::Arc};

use hsm::{Application, Engine, Peer, Settings};
use support::{ADMIN_PIN, World, reason, secret};
use token::{
    Access, ApplicationId, AuditFilter, AuditPlace, ClusterId, ClusterState, Hsm, HsmId, Mode,
    NewCluster, Operator, Origin, Reason, Request, Role, SlotId,
};

/// A home without clusters, and its operator.
struct Bench {
    operator: Arc<Application>,
    engine: Arc<Engine>,
    home: tempfile::TempDir,
    numbers: std::cell::Cell<u64>,
}

#[test]
fn the_long_way_makes_an_active_cluster_with_certificates_that_openssl_made() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    assert_eq!(bench.state(&cluster), ClusterState::Uninitialized);
    bench.hsm(&cluster, "us-east-1a");
    bench.hsm(&cluster, "us-east-1b");
    let csr = bench.csr(&cluster);
    let (certificate, anchor) = bench.sign(&csr);
    bench
        .operator
        .initialize_cluster(bench.request(), &cluster, &certificate, &anchor)
        .unwrap();
    assert_eq!(bench.state(&cluster), ClusterState::Initialized);
    bench
        .operator
        .activate_cluster(bench.request(), &cluster, &secret(ADMIN_PIN))
        .unwrap();
    let made = bench.operator.cluster(&cluster).unwrap();
    assert_eq!(made.state, ClusterState::Active);
    assert_eq!(made.origin, Origin::ControlPlane);
    assert_eq!(made.certificates.csr, None);
    assert_eq!(
        made.certificates.trust_anchor.as_deref(),
        Some(anchor.as_str())
    );
    assert_eq!(made.backup_history.len(), 32);
    let labels: Vec<String> = bench
        .tokens()
        .into_iter()
        .map(|token| token.label)
        .collect();
    assert_eq!(labels.len(), 3);
    assert_eq!(labels.first().unwrap(), cluster.tail());
}

#[test]
fn openssl_verifies_the_chain_from_the_manufacturer_to_the_hsm() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    bench.hsm(&cluster, "a");
    let papers = bench.operator.cluster(&cluster).unwrap().certificates;
    let file = |name: &str, pem: Option<String>| {
        let path = bench.home.path().join(name);
        fs::write(&path, pem.unwrap()).unwrap();
        path
    };
    let manufacturer = file("manufacturer.crt", papers.manufacturer);
    let hardware = file("hardware.crt", papers.hardware);
    let hsm = file("hsm.crt", papers.hsm);
    let csr = file("cluster.csr", papers.csr);
    let verified = Command::new("openssl")
        .args(["verify", "-check_ss_sig", "-CAfile"])
        .arg(manufacturer)
        .arg("-untrusted")
        .arg(hardware)
        .arg(&hsm)
        .status();
    assert!(verified.unwrap().success());
    // As the guide's page on verifying an HSM's identity has it.
    let key = |kind: &str, path: &std::path::Path| {
        let args = [kind, "-noout", "-pubkey", "-in"];
        Command::new("openssl")
            .args(args)
            .arg(path)
            .output()
            .unwrap()
            .stdout
    };
    assert_eq!(key("x509", &hsm), key("req", &csr));
}

#[test]
fn a_certificate_for_another_key_is_refused() {
    let bench = Bench::new();
    let (cluster, other) = (bench.cluster(), bench.cluster());
    bench.hsm(&cluster, "a");
    bench.hsm(&other, "a");
    let csr = bench
        .operator
        .cluster(&other)
        .unwrap()
        .certificates
        .csr
        .unwrap();
    let (certificate, anchor) = bench.sign(&csr);
    let refused =
        bench
            .operator
            .initialize_cluster(bench.request(), &cluster, &certificate, &anchor);
    assert_eq!(reason(refused), Reason::Certificate);
    assert_eq!(bench.state(&cluster), ClusterState::Uninitialized);
}

#[test]
fn a_certificate_of_another_ca_is_refused() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    bench.hsm(&cluster, "a");
    let csr = bench.csr(&cluster);
    let (certificate, _) = bench.sign(&csr);
    let (_, anchor) = bench.sign(&csr);
    let refused =
        bench
            .operator
            .initialize_cluster(bench.request(), &cluster, &certificate, &anchor);
    assert_eq!(reason(refused), Reason::Certificate);
}

#[test]
fn a_trust_anchor_that_is_no_ca_is_refused() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    bench.hsm(&cluster, "a");
    let csr = bench.csr(&cluster);
    let (certificate, _) = bench.sign(&csr);
    let refused =
        bench
            .operator
            .initialize_cluster(bench.request(), &cluster, &certificate, &certificate);
    assert_eq!(reason(refused), Reason::Certificate);
}

#[test]
fn nonsense_is_no_certificate() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    bench.hsm(&cluster, "a");
    let long = "x".repeat(100_000);
    let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "nonsense", long.as_str(), block] {
        let refused = bench
            .operator
            .initialize_cluster(bench.request(), &cluster, text, text);
        assert_eq!(reason(refused), Reason::Certificate);
    }
}

#[test]
fn the_steps_of_a_clusters_life_have_one_order() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    let early = bench
        .operator
        .initialize_cluster(bench.request(), &cluster, "", "");
    assert_eq!(reason(early), Reason::ClusterState);
    let early = bench
        .operator
        .activate_cluster(bench.request(), &cluster, &secret(ADMIN_PIN));
    assert_eq!(reason(early), Reason::ClusterState);
}

#[test]
fn a_cluster_that_is_not_active_shows_no_token() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    bench.hsm(&cluster, "a");
    let slots = bench.operator.slots().unwrap();
    assert_eq!(slots.len(), 2);
    assert!(slots.iter().all(|slot| !slot.token_present));
    let slot = slots.first().unwrap().id;
    assert_eq!(reason(bench.operator.token(slot)), Reason::TokenNotPresent);
    assert_eq!(
        reason(bench.operator.open_session(slot, Access::ReadOnly)),
        Reason::TokenNotPresent
    );
}

#[test]
fn a_repeated_request_is_answered_as_the_first_time() {
    let bench = Bench::new();
    let request = bench.request();
    let label = NewCluster {
        label: "once".to_owned(),
    };
    let first = bench.operator.create_cluster(request, &label).unwrap();
    assert_eq!(
        bench.operator.create_cluster(request, &label).unwrap(),
        first
    );
    let request = bench.request();
    let hsm = bench.operator.create_hsm(request, &first, "a").unwrap();
    assert_eq!(
        bench.operator.create_hsm(request, &first, "a").unwrap(),
        hsm
    );
    let request = bench.request();
    bench.operator.delete_hsm(request, &first, &hsm).unwrap();
    bench.operator.delete_hsm(request, &first, &hsm).unwrap();
    let request = bench.request();
    bench.operator.delete_cluster(request, &first).unwrap();
    bench.operator.delete_cluster(request, &first).unwrap();
    assert!(bench.operator.clusters().unwrap().is_empty());
}

#[test]
fn a_cluster_with_hsms_is_not_deleted() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    let hsm = bench.hsm(&cluster, "a");
    let refused = bench.operator.delete_cluster(bench.request(), &cluster);
    assert_eq!(reason(refused), Reason::ClusterState);
    bench
        .operator
        .delete_hsm(bench.request(), &cluster, &hsm)
        .unwrap();
    bench
        .operator
        .delete_cluster(bench.request(), &cluster)
        .unwrap();
    assert_eq!(reason(bench.operator.cluster(&cluster)), Reason::NotFound);
    assert!(
        !bench
            .home
            .path()
            .join("clusters")
            .join(cluster.as_str())
            .exists()
    );
}

#[test]
fn a_slot_that_a_deleted_cluster_had_is_nobody_elses() {
    let bench = Bench::new();
    let before = bench.slot_ids();
    let cluster = bench.cluster();
    let of_cluster = bench.slot_ids();
    bench
        .operator
        .delete_cluster(bench.request(), &cluster)
        .unwrap();
    assert_eq!(bench.slot_ids(), before);
    bench.cluster();
    assert!(
        bench
            .slot_ids()
            .iter()
            .all(|slot| !of_cluster.contains(slot))
    );
}

#[test]
fn a_deleted_clusters_database_is_closed() {
    let bench = Bench::new();
    let cluster = bench.cluster();
    let hsm = bench.hsm(&cluster, "zone-1");
    bench
        .operator
        .delete_hsm(bench.request(), &cluster, &hsm)
        .unwrap();
    bench
        .operator
        .delete_cluster(bench.request(), &cluster)
        .unwrap();
    let open_in_it = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter(|file| file.to_string_lossy().contains(cluster.as_str()));
    assert_eq!(open_in_it.count(), 0);
}

#[test]
fn a_deleted_hsm_is_gone_from_its_open_sessions_and_the_cluster_goes_on() {
    let world = World::new();
    let app = world.app();
    let cluster = app.hsm.clusters().unwrap().remove(0);
    let slots = app.hsm.slots().unwrap();
    let second = slots.get(1).unwrap().id;
    let on_hsm = app.hsm.open_session(second, Access::ReadOnly).unwrap();
    let on_cluster = app.open(Access::ReadOnly);
    let hsm = &cluster.hsms.first().unwrap().id;
    app.hsm.delete_hsm(app.request(), &cluster.id, hsm).unwrap();
    assert_eq!(
        reason(app.hsm.random(on_hsm, &mut [0; 4])),
        Reason::DeviceRemoved
    );
    app.hsm.random(on_cluster, &mut [0; 4]).unwrap();
    assert_eq!(app.hsm.slots().unwrap().len(), 2);
}

#[test]
fn without_any_hsm_the_cluster_slot_answers_that_it_is_removed_until_there_is_one_again() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadOnly);
    let cluster = app.hsm.clusters().unwrap().remove(0);
    for hsm in &cluster.hsms {
        app.hsm
            .delete_hsm(app.request(), &cluster.id, &hsm.id)
            .unwrap();
    }
    assert_eq!(
        reason(app.hsm.random(session, &mut [0; 4])),
        Reason::DeviceRemoved
    );
    app.hsm.create_hsm(app.request(), &cluster.id, "c").unwrap();
    app.hsm.random(session, &mut [0; 4]).unwrap();
}

#[test]
fn only_an_operator_says_the_verbs_of_an_operator() {
    let bench = Bench::new();
    let other = application(&bench.engine, false);
    let cluster = bench.cluster();
    assert_eq!(reason(other.clusters()), Reason::NotPermitted);
    assert_eq!(
        reason(other.delete_cluster(bench.request(), &cluster)),
        Reason::NotPermitted
    );
    assert_eq!(reason(other.verify_audit(&cluster)), Reason::NotPermitted);
    let (place, filter) = (AuditPlace::BEGINNING, AuditFilter::default());
    let listed = other.audit_records(&cluster, &place, &filter);
    assert_eq!(reason(listed), Reason::NotPermitted);
    let unlocked = other.unlock_user(bench.request(), &cluster, "admin", Role::Admin);
    assert_eq!(reason(unlocked), Reason::NotPermitted);
}

#[test]
fn every_change_is_in_the_audit_chain() {
    let world = World::new();
    let app = world.app();
    let cluster = app.hsm.clusters().unwrap().remove(0).id;
    let before = app.hsm.verify_audit(&cluster).unwrap();
    assert_eq!(before.broken_at, None);
    let session = app.session("example");
    app.generate(session, support::token_key(vec![])).unwrap();
    app.hsm.logout(session).unwrap();
    let after = app.hsm.verify_audit(&cluster).unwrap();
    // Logged in, generated, logged out.
    assert_eq!(after.records, before.records + 3);
    assert_eq!(after.broken_at, None);
    assert_ne!(after.head, before.head);
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::open(home.path(), Mode::Embedded, Settings::default()).unwrap();
        let operator = application(&engine, true);
        Self {
            operator,
            engine,
            home,
            numbers: std::cell::Cell::new(1),
        }
    }

    fn request(&self) -> Request {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        Request {
            number,
            settled: number,
        }
    }

    fn cluster(&self) -> ClusterId {
        let cluster = NewCluster {
            label: String::new(),
        };
        self.operator
            .create_cluster(self.request(), &cluster)
            .unwrap()
    }

    fn csr(&self, cluster: &ClusterId) -> String {
        let found = self.operator.cluster(cluster).unwrap();
        found.certificates.csr.unwrap()
    }

    fn hsm(&self, cluster: &ClusterId, zone: &str) -> HsmId {
        self.operator
            .create_hsm(self.request(), cluster, zone)
            .unwrap()
    }

    fn state(&self, cluster: &ClusterId) -> ClusterState {
        self.operator.cluster(cluster).unwrap().state
    }

    fn tokens(&self) -> Vec<token::Token> {
        self.slot_ids()
            .into_iter()
            .map(|slot| self.operator.token(slot).unwrap())
            .collect()
    }

    fn slot_ids(&self) -> Vec<SlotId> {
        self.operator
            .slots()
            .unwrap()
            .iter()
            .map(|slot| slot.id)
            .collect()
    }

    /// The commands of CloudHSM's guide, initialize-cluster.
    fn sign(&self, csr: &str) -> (String, String) {
        let folder = tempfile::tempdir_in(self.home.path()).unwrap();
        fs::write(folder.path().join("ClusterCsr.csr"), csr).unwrap();
        let openssl = |line: &str| {
            let output = Command::new("openssl")
                .args(line.split_whitespace())
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        openssl("genrsa -out customerCA.key 2048");
        openssl("req -new -x509 -days 3652 -key customerCA.key -subj /CN=ours -out customerCA.crt");
        openssl(
            "x509 -req -days 3652 -in ClusterCsr.csr -CA customerCA.crt -CAkey customerCA.key \
             -CAcreateserial -out CustomerHsmCertificate.crt",
        );
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        (read("CustomerHsmCertificate.crt"), read("customerCA.crt"))
    }
}

fn application(engine: &Arc<Engine>, operator: bool) -> Arc<Application> {
    let peer = Peer {
        uid: 1000,
        operator,
    };
    engine
        .application(ApplicationId([u8::from(operator); 16]), peer)
        .unwrap()
}

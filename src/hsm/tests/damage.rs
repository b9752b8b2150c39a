//! Databases that a disk or a hand has changed: a clear error that names the remedy, never a panic.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use hsm::{Application, Engine, Peer, Settings};
use store::{Batch, sled::SledStore};
use support::{ADMIN_PIN, secret};
use token::{
    Access, ApplicationId, Error, Hsm, LoginAs, Mode, NewCluster, Operator, Reason, Request, Result,
};

/// A closed home with one active cluster.
struct Closed {
    home: tempfile::TempDir,
    epoch: PathBuf,
}

#[test]
fn a_flipped_bit_in_any_record_of_a_cluster_is_noticed_and_the_remedy_named() {
    let closed = Closed::new();
    for keyspace in [b'c', b'm', b'h', b'u'] {
        let undo = closed.change(&closed.epoch, keyspace, |value| {
            let mut changed = value.to_vec();
            *changed.last_mut().unwrap() ^= 1;
            Some(changed)
        });
        let error = closed.used().map(drop).unwrap_err();
        assert_eq!(
            error.reason,
            Reason::StoreDamaged,
            "{}",
            char::from(keyspace)
        );
        assert!(error.to_string().contains("backup"), "{error}");
        closed.write(&closed.epoch, undo);
    }
    closed.used().unwrap();
}

#[test]
fn a_record_that_the_disk_lost_is_missed() {
    for keyspace in [b'c', b'm', b'h', b'u'] {
        let closed = Closed::new();
        closed.lose(keyspace);
        let error = closed.used().map(drop).unwrap_err();
        assert_eq!(
            error.reason,
            Reason::StoreDamaged,
            "{}: {error}",
            char::from(keyspace)
        );
    }
}

#[test]
fn an_altered_entry_of_the_audit_chain_is_found() {
    let closed = Closed::new();
    closed.raw(|tree| {
        let key = [b"l".as_slice(), &2_u64.to_be_bytes()].concat();
        let mut entry = tree.get(&key).unwrap().unwrap().to_vec();
        *entry.last_mut().unwrap() ^= 1;
        tree.insert(key, entry).unwrap();
    });
    let engine = open(closed.home.path()).unwrap();
    let app = application(&engine);
    let cluster = app.clusters().unwrap().remove(0).id;
    assert_eq!(app.verify_audit(&cluster).unwrap().broken_at, Some(2));
}

#[test]
fn a_tail_that_was_cut_off_the_audit_chain_is_missed() {
    let closed = Closed::new();
    closed.raw(|tree| {
        let (last, _) = tree.scan_prefix(b"l").last().unwrap().unwrap();
        tree.remove(last).unwrap();
    });
    assert_eq!(
        closed.used().map(drop).unwrap_err().reason,
        Reason::StoreDamaged
    );
}

#[test]
fn a_record_in_another_records_place_is_noticed() {
    let closed = Closed::new();
    let hsms = {
        let store = SledStore::open(&closed.epoch).unwrap();
        store.scan(b"h", None, 10).unwrap()
    };
    let swapped = vec![
        (hsms[0].0.clone(), hsms[1].1.clone()),
        (hsms[1].0.clone(), hsms[0].1.clone()),
    ];
    closed.write(&closed.epoch, swapped);
    assert_eq!(
        closed.used().map(drop).unwrap_err().reason,
        Reason::StoreDamaged
    );
}

#[test]
fn a_flipped_bit_in_the_registry_is_noticed() {
    let closed = Closed::new();
    let registry = closed.home.path().join("home");
    for keyspace in [b'c', b's', b'm'] {
        let undo = closed.change(&registry, keyspace, |value| {
            let mut changed = value.to_vec();
            *changed.last_mut().unwrap() ^= 1;
            Some(changed)
        });
        let error = open(closed.home.path()).map(drop).unwrap_err();
        assert_eq!(
            error.reason,
            Reason::StoreDamaged,
            "{}",
            char::from(keyspace)
        );
        closed.write(&registry, undo);
    }
    closed.used().unwrap();
}

#[test]
fn an_archived_chain_that_the_registry_lost_is_missed() {
    let home = tempfile::tempdir().unwrap();
    let engine = open(home.path()).unwrap();
    let app = application(&engine);
    let label = String::new();
    let cluster = app.create_cluster(request(1), &NewCluster { label });
    app.delete_cluster(request(2), &cluster.unwrap()).unwrap();
    drop(app);
    engine.close().unwrap();
    drop(engine);
    raw(&home.path().join("home"), |tree| {
        let (key, _) = tree.scan_prefix(b"da").next().unwrap().unwrap();
        tree.remove(key).unwrap();
    });
    let error = open(home.path()).map(drop).unwrap_err();
    assert_eq!(error.reason, Reason::StoreDamaged, "{error}");
}

#[test]
fn a_damaged_cluster_does_not_keep_the_others_from_working() {
    let closed = Closed::new();
    let other = {
        let engine = open(closed.home.path()).unwrap();
        let label = NewCluster {
            label: "other".to_owned(),
        };
        let id = application(&engine)
            .create_cluster(request(1), &label)
            .unwrap();
        engine.close().unwrap();
        id
    };
    closed.change(&closed.epoch, b'c', |_| Some(vec![1; 60]));
    let engine = open(closed.home.path()).unwrap();
    let app = application(&engine);
    assert_eq!(app.cluster(&other).unwrap().label, "other");
    app.create_hsm(request(2), &other, "a").unwrap();
    let slot = app.slots().unwrap().first().unwrap().id;
    let refused = app.open_session(slot, Access::ReadOnly);
    assert_eq!(support::reason(refused), Reason::StoreDamaged);
}

#[test]
fn files_full_of_rubbish_are_an_error_and_no_panic() {
    let closed = Closed::new();
    for entry in fs::read_dir(closed.home.path().join("home")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let len = usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
            fs::write(&path, vec![0xA5; len]).unwrap();
        }
    }
    let error = open(closed.home.path()).map(drop).unwrap_err();
    let expected = [Reason::StoreDamaged, Reason::StoreFailed];
    assert!(expected.contains(&error.reason), "{error}");
}

impl Closed {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let id = {
            let engine = open(home.path()).unwrap();
            let app = application(&engine);
            let slot = app.slots().unwrap().first().unwrap().id;
            app.initialize_token(request(1), slot, &secret(ADMIN_PIN), "damaged")
                .unwrap();
            let id = app.clusters().unwrap().remove(0).id;
            engine.close().unwrap();
            id
        };
        let epoch = home.path().join("clusters").join(id.as_str()).join("0");
        Self { home, epoch }
    }

    /// Changes the first record of a keyspace, and answers what undoes it.
    fn change(
        &self,
        folder: &Path,
        keyspace: u8,
        change: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let store = SledStore::open(folder).unwrap();
        let (key, value) = store.scan(&[keyspace], None, 1).unwrap().remove(0);
        let batch = Batch {
            write: vec![(key.clone(), change(&value))],
            ..Batch::default()
        };
        store.commit(None, batch).unwrap();
        vec![(key, value)]
    }

    /// Takes the first record of a keyspace away as a damaged disk would: the count stays.
    fn lose(&self, keyspace: u8) {
        self.raw(|tree| {
            let (key, _) = tree.scan_prefix([b'd', keyspace]).next().unwrap().unwrap();
            tree.remove(key).unwrap();
        });
    }

    /// The database of the cluster.
    fn raw(&self, change: impl FnOnce(&sled::Tree)) {
        raw(&self.epoch, change);
    }

    fn write(&self, folder: &Path, records: Vec<(Vec<u8>, Vec<u8>)>) {
        let store = SledStore::open(folder).unwrap();
        let write = records
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect();
        store
            .commit(
                None,
                Batch {
                    write,
                    ..Batch::default()
                },
            )
            .unwrap();
    }

    /// Opens the home and logs the admin in.
    fn used(&self) -> Result<()> {
        let engine = open(self.home.path())?;
        let app = application(&engine);
        let used = (|| {
            let slot = app.slots()?.first().unwrap().id;
            let session = app.open_session(slot, Access::ReadWrite)?;
            app.login(session, LoginAs::SecurityOfficer, None, &secret(ADMIN_PIN))?;
            Ok::<(), Error>(())
        })();
        engine.close().unwrap();
        used
    }
}

/// A database below the store, as docs/storage-format.md has it.
fn raw(folder: &Path, change: impl FnOnce(&sled::Tree)) {
    // The threads of the store that was just closed may still hold the file.
    let config = sled::Config::new().path(folder).segment_size(4 << 20);
    let opened = (0..3000).find_map(|_| {
        config.open().ok().or_else(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            None
        })
    });
    let database = opened.unwrap();
    change(&database.open_tree("strongroom").unwrap());
    database.flush().unwrap();
}

fn open(home: &Path) -> Result<Arc<Engine>> {
    Engine::open(home, Mode::Embedded, Settings::default())
}

fn application(engine: &Arc<Engine>) -> Arc<Application> {
    engine
        .application(
            ApplicationId([1; 16]),
            Peer {
                uid: 1000,
                operator: true,
            },
        )
        .unwrap()
}

fn request(number: u64) -> Request {
    Request {
        number,
        settled: number,
    }
}

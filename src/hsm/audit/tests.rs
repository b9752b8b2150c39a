//! What the chain says of keys whose material moves: who moved it, and which key it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests say what they expect"
)]

use std::{cell::Cell, sync::Arc};

use crypto::Secret;
use store::{
    Error, Head, RECORD_BYTES, Store,
    fault::{CommitFault, FaultStore},
    memory::MemoryStore,
    sled::SledStore,
};
use token::{
    Access, ApplicationId, Asked, AttributeType as A, AuditDetail, AuditFilter, AuditPlace,
    ClusterId, HkdfSalt, Hsm, LoginAs, MechanismId, NewCluster, ObjectHandle, Operation, Operator,
    Origin, Parameters, Reason, Revealed, Role, SessionHandle, Template, Told, Uses, limits,
};

use super::{
    Entry, Event,
    archive::{self, Archive},
    chain::{self, Chain, Entries},
};
use crate::{
    cluster::{self, Caller, Cluster, new_id},
    engine::{Engine, Settings},
    registry::Registry,
    sealing,
    test_support::{
        ADMIN_PIN, App, CKM_AES_ECB, CKM_AES_KEY_GEN, USER_PIN, World, flag, mechanism, number,
        reason, secret, token_key, with,
    },
};

const CKM_AES_KEY_WRAP: u64 = 0x2109;
const CKM_HKDF_DERIVE: u64 = 0x402a;
const CKM_SHA256: u64 = 0x250;
const CKM_GENERIC_SECRET_KEY_GEN: u64 = 0x350;

/// The entries of the only cluster's chain, from `first` on.
fn entries(engine: &Engine, first: usize) -> Vec<Entry> {
    let clusters = engine.open_clusters();
    let cluster = &clusters[0];
    let log = cluster.records().store().log(0, usize::MAX).unwrap();
    let opened = log.into_iter().skip(first).map(|(_, entry)| {
        let entry = sealing::open_entry(cluster.sealing().audit_key(), &entry).unwrap();
        sealing::decode::<Entry>(&entry).unwrap()
    });
    opened.collect()
}

/// What `work` adds to the chain, each as the user `user` did it.
fn events(world: &World, work: impl FnOnce()) -> Vec<Event> {
    let before = entries(&world.engine, 0).len();
    work();
    let added = entries(&world.engine, before).into_iter();
    let event = |entry: Entry| {
        assert_eq!(entry.user.unwrap().1, "user");
        assert_eq!(entry.uid, 1000);
        entry.event
    };
    added.map(event).collect()
}

fn exported(app: &App, session: SessionHandle) -> ObjectHandle {
    let open = vec![
        flag(A::EXTRACTABLE, true),
        flag(A::SENSITIVE, false),
        flag(A::DERIVE, true),
        number(A::VALUE_LEN, 32),
        flag(A::TOKEN, true),
    ];
    app.make(session, &mechanism(CKM_GENERIC_SECRET_KEY_GEN), open)
        .unwrap()
}

fn wrapping(app: &App, session: SessionHandle) -> ObjectHandle {
    let Template(mut wrapping) = token_key(vec![]);
    wrapping.push(flag(A::TOKEN, false));
    wrapping.remove(0);
    app.generate(session, Template(wrapping)).unwrap()
}

#[test]
fn a_token_key_that_leaves_by_way_of_a_copy_in_the_session_is_named_at_each_step() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (key, wrapping) = (exported(&app, session), wrapping(&app, session));
    let mut copy = ObjectHandle(0);
    let in_session = || vec![flag(A::TOKEN, false)];
    let original = key.0;
    let copied = Event::ObjectCopied {
        reference: 0,
        original,
    };
    let added = events(&world, || {
        let first = app.copy(session, key, in_session()).unwrap();
        copy = app.copy(session, first, in_session()).unwrap();
    });
    assert_eq!(added, [copied.clone(), copied]);
    let added = events(&world, || {
        app.wrap(session, &mechanism(CKM_AES_KEY_WRAP), wrapping, copy)
            .unwrap();
        app.bytes_of(session, copy, A::VALUE).unwrap();
    });
    let left = Event::KeyWrapped {
        reference: original,
        wrapping: 0,
        mechanism: CKM_AES_KEY_WRAP,
    };
    let read = Event::KeyRevealed {
        reference: original,
    };
    assert_eq!(added, [left, read]);
}

#[test]
fn every_use_of_a_key_is_in_the_chain_where_the_configuration_asks_for_all() {
    let world = World::with(Settings {
        uses: Uses::All,
        ..Settings::default()
    });
    let app = world.app();
    let session = app.session("user");
    let key = app.generate(session, token_key(vec![])).unwrap();
    let mechanism = CKM_AES_ECB;
    let used = |reference| Event::KeyUsed {
        reference,
        operation: Operation::Encrypt,
        mechanism,
    };
    let mut in_session = ObjectHandle(0);
    let added = events(&world, || {
        app.encrypt(session, key).unwrap();
        app.encrypt(session, key).unwrap();
        in_session = wrapping(&app, session);
        app.encrypt(session, in_session).unwrap();
    });
    let made = Event::ObjectGenerated {
        reference: 0,
        mechanism: CKM_AES_KEY_GEN,
    };
    assert_eq!(added, [used(key.0), used(key.0), made, used(0)]);
    // An Init that fails is no use.
    let none = events(&world, || {
        let missing = app.encrypt(session, ObjectHandle(1 << 20));
        assert!(missing.is_err());
    });
    assert!(none.is_empty());
}

#[test]
fn no_use_of_a_key_is_in_the_chain_where_nobody_asks_for_it() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app.generate(session, token_key(vec![])).unwrap();
    let added = events(&world, || {
        app.encrypt(session, key).unwrap();
        wrapping(&app, session);
    });
    assert!(added.is_empty());
}

#[test]
fn who_asks_how_long_a_key_is_has_not_read_it() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = exported(&app, session);
    let told = |room| {
        let (mut told, kind) = (None, A::VALUE);
        let mut tell = |value: Told<'_>| told = Some(Revealed::from(value));
        app.hsm
            .attributes(session, key, &[Asked { kind, room }], &mut tell)
            .unwrap();
        told.unwrap()
    };
    let added = events(&world, || {
        for room in [0, 31] {
            assert!(matches!(told(room), Revealed::Length(32)));
        }
    });
    assert!(added.is_empty());
    let added = events(&world, || {
        assert!(matches!(told(32), Revealed::Value(_)));
    });
    assert_eq!(added, [Event::KeyRevealed { reference: key.0 }]);
}

#[test]
fn a_session_key_that_is_wrapped_is_in_the_chain() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (key, other) = (wrapping(&app, session), wrapping(&app, session));
    let added = events(&world, || {
        let open = vec![flag(A::EXTRACTABLE, true), number(A::VALUE_LEN, 16)];
        let open = app.generate(session, Template(open)).unwrap();
        app.wrap(session, &mechanism(CKM_AES_KEY_WRAP), key, open)
            .unwrap();
        let closed = app.wrap(session, &mechanism(CKM_AES_KEY_WRAP), key, other);
        assert!(closed.is_err());
    });
    let left = Event::KeyWrapped {
        reference: 0,
        wrapping: 0,
        mechanism: CKM_AES_KEY_WRAP,
    };
    assert_eq!(added, [left]);
}

// No approved derivation tells of its base.
#[cfg(not(feature = "fips"))]
#[test]
fn a_derivation_that_tells_of_a_token_key_is_a_copy_of_it() {
    const CKM_CONCATENATE_BASE_AND_DATA: u64 = 0x362;
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = exported(&app, session);
    let longer = with(CKM_CONCATENATE_BASE_AND_DATA, Parameters::Data(vec![1]));
    let added = events(&world, || {
        let derived = app.derive(session, &longer, key, vec![flag(A::EXTRACTABLE, true)]);
        app.bytes_of(session, derived.unwrap(), A::VALUE).unwrap();
    });
    let derived = Event::KeyDerived {
        reference: 0,
        bases: vec![key.0],
        mechanism: CKM_CONCATENATE_BASE_AND_DATA,
    };
    assert_eq!(added, [derived, Event::KeyRevealed { reference: key.0 }]);
}

#[test]
fn only_damage_ends_the_copy_of_a_deleted_clusters_chain() {
    let world = World::new();
    let store = FaultStore::new(MemoryStore::new());
    let caller = Caller::new(ApplicationId([1; 16]), 1000);
    let key = || Secret::from([7; 32].as_slice());
    let all: Arc<dyn Store> = store.clone();
    cluster::found(Arc::clone(&all), &key(), &caller, "gone", None).unwrap();
    let id = ClusterId::parse(&new_id(ClusterId::PREFIX).unwrap()).unwrap();
    let around = world.engine.surroundings.clone();
    let cluster = Cluster::open(all, key(), &id, Origin::ControlPlane, 0, around).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let written = || archive::write(&cluster, &caller, &path, Vec::new());

    store.fail_read(0, Error::Failed("no descriptors".to_owned()));
    let error = written().map(drop).unwrap_err();
    assert_eq!(error.reason, Reason::StoreFailed);
    assert!(!path.exists());

    let verify = || {
        let archived = written().unwrap();
        let key = cluster.sealing().audit_key();
        let (path, archived) = (&path, &archived);
        chain::verify(&Archive {
            path,
            archived,
            key,
        })
        .unwrap()
    };
    store.fail_read(0, Error::Damaged("entry 0".to_owned()));
    assert!(verify().broken_at.is_some());
    assert_eq!(verify().broken_at, None);
}

/// The world with a registry that fails as it is told to.
fn with_faults(world: &mut World) -> Arc<FaultStore> {
    let key = world.engine.home.key().unwrap();
    let engine = Arc::get_mut(&mut world.engine).unwrap();
    let none = Registry::open(MemoryStore::new(), &key, false).unwrap();
    drop(std::mem::replace(&mut engine.registry, none));
    let store = FaultStore::new(SledStore::open(&engine.home.registry()).unwrap());
    engine.registry = Registry::open(store.clone(), &key, true).unwrap();
    store
}

#[test]
fn the_epoch_that_the_registry_names_is_there_whatever_became_of_the_answer() {
    let lost = || Error::Failed("fsync".to_owned());
    for (fault, label) in [
        (CommitFault::Refused(lost()), "world"),
        (CommitFault::AnswerLost(lost()), "anew"),
    ] {
        let mut world = World::without_key_store().reopened();
        let store = with_faults(&mut world);
        let app = world.app();
        let again = |label: &str| {
            app.hsm
                .initialize_token(app.request(), world.slot, &secret(ADMIN_PIN), label)
        };
        store.fail_commit(0, fault);
        assert_eq!(reason(again("anew")), Reason::StoreFailed);
        // Until then neither is used, and no later try takes anything away.
        let session = app.hsm.open_session(world.slot, Access::ReadWrite);
        assert_eq!(reason(session), Reason::StoreFailed);
        assert_eq!(reason(again("third")), Reason::StoreFailed);
        let other = NewCluster {
            label: "other".to_owned(),
        };
        let other = app.hsm.create_cluster(app.request(), &other);
        assert_eq!(reason(other), Reason::StoreFailed);
        app.hsm.end().unwrap();
        drop((app, store));

        let world = world.reopened();
        let app = world.app();
        let cluster = app.hsm.clusters().unwrap().remove(0);
        assert_eq!(cluster.label, label);
        assert_eq!(app.hsm.verify_audit(&cluster.id).unwrap().broken_at, None);
    }
}

#[test]
fn a_cluster_whose_deletion_is_in_doubt_is_not_used_before_the_next_start() {
    let lost = || Error::Failed("fsync".to_owned());
    for (fault, deleted) in [
        (CommitFault::Refused(lost()), false),
        (CommitFault::AnswerLost(lost()), true),
        (CommitFault::Refused(Error::Full), false),
    ] {
        let full = matches!(fault, CommitFault::Refused(Error::Full));
        let mut world = World::without_key_store().reopened();
        let store = with_faults(&mut world);
        let app = world.app();
        let cluster = app.hsm.clusters().unwrap().remove(0);
        for hsm in &cluster.hsms {
            let request = app.request();
            app.hsm.delete_hsm(request, &cluster.id, &hsm.id).unwrap();
        }
        store.fail_commit(0, fault);
        let delete = app.hsm.delete_cluster(app.request(), &cluster.id);
        let used = app.hsm.create_hsm(app.request(), &cluster.id, "zone");
        if full {
            // Nothing was written, and that is known.
            assert_eq!(reason(delete), Reason::StoreFull);
            used.unwrap();
        } else {
            assert_eq!(reason(delete), Reason::StoreFailed);
            assert_eq!(reason(used), Reason::StoreFailed);
        }
        app.hsm.end().unwrap();
        drop((app, store));

        let world = world.reopened();
        let clusters = world.app().hsm.clusters().unwrap();
        assert_eq!(clusters.is_empty(), deleted);
    }
}

#[test]
fn a_key_that_is_derived_from_two_token_keys_names_both() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (one, other) = (exported(&app, session), exported(&app, session));
    let salted = Parameters::Hkdf {
        extract: true,
        expand: true,
        hash: MechanismId(CKM_SHA256),
        salt: HkdfSalt::Key(other),
        info: vec![],
    };
    let both = with(CKM_HKDF_DERIVE, salted);
    let kept = vec![flag(A::TOKEN, true), number(A::VALUE_LEN, 32)];
    let made = Cell::new(0);
    let added = events(&world, || {
        made.set(app.derive(session, &both, one, kept).unwrap().0);
    });
    let derived = Event::KeyDerived {
        reference: made.get(),
        bases: vec![one.0, other.0],
        mechanism: CKM_HKDF_DERIVE,
    };
    assert_eq!(added, [derived]);
}

#[test]
fn what_a_pin_has_before_its_colon_is_in_the_chain_only_if_it_is_a_users_name() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    let refused = |user, pin: &str| {
        let before = entries(&world.engine, 0).len();
        let error = app.login_as(session, user, pin).unwrap_err();
        assert!(!format!("{error}").contains("hunter2"), "{error}");
        entries(&world.engine, before).remove(0).event
    };
    let event = |name: &str, role| Event::LoginRefused {
        name: name.to_owned(),
        role,
        locked: false,
    };
    let cases = [
        (LoginAs::User, "hunter2:x", "", Role::CryptoUser),
        (LoginAs::SecurityOfficer, "hunter2:x", "", Role::Admin),
        (LoginAs::User, "example:wrong", "example", Role::CryptoUser),
        (LoginAs::User, "Example:wrong", "example", Role::CryptoUser),
    ];
    for (user, pin, name, role) in cases {
        assert_eq!(refused(user, pin), event(name, role), "{pin}");
    }
    let told = |unknown: &str| event(unknown, Role::Admin).told().1.remove(0);
    assert_eq!(told(""), ("unknown", AuditDetail::Flag(true)));
    let text = AuditDetail::Text("example".to_owned());
    assert_eq!(told("example"), ("name", text));
}

#[test]
fn tries_on_a_user_are_listed_however_its_name_is_written() {
    let world = World::new();
    let app = world.app();
    let session = app.open(Access::ReadWrite);
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let pin = secret(USER_PIN);
    app.hsm
        .create_user(app.request(), session, "Carol", Role::CryptoUser, &pin)
        .unwrap();
    app.hsm.logout(session).unwrap();
    let wrong = app.login_as(session, LoginAs::User, "Carol:wrong");
    assert_eq!(reason(wrong), Reason::PinIncorrect);
    let cluster = app.hsm.clusters().unwrap().remove(0).id;
    let listed = |user: &str| {
        let filter = AuditFilter {
            user: Some(user.to_owned()),
            ..AuditFilter::default()
        };
        let page = app
            .hsm
            .audit_records(&cluster, &AuditPlace::BEGINNING, &filter);
        let events = page.unwrap().records.into_iter();
        events.map(|record| record.event).collect::<Vec<_>>()
    };
    for name in ["Carol", "carol", "CAROL"] {
        assert_eq!(listed(name), ["user-created", "login-refused"], "{name}");
    }
    assert!(listed("caro").is_empty());
}

/// A chain that notes how many entries are read at a time.
struct Noting<'a> {
    chain: &'a Cluster,
    most: Cell<usize>,
}

impl Chain for Noting<'_> {
    fn key(&self) -> &Secret {
        Chain::key(self.chain)
    }

    fn entries(&self, place: &AuditPlace, limit: usize) -> token::Result<Option<Entries>> {
        self.most.set(self.most.get().max(limit));
        Chain::entries(self.chain, place, limit)
    }

    fn end(&self) -> token::Result<Head> {
        Chain::end(self.chain)
    }
}

#[test]
fn a_walk_reads_no_more_at_a_time_than_a_page_may_have() {
    let world = World::new();
    let clusters = world.engine.open_clusters();
    let chain = Noting {
        chain: &clusters[0],
        most: Cell::new(0),
    };
    assert_eq!(chain::verify(&chain).unwrap().broken_at, None);
    assert!((1..=limits::AUDIT_BYTES).contains(&((chain.most.get() * RECORD_BYTES) as u64)));
}

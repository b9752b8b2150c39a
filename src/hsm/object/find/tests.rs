//! What a search costs: counted in store reads, never timed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crypto::Secret;
use store::{Batch, CommitId, Committed, Head, Store, memory::MemoryStore};
use token::{
    ApplicationId, Attribute, ClusterId, LoginState, ObjectHandle, Origin, Template, Value,
};

use super::*;
use crate::{
    audit::Event,
    cluster::{Caller, Gate, Surroundings, found},
    object::{Answer, BuiltIn, Maker, Profile, created},
    turns::Turns,
};

/// A store that counts the records that were read from it.
struct Counting {
    inner: Arc<dyn Store>,
    records: AtomicUsize,
}

impl Store for Counting {
    fn get(&self, key: &[u8]) -> store::Result<Option<Vec<u8>>> {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.inner.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> store::Result<Vec<store::Record>> {
        let found = self.inner.scan(prefix, after, limit)?;
        self.records.fetch_add(found.len(), Ordering::Relaxed);
        Ok(found)
    }

    fn count(&self, keyspace: u8) -> store::Result<u64> {
        self.inner.count(keyspace)
    }

    fn found(&self, keyspace: u8) -> store::Result<u64> {
        self.inner.found(keyspace)
    }

    fn commit(&self, id: Option<CommitId>, batch: Batch) -> store::Result<Committed> {
        self.inner.commit(id, batch)
    }

    fn answered(&self, id: CommitId) -> store::Result<Option<Vec<u8>>> {
        self.inner.answered(id)
    }

    fn applications(&self) -> store::Result<Vec<[u8; 16]>> {
        self.inner.applications()
    }

    fn log_head(&self) -> store::Result<Head> {
        self.inner.log_head()
    }

    fn log(&self, first: u64, limit: usize) -> store::Result<Vec<([u8; 32], Vec<u8>)>> {
        self.inner.log(first, limit)
    }
}

struct World {
    cluster: Arc<Cluster>,
    store: Arc<Counting>,
    caller: Caller,
}

impl World {
    fn new() -> Self {
        let caller = Caller::new(ApplicationId([1; 16]), 0);
        let store = Arc::new(Counting {
            inner: MemoryStore::new(),
            records: AtomicUsize::new(0),
        });
        let key = Secret::random(32).unwrap();
        found(store.clone(), &key, &caller, "test", None).unwrap();
        let id = ClusterId::parse("cluster-abcdefghijk").unwrap();
        let gate = Arc::new(Gate::new(Arc::new(Turns::of_all_processors())));
        let surroundings = Surroundings {
            gate,
            boot: 1,
            resumable: false,
            built_in: Arc::new(BuiltIn::new(&[])),
        };
        let origin = Origin::ControlPlane;
        let cluster = Cluster::open(store.clone(), key, &id, origin, 0, surroundings).unwrap();
        Self {
            cluster,
            store,
            caller,
        }
    }

    /// A public data object that has `label`, and `application` like all the others.
    fn add(&self, label: &str, application: &str) -> ObjectHandle {
        let maker = Maker {
            profile: Profile::Standard,
            login: LoginState::User,
        };
        let template = Template(vec![
            attribute(AttributeType::CLASS, Value::Number(0)),
            attribute(AttributeType::TOKEN, Value::Flag(true)),
            attribute(AttributeType::PRIVATE, Value::Flag(false)),
            text(AttributeType::LABEL, label),
            text(AttributeType::APPLICATION, application),
        ]);
        let draft = created(&template, maker).unwrap();
        let handle = self.cluster.objects.reserve(&self.cluster).unwrap();
        let new = token_object::New {
            handle,
            draft,
            material: None,
        };
        let events = [Event::ObjectCreated {
            reference: handle.0,
        }];
        let answer = Answer::default();
        token_object::create(&self.cluster, &self.caller, vec![new], &answer, &events).unwrap();
        handle
    }

    /// What a search finds, and how many records it read.
    fn find(&self, template: &[Attribute]) -> (Vec<ObjectHandle>, usize) {
        let before = self.store.records.load(Ordering::Relaxed);
        let sought = sought(template).unwrap();
        let mut find =
            Find::start(&self.cluster, None, sought, Vec::new(), &Memory::default()).unwrap();
        let found = find.next(&self.cluster, 1_000).unwrap();
        (found, self.store.records.load(Ordering::Relaxed) - before)
    }
}

fn attribute(kind: AttributeType, value: Value) -> Attribute {
    Attribute { kind, value }
}

fn text(kind: AttributeType, text: &str) -> Attribute {
    attribute(kind, Value::Bytes(text.as_bytes().to_vec()))
}

#[test]
fn a_search_by_label_reads_as_much_among_ten_thousand_objects_as_among_ten() {
    let world = World::new();
    let one = world.add("one", "app");
    let sought = || {
        [
            attribute(AttributeType::CLASS, Value::Number(0)),
            text(AttributeType::LABEL, "one"),
        ]
    };
    let (_, few) = world.find(&sought());
    for number in 0..10_000 {
        world.add(&format!("label {number}"), "app");
    }
    let (found, many) = world.find(&sought());
    assert_eq!(found, [one]);
    assert!(many <= few && many < 10, "{many} records, {few} at first");
}

#[test]
fn a_search_by_label_alone_reads_no_object_at_all() {
    let world = World::new();
    let one = world.add("one", "app");
    let (found, records) = world.find(&[text(AttributeType::LABEL, "one")]);
    assert_eq!(found, [one]);
    assert_eq!(records, 1, "the index entry");
}

#[test]
fn the_rarest_attribute_is_searched_by_whatever_it_is() {
    let world = World::new();
    for _ in 0..1_000 {
        world.add("the same", "app");
    }
    // Every object has the label that is sought; no object has the key type.
    let nothing = [
        text(AttributeType::LABEL, "the same"),
        attribute(AttributeType::KEY_TYPE, Value::Number(31)),
    ];
    let (found, records) = world.find(&nothing);
    assert!(found.is_empty() && records < 100, "{records}");
}

#[test]
fn an_attribute_that_is_not_indexed_is_compared() {
    let world = World::new();
    world.add("label", "first");
    let second = world.add("label", "second");
    let sought = [
        text(AttributeType::LABEL, "label"),
        text(AttributeType::APPLICATION, "second"),
    ];
    assert_eq!(world.find(&sought).0, [second]);
    assert_eq!(
        world.find(&[text(AttributeType::APPLICATION, "second")]).0,
        [second]
    );
    assert!(
        world
            .find(&[text(AttributeType::APPLICATION, "third")])
            .0
            .is_empty()
    );
}

#[test]
fn a_template_that_contradicts_itself_finds_nothing() {
    let twice = [
        text(AttributeType::LABEL, "a"),
        text(AttributeType::LABEL, "b"),
    ];
    assert!(sought(&twice).is_none());
}

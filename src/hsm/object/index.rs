//! The index: for each attribute that one searches by, an entry that names the object without
//! saying the value. An entry of a private object belongs to its owner's *scope*, so that a find
//! never meets what it may not see.

use std::sync::atomic::{AtomicU8, Ordering};

use store::Batch;
use token::{AttributeType, Result};

use super::{Attributes, ObjectRecord, Plain, rules};
use crate::cluster::Cluster;

/// The keyspace of index entries.
const KEYSPACE: u8 = b'i';
/// Of the tags of a class and of a key type.
const SORT_BYTES: usize = 8;
/// Keyspace, tag, class, key type and reference.
const KEY_BYTES: usize = 1 + 16 + 2 * SORT_BYTES + 8;

/// Whose objects an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Objects that everybody sees.
    Public,
    /// The private objects of the crypto user of this number.
    Private(u64),
    /// All objects that the crypto user of this number owns, public ones too.
    Owner(u64),
    /// All objects that nobody owns.
    Unowned,
}

impl Scope {
    fn encoded(self) -> [u8; 9] {
        let (kind, number) = match self {
            Scope::Public => (0, 0),
            Scope::Private(user) => (1, user),
            Scope::Owner(user) => (2, user),
            Scope::Unowned => (3, 0),
        };
        let mut bytes = [kind; 9];
        for (to, from) in bytes.iter_mut().skip(1).zip(number.to_be_bytes()) {
            *to = from;
        }
        bytes
    }
}

/// Whether a cluster has public objects. Many have none, and a find that knows so has half as much to
/// look at. Nobody but this engine writes to the cluster, so what it knows stays true.
#[derive(Default)]
pub(crate) struct AnyPublic(AtomicU8);

/// What is known of it, when nothing is known yet.
const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
/// Some are there, or were, or are about to be.
const SOME: u8 = 2;

impl AnyPublic {
    /// Whether a find may meet any; the first time, the index says.
    pub(super) fn may_be_met(&self, cluster: &Cluster) -> Result<bool> {
        if self.0.load(Ordering::SeqCst) == UNKNOWN {
            let everything = everything(cluster, Scope::Public);
            let known = match cluster.scan_keys(&everything, None, 1)?.is_empty() {
                true => NONE,
                false => SOME,
            };
            // It fails where one was made meanwhile, and who made it knows better.
            let _ = (self.0).compare_exchange(UNKNOWN, known, Ordering::SeqCst, Ordering::SeqCst);
        }
        Ok(self.0.load(Ordering::SeqCst) != NONE)
    }

    /// `batch` is about to be committed: where it makes one, finds that begin when that is there know.
    pub(crate) fn may_come(&self, cluster: &Cluster, batch: &Batch) {
        let mut made = batch.index.iter().filter(|(_, there)| *there).peekable();
        if made.peek().is_none() || self.0.load(Ordering::SeqCst) == SOME {
            return;
        }
        let everything = everything(cluster, Scope::Public);
        if made.any(|(key, _)| key.starts_with(&everything)) {
            self.0.store(SOME, Ordering::SeqCst);
        }
    }
}

/// What an object can be found by that tells much of it, the most telling first. Besides there are its
/// class and key type, which the one entry says that every object has; and its unique id says which
/// object it is without any.
const TELLING: &[&[AttributeType]] = &[
    &[AttributeType::ISSUER, AttributeType::SERIAL_NUMBER],
    &[AttributeType::MODULUS],
    &[AttributeType::EC_POINT],
    &[AttributeType::ID],
    &[AttributeType::LABEL],
    &[AttributeType::SUBJECT],
];

/// Something to search by.
#[derive(Debug)]
pub(crate) enum Term {
    /// Attributes and their values, encoded.
    Telling {
        kinds: &'static [AttributeType],
        values: Vec<Vec<u8>>,
    },
    /// A class, a key type, both, or nothing: all objects have it.
    Sort {
        class: Option<u64>,
        key_type: Option<u64>,
    },
}

/// The term that every object has.
pub(crate) const EVERYTHING: Term = Term::Sort {
    class: None,
    key_type: None,
};

impl Term {
    /// Its attributes; none of them need to be compared again.
    pub(crate) fn kinds(&self) -> Vec<AttributeType> {
        match self {
            Term::Telling { kinds, .. } => kinds.to_vec(),
            Term::Sort { class, key_type } => {
                let class = class.map(|_| AttributeType::CLASS);
                let key_type = key_type.map(|_| AttributeType::KEY_TYPE);
                class.into_iter().chain(key_type).collect()
            }
        }
    }
}

/// The terms that objects with `attributes` are found by, the most telling first.
pub(crate) fn terms(attributes: &Attributes) -> Vec<Term> {
    // Empty values tell nothing and are not indexed.
    let value = |kind: &AttributeType| match attributes.plain(*kind)? {
        Plain::Number(number) => Some(number.to_be_bytes().to_vec()),
        Plain::Bytes(bytes) if !bytes.is_empty() => Some(bytes.clone()),
        _ => None,
    };
    let telling = |kinds: &&'static [AttributeType]| {
        Some(Term::Telling {
            kinds,
            values: kinds.iter().map(value).collect::<Option<_>>()?,
        })
    };
    let mut terms: Vec<Term> = TELLING.iter().filter_map(telling).collect();
    let class = attributes.number(AttributeType::CLASS);
    let key_type = attributes.number(AttributeType::KEY_TYPE);
    if class.is_some() || key_type.is_some() {
        terms.push(Term::Sort { class, key_type });
    }
    terms
}

/// Every index entry of the object `reference`, as store keys, to be written or removed.
pub(crate) fn entries(cluster: &Cluster, reference: u64, object: &ObjectRecord) -> Vec<Vec<u8>> {
    let scope = match object.owner {
        Some(user) if object.attributes.flag(AttributeType::PRIVATE) => Scope::Private(user),
        _ => Scope::Public,
    };
    let class = object.attributes.number(AttributeType::CLASS);
    let key_type = object.attributes.number(AttributeType::KEY_TYPE);
    let mut keys = vec![sorted(cluster, scope, class, Some(key_type))];
    let terms = terms(&object.attributes);
    let telling = terms
        .iter()
        .filter(|term| matches!(term, Term::Telling { .. }));
    keys.extend(telling.flat_map(|term| prefixes(cluster, scope, term)));
    if scope == Scope::Public {
        // The scope of a private object says whose it is.
        let whose = object.owner.map_or(Scope::Unowned, Scope::Owner);
        keys.push(everything(cluster, whose));
    }
    for key in &mut keys {
        key.extend_from_slice(&reference.to_be_bytes());
    }
    keys
}

/// What the entries of the objects of `scope` for `term` start with: one prefix, or several where only
/// a key type is given, which a few classes have.
pub(crate) fn prefixes(cluster: &Cluster, scope: Scope, term: &Term) -> Vec<Vec<u8>> {
    match term {
        Term::Telling { kinds, values } => {
            let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
            vec![prefix(cluster, scope, kinds, &values)]
        }
        Term::Sort { class, key_type } => match (class, key_type) {
            (None, None) => vec![everything(cluster, scope)],
            (Some(_), _) => vec![sorted(cluster, scope, *class, key_type.map(Some))],
            (None, Some(_)) => rules::key_classes()
                .map(|class| sorted(cluster, scope, Some(class), Some(*key_type)))
                .collect(),
        },
    }
}

/// What all entries of the objects of `scope` start with.
pub(crate) fn everything(cluster: &Cluster, scope: Scope) -> Vec<u8> {
    prefix(cluster, scope, &[], &[])
}

/// What the entries of a class start with, or those of a key type (or of none) in it.
fn sorted(
    cluster: &Cluster,
    scope: Scope,
    class: Option<u64>,
    key_type: Option<Option<u64>>,
) -> Vec<u8> {
    let mut key = everything(cluster, scope);
    let mut add = |kind: AttributeType, value: Option<u64>| {
        let value = value.map(u64::to_be_bytes);
        let value: Vec<&[u8]> = value.iter().map(<[u8; 8]>::as_slice).collect();
        let tag = tag(cluster, scope, &[kind], &value);
        key.extend(tag.into_iter().take(SORT_BYTES));
    };
    add(AttributeType::CLASS, class);
    if let Some(key_type) = key_type {
        add(AttributeType::KEY_TYPE, key_type);
    }
    key
}

fn prefix(cluster: &Cluster, scope: Scope, kinds: &[AttributeType], values: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(KEY_BYTES);
    key.push(KEYSPACE);
    key.extend_from_slice(&tag(cluster, scope, kinds, values));
    key
}

fn tag(cluster: &Cluster, scope: Scope, kinds: &[AttributeType], values: &[&[u8]]) -> [u8; 16] {
    let scope = scope.encoded();
    let numbers: Vec<u8> = kinds.iter().flat_map(|kind| kind.0.to_be_bytes()).collect();
    let mut parts: Vec<&[u8]> = vec![&scope, &numbers];
    parts.extend_from_slice(values);
    cluster.index_tag(&parts)
}

/// The reference that the index entry `key` names.
pub(crate) fn reference(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

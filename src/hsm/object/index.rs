//! The index: for each attribute that one searches by, an entry that names the object without
//! saying the value. An entry of a private object belongs to its owner's *scope*, so that a find
//! never meets what it may not see.

use token::AttributeType;

use super::{Attributes, ObjectRecord, Plain};
use crate::cluster::Cluster;

/// The keyspace of index entries.
const KEYSPACE: u8 = b'i';
/// Keyspace byte and tag: what the entries for one value in one scope have in common.
const PREFIX_BYTES: usize = 1 + 16;

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

/// What an object can be found by, the most telling first.
const TERMS: &[&[AttributeType]] = &[
    &[AttributeType::UNIQUE_ID],
    &[AttributeType::ISSUER, AttributeType::SERIAL_NUMBER],
    &[AttributeType::MODULUS],
    &[AttributeType::EC_POINT],
    &[AttributeType::ID],
    &[AttributeType::LABEL],
    &[AttributeType::SUBJECT],
    &[AttributeType::KEY_TYPE],
    &[AttributeType::CLASS],
];

/// Something to search by: attributes and their values, encoded.
#[derive(Debug)]
pub(crate) struct Term {
    /// Its attributes; none of them need to be compared again.
    pub(crate) kinds: &'static [AttributeType],
    values: Vec<Vec<u8>>,
}

/// The term that every object has.
pub(crate) const EVERYTHING: Term = Term {
    kinds: &[],
    values: Vec::new(),
};

/// The terms that objects with `attributes` are found by, the most telling first.
pub(crate) fn terms(attributes: &Attributes) -> Vec<Term> {
    // Empty values tell nothing and are not indexed.
    let value = |kind: &AttributeType| match attributes.plain(*kind)? {
        Plain::Number(number) => Some(number.to_be_bytes().to_vec()),
        Plain::Bytes(bytes) if !bytes.is_empty() => Some(bytes.clone()),
        _ => None,
    };
    let term = |kinds: &&'static [AttributeType]| {
        Some(Term {
            kinds,
            values: kinds.iter().map(value).collect::<Option<_>>()?,
        })
    };
    TERMS.iter().filter_map(term).collect()
}

/// Every index entry of the object `reference`, as store keys.
pub(crate) fn entries(cluster: &Cluster, reference: u64, object: &ObjectRecord) -> Vec<Vec<u8>> {
    let scope = match object.owner {
        Some(user) if object.attributes.flag(AttributeType::PRIVATE) => Scope::Private(user),
        _ => Scope::Public,
    };
    let mut prefixes: Vec<Vec<u8>> = terms(&object.attributes)
        .iter()
        .map(|term| prefix(cluster, scope, term))
        .collect();
    prefixes.push(prefix(cluster, scope, &EVERYTHING));
    let whose = object.owner.map_or(Scope::Unowned, Scope::Owner);
    prefixes.push(prefix(cluster, whose, &EVERYTHING));
    for key in &mut prefixes {
        key.extend_from_slice(&reference.to_be_bytes());
    }
    prefixes
}

/// What the entries of the objects of `scope` for `term` start with.
pub(crate) fn prefix(cluster: &Cluster, scope: Scope, term: &Term) -> Vec<u8> {
    let scope = scope.encoded();
    let mut numbers = Vec::new();
    for kind in term.kinds {
        numbers.extend_from_slice(&kind.0.to_be_bytes());
    }
    let mut parts: Vec<&[u8]> = vec![&scope, &numbers];
    parts.extend(term.values.iter().map(Vec::as_slice));
    let mut key = Vec::with_capacity(PREFIX_BYTES + 8);
    key.push(KEYSPACE);
    key.extend_from_slice(&cluster.index_tag(&parts));
    key
}

/// The reference that the index entry `key` names.
pub(crate) fn reference(key: &[u8]) -> Option<u64> {
    let bytes = key.get(PREFIX_BYTES..)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

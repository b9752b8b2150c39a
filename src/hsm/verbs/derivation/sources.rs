//! The keys that a derivation comes from, and what they hand down. What comes from a key that was
//! always protected is so too, as far as it is protected itself; nothing that tells of a key is less
//! protected than that key, and nothing is so short that the key could be guessed from it.

use std::sync::Arc;

use crypto::Secret;
use token::{AttributeType, Error, Mechanism, ObjectHandle, Parameters, Reason, Result, Template};

use super::super::wrapping::imposed;
use crate::{
    cluster::users::Keyring,
    mechanism::{self, Derivation, Material, OtherKeys, Row, Use},
    object::{Attributes, Past},
    seat::Seat,
    seen::Seen,
};

/// Bytes that nobody guesses.
const UNGUESSABLE: usize = 16;

/// What a key hands down to those that tell of it, where it has it itself.
const HANDED_DOWN: [(AttributeType, bool); 5] = [
    (AttributeType::SENSITIVE, true),
    (AttributeType::EXTRACTABLE, false),
    (AttributeType::WRAP_WITH_TRUSTED, true),
    (AttributeType::PRIVATE, true),
    (AttributeType::COPYABLE, false),
];

/// The keys of one derivation.
pub(super) struct Sources {
    base: Source,
    /// Those that its parameters name.
    others: Vec<Other>,
}

struct Source {
    seen: Seen,
    material: Arc<Material>,
}

struct Other {
    handle: ObjectHandle,
    source: Source,
}

impl Sources {
    /// The base key, and the keys that the mechanism's parameters name, if each of them may be
    /// derived from by the mechanism of `row`.
    pub(super) fn gather(
        base: Seen,
        material: Arc<Material>,
        row: &Row,
        mechanism: &Mechanism,
        seat: &Seat,
        keyring: Option<&Keyring>,
    ) -> Result<Self> {
        let other = |handle| {
            let seen = Seen::key(seat, keyring, handle, Reason::KeyHandleInvalid)?;
            mechanism::check_other_key(row, seen.attributes())?;
            let material = seen.material(seat, keyring)?;
            let source = Source { seen, material };
            Ok(Other { handle, source })
        };
        let handles = mechanism::other_keys(&mechanism.parameters).into_iter();
        let others = handles.map(other).collect::<Result<_>>()?;
        let seen = base;
        Ok(Self {
            base: Source { seen, material },
            others,
        })
    }

    /// The base key's material.
    pub(super) fn material(&self) -> &Material {
        &self.base.material
    }

    /// The base key, for use with these parameters.
    pub(super) fn base_with<'a>(&'a self, parameters: &'a Parameters) -> Use<'a> {
        Use {
            key: Some(&self.base.material),
            parameters,
        }
    }

    /// The template of a key to be, with what the `CKA_DERIVE_TEMPLATE` of each source imposes.
    pub(super) fn imposed(&self, template: Template) -> Result<Template> {
        self.all().try_fold(template, |template, source| {
            imposed(template, source, AttributeType::DERIVE_TEMPLATE)
        })
    }

    /// The fewest bytes that a key of this derivation may have.
    pub(super) fn least_len(&self, column: &dyn Derivation, with: Use<'_>) -> Result<usize> {
        let asked = self
            .all()
            .map(|source| least_len(source.attributes(), AttributeType::DERIVE_TEMPLATE));
        let asked = asked.max().unwrap_or_default();
        if column.reveals_base() && self.all().any(|source| is_protected(source.attributes())) {
            let values = self.others.iter();
            let values = values.filter_map(|other| other.source.material.value());
            let others = values.map(<[u8]>::len).sum();
            return Ok(asked.max(column.least_len(with, others)?));
        }
        Ok(asked)
    }

    /// What no key of this derivation may lack: it tells of the other keys, and of the base if the
    /// mechanism does not hide it.
    pub(super) fn floor(&self, column: &dyn Derivation) -> Attributes {
        let told = || self.all().skip(usize::from(!column.reveals_base()));
        let mut floor = Attributes::default();
        for (kind, flag) in HANDED_DOWN {
            if told().any(|source| source.attributes().flag(kind) == flag) {
                floor.set(kind, flag.into());
            }
        }
        floor
    }

    /// Whether all of them were always protected.
    pub(super) fn past(&self) -> Past {
        let pasts = self.all().map(|source| Past::of(source.attributes()));
        pasts.fold(Past::NEW, Past::and)
    }

    /// The token key whose material a key of this derivation shows, if it does.
    pub(super) fn original(&self, column: &dyn Derivation) -> Option<u64> {
        self.all()
            .find_map(Seen::original)
            .filter(|_| column.reveals_base())
    }

    /// The token keys that went in, each once.
    pub(super) fn references(&self) -> Vec<u64> {
        let mut references = Vec::new();
        for reference in self.all().filter_map(Seen::original) {
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        references
    }

    /// The base key first.
    fn all(&self) -> impl Iterator<Item = &Seen> {
        let others = self.others.iter().map(|other| &other.source.seen);
        std::iter::once(&self.base.seen).chain(others)
    }
}

impl OtherKeys for Sources {
    fn value(&self, handle: ObjectHandle) -> Result<Secret> {
        let other = self.others.iter().find(|other| other.handle == handle);
        let value = other.and_then(|other| other.source.material.value());
        value
            .map(Secret::from)
            .ok_or_else(|| Reason::KeyTypeInconsistent.into())
    }
}

/// The fewest bytes of a key that the template `kind` of the key with these attributes protects: who
/// chooses a shorter one could guess it, and with a longer one each time all that the longest one
/// has. That template itself may say another length.
pub(super) fn least_len(attributes: &Attributes, kind: AttributeType) -> usize {
    let protects = attributes.nested(kind).is_some_and(|template| {
        let extractable = template.plain(AttributeType::EXTRACTABLE);
        let kept = template.flag(AttributeType::SENSITIVE) || extractable == Some(&false.into());
        kept && template.number(AttributeType::VALUE_LEN).is_none()
    });
    match protects {
        true => UNGUESSABLE,
        false => 0,
    }
}

/// Refuses keys that have fewer bytes than `least`.
pub(super) fn must_have(least: usize, lens: impl IntoIterator<Item = usize>) -> Result<()> {
    if lens.into_iter().all(|len| len >= least) {
        return Ok(());
    }
    let words = format!("a key that shall be protected has {least} bytes: fewer could be guessed");
    Err(Error::new(Reason::TemplateInconsistent, words))
}

/// Whether a key with these attributes has a value that its user may not read.
fn is_protected(attributes: &Attributes) -> bool {
    attributes.flag(AttributeType::SENSITIVE) || !attributes.flag(AttributeType::EXTRACTABLE)
}

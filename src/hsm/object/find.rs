//! A search: chooses the index entries that promise the fewest objects, walks them page by page,
//! and compares the rest of the template. It costs what it finds, not what there is.

use std::vec;

use token::{Attribute, AttributeType, ObjectClass, ObjectHandle, Result, Value};

use super::{
    Attributes, Family, Plain, index,
    index::{Scope, Term},
    objects, rules, token_object,
};
use crate::{
    cluster::Cluster,
    memory::{Memory, Share},
};

/// Index entries read at once.
const PAGE: usize = 256;
/// How far the candidates are counted until one of them is known to be short.
const PROBES: [usize; 3] = [16, 256, 4_096];

/// An active search of a session.
pub(crate) struct Find {
    /// With those that are built in.
    session_objects: vec::IntoIter<ObjectHandle>,
    walk: Walk,
    /// What a token object must still be compared with.
    rest: Attributes,
    user: Option<u64>,
    /// For the handles of the session objects.
    _share: Option<Share>,
}

/// The way through the index entries of some scopes.
#[derive(Default)]
struct Walk {
    /// The object that the unique id that is sought names: only this one can be it.
    named: Option<u64>,
    /// What is not yet walked to its end, the current one last.
    prefixes: Vec<Vec<u8>>,
    after: Option<Vec<u8>>,
    /// The first reference that was not allotted when the search began: objects made since are
    /// not met, or a program that copies what it finds would never come to an end.
    until: u64,
}

impl Find {
    /// Begins to search the token objects that `user` sees; `session_objects` have been found.
    pub(crate) fn start(
        cluster: &Cluster,
        user: Option<u64>,
        sought: Attributes,
        session_objects: Vec<ObjectHandle>,
        memory: &Memory,
    ) -> Result<Self> {
        let mut session_objects = session_objects;
        session_objects.extend(cluster.built_in.found(&sought));
        let share = memory.share(size_of_val(session_objects.as_slice()))?;
        let until = cluster.objects.next_reference();
        let scopes = scopes(cluster, user, &sought)?;
        let mut rest = sought;
        let walk = if let Some(id) = rest.bytes(AttributeType::UNIQUE_ID) {
            let named = objects::named_by(id).filter(|_| !scopes.is_empty());
            rest.remove(AttributeType::TOKEN);
            Walk {
                named,
                until,
                ..Walk::default()
            }
        } else {
            let term = most_selective(cluster, &scopes, &rest)?;
            // The walk itself answers these.
            let answered = [AttributeType::TOKEN, AttributeType::PRIVATE];
            for kind in term.kinds().into_iter().chain(answered) {
                rest.remove(kind);
            }
            let prefixes = scopes.iter().rev();
            let prefixes = prefixes.flat_map(|scope| index::prefixes(cluster, *scope, &term));
            Walk {
                prefixes: prefixes.collect(),
                until,
                ..Walk::default()
            }
        };
        Ok(Self {
            session_objects: session_objects.into_iter(),
            walk,
            rest,
            user,
            _share: Some(share),
        })
    }

    /// A search that finds nothing.
    pub(crate) fn nothing() -> Self {
        let session_objects = Vec::new().into_iter();
        Self {
            session_objects,
            walk: Walk::default(),
            rest: Attributes::default(),
            user: None,
            _share: None,
        }
    }

    /// The next objects, at most `limit`; none at the end.
    pub(crate) fn next(&mut self, cluster: &Cluster, limit: usize) -> Result<Vec<ObjectHandle>> {
        let mut found: Vec<_> = self.session_objects.by_ref().take(limit).collect();
        while found.len() < limit {
            let Some(page) = self.walk.page(cluster, PAGE.min(limit - found.len()))? else {
                break;
            };
            for reference in page {
                if self.rest.is_empty() || self.is_match(cluster, reference)? {
                    found.push(ObjectHandle(reference));
                }
            }
        }
        Ok(found)
    }

    fn is_match(&self, cluster: &Cluster, reference: u64) -> Result<bool> {
        Ok(
            token_object::load(cluster, reference)?.is_some_and(|object| {
                object.is_visible_to(self.user) && object.attributes.include(&self.rest)
            }),
        )
    }
}

impl Walk {
    /// The references in the next page of entries; none when all scopes have been walked.
    fn page(&mut self, cluster: &Cluster, limit: usize) -> Result<Option<Vec<u64>>> {
        let until = self.until;
        if let Some(reference) = self.named.take() {
            return Ok(Some(Vec::from_iter(
                Some(reference).filter(|reference| *reference < until),
            )));
        }
        let Some(prefix) = self.prefixes.last() else {
            return Ok(None);
        };
        let keys = cluster.scan_keys(prefix, self.after.as_deref(), limit)?;
        let references = keys.iter().filter_map(|key| index::reference(key));
        let references = references.filter(|reference| *reference < until).collect();
        if keys.len() < limit {
            self.prefixes.pop();
            self.after = None;
        } else {
            self.after = keys.into_iter().next_back();
        }
        Ok(Some(references))
    }
}

/// What a search template asks for, as attributes; none when no object can match.
pub(crate) fn sought(template: &[Attribute]) -> Option<Attributes> {
    let of_class = |class: &Attribute| match (class.kind, &class.value) {
        (AttributeType::CLASS, Value::Number(class)) => rules::family(ObjectClass(*class)),
        _ => None,
    };
    let of_secret_keys = template.iter().filter_map(of_class).any(Family::is_secret);
    let mut sought = Attributes::default();
    for attribute in template {
        let value = match &attribute.value {
            Value::Flag(flag) => (*flag).into(),
            Value::Number(number) => (*number).into(),
            Value::Bytes(bytes) => bytes.clone().into(),
            // Nobody finds a key by its value, which is not even copied; certificates and public data one may.
            Value::Secret(_) if of_secret_keys => return None,
            Value::Secret(bytes) => bytes.reveal().to_vec().into(),
            Value::Mechanisms(mechanisms) => Plain::Mechanisms(mechanisms.clone()),
            Value::Template(_) => return None,
        };
        if sought
            .plain(attribute.kind)
            .is_some_and(|other| *other != value)
        {
            return None;
        }
        sought.set(attribute.kind, value);
    }
    // No object has half as much.
    Some(sought).filter(|sought| sought.size() <= 2 * token_object::RECORD_BYTES)
}

fn scopes(cluster: &Cluster, user: Option<u64>, sought: &Attributes) -> Result<Vec<Scope>> {
    let wants = |kind, flag| {
        sought
            .plain(kind)
            .is_none_or(|plain| *plain == Plain::Flag(flag))
    };
    let mut scopes = Vec::with_capacity(2);
    if wants(AttributeType::TOKEN, true) {
        if wants(AttributeType::PRIVATE, false) && cluster.objects.any_public.may_be_met(cluster)? {
            scopes.push(Scope::Public);
        }
        scopes.extend(
            user.filter(|_| wants(AttributeType::PRIVATE, true))
                .map(Scope::Private),
        );
    }
    Ok(scopes)
}

/// Of the terms that `sought` can be found by, the one with the fewest entries: counted a little
/// first, then farther, until one of them ends. If none ends soon, the one that usually tells most.
fn most_selective(cluster: &Cluster, scopes: &[Scope], sought: &Attributes) -> Result<Term> {
    let mut terms = index::terms(sought);
    if terms.len() > 1 {
        for probe in PROBES {
            for position in 0..terms.len() {
                let Some(term) = terms.get(position) else {
                    break;
                };
                if entries(cluster, scopes, term, probe)? < probe {
                    return Ok(terms.swap_remove(position));
                }
            }
        }
    }
    Ok(terms.into_iter().next().unwrap_or(index::EVERYTHING))
}

/// How many entries `term` has in all of `scopes`, counted to `limit`.
fn entries(cluster: &Cluster, scopes: &[Scope], term: &Term, limit: usize) -> Result<usize> {
    let mut count = 0;
    let prefixes = scopes.iter();
    for prefix in prefixes.flat_map(|scope| index::prefixes(cluster, *scope, term)) {
        count += cluster.scan_keys(&prefix, None, limit - count)?.len();
        if count >= limit {
            break;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;

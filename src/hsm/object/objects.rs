//! The token objects of a cluster: made, read, changed and destroyed, each change one commit with
//! its audit event and all of the object's index entries.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use store::{Batch, Condition};
use token::{AttributeType, Error, ObjectHandle, Reason, Result, Role, limits};

use super::{
    Answer, Attributes, Cache, Draft, ObjectRecord, index,
    index::{AnyPublic, Scope},
    record::{purpose, record_key},
};
use crate::{
    audit::Event,
    cluster::{Caller, Cluster, users::Keyring},
    mechanism::Material,
    sealing::Opened,
    stripe::Stripes,
    table::NEIGHBOURS,
};

/// The keys of one crypto user that have been used since its login.
pub(crate) type Materials = Cache<Material>;

/// Objects of a cluster that are kept decoded.
const CACHED_RECORDS: usize = 16 * 1024;
/// Keys of a logged-in user that are kept unsealed.
const CACHED_MATERIALS: usize = 8 * 1024;
/// Key references that are reserved with one commit; what a restart leaves of them is never used.
const RESERVED_REFERENCES: u64 = 256;
/// Bits of a session object's handle that count in one boot; the boot's number stands above.
const SESSION_NUMBER_BITS: u32 = 36;
/// Session objects of one boot at most: a whole number of times [`NEIGHBOURS`].
const SESSION_NUMBERS: u64 = 1 << SESSION_NUMBER_BITS;
/// How often a change is tried against others' changes of the same object.
const ATTEMPTS: usize = 16;
/// What a record may have, with room for what sealing adds.
pub(super) const RECORD_BYTES: usize = store::RECORD_BYTES - 256;

/// What a cluster keeps in memory about its objects.
pub(crate) struct Objects {
    boot: u64,
    /// What all unique ids of the cluster begin with.
    id_prefix: [u8; 8],
    /// The first number that no thread has taken for session objects.
    session_numbers: AtomicU64,
    /// What each thread has taken of them and not used.
    taken_numbers: Stripes<Mutex<Range<u64>>>,
    references: Mutex<Range<u64>>,
    records: Cache<ObjectRecord>,
    /// Whether any of them is public.
    pub(crate) any_public: AnyPublic,
    /// How many objects nobody owns, at most; none before the first is made in this boot.
    unowned: Mutex<Option<usize>>,
}

impl Objects {
    /// Nothing yet, in the cluster's `boot`th boot; `next_reference` is the first that was never
    /// reserved.
    pub(crate) fn new(boot: u64, next_reference: u64, id_prefix: [u8; 8]) -> Self {
        Self {
            boot,
            id_prefix,
            session_numbers: AtomicU64::new(0),
            taken_numbers: Stripes::new(|_| Mutex::new(0..0)),
            references: Mutex::new(next_reference..next_reference),
            records: Cache::new(CACHED_RECORDS),
            any_public: AnyPublic::default(),
            unowned: Mutex::new(None),
        }
    }

    /// A handle that no session object of the cluster ever had.
    pub(crate) fn session_handle(&self) -> Result<ObjectHandle> {
        let mut taken = self.taken_numbers.mine().lock();
        let number = match taken.next() {
            Some(number) => number,
            None => {
                let first = self.take_session_numbers()?;
                *taken = first + 1..first + NEIGHBOURS;
                first
            }
        };
        let handle = ObjectHandle::SESSION | (self.boot << SESSION_NUMBER_BITS) | number;
        Ok(ObjectHandle(handle))
    }

    /// The first of [`NEIGHBOURS`] numbers that nobody has taken.
    fn take_session_numbers(&self) -> Result<u64> {
        let next = |first| (first < SESSION_NUMBERS).then_some(first + NEIGHBOURS);
        let taken = self
            .session_numbers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.map_err(|_| {
            let words = "the handles of session objects are used up until the HSM is started again";
            Error::new(Reason::LimitExceeded, words)
        })
    }

    /// `CKA_UNIQUE_ID` of the object with this handle, which no other object has or had: 32
    /// hexadecimal digits. The prefix tells one cluster's objects from another's.
    pub(crate) fn unique_id(&self, handle: ObjectHandle) -> Vec<u8> {
        let bytes = self.id_prefix.into_iter().chain(handle.0.to_be_bytes());
        let digits = bytes.flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .map(|digit| {
                if digit < 10 {
                    b'0' + digit
                } else {
                    b'a' - 10 + digit
                }
            })
            .collect()
    }

    /// A number that is another one once the token object `reference` has been changed or destroyed.
    pub(crate) fn changes(&self, reference: u64) -> u64 {
        self.records.forgotten(reference)
    }

    /// The smallest reference that no object has.
    pub(crate) fn next_reference(&self) -> u64 {
        self.references.lock().start
    }

    /// A handle that no object of the cluster ever had, for one on the token.
    pub(crate) fn reserve(&self, cluster: &Cluster) -> Result<ObjectHandle> {
        let mut references = self.references.lock();
        if references.is_empty() {
            *references = cluster.reserve_references(RESERVED_REFERENCES)?;
        }
        let reference = references.next().ok_or(Reason::Internal)?;
        Ok(ObjectHandle(reference))
    }

    /// What nobody owns, no user's limit counts: there is one for all of it. They are counted when
    /// the limit seems to be reached, because some may be gone.
    fn admit_unowned(&self, cluster: &Cluster, more: usize) -> Result<()> {
        let mut unowned = self.unowned.lock();
        let known = unowned.filter(|known| known + more <= limits::UNOWNED_OBJECTS);
        let count = match known {
            Some(known) => known,
            None => {
                let prefix = index::everything(cluster, Scope::Unowned);
                let keys = cluster.scan_keys(&prefix, None, limits::UNOWNED_OBJECTS)?;
                keys.len()
            }
        };
        if count + more > limits::UNOWNED_OBJECTS {
            let words = format!(
                "at most {} objects are made without a login: log in, or destroy some",
                limits::UNOWNED_OBJECTS
            );
            return Err(Error::new(Reason::DeviceMemory, words));
        }
        *unowned = Some(count + more);
        Ok(())
    }
}

impl Default for Materials {
    fn default() -> Self {
        Cache::new(CACHED_MATERIALS)
    }
}

/// The reference in a unique id ([`Objects::unique_id`]), if it is one. Whether the object has it is
/// to be seen.
pub(super) fn named_by(unique_id: &[u8]) -> Option<u64> {
    let (_, digits) = unique_id.split_first_chunk::<16>()?;
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

/// The object `reference`, if it exists.
pub(crate) fn load(cluster: &Cluster, reference: u64) -> Result<Option<Arc<ObjectRecord>>> {
    let read = || {
        Ok(cluster
            .read(&record_key(reference))?
            .map(|opened| opened.record))
    };
    cluster.objects.records.get(reference, read)
}

/// An object to make on the token, under a handle that [`Objects::reserve`] gave.
pub(crate) struct New {
    pub(crate) handle: ObjectHandle,
    pub(crate) draft: Draft,
    /// Where it is a key.
    pub(crate) material: Option<Arc<Material>>,
}

/// Makes token objects, all in one commit; they belong to the crypto user that is logged in. `events`
/// is what the audit log says of them. What was answered to the same request before is answered
/// again, and else `answer`.
pub(crate) fn create(
    cluster: &Cluster,
    caller: &Caller,
    objects: Vec<New>,
    answer: &Answer,
    events: &[Event],
) -> Result<Answer> {
    let owner = caller
        .user
        .as_deref()
        .filter(|keyring| keyring.role == Role::CryptoUser);
    let mut batch = Batch {
        answer: answer.encoded(),
        ..Batch::default()
    };
    let mut counted = Vec::new();
    for New {
        handle,
        draft,
        material,
    } in objects
    {
        let reference = handle.0;
        let nonces = material.as_deref().and_then(Material::nonces);
        counted.extend(nonces.map(|nonces| (reference, nonces.clone())));
        let form = material.map(|material| material.face().sealed_form());
        let form = form.transpose()?.flatten();
        let secret = form.as_ref().map(crypto::Secret::reveal);
        let secret = secret.or_else(|| draft.secrets.bytes(AttributeType::VALUE));
        let record = ObjectRecord {
            owner: owner.map(|keyring| keyring.user),
            sealed: secret
                .map(|secret| seal(owner, reference, secret))
                .transpose()?,
            attributes: draft.attributes,
            public: Default::default(),
        };
        let key = record_key(reference);
        let encoded = encoded(cluster, &key, &record)?;
        batch.expect.push((key.clone(), Condition::Absent));
        batch.write.push((key, Some(encoded)));
        let entries = index::entries(cluster, reference, &record);
        batch
            .index
            .extend(entries.into_iter().map(|key| (key, true)));
    }
    if owner.is_none() {
        cluster.objects.admit_unowned(cluster, batch.expect.len())?;
    }
    if batch.write.len() + batch.index.len() > store::BATCH_WRITES {
        let words = "so many objects on the token cannot be made at once";
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let counts = owner.map(|owner| &owner.counts);
    // Before the commit: then anybody may use the keys.
    for (reference, nonces) in &counted {
        counts.inspect(|counts| counts.share(*reference, nonces.clone()));
    }
    let committed = cluster.commit(caller, batch, events);
    let answered = committed.and_then(|committed| Answer::decoded(&committed.answer));
    if answered.as_ref().ok() != Some(answer) {
        // They were not made, or were made before under other references.
        for (reference, _) in &counted {
            counts.inspect(|counts| counts.forget(*reference));
        }
    }
    answered
}

/// Changes the object `reference` to what `draft` makes of it.
pub(crate) fn change(
    cluster: &Cluster,
    caller: &Caller,
    reference: u64,
    draft: impl Fn(&ObjectRecord) -> Result<Draft>,
) -> Result<()> {
    attempt(|| {
        let key = record_key(reference);
        let Opened {
            sealed,
            record: now,
        } = existing(cluster, &key)?;
        let draft = draft(&now)?;
        let owner = caller
            .user
            .as_deref()
            .filter(|keyring| Some(keyring.user) == now.owner);
        let value = draft.secrets.get(AttributeType::VALUE);
        let changed = ObjectRecord {
            owner: now.owner,
            sealed: match value {
                Some(value) => Some(seal(owner, reference, value.reveal())?),
                None => now.sealed.clone(),
            },
            attributes: draft.attributes,
            public: Default::default(),
        };
        let before = index::entries(cluster, reference, &now);
        let after = index::entries(cluster, reference, &changed);
        let mut batch = Batch::default();
        batch
            .write
            .push((key.clone(), Some(encoded(cluster, &key, &changed)?)));
        batch.expect.push((key, Condition::Equals(sealed)));
        let gone = before.iter().filter(|entry| !after.contains(entry));
        batch.index.extend(gone.map(|key| (key.clone(), false)));
        let new = after.iter().filter(|entry| !before.contains(entry));
        batch.index.extend(new.map(|key| (key.clone(), true)));
        let done = cluster.commit(caller, batch, &[Event::ObjectChanged { reference }]);
        cluster.objects.records.forget(reference);
        done.map(drop)
    })
}

/// Destroys the object `reference`, if `allowed`.
pub(crate) fn destroy(
    cluster: &Cluster,
    caller: &Caller,
    reference: u64,
    allowed: impl Fn(&ObjectRecord) -> Result<()>,
) -> Result<()> {
    attempt(|| {
        let key = record_key(reference);
        let Opened {
            sealed,
            record: now,
        } = existing(cluster, &key)?;
        allowed(&now)?;
        let mut batch = Batch {
            urgency: store::Urgency::Reserve,
            ..Batch::default()
        };
        let entries = index::entries(cluster, reference, &now);
        batch
            .index
            .extend(entries.into_iter().map(|key| (key, false)));
        batch.write.push((key.clone(), None));
        batch.expect.push((key, Condition::Equals(sealed)));
        let done = cluster.commit(caller, batch, &[Event::ObjectDestroyed { reference }]);
        cluster.objects.records.forget(reference);
        if let Some(keyring) = &caller.user {
            keyring.materials.forget(reference);
            keyring.counts.forget(reference);
        }
        done.map(drop)
    })
}

/// The material of the key `reference`, unsealed once a login.
pub(crate) fn material(
    keyring: &Keyring,
    reference: u64,
    key: &ObjectRecord,
) -> Result<Option<Arc<Material>>> {
    keyring.materials.get(reference, || {
        let (Some(_), Some(sealed)) = (key.attributes.key_type(), &key.sealed) else {
            return Ok(None);
        };
        let secret = keyring.open(&purpose(reference), sealed)?;
        let restored = Material::restore(&key.attributes, Some(secret))?;
        let counts = || keyring.counts.of(reference);
        Ok(Some(restored.counted_in(counts)))
    })
}

/// The secret value of the object `reference`, unsealed and not kept.
pub(crate) fn secret(
    keyring: &Keyring,
    reference: u64,
    object: &ObjectRecord,
) -> Result<Option<crypto::Secret>> {
    let sealed = object.sealed.as_ref();
    sealed
        .map(|sealed| keyring.open(&purpose(reference), sealed))
        .transpose()
}

/// Whether the crypto user of this number owns any object.
pub(crate) fn owns_any(cluster: &Cluster, user: u64) -> Result<bool> {
    for scope in [Scope::Private(user), Scope::Owner(user)] {
        let prefix = index::everything(cluster, scope);
        if !cluster.scan_keys(&prefix, None, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn existing(cluster: &Cluster, key: &[u8]) -> Result<Opened<ObjectRecord>> {
    cluster
        .read(key)?
        .ok_or_else(|| Reason::ObjectHandleInvalid.into())
}

fn seal(owner: Option<&Keyring>, reference: u64, secret: &[u8]) -> Result<Vec<u8>> {
    let owner = owner.ok_or_else(|| {
        Error::new(
            Reason::UserNotLoggedIn,
            "a secret on the token belongs to a crypto user",
        )
    })?;
    owner.seal(&purpose(reference), secret)
}

fn encoded(cluster: &Cluster, key: &[u8], record: &ObjectRecord) -> Result<Vec<u8>> {
    let bytes = cluster.encode(key, record)?;
    check_size(&record.attributes, bytes.len())?;
    Ok(bytes)
}

/// Refuses an object of more `bytes` than a record may have, by its largest attribute.
pub(super) fn check_size(attributes: &Attributes, bytes: usize) -> Result<()> {
    if bytes > RECORD_BYTES {
        let largest = attributes.iter().max_by_key(|(_, value)| value.len());
        let name = largest
            .and_then(|(kind, _)| token::attribute_row(kind))
            .map(|row| row.name);
        let words = format!(
            "the object has {} bytes and can have {RECORD_BYTES}; its largest attribute is {}",
            bytes,
            name.unwrap_or_default(),
        );
        return Err(Error::new(Reason::AttributeValueInvalid, words));
    }
    Ok(())
}

/// Does it again when somebody else changed the same object in between.
fn attempt(mut change: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 1..ATTEMPTS {
        match change() {
            Err(error) if error.reason == Reason::Conflict => {}
            done => return done,
        }
    }
    change()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handles_of_a_boot_end_and_do_not_begin_again() {
        let objects = Objects::new(5, 1, [0; 8]);
        let last = SESSION_NUMBERS - NEIGHBOURS;
        objects.session_numbers.store(last, Ordering::Relaxed);
        let handles = || objects.session_handle().map(|handle| handle.0);
        let made: Vec<_> = (0..NEIGHBOURS).map_while(|_| handles().ok()).collect();
        let boot = ObjectHandle::SESSION | (5 << SESSION_NUMBER_BITS);
        let expected = (last..SESSION_NUMBERS).map(|number| boot | number);
        assert_eq!(made, expected.collect::<Vec<_>>());
        for _ in 0..2 {
            let refused = handles().map_err(|error| error.reason);
            assert_eq!(refused, Err(Reason::LimitExceeded));
        }
    }
}

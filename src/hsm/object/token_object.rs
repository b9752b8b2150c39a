//! The token objects of a cluster: made, read, changed and destroyed, each change one commit with
//! its audit event and all of the object's index entries.

use std::sync::Arc;

use store::{Batch, Condition};
use token::{AttributeType, Error, ObjectHandle, Reason, Result, Role};

use super::{
    Answer, Attributes, Draft, ObjectRecord, index,
    index::Scope,
    record::{purpose, record_key},
};
use crate::{
    audit::Event,
    cluster::{Caller, Cluster, users::Keyring},
    mechanism::Material,
    sealing::Opened,
};

/// How often a change is tried against others' changes of the same object.
const ATTEMPTS: usize = 16;
/// What a record may have, with room for what sealing adds.
pub(super) const RECORD_BYTES: usize = store::RECORD_BYTES - 256;

/// The object `reference`, if it exists.
pub(crate) fn load(cluster: &Cluster, reference: u64) -> Result<Option<Arc<ObjectRecord>>> {
    let read = || {
        Ok(cluster
            .read(&record_key(reference))?
            .map(|opened| opened.record))
    };
    cluster.objects.records.get(reference, read)
}

/// An object to make on the token, under a handle that [`super::Objects::reserve`] gave.
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
        if owner.is_none() && draft.attributes.flag(AttributeType::PRIVATE) {
            let words =
                "a private object on the token belongs to a crypto user, so that somebody sees it";
            return Err(Error::new(Reason::UserNotLoggedIn, words));
        }
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
    attempt(cluster, reference, |key, opened| {
        let (sealed, now) = (opened.sealed, opened.record);
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
    attempt(cluster, reference, |key, opened| {
        let (sealed, now) = (opened.sealed, opened.record);
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
    cluster: &Cluster,
    keyring: &Keyring,
    reference: u64,
) -> Result<Option<Arc<Material>>> {
    keyring.materials.get(reference, || {
        // Read here, and not before: of a key that was destroyed and forgotten meanwhile nothing may
        // come back, and only what is forgotten from here on is not kept.
        let Some(key) = load(cluster, reference)? else {
            return Ok(None);
        };
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

/// Gives `change` the key and the record of an object that exists, and again when somebody else changed
/// it in between.
fn attempt(
    cluster: &Cluster,
    reference: u64,
    change: impl Fn(Vec<u8>, Opened<ObjectRecord>) -> Result<()>,
) -> Result<()> {
    let once = || {
        let key = record_key(reference);
        let opened = cluster.read(&key)?;
        change(key, opened.ok_or(Reason::ObjectHandleInvalid)?)
    };
    for _ in 1..ATTEMPTS {
        match once() {
            Err(error) if error.reason == Reason::Conflict => {}
            done => return done,
        }
    }
    once()
}

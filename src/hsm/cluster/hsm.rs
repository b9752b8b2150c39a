//! The HSMs of a cluster. They share its database; what one has of its own is an id and a zone.

use store::{Batch, Condition};
use token::{ClusterState, Error, HsmId, Reason, Result, limits};

use super::{
    Caller, Cluster, certificate,
    record::{CLUSTER, ClusterRecord, HSMS, HsmRecord, Marks, PRIVATE_KEY, hsm_key, hsm_order},
};
use crate::{
    audit::Event,
    failure::{damaged, internal},
    sealing::{Opened, Records},
};

/// Bytes in the name of a zone.
const ZONE_BYTES: usize = 64;

impl Cluster {
    /// Makes the HSM `id` in `zone`. The first one makes the cluster's key pair and CSR.
    pub(crate) fn create_hsm(&self, caller: &Caller, id: HsmId, zone: &str) -> Result<HsmId> {
        check_zone(zone)?;
        let _changes = self.changes.lock();
        if let Some(answer) = self.answered(caller)? {
            return hsm_id(&answer);
        }
        let (first, hsms) = {
            let facts = self.facts.read();
            let waiting = facts.record.state == ClusterState::Uninitialized;
            (waiting && facts.hsms.is_empty(), facts.hsms.len())
        };
        if hsms >= limits::HSMS {
            return Err(Error::new(
                Reason::LimitExceeded,
                format!("a cluster has at most {} HSMs", limits::HSMS),
            ));
        }
        let mut marks = self.marks.lock();
        let order = marks.record.next_hsm;
        let hsm = HsmRecord {
            id: id.clone(),
            zone: zone.to_owned(),
        };
        let mut batch = Batch {
            answer: id.as_str().as_bytes().to_vec(),
            ..Batch::default()
        };
        self.add_hsm(&mut batch, order, &hsm)?;
        let record = if first {
            Some(self.identify(&mut batch, &id)?)
        } else {
            None
        };
        let next = Marks {
            next_hsm: order.saturating_add(1),
            ..marks.record.clone()
        };
        self.move_marks(&mut marks, next, |moved| {
            batch.expect.extend(moved.expect);
            batch.write.extend(moved.write);
            self.commit(
                caller,
                batch,
                &[Event::HsmCreated {
                    hsm: id.clone(),
                    zone: hsm.zone.clone(),
                }],
            )
        })?;
        let mut facts = self.facts.write();
        facts.hsms.push((order, hsm));
        if let Some(record) = record {
            facts.record = record;
        }
        Ok(id)
    }

    /// Deletes an HSM. The cluster goes on without it, and its keys are where they were.
    pub(crate) fn delete_hsm(&self, caller: &Caller, id: &HsmId) -> Result<()> {
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let found = self
            .facts
            .read()
            .hsms
            .iter()
            .find(|(_, hsm)| hsm.id == *id)
            .map(|hsm| hsm.0);
        let order = found.ok_or_else(|| Error::new(Reason::NotFound, id.to_string()))?;
        let key = hsm_key(order);
        let batch = Batch {
            expect: vec![(key.clone(), Condition::Present)],
            write: vec![(key, None)],
            ..Batch::default()
        };
        self.commit(caller, batch, &[Event::HsmDeleted { hsm: id.clone() }])?;
        self.facts.write().hsms.retain(|(_, hsm)| hsm.id != *id);
        Ok(())
    }

    pub(super) fn add_hsm(&self, batch: &mut Batch, order: u32, hsm: &HsmRecord) -> Result<()> {
        let key = hsm_key(order);
        let value = self.encode(&key, hsm)?;
        batch.expect.push((key.clone(), Condition::Absent));
        batch.write.push((key, Some(value)));
        Ok(())
    }

    /// Adds what the first HSM makes, and answers the cluster's record with it.
    fn identify(&self, batch: &mut Batch, first: &HsmId) -> Result<ClusterRecord> {
        let identity = certificate::identity(first)?;
        let mut record = self.facts.read().record.clone();
        record.certificates = identity.certificates;
        batch
            .write
            .push((CLUSTER.to_vec(), Some(self.encode(CLUSTER, &record)?)));
        let private_key = self.seal(PRIVATE_KEY, &identity.private_key)?;
        batch.write.push((PRIVATE_KEY.to_vec(), Some(private_key)));
        Ok(record)
    }
}

/// A new id: as the model of the CloudHSM API has it, in lower case.
pub(crate) fn new_id(prefix: &str) -> Result<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let random: [u8; 11] = crypto::random::array().map_err(internal)?;
    let letter = |byte: u8| {
        ALPHABET
            .get(usize::from(byte % 32))
            .map_or('a', |c| char::from(*c))
    };
    Ok(prefix
        .chars()
        .chain(random.into_iter().map(letter))
        .collect())
}

/// Every HSM in the database, in the order of their making.
pub(super) fn all(records: &Records) -> Result<Vec<(u32, HsmRecord)>> {
    let found = records.all::<HsmRecord>(HSMS)?;
    let numbered = |(key, Opened { record, .. }): (Vec<u8>, _)| match hsm_order(&key) {
        Some(order) => Ok((order, record)),
        None => Err(damaged("an HSM does not stand under its order")),
    };
    found.into_iter().map(numbered).collect()
}

fn hsm_id(answer: &[u8]) -> Result<HsmId> {
    let text = std::str::from_utf8(answer).map_err(internal)?;
    HsmId::parse(text).ok_or_else(|| internal("a kept answer is not an HSM's id"))
}

fn check_zone(zone: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_graphic();
    if (1..=ZONE_BYTES).contains(&zone.len()) && zone.chars().all(legal) {
        return Ok(());
    }
    Err(Error::new(
        Reason::ArgumentsBad,
        format!("a zone's name has 1 to {ZONE_BYTES} ASCII characters, none of them blank"),
    ))
}

//! The steps of a cluster's life: founded, given its certificate, activated by its first admin.

use std::sync::Arc;

use crypto::Secret;
use store::{Batch, Condition, Store};
use token::{ClusterState, Error, Reason, Result, Role, SecretBytes};

use super::{
    Caller, Cluster, certificate,
    record::{AUDIT_KEY, CLUSTER, ClusterRecord, MARKS, Marks},
    users::{FIRST_ADMIN, Stretched, new_user},
};
use crate::{
    audit::{self, Event},
    failure::{damaged, internal, stored},
    sealing::{self, Opened, Records, Sealing},
};

/// The most bytes in a token's label.
const LABEL_BYTES: usize = 32;

/// Writes the first records of a cluster into an empty store; its audit chain goes on with that of
/// the epoch `before`.
pub(crate) fn found(
    store: Arc<dyn Store>,
    key: &Secret,
    caller: &Caller,
    label: &str,
    before: Option<&Cluster>,
) -> Result<()> {
    let mut sealing = Sealing::new(Secret::from(key.reveal()));
    let records = Records::new(store, sealing.record_key());
    let mut write = Vec::new();
    if let Some(before) = before {
        let audit = before.sealing().audit_key().reveal();
        sealing = sealing.with_audit_key(Secret::from(audit));
        write.push((AUDIT_KEY.to_vec(), Some(records.seal(AUDIT_KEY, audit)?)));
        audit::chain::carry(before.records().store(), records.store())?;
    }
    let event = match before {
        None => Event::ClusterCreated,
        Some(_) => Event::ClusterMadeAnew,
    };
    let history: [u8; 16] = crypto::random::array().map_err(internal)?;
    let record = ClusterRecord {
        label: label.to_owned(),
        state: ClusterState::Uninitialized,
        certificates: token::Certificates::default(),
        backup_history: history.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    // The request that this belongs to is remembered in the registry.
    let entry = sealing::encode(&caller.entry(&event))?;
    let marks = records.encode(MARKS, &Marks::default())?;
    write.push((CLUSTER.to_vec(), Some(records.encode(CLUSTER, &record)?)));
    write.push((MARKS.to_vec(), Some(marks)));
    let batch = Batch {
        expect: vec![(CLUSTER.to_vec(), Condition::Absent)],
        write,
        append: vec![sealing.seal_entry(&entry)?],
        ..Batch::default()
    };
    records.store().commit(None, batch).map_err(stored)?;
    Ok(())
}

/// A label that a token can have.
pub(crate) fn check_label(label: &str) -> Result<()> {
    if label.len() <= LABEL_BYTES && !label.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::new(
        Reason::ArgumentsBad,
        format!("a label has at most {LABEL_BYTES} bytes, and no control character"),
    ))
}

impl Cluster {
    /// Takes the certificate that the customer's CA made from the CSR, and the CA's own.
    pub(crate) fn initialize(
        &self,
        caller: &Caller,
        certificate: &str,
        trust_anchor: &str,
    ) -> Result<()> {
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let Opened { sealed, mut record } = self.own_record(ClusterState::Uninitialized)?;
        let Some(csr) = record.certificates.csr.take() else {
            let text = "there is no CSR yet: the first HSM makes it";
            return Err(Error::new(Reason::ClusterState, text));
        };
        certificate::check(&csr, certificate, trust_anchor)?;
        record.certificates.cluster = Some(certificate.to_owned());
        record.certificates.trust_anchor = Some(trust_anchor.to_owned());
        record.state = ClusterState::Initialized;
        let batch = self.replace(sealed, &record)?;
        self.commit(caller, batch, &[Event::ClusterInitialized])?;
        self.facts.write().record = record;
        Ok(())
    }

    /// As [`Cluster::initialize`], with a CA that nobody keeps.
    pub(crate) fn initialize_ourselves(&self, caller: &Caller) -> Result<()> {
        let csr = self.information().certificates.csr.unwrap_or_default();
        let (certificate, trust_anchor) = certificate::sign_ourselves(&csr)?;
        self.initialize(caller, &certificate, &trust_anchor)
    }

    /// Makes the first admin, and with it the recovery key: the cluster is then active.
    pub(crate) fn activate(&self, caller: &Caller, password: &SecretBytes) -> Result<()> {
        let password = Stretched::new(&self.gate, caller.uid, password)?;
        let _changes = self.changes.lock();
        if self.answered(caller)?.is_some() {
            return Ok(());
        }
        let Opened { sealed, mut record } = self.own_record(ClusterState::Initialized)?;
        record.state = ClusterState::Active;
        let mut batch = self.replace(sealed, &record)?;

        let mut marks = self.marks.lock();
        let number = marks.record.next_user;
        let recovery = Secret::random(32).map_err(internal)?;
        let admin = new_user(self, number, FIRST_ADMIN, Role::Admin, &password, &recovery)?;
        let key = self.user_key(Role::Admin, FIRST_ADMIN);
        batch.expect.push((key.clone(), Condition::Absent));
        batch
            .write
            .push((key.clone(), Some(self.encode(&key, &admin)?)));
        let next = Marks {
            next_user: number.saturating_add(1),
            ..marks.record.clone()
        };
        self.move_marks(&mut marks, next, |moved| {
            batch.expect.extend(moved.expect);
            batch.write.extend(moved.write);
            self.commit(caller, batch, &[Event::ClusterActivated])
        })?;
        self.facts.write().record = record;
        Ok(())
    }

    /// The cluster's own record, if the cluster is as far as `expected`.
    fn own_record(&self, expected: ClusterState) -> Result<Opened<ClusterRecord>> {
        let own: Opened<ClusterRecord> = self
            .read(CLUSTER)?
            .ok_or_else(|| damaged(format_args!("{} has lost its own record", self.id)))?;
        if own.record.state == expected {
            return Ok(own);
        }
        Err(Error::new(
            Reason::ClusterState,
            format!(
                "{} is {}, and this is for a cluster that is {}",
                self.id,
                state_name(own.record.state),
                state_name(expected)
            ),
        ))
    }

    fn replace(&self, sealed: Vec<u8>, record: &ClusterRecord) -> Result<Batch> {
        Ok(Batch {
            expect: vec![(CLUSTER.to_vec(), Condition::Equals(sealed))],
            write: vec![(CLUSTER.to_vec(), Some(self.encode(CLUSTER, record)?))],
            ..Batch::default()
        })
    }
}

fn state_name(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Uninitialized => "UNINITIALIZED",
        ClusterState::Initialized => "INITIALIZED",
        ClusterState::Active => "ACTIVE",
    }
}

//! The verbs of an operator: clusters and their HSMs. They never touch a key.

use serde::{Deserialize, Serialize};

use crate::{
    AuditFilter, AuditPage, AuditPlace, AuditReport, ClusterId, HsmId, Request, Result, Role,
    SecretBytes,
};

/// What the operator of a home may ask. hsmd answers these to its own uid, and to configured ones.
///
/// Verbs that name a cluster or HSM that does not exist fail with [`crate::Reason::NotFound`];
/// those that the cluster's state does not allow, with [`crate::Reason::ClusterState`].
pub trait Operator: Send + Sync {
    /// Makes a cluster without HSMs, in the state `UNINITIALIZED`.
    fn create_cluster(&self, request: Request, cluster: &NewCluster) -> Result<ClusterId>;

    /// Every cluster of the home, in the order of their making.
    fn clusters(&self) -> Result<Vec<Cluster>>;

    /// One cluster.
    fn cluster(&self, cluster: &ClusterId) -> Result<Cluster>;

    /// Deletes a cluster that has no HSM, with everything in it.
    fn delete_cluster(&self, request: Request, cluster: &ClusterId) -> Result<()>;

    /// Makes an HSM in `zone`. The first one makes the cluster's key pair and CSR.
    fn create_hsm(&self, request: Request, cluster: &ClusterId, zone: &str) -> Result<HsmId>;

    /// Deletes an HSM.
    fn delete_hsm(&self, request: Request, cluster: &ClusterId, hsm: &HsmId) -> Result<()>;

    /// Gives the cluster the certificate that the customer's CA made from the CSR, and that CA's
    /// certificate, the trust anchor; both PEM. The first must have the CSR's key and be signed by
    /// the second ([`crate::Reason::Certificate`]).
    fn initialize_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        certificate: &str,
        trust_anchor: &str,
    ) -> Result<()>;

    /// Makes the first admin, `admin`, with this password: the cluster is then active.
    fn activate_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        password: &SecretBytes,
    ) -> Result<()>;

    /// Walks the cluster's audit chain from its beginning.
    fn verify_audit(&self, cluster: &ClusterId) -> Result<AuditReport>;

    /// The records of the cluster's audit chain that come after `place` and are wanted; the walk to
    /// them is as [`Operator::verify_audit`]'s, over at most [`crate::limits::AUDIT_RECORDS`].
    fn audit_records(
        &self,
        cluster: &ClusterId,
        place: &AuditPlace,
        filter: &AuditFilter,
    ) -> Result<AuditPage>;

    /// Forgets the wrong passwords of a user, whose password stays what it is: a locked admin has
    /// nobody else who could unlock it.
    fn unlock_user(
        &self,
        request: Request,
        cluster: &ClusterId,
        name: &str,
        role: Role,
    ) -> Result<()>;
}

/// What a new cluster is made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewCluster {
    /// Token label of the cluster slot, at most 32 bytes; empty: the id's tail is used.
    pub label: String,
}

/// Who made a cluster, and so who may make it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// An operator.
    ControlPlane,
    /// `C_InitToken`, which may initialise it again.
    InitToken,
}

/// How far a cluster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterState {
    /// Waits for its certificate.
    Uninitialized,
    /// Has it, and waits for its first admin.
    Initialized,
    /// In use.
    Active,
}

/// One HSM of a cluster: it is there, and in use, until it is deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HsmInformation {
    /// Its id.
    pub id: HsmId,
    /// The availability zone it was made in.
    pub zone: String,
}

/// The certificates of a cluster, each PEM, each there from the step that makes it on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Certificates {
    /// The request for the cluster certificate: from the first HSM on, until it is initialised.
    pub csr: Option<String>,
    /// Certifies the first HSM's key, by the hardware certificate: from the first HSM on.
    pub hsm: Option<String>,
    /// Certifies the hardware, by the manufacturer's: from the first HSM on.
    pub hardware: Option<String>,
    /// The manufacturer's own: from the first HSM on.
    pub manufacturer: Option<String>,
    /// The cluster certificate that the customer's CA signed.
    pub cluster: Option<String>,
    /// The customer's CA, `customerCA.crt`.
    pub trust_anchor: Option<String>,
}

/// A cluster, as its operator sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// The label of its cluster slot's token.
    pub label: String,
    /// How far it has come.
    pub state: ClusterState,
    /// Who made it.
    pub origin: Origin,
    /// Seconds since 1970.
    pub created: u64,
    /// Its HSMs, in the order of their making.
    pub hsms: Vec<HsmInformation>,
    /// Its certificates.
    pub certificates: Certificates,
    /// The same for all clusters that come from one another's backups: 32 hexadecimal digits.
    pub backup_history: String,
}

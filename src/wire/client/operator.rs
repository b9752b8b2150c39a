//! The verbs of an operator, said over the wire.

use token::{
    AuditFilter, AuditPage, AuditPlace, AuditReport, Cluster, ClusterId, HsmId, NewCluster,
    Operator, Request, Result, Role, SecretBytes,
};

use super::{Client, verbs::bytes};
use crate::message::{Held, Verb};

impl Operator for Client {
    fn create_cluster(&self, request: Request, cluster: &NewCluster) -> Result<ClusterId> {
        self.say(&Verb::CreateCluster(request, Held::Lent(cluster)))
    }

    fn clusters(&self) -> Result<Vec<Cluster>> {
        self.say(&Verb::Clusters)
    }

    fn cluster(&self, cluster: &ClusterId) -> Result<Cluster> {
        self.say(&Verb::Cluster(Held::Lent(cluster)))
    }

    fn delete_cluster(&self, request: Request, cluster: &ClusterId) -> Result<()> {
        self.say(&Verb::DeleteCluster(request, Held::Lent(cluster)))
    }

    fn create_hsm(&self, request: Request, cluster: &ClusterId, zone: &str) -> Result<HsmId> {
        self.say(&Verb::CreateHsm(request, Held::Lent(cluster), zone))
    }

    fn delete_hsm(&self, request: Request, cluster: &ClusterId, hsm: &HsmId) -> Result<()> {
        self.say(&Verb::DeleteHsm(
            request,
            Held::Lent(cluster),
            Held::Lent(hsm),
        ))
    }

    fn initialize_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        certificate: &str,
        trust_anchor: &str,
    ) -> Result<()> {
        let cluster = Held::Lent(cluster);
        self.say(&Verb::InitializeCluster(
            request,
            cluster,
            certificate,
            trust_anchor,
        ))
    }

    fn activate_cluster(
        &self,
        request: Request,
        cluster: &ClusterId,
        password: &SecretBytes,
    ) -> Result<()> {
        self.say(&Verb::ActivateCluster(
            request,
            Held::Lent(cluster),
            bytes(password),
        ))
    }

    fn verify_audit(&self, cluster: &ClusterId) -> Result<AuditReport> {
        self.say(&Verb::VerifyAudit(Held::Lent(cluster)))
    }

    fn audit_records(
        &self,
        cluster: &ClusterId,
        place: &AuditPlace,
        filter: &AuditFilter,
    ) -> Result<AuditPage> {
        self.say(&Verb::AuditRecords(
            Held::Lent(cluster),
            Held::Lent(place),
            Held::Lent(filter),
        ))
    }

    fn unlock_user(
        &self,
        request: Request,
        cluster: &ClusterId,
        name: &str,
        role: Role,
    ) -> Result<()> {
        self.say(&Verb::UnlockUser(request, Held::Lent(cluster), name, role))
    }
}

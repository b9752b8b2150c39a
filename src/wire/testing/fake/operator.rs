//! What the fake answers an operator: that there is nothing here.

use token::{
    AuditFilter, AuditPage, AuditPlace, AuditReport, Cluster, ClusterId, Error, HsmId, NewCluster,
    Operator, Reason, Request, Result, Role, SecretBytes,
};

use super::{Fake, unsupported};

impl Operator for Fake {
    fn create_cluster(&self, _: Request, _: &NewCluster) -> Result<ClusterId> {
        unsupported()
    }
    fn clusters(&self) -> Result<Vec<Cluster>> {
        Ok(Vec::new())
    }
    fn cluster(&self, cluster: &ClusterId) -> Result<Cluster> {
        Err(Error::new(Reason::NotFound, cluster.as_str()))
    }
    fn delete_cluster(&self, _: Request, _: &ClusterId) -> Result<()> {
        unsupported()
    }
    fn create_hsm(&self, _: Request, _: &ClusterId, _: &str) -> Result<HsmId> {
        unsupported()
    }
    fn delete_hsm(&self, _: Request, _: &ClusterId, _: &HsmId) -> Result<()> {
        unsupported()
    }
    fn initialize_cluster(&self, _: Request, _: &ClusterId, _: &str, _: &str) -> Result<()> {
        unsupported()
    }
    fn activate_cluster(&self, _: Request, _: &ClusterId, _: &SecretBytes) -> Result<()> {
        unsupported()
    }
    fn verify_audit(&self, _: &ClusterId) -> Result<AuditReport> {
        unsupported()
    }
    fn audit_records(&self, _: &ClusterId, _: &AuditPlace, _: &AuditFilter) -> Result<AuditPage> {
        unsupported()
    }
    fn unlock_user(&self, _: Request, _: &ClusterId, _: &str, _: Role) -> Result<()> {
        unsupported()
    }
}

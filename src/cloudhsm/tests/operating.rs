//! An operator that keeps its clusters in memory.

use parking_lot::Mutex;
use token::{
    AuditFilter, AuditPage, AuditPlace, AuditReport, Certificates, Cluster, ClusterId,
    ClusterState, Error, HsmId, HsmInformation, NewCluster, Operator, Origin, Reason, Request,
    Result, Role, SecretBytes,
};

/// Clusters and the number of the next id.
#[derive(Default)]
pub(super) struct Operating(Mutex<(Vec<Cluster>, u32)>);

impl Operating {
    fn id(&self) -> String {
        let mut state = self.0.lock();
        state.1 += 1;
        format!(
            "{:a>11}",
            char::from_u32(u32::from(b'a') + state.1).unwrap()
        )
    }

    fn edit<T>(&self, id: &ClusterId, edit: impl FnOnce(&mut Cluster) -> Result<T>) -> Result<T> {
        let mut state = self.0.lock();
        let cluster = state.0.iter_mut().find(|cluster| cluster.id == *id);
        edit(cluster.ok_or(Error::from(Reason::NotFound))?)
    }
}

impl Operator for Operating {
    fn create_cluster(&self, _: Request, new: &NewCluster) -> Result<ClusterId> {
        let id = ClusterId::parse(&format!("cluster-{}", self.id())).unwrap();
        self.0.lock().0.push(Cluster {
            id: id.clone(),
            label: new.label.clone(),
            state: ClusterState::Uninitialized,
            origin: Origin::ControlPlane,
            created: 1_440_938_160,
            hsms: Vec::new(),
            certificates: Certificates::default(),
            backup_history: "0".repeat(32),
        });
        Ok(id)
    }

    fn clusters(&self) -> Result<Vec<Cluster>> {
        Ok(self.0.lock().0.clone())
    }

    fn cluster(&self, id: &ClusterId) -> Result<Cluster> {
        self.edit(id, |cluster| Ok(cluster.clone()))
    }

    fn delete_cluster(&self, _: Request, id: &ClusterId) -> Result<()> {
        self.edit(id, |cluster| match cluster.hsms.is_empty() {
            true => Ok(()),
            false => Err(Error::new(Reason::ClusterState, "it has HSMs")),
        })?;
        self.0.lock().0.retain(|cluster| cluster.id != *id);
        Ok(())
    }

    fn create_hsm(&self, _: Request, id: &ClusterId, zone: &str) -> Result<HsmId> {
        let hsm = HsmId::parse(&format!("hsm-{}", self.id())).unwrap();
        self.edit(id, |cluster| {
            cluster.certificates.csr = Some("CSR".to_owned());
            cluster.hsms.push(HsmInformation {
                id: hsm.clone(),
                zone: zone.to_owned(),
            });
            Ok(hsm)
        })
    }

    fn delete_hsm(&self, _: Request, id: &ClusterId, hsm: &HsmId) -> Result<()> {
        self.edit(id, |cluster| {
            cluster.hsms.retain(|other| other.id != *hsm);
            Ok(())
        })
    }

    fn initialize_cluster(&self, _: Request, id: &ClusterId, signed: &str, _: &str) -> Result<()> {
        self.edit(id, |cluster| {
            if signed != "SIGNED" {
                return Err(Error::new(
                    Reason::Certificate,
                    "it is not signed by the trust anchor",
                ));
            }
            cluster.state = ClusterState::Initialized;
            Ok(())
        })
    }

    fn activate_cluster(&self, _: Request, _: &ClusterId, _: &SecretBytes) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }

    fn audit_records(&self, _: &ClusterId, _: &AuditPlace, _: &AuditFilter) -> Result<AuditPage> {
        Err(Reason::FunctionNotSupported.into())
    }

    fn verify_audit(&self, _: &ClusterId) -> Result<AuditReport> {
        Err(Reason::FunctionNotSupported.into())
    }

    fn unlock_user(&self, _: Request, _: &ClusterId, _: &str, _: Role) -> Result<()> {
        Err(Reason::FunctionNotSupported.into())
    }
}

//! The databases of clusters in a home: found, opened, made, and removed when nothing names them.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crypto::Secret;
use store::{Store, sled::SledStore};
use token::{ClusterId, Result};

use crate::{
    cluster::{Cluster, Surroundings},
    engine::Engine,
    failure::stored,
    home::{self, Home},
    registry::{ClusterEntry, Registry},
    slots::Clusters,
};

// Who tells people how much room there is, as doctor does, knows the limit and no store.
const _: () = assert!(store::NORMAL_BYTES == token::limits::FREE_BYTES);

impl Engine {
    /// Makes the database of a cluster's new epoch.
    pub(crate) fn make_epoch(
        &self,
        id: &ClusterId,
        epoch: u64,
        write: impl FnOnce(Arc<dyn Store>) -> Result<()>,
    ) -> Result<()> {
        home::make(&self.home.cluster(id))?;
        write(SledStore::open(&self.home.epoch(id, epoch)).map_err(stored)?)?;
        home::sync_folder(&self.home.cluster(id))?;
        home::sync_folder(&self.home.clusters())
    }

    /// Opens the database in the folder of a cluster's epoch.
    pub(crate) fn open_epoch(
        &self,
        id: &ClusterId,
        epoch: u64,
        origin: token::Origin,
        created: u64,
        key: Secret,
    ) -> Result<Arc<Cluster>> {
        let store = SledStore::open(&self.home.epoch(id, epoch)).map_err(stored)?;
        Cluster::open(store, key, id, origin, created, self.surroundings.clone())
    }
}

/// Opens all clusters. One that cannot be opened does not keep the others from working.
pub(crate) fn open_clusters(
    home: &Home,
    registry: &Registry,
    surroundings: &Surroundings,
) -> Clusters {
    let open = |id: &ClusterId, entry: &ClusterEntry| {
        let key = registry.cluster_key(id, entry)?;
        let store = SledStore::open(&home.epoch(id, entry.epoch)).map_err(stored)?;
        Cluster::open(
            store,
            key,
            id,
            entry.origin,
            entry.created,
            surroundings.clone(),
        )
    };
    let opened = |(id, entry): (ClusterId, ClusterEntry)| {
        let cluster = open(&id, &entry);
        if let Err(error) = &cluster {
            log::error!("{id} cannot be opened: {error}");
        }
        (id, cluster)
    };
    registry.clusters().into_iter().map(opened).collect()
}

/// Whether there are databases of clusters, whoever names them.
pub(crate) fn exist(home: &Home) -> Result<bool> {
    Ok(home.clusters().exists() && !folders(&home.clusters())?.is_empty())
}

/// Removes what an interrupted creation, deletion or change of epoch left behind.
pub(crate) fn remove_orphans(home: &Home, registry: &Registry) -> Result<()> {
    let known: HashMap<String, u64> = registry
        .clusters()
        .into_iter()
        .map(|(id, entry)| (id.as_str().to_owned(), entry.epoch))
        .collect();
    for (name, folder) in folders(&home.clusters())? {
        let Some(epoch) = known.get(&name) else {
            remove(&folder)?;
            continue;
        };
        for (name, folder) in folders(&folder)? {
            if name != epoch.to_string() {
                remove(&folder)?;
            }
        }
    }
    Ok(())
}

fn folders(of: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| home::unusable(of, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(of).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        found.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    Ok(found)
}

/// Removes the folder of a database that nothing names any more.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    log::info!(
        "removing {}, which the registry does not name",
        folder.display()
    );
    fs::remove_dir_all(folder).map_err(|error| home::unusable(folder, &error))
}

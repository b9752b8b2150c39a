//! Homes: who may have one, who owns it, and what is said of one that cannot be used.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::{Arc, Barrier},
    thread,
};

use hsm::{Engine, Settings};
use support::World;
use token::{Access, Error, Hsm, Mode, Operator, Reason, Result, limits};

#[test]
fn a_home_is_made_with_its_key_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("below/home");
    let _engine = open(&home).unwrap();
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&home.join("home.key")), 0o600);
    assert_eq!(fs::metadata(home.join("home.key")).unwrap().len(), 32);
}

#[test]
fn a_second_owner_is_told_who_the_first_is() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path()).unwrap();
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInUse);
    let words = error.to_string();
    assert!(words.contains("embedded"), "{words}");
    assert!(words.contains(&std::process::id().to_string()), "{words}");
    assert!(words.contains("hsmd"), "{words}");
}

#[test]
fn a_home_is_free_again_when_its_engine_is_gone() {
    let world = World::new().reopened();
    assert_eq!(world.app().hsm.clusters().unwrap().len(), 1);
}

#[test]
fn an_old_home_without_its_key_is_refused_and_gets_no_new_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::remove_file(folder.path().join("home.key")).unwrap();
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInvalid);
    assert!(error.to_string().contains("put back a copy"), "{error}");
    assert!(!folder.path().join("home.key").exists());
}

#[test]
fn a_key_of_another_home_is_noticed() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop((open(folder.path()).unwrap(), open(other.path()).unwrap()));
    fs::copy(
        other.path().join("home.key"),
        folder.path().join("home.key"),
    )
    .unwrap();
    assert_eq!(failure(open(folder.path())).reason, Reason::StoreDamaged);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::set_permissions(
        folder.path().join("home.key"),
        Permissions::from_mode(0o644),
    )
    .unwrap();
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInvalid);
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_home_that_others_can_enter_is_refused_once_it_has_a_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    drop(open(folder.path()).unwrap());
    assert_eq!(mode(folder.path()), 0o700);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInvalid);
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[test]
fn a_folder_of_other_things_is_refused_and_left_as_it_was() {
    for given in [0o755, 0o700] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "a page").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(given)).unwrap();
        let error = failure(open(folder.path()));
        assert_eq!(error.reason, Reason::HomeInvalid);
        let words = error.to_string();
        assert!(words.contains("index.html"), "{words}");
        assert!(words.contains(&*folder.path().to_string_lossy()), "{words}");
        assert_eq!(mode(folder.path()), given);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn who_comes_while_a_new_home_is_made_is_told_that_it_is_in_use() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let all = Barrier::new(8);
        let come = || {
            all.wait();
            // Kept until the others have come, too.
            let opened = open(folder.path());
            all.wait();
            opened.map(drop)
        };
        let refused: Vec<_> = thread::scope(|scope| {
            let comers: Vec<_> = (0..8).map(|_| scope.spawn(come)).collect();
            let came = comers.into_iter().map(|comer| comer.join().unwrap());
            came.filter_map(Result::err).collect()
        });
        assert_eq!(refused.len(), 7);
        for error in refused {
            assert_eq!(error.reason, Reason::HomeInUse, "{error}");
        }
    }
}

#[test]
fn a_folder_that_is_meant_for_all_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInvalid);
    assert!(error.to_string().contains("1777"), "{error}");
    let now = fs::metadata(folder.path()).unwrap().mode();
    assert_eq!(now & 0o7777, 0o1777);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_with_nothing_but_what_comes_before_a_home_becomes_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("strongroom.toml"), "").unwrap();
    fs::create_dir(folder.path().join("kmsd")).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let _engine = open(folder.path()).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
}

#[test]
fn somebody_elses_home_is_refused_with_its_owner_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    // Only root can give a folder away, and only root may be tested with it.
    if std::os::unix::fs::chown(folder.path(), Some(4321), None).is_err() {
        return;
    }
    let error = failure(open(folder.path()));
    assert_eq!(error.reason, Reason::HomeInvalid);
    assert!(error.to_string().contains("uid 4321"), "{error}");
    assert!(error.to_string().contains("STRONGROOM_HOME"), "{error}");
}

#[test]
fn a_home_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("home");
    fs::write(&file, "").unwrap();
    assert_eq!(failure(open(&file)).reason, Reason::HomeInvalid);
}

#[test]
fn a_folder_that_the_registry_does_not_name_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let orphan = folder.path().join("clusters/cluster-abcdefghijk/0");
    fs::create_dir_all(&orphan).unwrap();
    let _engine = open(folder.path()).unwrap();
    assert!(!orphan.parent().unwrap().exists());
}

#[test]
fn a_home_that_lost_its_registry_keeps_its_clusters() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let cluster = folder.path().join("clusters/cluster-abcdefghijk/0");
    fs::create_dir_all(&cluster).unwrap();
    let registry = folder.path().join("home");
    for _ in 0..2 {
        fs::remove_dir_all(&registry).unwrap();
        assert_eq!(failure(open(folder.path())).reason, Reason::StoreDamaged);
        assert!(cluster.exists());
    }
    // Nor does the registry that the refused start made pass for the old one.
    assert_eq!(failure(open(folder.path())).reason, Reason::StoreDamaged);
    assert!(cluster.exists());
}

#[test]
fn a_uid_has_a_limited_number_of_applications() {
    let world = World::new();
    let application = |number: usize| {
        let mut id = [0xAA; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        world.engine.application(
            token::ApplicationId(id),
            hsm::Peer {
                uid: 2000,
                operator: false,
            },
        )
    };
    let first = application(0).unwrap();
    (1..limits::APPLICATIONS).for_each(|number| drop(application(number).unwrap()));
    assert_eq!(support::reason(application(9999)), Reason::LimitExceeded);
    first.end().unwrap();
    application(9999).unwrap();
}

#[test]
fn an_application_is_not_another_uids_to_join() {
    let world = World::new();
    let id = token::ApplicationId([9; 16]);
    let peer = |uid| hsm::Peer {
        uid,
        operator: false,
    };
    let first = world.engine.application(id, peer(1)).unwrap();
    assert!(Arc::ptr_eq(
        &first,
        &world.engine.application(id, peer(1)).unwrap()
    ));
    assert_eq!(
        support::reason(world.engine.application(id, peer(2))),
        Reason::NotPermitted
    );
}

#[test]
fn a_closed_engine_takes_no_applications() {
    let world = World::new();
    let app = world.app();
    world.engine.close().unwrap();
    assert!(app.hsm.open_session(world.slot, Access::ReadOnly).is_err());
    let peer = hsm::Peer {
        uid: 1,
        operator: false,
    };
    assert!(
        world
            .engine
            .application(token::ApplicationId([9; 16]), peer)
            .is_err()
    );
}

fn open(home: &Path) -> Result<Arc<Engine>> {
    Engine::open(home, Mode::Embedded, Settings::default())
}

fn failure(opened: Result<Arc<Engine>>) -> Error {
    opened.map(drop).unwrap_err()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

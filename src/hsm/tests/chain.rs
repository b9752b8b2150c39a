//! The audit chain outlives what it is about: a token that is made anew, and a cluster that is gone.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use std::fs;

use support::{ADMIN_PIN, World, application, reason, secret};
use token::{ClusterId, Hsm, NewCluster, Operator, Reason};

fn cluster(world: &World) -> ClusterId {
    world.app().hsm.clusters().unwrap().remove(0).id
}

#[test]
fn the_chain_goes_on_when_the_token_is_made_anew() {
    let world = World::without_key_store();
    let cluster = cluster(&world);
    let before = world.app().hsm.verify_audit(&cluster).unwrap();
    let app = world.app();
    for label in ["once", "twice"] {
        app.hsm
            .initialize_token(app.request(), world.slot, &secret(ADMIN_PIN), label)
            .unwrap();
    }
    let after = app.hsm.verify_audit(&cluster).unwrap();
    assert_eq!(after.broken_at, None);
    assert!(after.records > before.records + 2);
    drop(app);

    // What was kept elsewhere is still a head of the chain.
    let world = world.reopened();
    let app = world.app();
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap(), after);
    let store = app.hsm.clusters().unwrap();
    assert_eq!(store.len(), 1);
}

#[test]
fn a_chain_of_more_entries_than_one_commit_takes_goes_on_too() {
    let world = World::without_key_store();
    let app = world.app();
    let session = app.session("example");
    for _ in 0..store::BATCH_WRITES {
        app.generate(session, support::token_key(vec![])).unwrap();
    }
    app.hsm.close_session(session).unwrap();
    let cluster = cluster(&world);
    let before = app.hsm.verify_audit(&cluster).unwrap();
    app.hsm
        .initialize_token(app.request(), world.slot, &secret(ADMIN_PIN), "long")
        .unwrap();
    let after = app.hsm.verify_audit(&cluster).unwrap();
    assert_eq!(after.broken_at, None);
    assert!(after.records > before.records);
}

#[test]
fn a_token_that_could_not_be_made_anew_goes_on() {
    let world = World::without_key_store();
    let app = world.app();
    let again = |pin: &str| {
        app.hsm
            .initialize_token(app.request(), world.slot, &secret(pin), "new")
    };
    assert_eq!(reason(again("wrong")), Reason::PinIncorrect);
    let session = app.open(token::Access::ReadWrite);
    assert_eq!(reason(again(ADMIN_PIN)), Reason::SessionExists);
    app.hsm.close_session(session).unwrap();
    again(ADMIN_PIN).unwrap();
}

#[test]
fn a_deleted_cluster_leaves_its_chain_behind() {
    let home = tempfile::tempdir().unwrap();
    let engine = support::open(home.path());
    let app = support::App::of(application(&engine));
    let new = NewCluster {
        label: String::new(),
    };
    let cluster = app.hsm.create_cluster(app.request(), &new).unwrap();
    let hsm = app.hsm.create_hsm(app.request(), &cluster, "zone").unwrap();
    app.hsm.delete_hsm(app.request(), &cluster, &hsm).unwrap();
    let before = app.hsm.verify_audit(&cluster).unwrap();
    app.hsm.delete_cluster(app.request(), &cluster).unwrap();
    assert!(!home.path().join("clusters").join(cluster.as_str()).exists());

    let after = app.hsm.verify_audit(&cluster).unwrap();
    assert_eq!(after.broken_at, None);
    assert_eq!(after.records, before.records + 1);
    drop(app);
    engine.close().unwrap();
    drop(engine);
    let engine = support::open(home.path());
    let app = support::App::of(application(&engine));
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap(), after);

    // Nobody shortens or alters it unnoticed.
    let path = home.path().join("audit").join(cluster.as_str());
    let whole = fs::read(&path).unwrap();
    let broken_at = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        app.hsm.verify_audit(&cluster).unwrap().broken_at
    };
    assert_eq!(broken_at(&whole), None);
    assert_eq!(broken_at(&whole[..whole.len() - 1]), Some(before.records));
    let mut altered = whole.clone();
    altered[60] ^= 1;
    assert_eq!(broken_at(&altered), Some(0));
    fs::remove_file(&path).unwrap();
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap().broken_at, Some(0));
}

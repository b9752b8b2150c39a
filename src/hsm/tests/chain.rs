//! The audit chain outlives what it is about: a token that is made anew, and a cluster that is gone.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]
#![allow(clippy::indexing_slicing, reason = "a panic is a failed test")]

mod support;

use std::fs;

use support::{ADMIN_PIN, World, application, reason, secret};
use token::{
    AUDIT_EVENTS, AttributeType, AuditDetail, AuditFilter, AuditNext, AuditPlace, AuditRecord,
    ClusterId, Hsm, NewCluster, Operator, Reason, limits,
};

fn cluster(world: &World) -> ClusterId {
    world.app().hsm.clusters().unwrap().remove(0).id
}

/// What `filter` wants of the chain, page by page, and what is at the end.
fn listed(
    operator: &dyn Operator,
    cluster: &ClusterId,
    filter: &AuditFilter,
) -> (Vec<AuditRecord>, AuditPlace, AuditNext) {
    let (mut records, mut place) = (Vec::new(), AuditPlace::BEGINNING);
    loop {
        let page = operator.audit_records(cluster, &place, filter).unwrap();
        records.extend(page.records);
        place = page.to;
        if page.next != AuditNext::Further {
            return (records, place, page.next);
        }
    }
}

fn events(records: &[AuditRecord]) -> Vec<&str> {
    records.iter().map(|record| record.event.as_str()).collect()
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
    let (mut records, ..) = listed(&*app.hsm, &cluster, &AuditFilter::default());
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
    let (archived, end, next) = listed(&*app.hsm, &cluster, &AuditFilter::default());
    assert_eq!(events(&archived).last(), Some(&"cluster-deleted"));
    records.push(archived.last().unwrap().clone());
    assert_eq!((archived, next), (records, AuditNext::End));
    assert_eq!(end.head(), after.head);

    // Nobody shortens or alters it unnoticed.
    let path = home.path().join("audit").join(cluster.as_str());
    let whole = fs::read(&path).unwrap();
    let broken_at = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let found = app.hsm.verify_audit(&cluster).unwrap().broken_at;
        let (records, end, next) = listed(&*app.hsm, &cluster, &AuditFilter::default());
        assert_eq!(records.len() as u64, end.records);
        let listed = (next == AuditNext::Broken).then_some(end.records);
        assert_eq!(listed, found);
        found
    };
    assert_eq!(broken_at(&whole), None);
    assert_eq!(broken_at(&whole[..whole.len() - 1]), Some(before.records));
    let mut altered = whole.clone();
    altered[60] ^= 1;
    assert_eq!(broken_at(&altered), Some(0));
    fs::remove_file(&path).unwrap();
    assert_eq!(app.hsm.verify_audit(&cluster).unwrap().broken_at, Some(0));
}

#[test]
fn the_chain_is_listed_as_it_is_verified() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app.generate(session, support::token_key(vec![])).unwrap();
    app.hsm.close_session(session).unwrap();
    let cluster = cluster(&world);
    let (all, end, next) = listed(&*app.hsm, &cluster, &AuditFilter::default());
    let report = app.hsm.verify_audit(&cluster).unwrap();
    assert_eq!(next, AuditNext::End);
    assert_eq!(
        (end.records, end.head()),
        (report.records, report.head.clone())
    );
    let numbers: Vec<u64> = all.iter().map(|record| record.number).collect();
    assert_eq!(numbers, (0..report.records).collect::<Vec<_>>());
    assert!(
        events(&all)
            .iter()
            .all(|event| AUDIT_EVENTS.contains(event))
    );

    let event = Some("object-generated".to_owned());
    let (made, ..) = listed(
        &*app.hsm,
        &cluster,
        &AuditFilter {
            event,
            ..AuditFilter::default()
        },
    );
    let made = made.last().unwrap();
    let details = [
        ("reference", AuditDetail::Number(key.0)),
        ("mechanism", AuditDetail::Text("CKM_AES_KEY_GEN".to_owned())),
    ];
    assert_eq!(
        made.details,
        details.map(|(name, detail)| (name.to_owned(), detail))
    );
    assert_eq!(made.user.as_ref().unwrap().1, "user");
    assert_eq!(made.uid, 1000);
}

#[test]
fn a_listing_of_an_event_that_there_is_not_is_refused() {
    let world = World::new();
    let (cluster, filter) = (cluster(&world), AuditFilter::default());
    let event = Some("object-genrated".to_owned());
    let filter = AuditFilter { event, ..filter };
    let listed = world
        .app()
        .hsm
        .audit_records(&cluster, &AuditPlace::BEGINNING, &filter);
    let error = listed.unwrap_err();
    assert_eq!(error.reason, Reason::ArgumentsBad);
    assert!(error.to_string().contains("object-generated"), "{error}");
}

#[test]
fn a_listing_is_of_one_user_one_event_and_one_span_of_time() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    app.generate(session, support::token_key(vec![])).unwrap();
    app.hsm.close_session(session).unwrap();
    let cluster = cluster(&world);
    let of = |filter: AuditFilter| listed(&*app.hsm, &cluster, &filter).0;
    let all = of(AuditFilter::default());

    // What the user did, and what was done to it: an admin made it.
    let user = Some("user".to_owned());
    let of_user = of(AuditFilter {
        user,
        ..AuditFilter::default()
    });
    let names = events(&of_user);
    assert!(names.contains(&"logged-in") && names.contains(&"object-generated"));
    assert!(!names.contains(&"cluster-created"));
    assert!(of_user.len() < all.len());

    let last = all.iter().map(|record| record.time_ms).max().unwrap();
    let since = |time| {
        of(AuditFilter {
            since_ms: Some(time),
            ..AuditFilter::default()
        })
    };
    let until = |time| {
        of(AuditFilter {
            until_ms: Some(time),
            ..AuditFilter::default()
        })
    };
    assert_eq!((since(0), until(last)), (all.clone(), all));
    assert!(since(last + 1).is_empty() && until(1).is_empty());
}

#[test]
fn a_long_chain_is_listed_in_pages() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let key = app.generate(session, support::token_key(vec![])).unwrap();
    for label in 0..limits::AUDIT_RECORDS {
        let label = support::bytes(AttributeType::LABEL, &label.to_be_bytes());
        app.set(session, key, vec![label]).unwrap();
    }
    let cluster = cluster(&world);
    let first = app
        .hsm
        .audit_records(&cluster, &AuditPlace::BEGINNING, &AuditFilter::default())
        .unwrap();
    assert_eq!(first.records.len(), limits::AUDIT_RECORDS);
    assert_eq!(first.next, AuditNext::Further);
    let (all, end, next) = listed(&*app.hsm, &cluster, &AuditFilter::default());
    assert_eq!(next, AuditNext::End);
    assert_eq!(all.len() as u64, end.records);
}

#[test]
fn a_place_that_is_none_of_the_chain_is_a_break() {
    let world = World::new();
    let app = world.app();
    let cluster = cluster(&world);
    let (.., end, _) = listed(&*app.hsm, &cluster, &AuditFilter::default());
    let broken = |place: AuditPlace| {
        let page = app
            .hsm
            .audit_records(&cluster, &place, &AuditFilter::default())
            .unwrap();
        assert!(page.records.is_empty());
        page.next == AuditNext::Broken
    };
    let hash = [7; 32];
    assert!(broken(AuditPlace {
        hash,
        ..end.clone()
    }));
    assert!(broken(AuditPlace {
        hash,
        ..AuditPlace::BEGINNING
    }));
    for records in [end.records + 1, u64::MAX] {
        assert!(broken(AuditPlace {
            records,
            ..end.clone()
        }));
    }
}

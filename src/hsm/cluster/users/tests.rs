//! What only the window between the slow part of a login and its end can show.

use token::{Access, ApplicationId, Hsm, LoginAs, Role};

use crate::{
    cluster::Caller,
    test_support::{ADMIN_PIN, USER_PIN, World, secret},
};

#[test]
fn a_password_that_was_verified_admits_no_later_user_of_the_same_name() {
    let world = World::new();
    let clusters = world.engine.open_clusters();
    let cluster = clusters.first().unwrap();
    let app = world.app();
    let caller = Caller::new(ApplicationId([9; 16]), 1000);
    let verified = cluster
        .verify(&caller, Role::CryptoUser, "Example", &secret(USER_PIN))
        .unwrap();
    assert!(cluster.unchanged(&verified).unwrap().is_some());

    let session = app.open(Access::ReadWrite);
    app.login_as(session, LoginAs::SecurityOfficer, ADMIN_PIN)
        .unwrap();
    let (name, role) = ("example", Role::CryptoUser);
    app.hsm
        .delete_user(app.request(), session, name, role)
        .unwrap();
    app.hsm
        .create_user(app.request(), session, name, role, &secret("another one"))
        .unwrap();
    assert!(cluster.unchanged(&verified).unwrap().is_none());
}

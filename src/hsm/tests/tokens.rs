//! Slots and their tokens: which are shown, and who may initialise one.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use hsm::{Engine, Peer, PerHsm, Settings};
use support::{ADMIN_PIN, USER_PIN, World, reason, secret};
use token::{Access, ApplicationId, Hsm, LoginAs, Mode, Reason, Request, SlotId};

#[test]
fn the_slots_of_hsms_are_shown_as_the_configuration_says() {
    for (per_hsm, shown, tokens) in [
        (PerHsm::All, 3, 3),
        (PerHsm::Names, 3, 1),
        (PerHsm::None, 1, 1),
    ] {
        let home = tempfile::tempdir().unwrap();
        let settings = Settings {
            per_hsm,
            ..Settings::default()
        };
        let engine = Engine::open(home.path(), Mode::Embedded, settings).unwrap();
        let app = engine
            .application(
                ApplicationId([1; 16]),
                Peer {
                    uid: 1000,
                    operator: true,
                },
            )
            .unwrap();
        let slot = app.slots().unwrap().first().unwrap().id;
        let request = Request {
            number: 1,
            settled: 0,
        };
        app.initialize_token(request, slot, &secret(ADMIN_PIN), "label")
            .unwrap();
        let slots = app.slots().unwrap();
        assert_eq!(slots.len(), shown, "{per_hsm:?}");
        assert_eq!(
            slots.iter().filter(|slot| slot.token_present).count(),
            tokens,
            "{per_hsm:?}"
        );
        assert_eq!(slots.first().unwrap().id, slot);
    }
}

#[test]
fn slots_are_the_same_after_a_restart() {
    let world = World::new();
    let ids = |world: &World| -> Vec<SlotId> {
        world
            .app()
            .hsm
            .slots()
            .unwrap()
            .iter()
            .map(|slot| slot.id)
            .collect()
    };
    let before = ids(&world);
    assert_eq!(before.len(), 3);
    assert_eq!(ids(&world.reopened()), before);
}

#[test]
fn a_token_is_initialised_again_with_the_security_officers_pin_alone() {
    let world = World::without_key_store();
    let app = world.app();
    let again = |pin: &str| {
        app.hsm
            .initialize_token(app.request(), world.slot, &secret(pin), "new")
    };
    assert_eq!(reason(again("wrong")), Reason::PinIncorrect);
    again(ADMIN_PIN).unwrap();
    assert_eq!(app.hsm.token(world.slot).unwrap().label, "new");
    let session = app.open(Access::ReadWrite);
    let gone = app.login_as(session, LoginAs::User, &format!("example:{USER_PIN}"));
    assert_eq!(reason(gone), Reason::UserPinNotInitialized);
    drop(app);
    let world = world.reopened();
    assert_eq!(world.app().hsm.token(world.slot).unwrap().label, "new");
}

#[test]
fn a_token_with_open_sessions_is_not_initialised() {
    let world = World::without_key_store();
    let (app, other) = (world.app(), world.app());
    let session = other.open(Access::ReadOnly);
    let again = || {
        app.hsm
            .initialize_token(app.request(), world.slot, &secret(ADMIN_PIN), "new")
    };
    assert_eq!(reason(again()), Reason::SessionExists);
    other.hsm.close_session(session).unwrap();
    again().unwrap();
}

#[test]
fn a_token_that_a_key_store_uses_is_not_initialised() {
    let world = World::new();
    let app = world.app();
    let refused = app
        .hsm
        .initialize_token(app.request(), world.slot, &secret(ADMIN_PIN), "new");
    assert_eq!(reason(refused), Reason::TokenWriteProtected);
}

//! What a session sees of its seat, kept from one verb to the next: whose keys it may use, and the
//! object that it used last. Threads that use one key must not take turns at it, so what is kept is
//! taken again without writing to anything that another session reads (decision 0018).

use std::sync::Arc;

use token::{ObjectHandle, Operation, Reason, Result};

use crate::{
    apart::Apart,
    cluster::users::Keyring,
    mechanism::Material,
    operation::{Checked, Key},
    seat::Seat,
    seen::Seen,
};

/// A session's view of its seat. Whatever is asked of it is as true as when it was refreshed last, and every
/// verb begins with that (`Held::active`). A logout that comes meanwhile waits for the verb before it drops
/// what is private in the session; who owns what is made on the token, the seat is asked (`making::store`).
#[derive(Default)]
pub(crate) struct View {
    /// How often the seat's login had changed when its crypto user was looked up.
    logins: u64,
    user: Option<Arc<Keyring>>,
    last: Option<Last>,
    /// The keys of what has begun and goes on until it is ended: operations on messages.
    watched: Vec<Watched>,
}

/// A key that messages are done with.
struct Watched {
    operation: Operation,
    handle: ObjectHandle,
    /// The number of changes when it was last looked up.
    changes: u64,
}

/// The object that was used last.
struct Last {
    handle: ObjectHandle,
    /// The number of changes when it was looked up, of objects that are counted with it.
    changes: u64,
    seen: Seen,
    /// Where it is a key that was used.
    material: Option<Apart<Material>>,
    checked: Option<Checked>,
}

impl View {
    /// Drops what is true no more: another session, or another application, may have logged out,
    /// or have destroyed or changed the object. Every verb begins with it, so that what is kept of a
    /// destroyed key does not outlive the session's next verb.
    pub(crate) fn refresh(&mut self, seat: &Seat) {
        let logins = seat.logins();
        if self.logins != logins {
            // The number is older than what is looked up: what changes meanwhile is seen next time.
            *self = Self {
                logins,
                user: seat.crypto_user(),
                last: None,
                watched: std::mem::take(&mut self.watched),
            };
        }
        let last = self.last.as_ref();
        if last.is_some_and(|last| last.changes != changes(seat, last.handle)) {
            self.last = None;
        }
    }

    /// The keys of the crypto user that is logged in.
    pub(crate) fn user(&self) -> Option<&Keyring> {
        self.user.as_deref()
    }

    /// The object of this handle, and the keys of the crypto user that sees it.
    pub(crate) fn object(
        &mut self,
        seat: &Seat,
        handle: ObjectHandle,
    ) -> Result<(&Seen, Option<&Keyring>)> {
        let Self { user, last, .. } = self;
        let user = user.as_deref();
        let last = Last::of(last, user, seat, handle)?;
        Ok((&last.seen, user))
    }

    /// Watches the key of this handle, which was the last to be asked for: `operation` has begun to do
    /// messages with it.
    pub(crate) fn watch(&mut self, operation: Operation, handle: ObjectHandle) {
        self.watched
            .retain(|watched| watched.operation != operation);
        let last = self.last.as_ref().filter(|last| last.handle == handle);
        self.watched.extend(last.map(|last| Watched {
            operation,
            handle,
            changes: last.changes,
        }));
    }

    /// Whether the key that `operation` has begun to do messages with is still there.
    pub(crate) fn still_sees_key_of(&mut self, seat: &Seat, operation: Operation) -> Result<bool> {
        let mut watched = self.watched.iter_mut();
        let Some(watched) = watched.find(|watched| watched.operation == operation) else {
            return Ok(true);
        };
        let now = changes(seat, watched.handle);
        if watched.changes != now {
            match Seen::find(seat, self.user.as_deref(), watched.handle) {
                Ok(_) => watched.changes = now,
                Err(error) if error.reason == Reason::ObjectHandleInvalid => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The key of this handle, and the same for use.
    pub(crate) fn key(&mut self, seat: &Seat, handle: ObjectHandle) -> Result<(&Seen, Key<'_>)> {
        let Self { user, last, .. } = self;
        let user = user.as_deref();
        let last = Last::of(last, user, seat, handle).map_err(|error| match error.reason {
            Reason::ObjectHandleInvalid => Reason::KeyHandleInvalid.into(),
            _ => error,
        })?;
        let material = match &last.material {
            Some(material) => material.clone(),
            None => {
                let material = Apart::from(last.seen.material(seat, user)?);
                last.material.insert(material).clone()
            }
        };
        let key = Key::new(last.seen.attributes(), material).remembering(&mut last.checked);
        Ok((&last.seen, key))
    }
}

impl Last {
    /// The object of this handle in `place`: it is there, or it is looked up.
    fn of<'a>(
        place: &'a mut Option<Last>,
        user: Option<&Keyring>,
        seat: &Seat,
        handle: ObjectHandle,
    ) -> Result<&'a mut Last> {
        if place.as_ref().is_none_or(|last| last.handle != handle) {
            // Counted before the look: a change that comes in between is seen by the next verb.
            let changes = changes(seat, handle);
            *place = Some(Last {
                handle,
                changes,
                seen: Seen::find(seat, user, handle)?,
                material: None,
                checked: None,
            });
        }
        place.as_mut().ok_or_else(|| Reason::Internal.into())
    }
}

/// How often an object has changed, or been destroyed, that is counted with this one.
fn changes(seat: &Seat, handle: ObjectHandle) -> u64 {
    if handle.is_session() {
        seat.objects.changes(handle.0)
    } else {
        seat.cluster.objects.changes(handle.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use cryptoki_sys::{CKM_AES_ECB, CKM_AES_GCM};
    use token::{
        Access, AttributeType, Hsm, MessageParameters, ObjectHandle, Operation, Parameters, Reason,
        SessionHandle,
    };

    use crate::{
        mechanism::Material,
        seen::Seen,
        test_support::{App, World, flag, key, mechanism},
    };

    /// Whether a session keeps the material of the key that it used last.
    fn keeps(app: &App, session: SessionHandle) -> bool {
        let mut session = app.hsm.session_of(session).unwrap();
        let (_, active) = session.parts().unwrap();
        let last = active.view.last.as_ref();
        last.is_some_and(|last| last.material.is_some())
    }

    /// Uses a key for nothing, so that the session keeps it.
    fn used(app: &App, session: SessionHandle, key: ObjectHandle) {
        let (kind, ecb) = (Operation::Encrypt, mechanism(CKM_AES_ECB));
        app.hsm.start(session, kind, ecb, Some(key)).unwrap();
        app.hsm.cancel(session, kind).unwrap();
        assert!(keeps(app, session));
    }

    /// The material of a key, which whoever has it keeps alive.
    fn material(app: &App, session: SessionHandle, key: ObjectHandle) -> Weak<Material> {
        let seat = app.hsm.seat_of(session).unwrap();
        let user = seat.crypto_user();
        let seen = Seen::find(&seat, user.as_deref(), key).unwrap();
        Arc::downgrade(&seen.material(&seat, user.as_deref()).unwrap())
    }

    /// A session's messages, encrypted with AES-GCM.
    struct Messages<'a>(&'a App, SessionHandle);

    impl Messages<'_> {
        const KIND: Operation = Operation::MessageEncrypt;

        fn parameters() -> Parameters {
            Parameters::Message(MessageParameters {
                iv: vec![7; 12],
                tag_bits: 128,
                ..MessageParameters::default()
            })
        }

        fn start(&self, key: ObjectHandle) -> Result<(), Reason> {
            let gcm = mechanism(CKM_AES_GCM);
            let started = self.0.hsm.start(self.1, Self::KIND, gcm, Some(key));
            started.map(drop).map_err(|error| error.reason)
        }

        fn begin(&self) -> Result<(), Reason> {
            let begun = (self.0.hsm).message_begin(self.1, Self::KIND, &Self::parameters(), &[]);
            begun.map(drop).map_err(|error| error.reason)
        }

        fn finish(&self) -> Result<(), Reason> {
            let (parameters, room) = (Self::parameters(), &mut [0]);
            let message = |room| {
                (self.0.hsm).message_next(self.1, Self::KIND, &parameters, b"a", true, Some(room))
            };
            message(room).map(drop).map_err(|error| error.reason)
        }

        fn end(&self) -> Result<(), Reason> {
            let ended = self.0.hsm.message_end(self.1, Self::KIND);
            ended.map_err(|error| error.reason)
        }
    }

    #[test]
    fn sessions_that_say_nothing_let_go_of_what_others_destroy() {
        let world = World::new();
        let (app, other) = (world.app(), world.app());
        let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
        let elsewhere = other.session("user");
        for (on_token, idle) in [(false, (&app, second)), (true, (&other, elsewhere))] {
            let key = key(&app, first, vec![flag(AttributeType::TOKEN, on_token)]);
            let (others, idle) = idle;
            used(others, idle, key);
            // Of what is there still nobody lets go, whatever else was destroyed.
            world.engine.leftovers.say();
            world.engine.let_go();
            assert!(keeps(others, idle));
            app.destroy(first, key).unwrap();
            world.engine.let_go();
            assert!(!keeps(others, idle), "{on_token}");
        }
    }

    #[test]
    fn an_operation_on_messages_that_says_nothing_lets_go_of_a_destroyed_key() {
        let world = World::new();
        let (app, other) = (world.app(), world.app());
        let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
        let elsewhere = other.session("user");
        for (on_token, (others, idle)) in [(false, (&app, second)), (true, (&other, elsewhere))] {
            let key = key(&app, first, vec![flag(AttributeType::TOKEN, on_token)]);
            let material = material(others, idle, key);
            let messages = Messages(others, idle);
            messages.start(key).unwrap();
            world.engine.leftovers.say();
            world.engine.let_go();
            messages.begin().unwrap();
            app.destroy(first, key).unwrap();
            world.engine.let_go();
            assert!(material.upgrade().is_some(), "the message needs it");
            messages.finish().unwrap();
            world.engine.let_go();
            assert!(material.upgrade().is_none(), "{on_token}");
            // What it answers is the same as if nobody had asked it to let go.
            assert_eq!(messages.start(key), Err(Reason::KeyHandleInvalid));
            assert_eq!(messages.end(), Ok(()));
            assert_eq!(messages.end(), Err(Reason::OperationNotInitialized));
        }
    }

    #[test]
    fn an_operation_whose_key_it_has_let_go_of_begins_no_message() {
        let world = World::new();
        let app = world.app();
        let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
        let [gone, stays] = [(); 2].map(|()| key(&app, first, vec![]));
        let messages = Messages(&app, second);
        messages.start(gone).unwrap();
        app.destroy(first, gone).unwrap();
        world.engine.let_go();
        assert_eq!(messages.start(stays), Err(Reason::OperationActive));
        assert_eq!(messages.finish(), Err(Reason::OperationNotInitialized));
        assert_eq!(messages.begin(), Err(Reason::OperationNotInitialized));
        messages.start(stays).unwrap();
        messages.begin().unwrap();
        messages.finish().unwrap();
    }

    #[test]
    fn a_key_that_is_destroyed_while_it_is_looked_up_does_not_come_back() {
        let world = World::new();
        let app = world.app();
        let session = app.session("user");
        let key = key(&app, session, vec![flag(AttributeType::TOKEN, true)]);
        let seat = app.hsm.seat_of(session).unwrap();
        let user = seat.crypto_user();
        let seen = Seen::find(&seat, user.as_deref(), key).unwrap();
        app.destroy(session, key).unwrap();
        let refused = seen.material(&seat, user.as_deref()).err().unwrap();
        assert_eq!(refused.reason, Reason::KeyHandleInvalid);
    }

    #[test]
    fn a_session_that_was_busy_lets_go_when_it_is_idle() {
        let world = World::new();
        let app = world.app();
        let (first, second) = (app.session("user"), app.open(Access::ReadWrite));
        let key = key(&app, first, vec![]);
        used(&app, second, key);
        let busy = app.hsm.session_of(second).unwrap();
        // With its session goes the key.
        app.hsm.close_session(first).unwrap();
        world.engine.let_go();
        drop(busy);
        assert!(keeps(&app, second));
        world.engine.let_go();
        assert!(!keeps(&app, second));
    }
}

//! What an operator hears of an entry: the name of what happened, and with what, by name. Entries
//! have no secrets, and neither has this.

use token::{
    ApplicationId, AuditDetail, AuditFilter, AuditRecord, HsmId, MechanismId, Operation, Role,
};

use super::{Entry, Event, NO_MECHANISM, UNKNOWN};
use crate::mechanism;

/// What it happened with.
type Details = Vec<(&'static str, AuditDetail)>;

impl Entry {
    /// Whether `filter` wants it.
    pub(super) fn is_wanted(&self, filter: &AuditFilter) -> bool {
        let who = self.user.as_ref().map(|(_, name)| name.as_str());
        let whom = self.event.whom();
        let event = filter.event.as_deref();
        filter.since_ms.is_none_or(|since| since <= self.time_ms)
            && filter.until_ms.is_none_or(|until| self.time_ms <= until)
            && (filter.user.as_deref()).is_none_or(|user| is(who, user) || is(whom, user))
            && event.is_none_or(|event| self.event.told().0 == event)
    }

    /// What an operator hears of the entry with this number.
    pub(super) fn told(self, number: u64) -> AuditRecord {
        let (event, details) = self.event.told();
        AuditRecord {
            number,
            time_ms: self.time_ms,
            application: ApplicationId(self.application),
            uid: self.uid,
            user: self.user,
            event: event.to_owned(),
            details: details
                .into_iter()
                .map(|(name, detail)| (name.to_owned(), detail))
                .collect(),
        }
    }
}

impl Event {
    /// The user that it happened to.
    fn whom(&self) -> Option<&str> {
        match self {
            Event::UserCreated { name, .. }
            | Event::UserDeleted { name, .. }
            | Event::PasswordSet { name, .. }
            | Event::PasswordChanged { name, .. }
            | Event::LoggedIn { name, .. }
            | Event::LoginRefused { name, .. }
            | Event::LoginResumed { name, .. }
            | Event::LoggedOut { name, .. }
            | Event::UserUnlocked { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Its name, one of [`token::AUDIT_EVENTS`], and its details.
    pub(super) fn told(&self) -> (&'static str, Details) {
        match self {
            Event::ClusterCreated => ("cluster-created", vec![]),
            Event::ClusterInitialized => ("cluster-initialized", vec![]),
            Event::ClusterActivated => ("cluster-activated", vec![]),
            Event::HsmCreated { hsm, zone } => {
                ("hsm-created", vec![self::hsm(hsm), text("zone", zone)])
            }
            Event::HsmDeleted { hsm } => ("hsm-deleted", vec![self::hsm(hsm)]),
            Event::UserCreated { name, role } => ("user-created", user(name, *role)),
            Event::UserDeleted { name, role } => ("user-deleted", user(name, *role)),
            Event::PasswordSet { name, role } => ("password-set", user(name, *role)),
            Event::PasswordChanged { name, role } => ("password-changed", user(name, *role)),
            Event::LoggedIn { name, role } => ("logged-in", user(name, *role)),
            Event::LoginRefused { name, role, locked } => {
                let mut details = user(name, *role);
                details.push(("locked", AuditDetail::Flag(*locked)));
                ("login-refused", details)
            }
            Event::LoginResumed { name, role } => ("login-resumed", user(name, *role)),
            Event::LoggedOut { name, role } => ("logged-out", user(name, *role)),
            Event::ObjectCreated { reference } => ("object-created", object(*reference, vec![])),
            Event::ObjectGenerated {
                reference,
                mechanism,
            } => (
                "object-generated",
                object(*reference, vec![with(*mechanism)]),
            ),
            Event::ObjectChanged { reference } => ("object-changed", object(*reference, vec![])),
            Event::ObjectDestroyed { reference } => {
                ("object-destroyed", object(*reference, vec![]))
            }
            Event::UserUnlocked { name, role } => ("user-unlocked", user(name, *role)),
            Event::ObjectCopied {
                reference,
                original,
            } => {
                let details = vec![key("original", *original)];
                ("object-copied", object(*reference, details))
            }
            Event::KeyWrapped {
                reference,
                wrapping,
                mechanism,
            } => {
                let details = vec![key("wrapping", *wrapping), with(*mechanism)];
                ("key-wrapped", object(*reference, details))
            }
            Event::KeyUnwrapped {
                reference,
                unwrapping,
                mechanism,
            } => {
                let details = vec![key("unwrapping", *unwrapping), with(*mechanism)];
                ("key-unwrapped", object(*reference, details))
            }
            Event::KeyDerived {
                reference,
                bases,
                mechanism,
            } => {
                let bases = ("bases", AuditDetail::Numbers(bases.clone()));
                (
                    "key-derived",
                    object(*reference, vec![bases, with(*mechanism)]),
                )
            }
            Event::KeyEncapsulated {
                reference,
                public,
                mechanism,
            } => {
                let details = vec![key("public", *public), with(*mechanism)];
                ("key-encapsulated", object(*reference, details))
            }
            Event::KeyDecapsulated {
                reference,
                private,
                mechanism,
            } => {
                let details = vec![key("private", *private), with(*mechanism)];
                ("key-decapsulated", object(*reference, details))
            }
            Event::KeyRevealed { reference } => ("key-revealed", object(*reference, vec![])),
            Event::ClusterMadeAnew => ("cluster-made-anew", vec![]),
            Event::ClusterDeleted => ("cluster-deleted", vec![]),
            Event::KeyUsed {
                reference,
                operation,
                mechanism,
            } => {
                let mut details = vec![text("operation", name_of(*operation))];
                details.extend((*mechanism != NO_MECHANISM.0).then(|| with(*mechanism)));
                ("key-used", object(*reference, details))
            }
        }
    }
}

/// Whether this is the user that is asked for: capitals and small letters are one here, so that no
/// way of writing a name is left out.
fn is(user: Option<&str>, asked: &str) -> bool {
    user.is_some_and(|user| user.eq_ignore_ascii_case(asked))
}

fn text(name: &'static str, text: &str) -> (&'static str, AuditDetail) {
    (name, AuditDetail::Text(text.to_owned()))
}

fn key(name: &'static str, reference: u64) -> (&'static str, AuditDetail) {
    (name, AuditDetail::Number(reference))
}

fn hsm(id: &HsmId) -> (&'static str, AuditDetail) {
    text("hsm", id.as_str())
}

fn user(name: &str, role: Role) -> Details {
    let role = match role {
        Role::Admin => "admin",
        Role::CryptoUser => "crypto-user",
    };
    let name = match name {
        UNKNOWN => ("unknown", AuditDetail::Flag(true)),
        name => text("name", name),
    };
    vec![name, text("role", role)]
}

fn object(reference: u64, further: Details) -> Details {
    let mut details = vec![key("reference", reference)];
    details.extend(further);
    details
}

/// The mechanism by the standard's name, and else by its number.
fn with(mechanism: u64) -> (&'static str, AuditDetail) {
    match mechanism::name(MechanismId(mechanism)) {
        Some(name) => text("mechanism", name),
        None => text("mechanism", &format!("{mechanism:#x}")),
    }
}

fn name_of(operation: Operation) -> &'static str {
    match operation {
        Operation::Encrypt => "encrypt",
        Operation::Decrypt => "decrypt",
        Operation::Digest => "digest",
        Operation::Sign => "sign",
        Operation::Verify => "verify",
        Operation::SignRecover => "sign-recover",
        Operation::VerifyRecover => "verify-recover",
        Operation::MessageEncrypt => "message-encrypt",
        Operation::MessageDecrypt => "message-decrypt",
        Operation::MessageSign => "message-sign",
        Operation::MessageVerify => "message-verify",
    }
}

#[cfg(test)]
mod tests {
    use token::AUDIT_EVENTS;

    use super::*;

    /// The event with this number on the disk, of nothing but zeroes.
    fn event(number: u8) -> Option<Event> {
        postcard::from_bytes(&[[number].as_slice(), &[0; 64]].concat()).ok()
    }

    #[test]
    fn every_event_has_the_name_that_stands_at_its_number() {
        let mut known = 0;
        while let Some(event) = event(known) {
            let name = AUDIT_EVENTS.get(usize::from(known)).copied();
            assert_eq!(Some(event.told().0), name, "{event:?}");
            known += 1;
        }
        assert_eq!(usize::from(known), AUDIT_EVENTS.len());
    }
}

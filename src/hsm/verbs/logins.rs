//! Logging in and out, and PINs: how the standard's two users and their PINs name the users of a
//! cluster.

use std::sync::Arc;

use token::{
    Access, Error, LoginAs, Reason, Request, Result, Role, SecretBytes, SessionHandle, SlotId,
    Ticket,
};

use crate::{
    Application,
    cluster::{
        Login,
        users::{DEFAULT_USER, FIRST_ADMIN, folded},
    },
    seat::Seat,
    verbs::operations,
};

/// `C_Login`, `C_LoginUser`.
pub(super) fn login(
    application: &Application,
    session: SessionHandle,
    user: LoginAs,
    name: Option<&str>,
    pin: &SecretBytes,
) -> Result<Ticket> {
    let seat = &*application.seat_of(session)?;
    let role = match user {
        LoginAs::SecurityOfficer => Role::Admin,
        LoginAs::User => Role::CryptoUser,
        LoginAs::ContextSpecific => {
            let password = |name: &str| own_password(name, pin);
            let done = operations::log_in_for_one_use(application, session, seat, password);
            if let Err(error) = &done
                && error.reason == Reason::PinLocked
            {
                // §5.6.8: who has no attempt left is logged out as well.
                log_out(application, seat)?;
            }
            return done;
        }
    };
    let claim = Claim::of(role, name, pin)?;
    application.seats().may_log_in(seat, role, &claim.name)?;
    let caller = application.caller();
    let (login, ticket) =
        seat.cluster
            .login(seat.slot, &caller, role, &claim.name, &claim.password)?;
    admit(application, seat, login)?;
    Ok(ticket)
}

/// Makes `login` that of `seat`. Where it cannot be, it has ended.
pub(super) fn admit(application: &Application, seat: &Seat, login: Login) -> Result<()> {
    let login = Arc::new(login);
    let admitted = {
        let _changes = seat.login_changes.lock();
        application.seats().log_in(seat, &login)
    };
    if admitted.is_err() {
        application.end_login(seat, &login)?;
    }
    admitted
}

/// `C_Logout`: with the login go operations, searches and private session objects.
pub(super) fn logout(application: &Application, session: SessionHandle) -> Result<()> {
    log_out(application, &*application.seat_of(session)?)
}

fn log_out(application: &Application, seat: &Seat) -> Result<()> {
    let login = {
        let _changes = seat.login_changes.lock();
        let login = seat.log_out().ok_or(Reason::UserNotLoggedIn)?;
        application.cancel_all(seat);
        seat.drop_private_objects();
        login
    };
    application.end_login(seat, &login)
}

/// `C_InitToken`: the PIN is the password of the admin `admin`.
pub(super) fn initialize_token(
    application: &Application,
    request: Request,
    slot: SlotId,
    pin: &SecretBytes,
    label: &str,
) -> Result<()> {
    let pin = new_password(FIRST_ADMIN, pin)?;
    let caller = application.caller().asking(request);
    application
        .engine()
        .initialize_token(&caller, slot, &pin, label)
}

/// `C_InitPIN`: the security officer sets the password of the crypto user `user`.
pub(super) fn initialize_pin(
    application: &Application,
    request: Request,
    session: SessionHandle,
    pin: &SecretBytes,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    let pin = new_password(DEFAULT_USER, pin)?;
    let caller = application.caller_in(&session.seat).asking(request);
    session.seat.cluster.initialize_pin(&caller, &pin)
}

/// `C_SetPIN`: the password of who is logged in; of the crypto user that the old PIN names, if
/// nobody is.
pub(super) fn set_pin(
    application: &Application,
    request: Request,
    session: SessionHandle,
    old: &SecretBytes,
    new: &SecretBytes,
) -> Result<()> {
    let mut session = application.session_of(session)?;
    let (session, _) = session.active()?;
    if session.access == Access::ReadOnly {
        return Err(Error::new(
            Reason::SessionReadOnly,
            "a PIN is changed in a read-write session",
        ));
    }
    let seat = &session.seat;
    match seat.login() {
        Some(login) => {
            let name = &login.keyring.name;
            let caller = application.caller_in(seat).asking(request);
            let (old, new) = (own_password(name, old), new_password(name, new)?);
            seat.cluster.change_password(&caller, &login, &old, &new)
        }
        None => set_pin_without_login(application, request, seat, old, new),
    }
}

fn set_pin_without_login(
    application: &Application,
    request: Request,
    seat: &Seat,
    old: &SecretBytes,
    new: &SecretBytes,
) -> Result<()> {
    let caller = application.caller().asking(request);
    // Done before, the old password is wrong by now.
    if seat.cluster.answered(&caller)?.is_some() {
        return Ok(());
    }
    let claim = Claim::of(Role::CryptoUser, None, old)?;
    let new = new_password(&claim.name, new)?;
    let (login, _) = seat.cluster.login(
        seat.slot,
        &application.caller(),
        Role::CryptoUser,
        &claim.name,
        &claim.password,
    )?;
    let caller = caller.with_user(&login.keyring);
    let changed = seat
        .cluster
        .change_password(&caller, &login, &claim.password, &new);
    application.end_login(seat, &login)?;
    changed
}

/// Who somebody says to be.
struct Claim {
    /// As names are kept: whoever compares it has nothing to fold.
    name: String,
    password: SecretBytes,
}

impl Claim {
    /// A name apart, or in the PIN before its first colon; without both, the role's first user.
    fn of(role: Role, name: Option<&str>, pin: &SecretBytes) -> Result<Self> {
        let bytes = pin.reveal();
        let (name, password) = match (name, bytes.iter().position(|byte| *byte == b':')) {
            (Some(name), _) => (name, own_password(name, pin)),
            (None, Some(colon)) => {
                let (name, password) = bytes.split_at(colon);
                let name = std::str::from_utf8(name).map_err(|_| {
                    Error::new(
                        Reason::PinIncorrect,
                        "the user's name before the colon is not UTF-8",
                    )
                })?;
                let password = password.get(1..).unwrap_or_default();
                (name, SecretBytes::copied(password))
            }
            (None, None) => {
                let name = match role {
                    Role::Admin => FIRST_ADMIN,
                    Role::CryptoUser => DEFAULT_USER,
                };
                (name, SecretBytes::copied(bytes))
            }
        };
        let name = folded(name);
        Ok(Self { name, password })
    }
}

/// The password in a PIN of the user `name`: what follows `name:`, or all of it.
fn own_password(name: &str, pin: &SecretBytes) -> SecretBytes {
    let bytes = pin.reveal();
    let named = bytes.split_at_checked(name.len());
    let named = named.filter(|(front, _)| front.eq_ignore_ascii_case(name.as_bytes()));
    let rest = named.and_then(|(_, rest)| rest.strip_prefix(b":"));
    SecretBytes::copied(rest.unwrap_or(bytes))
}

/// The password in what is to be the PIN of the user `name`. A colon that no name of the user's
/// stands before would make the PIN another user's: nobody could log in with it.
fn new_password(name: &str, pin: &SecretBytes) -> Result<SecretBytes> {
    let password = own_password(name, pin);
    let named = password.len() < pin.len();
    let may_go_without = [FIRST_ADMIN, DEFAULT_USER].contains(&name);
    if may_go_without && !named && pin.reveal().contains(&b':') {
        return Err(Error::new(
            Reason::PinInvalid,
            format!("what stands before a PIN's colon is the user's name: {name}:password"),
        ));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pin_with_a_colon_says_whose_it_is() {
        let new = |name, pin: &str| {
            let password = new_password(name, &SecretBytes::copied(pin.as_bytes()));
            password.map(|password| password.reveal().to_vec())
        };
        for name in [DEFAULT_USER, FIRST_ADMIN] {
            assert_eq!(new(name, "pa:ss").unwrap_err().reason, Reason::PinInvalid);
            assert_eq!(new(name, &format!("{name}:pa:ss")).unwrap(), b"pa:ss");
            assert_eq!(new(name, "password").unwrap(), b"password");
        }
        // Who has another name says it at each login.
        assert_eq!(new("example", "pa:ss").unwrap(), b"pa:ss");
    }

    fn claim(role: Role, name: Option<&str>, pin: &str) -> (String, Vec<u8>) {
        let pin = SecretBytes::copied(pin.as_bytes());
        let claim = Claim::of(role, name, &pin).unwrap();
        (claim.name, claim.password.reveal().to_vec())
    }

    #[test]
    fn a_pin_names_its_user_before_the_first_colon() {
        let named = claim(Role::CryptoUser, None, "example:a:b");
        assert_eq!(named, ("example".to_owned(), b"a:b".to_vec()));
    }

    #[test]
    fn a_claim_has_the_name_as_it_is_kept_however_it_was_written() {
        for (name, pin) in [(None, "ExAmPle:Pass"), (Some("EXAMPLE"), "Pass")] {
            let kept = claim(Role::CryptoUser, name, pin);
            assert_eq!(kept, ("example".to_owned(), b"Pass".to_vec()));
        }
    }

    #[test]
    fn a_pin_without_a_colon_means_the_first_user_of_its_role() {
        assert_eq!(claim(Role::CryptoUser, None, "1234").0, "user");
        assert_eq!(claim(Role::Admin, None, "1234").0, "admin");
    }

    #[test]
    fn a_name_apart_leaves_colons_to_the_password() {
        let apart = claim(Role::CryptoUser, Some("example"), "a:b");
        assert_eq!(apart, ("example".to_owned(), b"a:b".to_vec()));
        assert_eq!(
            claim(Role::CryptoUser, Some("example"), "Example:a").1,
            b"a"
        );
    }
}

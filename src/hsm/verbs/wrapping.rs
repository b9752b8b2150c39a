//! Keys under other keys: wrapped to leave the HSM, and unwrapped.

use std::{borrow::Cow, sync::Arc};

use cryptoki_sys as sys;
use token::{
    AttributeType, Error, KeyType, Mechanism, ObjectClass, ObjectHandle, Outcome, Produced, Reason,
    Request, Result, SessionHandle, Template,
};

use super::making::{Ready, admit, repeated, store};
use crate::{
    Application,
    audit::Event,
    mechanism::{self, Doing, Function, Material, Row, Use},
    object::{self, Attributes, Family, Making, Origin, Past, Profile},
    seen::Seen,
};

/// `C_WrapKey`, `C_WrapKeyAuthenticated`.
pub(super) fn wrap(
    application: &Application,
    session: SessionHandle,
    mechanism: &Mechanism,
    wrapping: ObjectHandle,
    key: ObjectHandle,
    additional: Option<&[u8]>,
    output: Option<&mut [u8]>,
) -> Result<Outcome> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let keyring = keyring.as_deref();
    let row = mechanism::find(mechanism.id)?;
    let column = row
        .wrap
        .ok_or_else(|| mechanism::no_column(row, Function::Wrap))?;
    let wrapping = Seen::key(seat, keyring, wrapping, Reason::WrappingKeyHandleInvalid)?;
    let wrapping_material = wrapping.material(seat, keyring)?;
    check(
        row,
        Function::Wrap,
        &WRAPPING,
        &wrapping,
        &wrapping_material,
    )?;
    let key = Seen::key(seat, keyring, key, Reason::KeyHandleInvalid)?;
    may_leave(&key, wrapping.attributes(), column.takes_private_keys())?;
    let value = key.material(seat, keyring)?.face().wrapped_form()?;
    let with = Use {
        key: Some(&wrapping_material),
        parameters: &mechanism.parameters,
    };
    let needed = column.wrapped_len(with, additional, value.len())?;
    let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
        return Ok(Outcome {
            produced: Produced::Needed(needed),
            parameters_out: None,
        });
    };
    let (drawn, mechanism) = match application.engine().profile() {
        Profile::Standard => (None, Cow::Borrowed(mechanism)),
        Profile::CloudHsm => {
            let mut mechanism = mechanism.clone();
            let drawn = mechanism::draw_vector(&mut mechanism, &wrapping_material)?;
            (drawn, Cow::Owned(mechanism))
        }
    };
    let with = Use {
        parameters: &mechanism.parameters,
        ..with
    };
    let vector_made = drawn.is_some() || mechanism::draws(&mechanism.parameters);
    let parameters_out = drawn.or(column.wrap(with, additional, value.reveal(), output)?);
    // Nothing of a user's leaves that the log does not know of.
    if keyring.is_some() {
        let event = Event::KeyWrapped {
            reference: key.original().unwrap_or_default(),
            wrapping: wrapping.reference().unwrap_or_default(),
            mechanism: mechanism.id.0,
        };
        let caller = application.caller_in(seat);
        let logged = seat.cluster.commit(&caller, Default::default(), &[event]);
        logged.inspect_err(|_| output.fill(0))?;
    }
    active.operations.did(&Doing {
        mechanism: mechanism.id,
        function: Some(Function::Wrap),
        parameters: &mechanism.parameters,
        drawn: vector_made,
        key: Some(&wrapping_material),
    });
    Ok(Outcome {
        produced: Produced::Written(needed),
        parameters_out,
    })
}

/// What is asked of `C_UnwrapKey` and `C_UnwrapKeyAuthenticated`.
pub(super) struct Unwrapping<'a> {
    pub(super) mechanism: &'a Mechanism,
    pub(super) key: ObjectHandle,
    pub(super) wrapped: &'a [u8],
    pub(super) additional: Option<&'a [u8]>,
    pub(super) template: Template,
}

/// `C_UnwrapKey`, `C_UnwrapKeyAuthenticated`.
pub(super) fn unwrap(
    application: &Application,
    request: Request,
    session: SessionHandle,
    asked: Unwrapping<'_>,
) -> Result<ObjectHandle> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return answer.only();
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let keyring = keyring.as_deref();
    let mechanism = asked.mechanism;
    let row = mechanism::find(mechanism.id)?;
    let column = row
        .unwrap
        .ok_or_else(|| mechanism::no_column(row, Function::Unwrap))?;
    let key = Seen::key(seat, keyring, asked.key, Reason::UnwrappingKeyHandleInvalid)?;
    let material = key.material(seat, keyring)?;
    check(row, Function::Unwrap, &UNWRAPPING, &key, &material)?;
    let template = imposed(asked.template, &key, AttributeType::UNWRAP_TEMPLATE)?;
    let class = ObjectClass(object::required(&template, AttributeType::CLASS)?);
    let key_type = KeyType(object::required(&template, AttributeType::KEY_TYPE)?);
    let is_private = class.0 == sys::CKO_PRIVATE_KEY;
    if class.0 == sys::CKO_PUBLIC_KEY || is_private && !column.takes_private_keys() {
        let words = format!("{} wraps no key of this CKA_CLASS", row.name);
        return Err(Error::new(Reason::TemplateInconsistent, words));
    }
    let what = Making {
        class,
        key_type: Some(key_type),
        origin: Origin::Unwrapped,
        mechanism: None,
        past: Past::UNKNOWN,
    };
    let draft = object::made(&template, &what, application.maker_in(seat))?;
    admit(session, active, &draft.attributes)?;
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let mut value = column.unwrap(with, asked.additional, asked.wrapped)?;
    let len = match is_private {
        true => der_len(value.reveal()),
        false => Material::wanted_len(&draft.attributes)?,
    };
    if column.may_add_zeroes()
        && let Some(len) = len
    {
        let (kept, zeroes) = value
            .reveal()
            .split_at_checked(len)
            .ok_or(Reason::WrappedKeyLenRange)?;
        // Only padding is left out: a piece of a key could be guessed.
        if zeroes.len() >= BLOCK || zeroes.iter().any(|byte| *byte != 0) {
            return Err(Reason::WrappedKeyLenRange.into());
        }
        value = kept.into();
    }
    // §5.18.4: its length, if anything, is wrong with the value of a secret key.
    let refused = match is_private {
        true => Reason::WrappedKeyInvalid,
        false => Reason::WrappedKeyLenRange,
    };
    if !is_private && len.is_some_and(|len| len != value.len()) {
        return Err(refused.into());
    }
    let unwrapped = Material::of_value(&draft.attributes, value, refused)?;
    let objects = vec![Ready {
        draft: draft.with_material(&unwrapped)?,
        material: Some(Arc::new(unwrapped)),
        original: None,
    }];
    let event = |reference| Event::KeyUnwrapped {
        reference,
        unwrapping: key.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let made = store(application, session, active, request, objects, &[], event)?.only()?;
    active
        .operations
        .did(&Doing::with(Function::Unwrap, mechanism, &material));
    Ok(made)
}

/// The template of a key to be, with what the key that makes it imposes (`kind`).
pub(super) fn imposed(template: Template, by: &Seen, kind: AttributeType) -> Result<Template> {
    match by.attributes().nested(kind) {
        Some(imposed) => object::imposed(template, imposed),
        None => Ok(template),
    }
}

/// Who must log in for each use of a key cannot do so for a use that has no Init (§5.6.8).
pub(super) fn no_login_of_its_own(key: &Seen) -> Result<()> {
    if key.attributes().flag(AttributeType::ALWAYS_AUTHENTICATE) {
        let words = "the key's CKA_ALWAYS_AUTHENTICATE is true, and this function has no login of \
                     its own";
        return Err(Error::new(Reason::UserNotLoggedIn, words));
    }
    Ok(())
}

/// The rules for a key that shall leave under the key that has `wrapping` (§5.18.3).
fn may_leave(key: &Seen, wrapping: &Attributes, takes_private_keys: bool) -> Result<()> {
    let attributes = key.attributes();
    let family = key.family();
    if !family.is_some_and(Family::is_secret) {
        let words = "a public key needs no wrapping";
        return Err(Error::new(Reason::KeyNotWrappable, words));
    }
    if !attributes.flag(AttributeType::EXTRACTABLE) {
        return Err(Reason::KeyUnextractable.into());
    }
    let asks_trust = attributes.flag(AttributeType::WRAP_WITH_TRUSTED);
    if asks_trust && !wrapping.flag(AttributeType::TRUSTED) {
        return Err(Reason::KeyNotWrappable.into());
    }
    if family == Some(Family::PrivateKey) && !takes_private_keys {
        let words = "the mechanism only wraps secret keys";
        return Err(Error::new(Reason::KeyNotWrappable, words));
    }
    let template = wrapping.nested(AttributeType::WRAP_TEMPLATE);
    if template.is_some_and(|template| !attributes.include(template)) {
        let words = "the wrapping key's CKA_WRAP_TEMPLATE does not match it";
        return Err(Error::new(Reason::KeyHandleInvalid, words));
    }
    Ok(())
}

/// What the standard calls the faults of one of two keys: its handle, type and size.
struct Faults([(Reason, Reason); 3]);

const WRAPPING: Faults = Faults([
    (Reason::KeyHandleInvalid, Reason::WrappingKeyHandleInvalid),
    (
        Reason::KeyTypeInconsistent,
        Reason::WrappingKeyTypeInconsistent,
    ),
    (Reason::KeySizeRange, Reason::WrappingKeySizeRange),
]);

const UNWRAPPING: Faults = Faults([
    (Reason::KeyHandleInvalid, Reason::UnwrappingKeyHandleInvalid),
    (
        Reason::KeyTypeInconsistent,
        Reason::UnwrappingKeyTypeInconsistent,
    ),
    (Reason::KeySizeRange, Reason::UnwrappingKeySizeRange),
]);

fn check(
    row: &Row,
    function: Function,
    faults: &Faults,
    key: &Seen,
    material: &Material,
) -> Result<()> {
    mechanism::check_key(row, function, key.attributes(), material).map_err(|error| {
        let mut faults = faults.0.iter();
        match faults.find(|(reason, _)| *reason == error.reason) {
            Some((_, fault)) => Error::new(*fault, error.context().unwrap_or_default()),
            None => error,
        }
    })?;
    match function {
        Function::Unwrap => no_login_of_its_own(key),
        _ => Ok(()),
    }
}

/// Bytes of the longest block that a mechanism fills up with zeroes.
const BLOCK: usize = 16;

/// How long the DER value is that `bytes` begin with: where a private key ends and its padding begins.
fn der_len(bytes: &[u8]) -> Option<usize> {
    let (head, len) = match *bytes {
        [_, short, ..] if short < 0x80 => (2, usize::from(short)),
        [_, 0x81, one, ..] => (3, usize::from(one)),
        [_, 0x82, one, two, ..] => (4, usize::from(u16::from_be_bytes([one, two]))),
        _ => return None,
    };
    Some(head + len)
}

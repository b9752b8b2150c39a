//! Keys from keys: derived, encapsulated and decapsulated. What comes from a key that was always
//! protected is so too, as far as it is protected itself; nothing that tells of a key is less
//! protected than that key.

use std::sync::Arc;

use crypto::Secret;
use cryptoki_sys as sys;
use token::{
    AttributeType, Encapsulated, Error, KeyType, Mechanism, ObjectClass, ObjectHandle, Parameters,
    Produced, Reason, Request, Result, SecretBytes, SessionHandle, Template, limits,
};

use super::{
    making::{Ready, admit, repeated, store},
    wrapping::{imposed, no_login_of_its_own},
};
use crate::{
    Application,
    audit::Event,
    cluster::users::Keyring,
    mechanism::{self, Doing, Function, Material, OtherKeys, Row, Use},
    object::{self, Attributes, Draft, Making, Origin, Past},
    seat::Seat,
    seen::Seen,
};

/// `C_DeriveKey`: the handle of the key, and those of the `further` ones.
pub(super) fn derive(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    base: ObjectHandle,
    template: Template,
    further: Vec<Template>,
) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return first(&answer.handles);
    }
    if further.len() > limits::DERIVED_KEYS {
        let words = format!("at most {} further keys", limits::DERIVED_KEYS);
        return Err(Error::new(Reason::LimitExceeded, words));
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let column = row
        .derive
        .ok_or_else(|| mechanism::no_column(row, Function::Derive))?;
    let base = Seen::key(seat, keyring.as_deref(), base, Reason::KeyHandleInvalid)?;
    let material = base.material(keyring.as_deref())?;
    mechanism::check_key(row, Function::Derive, base.attributes(), &material)?;
    no_login_of_its_own(&base)?;

    let others = Others::gather(row, &mechanism.parameters, seat, keyring.as_deref())?;
    let mut sources: Vec<&Seen> = vec![&base];
    sources.extend(others.0.iter().map(|other| &other.seen));
    let class = if column.makes_data() {
        sys::CKO_DATA
    } else {
        sys::CKO_SECRET_KEY
    };
    let mut templates = Vec::with_capacity(1 + further.len());
    for mut template in std::iter::once(template).chain(further) {
        for source in &sources {
            template = imposed(template, source, AttributeType::DERIVE_TEMPLATE)?;
        }
        templates.push(template);
    }
    let wanted: Result<Vec<_>> = templates
        .iter()
        .map(|template| wanted_len(template, class))
        .collect();
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let values = column.derive(with, &others, &wanted?)?;
    if values.len() != templates.len() {
        return Err(Reason::Internal.into());
    }

    let attributes: Vec<&Attributes> = sources.iter().map(|source| source.attributes()).collect();
    let told = match column.reveals_base() {
        true => attributes.as_slice(),
        false => attributes.get(1..).unwrap_or_default(),
    };
    let floor = floor(told);
    let mut least = least_len(&sources, AttributeType::DERIVE_TEMPLATE);
    if column.reveals_base() && attributes.iter().any(|source| is_protected(source)) {
        least = least.max(column.least_len(with, others.len())?);
    }
    must_have(least, values.iter().map(Secret::len))?;
    let past = attributes.iter().map(|source| Past::of(source));
    let past = past.fold(Past::NEW, Past::and);
    let original = column
        .reveals_base()
        .then(|| sources.iter().find_map(|source| source.original()));
    let mut objects = Vec::with_capacity(values.len());
    for (template, value) in templates.into_iter().zip(values) {
        let template = object::imposed(template, &floor)?;
        let what = Making {
            class: ObjectClass(class),
            key_type: key_type(&template, class)?,
            origin: Origin::Derived,
            mechanism: None,
            past,
        };
        let draft = object::made(&template, &what, application.maker_in(seat))?;
        admit(session, active, &draft.attributes)?;
        objects.push(Ready {
            original: original.flatten(),
            ..ready(draft, value)?
        });
    }
    let mut bases: Vec<u64> = Vec::with_capacity(sources.len());
    for reference in sources.iter().filter_map(|source| source.original()) {
        if !bases.contains(&reference) {
            bases.push(reference);
        }
    }
    let event = |reference| Event::KeyDerived {
        reference,
        bases: bases.clone(),
        mechanism: mechanism.id.0,
    };
    let answer = store(application, session, active, request, objects, &[], event)?;
    active
        .operations
        .did(&Doing::with(Function::Derive, mechanism, &material));
    first(&answer.handles)
}

/// `C_EncapsulateKey`. The ciphertext is kept with the answer: asked again with the same request,
/// the same key and the same ciphertext are the answer.
pub(super) fn encapsulate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    public: ObjectHandle,
    template: Template,
    output: Option<&mut [u8]>,
) -> Result<Encapsulated> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let function = Function::Encapsulate;
    let column = row
        .encapsulate
        .ok_or_else(|| mechanism::no_column(row, function))?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return encapsulated(answer.only()?, &answer.output, output);
    }
    let public = Seen::key(seat, keyring.as_deref(), public, Reason::KeyHandleInvalid)?;
    let material = public.material(keyring.as_deref())?;
    mechanism::check_key(row, function, public.attributes(), &material)?;
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let needed = column.ciphertext_len(with)?;
    let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
        return Ok(Encapsulated {
            produced: Produced::Needed(needed),
            key: None,
        });
    };
    let draft = agreed(
        application,
        seat,
        template,
        &public,
        AttributeType::ENCAPSULATE_TEMPLATE,
    )?;
    admit(session, active, &draft.attributes)?;
    let mut ciphertext = vec![0; needed];
    let secret = column.encapsulate(with, &mut ciphertext)?;
    let objects = vec![ready(draft, secret)?];
    let event = |reference| Event::KeyEncapsulated {
        reference,
        public: public.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let answer = store(
        application,
        session,
        active,
        request,
        objects,
        &ciphertext,
        event,
    )?;
    active
        .operations
        .did(&Doing::with(function, mechanism, &material));
    encapsulated(answer.only()?, &answer.output, Some(output))
}

/// `C_DecapsulateKey`.
pub(super) fn decapsulate(
    application: &Application,
    request: Request,
    session: SessionHandle,
    mechanism: &Mechanism,
    private: ObjectHandle,
    ciphertext: &[u8],
    template: Template,
) -> Result<ObjectHandle> {
    let mut session = application.session_of(session)?;
    let (session, active) = session.active()?;
    if let Some(answer) = repeated(application, session, active, request)? {
        return answer.only();
    }
    let seat = &session.seat;
    let keyring = seat.crypto_user();
    let row = mechanism::find(mechanism.id)?;
    let function = Function::Decapsulate;
    let column = row
        .decapsulate
        .ok_or_else(|| mechanism::no_column(row, function))?;
    let private = Seen::key(seat, keyring.as_deref(), private, Reason::KeyHandleInvalid)?;
    let material = private.material(keyring.as_deref())?;
    mechanism::check_key(row, function, private.attributes(), &material)?;
    no_login_of_its_own(&private)?;
    let draft = agreed(
        application,
        seat,
        template,
        &private,
        AttributeType::DECAPSULATE_TEMPLATE,
    )?;
    admit(session, active, &draft.attributes)?;
    let with = Use {
        key: Some(&material),
        parameters: &mechanism.parameters,
    };
    let secret = column.decapsulate(with, ciphertext)?;
    let objects = vec![ready(draft, secret)?];
    let event = |reference| Event::KeyDecapsulated {
        reference,
        private: private.reference().unwrap_or_default(),
        mechanism: mechanism.id.0,
    };
    let made = store(application, session, active, request, objects, &[], event)?.only()?;
    active
        .operations
        .did(&Doing::with(function, mechanism, &material));
    Ok(made)
}

/// The other keys that a derivation takes.
struct Others(Vec<Other>);

struct Other {
    handle: ObjectHandle,
    seen: Seen,
    material: Arc<Material>,
}

impl Others {
    /// Those that `parameters` name, if each of them may be derived from by the mechanism of `row`.
    fn gather(
        row: &Row,
        parameters: &Parameters,
        seat: &Seat,
        keyring: Option<&Keyring>,
    ) -> Result<Self> {
        let other = |handle| {
            let seen = Seen::key(seat, keyring, handle, Reason::KeyHandleInvalid)?;
            mechanism::check_other_key(row, seen.attributes())?;
            let material = seen.material(keyring)?;
            Ok(Other {
                handle,
                seen,
                material,
            })
        };
        let handles = mechanism::other_keys(parameters).into_iter();
        handles.map(other).collect::<Result<_>>().map(Self)
    }

    /// How many bytes they have together.
    fn len(&self) -> usize {
        let lens = self.0.iter().filter_map(|other| other.material.value());
        lens.map(<[u8]>::len).sum()
    }
}

impl OtherKeys for Others {
    fn value(&self, handle: ObjectHandle) -> Result<Secret> {
        let other = self.0.iter().find(|other| other.handle == handle);
        let value = other.and_then(|other| other.material.value());
        value
            .map(Secret::from)
            .ok_or_else(|| Reason::KeyTypeInconsistent.into())
    }
}

/// What no key may lack that tells of the keys that have `sources`.
fn floor(sources: &[&Attributes]) -> Attributes {
    let mut floor = Attributes::default();
    let has = |kind, flag| sources.iter().any(|source| source.flag(kind) == flag);
    if has(AttributeType::SENSITIVE, true) {
        floor.set(AttributeType::SENSITIVE, true.into());
    }
    if has(AttributeType::EXTRACTABLE, false) {
        floor.set(AttributeType::EXTRACTABLE, false.into());
    }
    if has(AttributeType::WRAP_WITH_TRUSTED, true) {
        floor.set(AttributeType::WRAP_WITH_TRUSTED, true.into());
    }
    if has(AttributeType::PRIVATE, true) {
        floor.set(AttributeType::PRIVATE, true.into());
    }
    if has(AttributeType::COPYABLE, false) {
        floor.set(AttributeType::COPYABLE, false.into());
    }
    floor
}

/// Whether a key with these attributes has a value that its user may not read.
fn is_protected(attributes: &Attributes) -> bool {
    attributes.flag(AttributeType::SENSITIVE) || !attributes.flag(AttributeType::EXTRACTABLE)
}

/// Bytes that nobody guesses.
const UNGUESSABLE: usize = 16;

/// The fewest bytes of a key that the template `kind` of one of `sources` protects: who chooses a
/// shorter one could guess it, and with a longer one each time all that the longest one has. That
/// template itself may say another length.
fn least_len(sources: &[&Seen], kind: AttributeType) -> usize {
    let protects = |source: &&Seen| {
        source.attributes().nested(kind).is_some_and(|template| {
            let extractable = template.plain(AttributeType::EXTRACTABLE);
            let kept =
                template.flag(AttributeType::SENSITIVE) || extractable == Some(&false.into());
            kept && template.number(AttributeType::VALUE_LEN).is_none()
        })
    };
    match sources.iter().any(protects) {
        true => UNGUESSABLE,
        false => 0,
    }
}

/// Refuses keys that have fewer bytes than `least`.
fn must_have(least: usize, lens: impl IntoIterator<Item = usize>) -> Result<()> {
    if lens.into_iter().all(|len| len >= least) {
        return Ok(());
    }
    let words = format!("a key that shall be protected has {least} bytes: fewer could be guessed");
    Err(Error::new(Reason::TemplateInconsistent, words))
}

/// The draft of a key of which both sides hear, as the template `kind` of the key `by` wants it.
fn agreed(
    application: &Application,
    seat: &Seat,
    template: Template,
    by: &Seen,
    kind: AttributeType,
) -> Result<Draft> {
    let template = imposed(template, by, kind)?;
    let class = sys::CKO_SECRET_KEY;
    let what = Making {
        class: ObjectClass(class),
        key_type: key_type(&template, class)?,
        origin: Origin::Unwrapped,
        mechanism: None,
        past: Past::UNKNOWN,
    };
    let draft = object::made(&template, &what, application.maker_in(seat))?;
    let len = Material::wanted_len(&draft.attributes)?;
    must_have(least_len(&[by], kind), len).map(|()| draft)
}

/// The type of key that the template asks for; a secret that nobody says more of is generic.
fn key_type(template: &Template, class: u64) -> Result<Option<KeyType>> {
    if class != sys::CKO_SECRET_KEY {
        return Ok(None);
    }
    let asked = object::number_of(template, AttributeType::KEY_TYPE)?;
    Ok(Some(KeyType(asked.unwrap_or(sys::CKK_GENERIC_SECRET))))
}

/// How long the template, or the type of key that it asks for, says that the value shall be.
fn wanted_len(template: &Template, class: u64) -> Result<Option<usize>> {
    let asked = object::number_of(template, AttributeType::VALUE_LEN)?;
    if let Some(len) = asked {
        let len = usize::try_from(len).ok();
        let len = len.filter(|len| (1..=limits::GENERIC_SECRET_BYTES).contains(len));
        return len.map(Some).ok_or_else(|| {
            Error::new(
                Reason::AttributeValueInvalid,
                "CKA_VALUE_LEN is out of range",
            )
        });
    }
    let mut attributes = Attributes::default();
    attributes.set(AttributeType::CLASS, class.into());
    match key_type(template, class)? {
        Some(key_type) => {
            attributes.set(AttributeType::KEY_TYPE, key_type.0.into());
            Material::wanted_len(&attributes)
        }
        None => Ok(None),
    }
}

/// The object of `draft` that has this value, or as much of it as the template asks for.
fn ready(draft: Draft, value: Secret) -> Result<Ready> {
    if draft.attributes.key_type().is_none() {
        let value = SecretBytes::copied(value.reveal());
        return Ok(Ready {
            draft: draft.with_data(value),
            material: None,
            original: None,
        });
    }
    let value = match Material::wanted_len(&draft.attributes)? {
        Some(len) if len < value.len() => {
            Secret::from(value.reveal().get(..len).ok_or(Reason::Internal)?)
        }
        _ => value,
    };
    let material = Material::of_value(&draft.attributes, value, Reason::KeySizeRange)?;
    Ok(Ready {
        draft: draft.with_material(&material)?,
        material: Some(Arc::new(material)),
        original: None,
    })
}

fn first(handles: &[ObjectHandle]) -> Result<(ObjectHandle, Vec<ObjectHandle>)> {
    let (first, further) = handles.split_first().ok_or(Reason::Protocol)?;
    Ok((*first, further.to_vec()))
}

fn encapsulated(
    key: ObjectHandle,
    ciphertext: &[u8],
    output: Option<&mut [u8]>,
) -> Result<Encapsulated> {
    let place = output.and_then(|output| output.get_mut(..ciphertext.len()));
    let Some(place) = place else {
        return Ok(Encapsulated {
            produced: Produced::Needed(ciphertext.len()),
            key: None,
        });
    };
    place.copy_from_slice(ciphertext);
    Ok(Encapsulated {
        produced: Produced::Written(ciphertext.len()),
        key: Some(key),
    })
}

//! Verification of requests that are signed in their `Authorization` header with SigV4.

use std::sync::{Arc, OnceLock};

use crypto::{Secret, hmac_sha256};
use parking_lot::Mutex;

use super::canonical::{self, HexHash};
use crate::{
    Clock, Error, Principal, Request, Result, Scope, Timestamp,
    error::{
        INCOMPLETE_SIGNATURE, INVALID_SIGNATURE, MISSING_AUTHENTICATION_TOKEN, UNRECOGNIZED_CLIENT,
    },
};

/// The one algorithm.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last part of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
/// How far a request's clock may be from ours.
const TOLERANCE_SECONDS: i64 = 15 * 60;
/// Headers that one signature may cover.
const SIGNED_HEADERS: usize = 64;
/// Derived keys that are kept of one access key: two services, today and yesterday, and some.
const DERIVED_KEYS: usize = 8;
/// Headers that mean something to us: where one is present, it must be signed.
const MEANINGFUL: [&str; 5] = [
    "host",
    "x-amz-date",
    "x-amz-target",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Finds the access key that signed a request.
pub trait AccessKeys: Send + Sync {
    /// The key with this id, if there is one.
    fn find(&self, access_key_id: &str) -> Result<Option<Arc<SigningKey>>>;
}

/// An access key that can check signatures.
pub struct SigningKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// The user whose key it is.
    pub user_name: String,
    /// `AWS4` and the secret access key: what derivation begins with.
    seed: Secret,
    derived: Mutex<Vec<(String, Arc<Secret>)>>,
    principal: OnceLock<Arc<Principal>>,
}

impl SigningKey {
    /// The key with this secret.
    pub fn new(access_key_id: &str, user_name: &str, secret_access_key: &Secret) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            user_name: user_name.to_owned(),
            seed: Secret::joined(&[b"AWS4", secret_access_key.reveal()]),
            derived: Mutex::default(),
            principal: OnceLock::new(),
        }
    }

    /// Whoever signs with this key, in the one account that it is a key of.
    pub(crate) fn principal(&self, scope: &Scope) -> Arc<Principal> {
        let principal = || {
            let id = &self.access_key_id;
            Arc::new(Principal::user(scope, &self.user_name, id))
        };
        self.principal.get_or_init(principal).clone()
    }

    /// The signature of a canonical request's hash, made at `date` in `scope`
    /// (`<day>/<region>/<service>/aws4_request`).
    pub(crate) fn signature(&self, date: &str, scope: &str, request: &HexHash) -> [u8; 32] {
        let (date, of) = (date.as_bytes(), scope.as_bytes());
        let lines = [ALGORITHM.as_bytes(), b"\n", date, b"\n", of, b"\n", request];
        hmac_sha256(self.derive(scope).reveal(), &lines)
    }

    fn derive(&self, scope: &str) -> Arc<Secret> {
        let kept = |derived: &[(String, Arc<Secret>)]| {
            derived
                .iter()
                .find(|(of, _)| of == scope)
                .map(|(_, key)| key.clone())
        };
        if let Some(key) = kept(&self.derived.lock()) {
            return key;
        }
        let step = |key: Secret, part: &str| {
            Secret::from(&hmac_sha256(key.reveal(), &[part.as_bytes()])[..])
        };
        let seed = Secret::from(self.seed.reveal());
        let key = Arc::new(scope.split('/').fold(seed, step));
        let mut derived = self.derived.lock();
        if derived.len() >= DERIVED_KEYS {
            derived.remove(0);
        }
        derived.push((scope.to_owned(), key.clone()));
        key
    }
}

/// Checks signatures made for one region.
pub struct Verifier {
    keys: Arc<dyn AccessKeys>,
    clock: Arc<dyn Clock>,
    region: String,
}

impl Verifier {
    /// A verifier for `region`.
    pub fn new(keys: Arc<dyn AccessKeys>, clock: Arc<dyn Clock>, region: &str) -> Self {
        Self {
            keys,
            clock,
            region: region.to_owned(),
        }
    }

    /// The access key that signed `request` for `service`.
    pub fn verify(&self, request: &Request<'_>, service: &str) -> Result<Arc<SigningKey>> {
        let authorization = Authorization::of(request)?;
        let date = Date::of(request)?;
        let signed = authorization.signed_headers(request)?;
        let credential = authorization.credential()?;
        let unknown = || {
            Error::new(
                UNRECOGNIZED_CLIENT,
                "The security token included in the request is invalid.",
            )
        };
        // Session tokens are made by STS, which is not here: nobody has one that is valid.
        if request.headers.one("x-amz-security-token").is_some() {
            return Err(unknown());
        }
        let key = self
            .keys
            .find(credential.access_key_id)?
            .ok_or_else(unknown)?;
        self.check_scope(&credential, &date, service)?;
        self.check_time(&date)?;

        let hash = canonical::hash(
            request.method,
            request.target,
            request.headers,
            &signed,
            request.body,
        );
        let expected = key.signature(date.text, credential.scope, &hash);
        let mut given = [0; 32];
        let is_hex = hex::decode_to_slice(authorization.signature, &mut given).is_ok();
        if !is_hex || !crypto::eq(&expected, &given) {
            return Err(Error::new(
                INVALID_SIGNATURE,
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details.",
            ));
        }
        Ok(key)
    }

    fn check_scope(
        &self,
        credential: &Credential<'_>,
        date: &Date<'_>,
        service: &str,
    ) -> Result<()> {
        let invalid = |message: String| Err(Error::new(INVALID_SIGNATURE, message));
        let day = date.text.get(..8).unwrap_or_default();
        if credential.region != self.region {
            return invalid(format!(
                "Credential should be scoped to a valid region, not '{}'; this server serves '{}'. ",
                credential.region, self.region
            ));
        }
        if credential.service != service {
            return invalid(format!(
                "Credential should be scoped to correct service: '{service}'. "
            ));
        }
        if credential.day != day {
            return invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{}' != '{day}', from '{}'.",
                credential.day, date.text
            ));
        }
        Ok(())
    }

    fn check_time(&self, date: &Date<'_>) -> Result<()> {
        let now = self.clock.now();
        let (earliest, latest) = (
            now.plus_seconds(-TOLERANCE_SECONDS),
            now.plus_seconds(TOLERANCE_SECONDS),
        );
        let made = date.text;
        let text = if date.time.seconds() < earliest.seconds() {
            let (bound, now) = (earliest.compact(), now.compact());
            format!("Signature expired: {made} is now earlier than {bound} ({now} - 15 min.)")
        } else if date.time.seconds() > latest.seconds() {
            let (bound, now) = (latest.compact(), now.compact());
            format!(
                "Signature not yet current: {made} is still later than {bound} ({now} + 15 min.)"
            )
        } else {
            return Ok(());
        };
        Err(Error::new(INVALID_SIGNATURE, text))
    }
}

/// The `Authorization` header, taken apart.
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn of(request: &Request<'a>) -> Result<Self> {
        let Some(header) = request.headers.one("authorization") else {
            return Err(Self::missing(request));
        };
        let header = std::str::from_utf8(header)
            .map_err(|_| incomplete("The Authorization header is not text."))?;
        if request.headers.all("authorization").nth(1).is_some() {
            return Err(incomplete("There is more than one Authorization header."));
        }
        let parameters = match header.trim().split_once(char::is_whitespace) {
            Some((ALGORITHM, parameters)) => parameters,
            _ => {
                return Err(incomplete(&format!(
                    "Unsupported AWS 'algorithm': only {ALGORITHM} is understood."
                )));
            }
        };
        let find = |name: &str| {
            let mut pairs = parameters
                .split(',')
                .filter_map(|pair| pair.trim().split_once('='));
            pairs
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim())
        };
        let found = ["Credential", "Signature", "SignedHeaders"].map(|name| (name, find(name)));
        let absent: Vec<String> = found
            .iter()
            .filter(|(_, value)| value.is_none_or(str::is_empty))
            .map(|(name, _)| format!("Authorization header requires '{name}' parameter."))
            .collect();
        let [
            (_, Some(credential)),
            (_, Some(signature)),
            (_, Some(signed_headers)),
        ] = found
        else {
            return Err(incomplete(&absent.join(" ")));
        };
        if absent.is_empty() {
            Ok(Self {
                credential,
                signed_headers,
                signature,
            })
        } else {
            Err(incomplete(&absent.join(" ")))
        }
    }

    /// Why a request without the header is refused.
    fn missing(request: &Request<'_>) -> Error {
        if request.target.contains("X-Amz-Signature=")
            || request.target.contains("X-Amz-Algorithm=")
        {
            return incomplete(
                "Signatures in the query string are not supported: sign in the Authorization header.",
            );
        }
        Error::new(MISSING_AUTHENTICATION_TOKEN, "Missing Authentication Token")
    }

    /// The names of the signed headers: lower-case, sorted, present, and all that must be there.
    fn signed_headers(&self, request: &Request<'_>) -> Result<Vec<&'a str>> {
        let names: Vec<&str> = self.signed_headers.split(';').collect();
        let sorted = names.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let lower = |name: &&str| !name.is_empty() && !name.bytes().any(|b| b.is_ascii_uppercase());
        if names.len() > SIGNED_HEADERS || !sorted || !names.iter().all(lower) {
            return Err(incomplete(
                "SignedHeaders must be a short list of different lower-case names in order.",
            ));
        }
        if let Some(name) = names
            .iter()
            .find(|name| request.headers.one(name).is_none())
        {
            return Err(incomplete(&format!(
                "The signed header '{name}' is not in the request."
            )));
        }
        let date: &[&str] = match request.headers.one("x-amz-date") {
            Some(_) => &[],
            None => &["date"],
        };
        let needed = MEANINGFUL
            .iter()
            .filter(|name| **name == "host" || request.headers.one(name).is_some());
        for name in needed.chain(date) {
            if !names.contains(name) {
                return Err(Error::new(
                    INVALID_SIGNATURE,
                    format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."),
                ));
            }
        }
        Ok(names)
    }

    fn credential(&self) -> Result<Credential<'a>> {
        let text = self.credential;
        let mut parts = text.split('/');
        match std::array::from_fn(|_| parts.next()) {
            [
                Some(access_key_id),
                Some(day),
                Some(region),
                Some(service),
                Some(TERMINATOR),
                None,
            ] => Ok(Credential {
                access_key_id,
                day,
                region,
                service,
                scope: text.get(access_key_id.len() + 1..).unwrap_or_default(),
            }),
            _ => Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/aws4_request.",
            )),
        }
    }
}

struct Credential<'a> {
    access_key_id: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
    /// All but the access key id.
    scope: &'a str,
}

/// When a request says that it was made.
struct Date<'a> {
    text: &'a str,
    time: Timestamp,
}

impl<'a> Date<'a> {
    fn of(request: &Request<'a>) -> Result<Self> {
        let header = request
            .headers
            .one("x-amz-date")
            .or_else(|| request.headers.one("date"));
        let Some(header) = header else {
            return Err(incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ));
        };
        let parsed = std::str::from_utf8(header).ok().and_then(|text| {
            let text = text.trim();
            Timestamp::parse_compact(text).map(|time| Self { text, time })
        });
        parsed.ok_or_else(|| {
            incomplete("Date must be in ISO-8601 'basic format', for example 20150830T123600Z.")
        })
    }
}

fn incomplete(message: &str) -> Error {
    Error::new(INCOMPLETE_SIGNATURE, message)
}

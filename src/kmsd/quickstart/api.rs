//! Our own HTTP API, called as any program would: signed, over the network.

use std::{fmt, time::Duration};

use aws::{Timestamp, auth::Signer};
use crypto::Secret;
use serde_json::Value;

use super::secrets::Secrets;
use crate::{Failure, server::Server};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of this server.
pub(super) struct Api {
    host: String,
    agent: ureq::Agent,
    kms: Signer,
    cloudhsm: Signer,
}

/// An error that the API answered.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) name: String,
    message: String,
}

impl Api {
    /// A client with quickstart's access key.
    pub(super) fn new(server: &Server, secrets: &Secrets) -> Self {
        let secret = Secret::from(secrets.secret_access_key.as_bytes());
        let region = &server.records.scope.region;
        let signer = |service| Signer::new(&secrets.access_key_id, &secret, region, service);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        Self {
            host: environment_host(server),
            agent,
            kms: signer("kms"),
            cloudhsm: signer("cloudhsm"),
        }
    }

    /// A KMS operation.
    pub(super) fn kms(&self, operation: &str, request: &Value) -> Result<Value, Failure> {
        self.call(&self.kms, &format!("TrentService.{operation}"), request)
    }

    /// A CloudHSM operation.
    pub(super) fn cloudhsm(&self, operation: &str, request: &Value) -> Result<Value, Failure> {
        self.call(
            &self.cloudhsm,
            &format!("BaldrApiService.{operation}"),
            request,
        )
    }

    fn call(&self, signer: &Signer, target: &str, request: &Value) -> Result<Value, Failure> {
        let body = request.to_string();
        let headers = signer.headers(&self.host, target, body.as_bytes(), Timestamp::now());
        let mut post = self.agent.post(format!("http://{}/", self.host));
        for (name, value) in headers {
            post = post.header(name, value);
        }
        let mut response = post.send(body.as_bytes())?;
        let status = response.status();
        let answer: Value = serde_json::from_str(&response.body_mut().read_to_string()?)?;
        if status.is_success() {
            return Ok(answer);
        }
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        Err(Box::new(Refused {
            name: text("__type").unwrap_or_default(),
            message: text("message")
                .or_else(|| text("Message"))
                .unwrap_or_default(),
        }))
    }
}

/// Where this machine reaches the server.
pub(super) fn environment_host(server: &Server) -> String {
    let address = server.address;
    match address.ip() {
        ip if !ip.is_unspecified() => address.to_string(),
        std::net::IpAddr::V4(_) => format!("127.0.0.1:{}", address.port()),
        std::net::IpAddr::V6(_) => format!("[::1]:{}", address.port()),
    }
}

/// The text at `path` in an answer.
pub(super) fn text<'a>(answer: &'a Value, path: &str) -> Result<&'a str, Failure> {
    let found = answer.pointer(path).and_then(Value::as_str);
    found.ok_or_else(|| format!("an answer of our own API has no {path}").into())
}

/// The list at `path` in an answer; empty if there is none.
pub(super) fn list<'a>(answer: &'a Value, path: &str) -> &'a [Value] {
    answer
        .pointer(path)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Refused {}

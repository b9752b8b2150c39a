//! One event of the log of calls: a line of JSON in CloudTrail's shape.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Call, Error, Notes};

/// Room for a line as most are.
const LINE_BYTES: usize = 1024;

/// What an event says of its service and operation.
pub(crate) struct Subject<'a> {
    pub(crate) source: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) name: &'static str,
    pub(crate) read_only: bool,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) error: Option<&'a Error>,
}

/// One line of the log, in CloudTrail's shape.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    event_version: &'static str,
    user_identity: Identity<'a>,
    event_time: String,
    event_source: &'static str,
    event_name: &'static str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source: IpAddr,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Option<Map<String, Value>>,
    response_elements: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_event_data: Option<Map<String, Value>>,
    #[serde(rename = "requestID")]
    request_id: &'a str,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource<'a>>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'a str,
    event_category: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    r#type: &'static str,
    principal_id: &'a str,
    arn: &'a str,
    account_id: &'a str,
    access_key_id: &'a str,
    user_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    account_id: &'a str,
    r#type: &'static str,
    #[serde(rename = "ARN")]
    arn: &'a str,
}

/// The event of a call, as a line of JSON.
pub(crate) fn line(subject: Subject<'_>, call: &Call, notes: Notes) -> serde_json::Result<Vec<u8>> {
    let mut parameters = subject.parameters;
    parameters.extend(notes.parameters);
    let account = call.scope.account.as_str();
    let resource = |arn| Resource {
        account_id: account,
        r#type: subject.resource_type,
        arn,
    };
    let message = subject.error.map(|error| error.message.as_str());
    let event = Event {
        event_version: "1.08",
        user_identity: Identity {
            r#type: "IAMUser",
            principal_id: &call.principal.id,
            arn: &call.principal.arn,
            account_id: &call.principal.account,
            access_key_id: &call.principal.access_key_id,
            user_name: &call.principal.user_name,
        },
        event_time: call.now.iso(),
        event_source: subject.source,
        event_name: subject.name,
        aws_region: &call.scope.region,
        source: call.source,
        user_agent: &call.user_agent,
        error_code: subject.error.map(|error| error.kind.name),
        error_message: message.filter(|text| !text.is_empty()),
        request_parameters: present(parameters),
        response_elements: present(notes.response),
        additional_event_data: present(notes.additional),
        request_id: &call.request_id,
        event_id: crate::random_id(),
        read_only: subject.read_only,
        resources: notes.resources.iter().map(|arn| resource(arn)).collect(),
        event_type: "AwsApiCall",
        management_event: true,
        recipient_account_id: account,
        event_category: "Management",
    };
    let mut line = Vec::with_capacity(LINE_BYTES);
    serde_json::to_writer(&mut line, &event)?;
    line.push(b'\n');
    Ok(line)
}

fn present(members: Map<String, Value>) -> Option<Map<String, Value>> {
    (!members.is_empty()).then_some(members)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Principal, Scope, Timestamp};

    pub(crate) fn call() -> Call {
        let principal = Principal {
            account: "111122223333".to_owned(),
            arn: "arn:aws:iam::111122223333:user/alice".to_owned(),
            id: "AIDAEXAMPLE".to_owned(),
            user_name: "alice".to_owned(),
            access_key_id: "AKIAEXAMPLEEXAMPLE00".to_owned(),
        };
        let scope = Scope::new("us-east-1", "111122223333").unwrap();
        let source = "127.0.0.1".parse().unwrap();
        Call::new(
            principal,
            scope,
            "r-1".to_owned(),
            Timestamp(0),
            source,
            "test".to_owned(),
        )
    }

    pub(crate) fn subject(parameters: Map<String, Value>) -> Subject<'static> {
        Subject {
            source: "kms.amazonaws.com",
            resource_type: "AWS::KMS::Key",
            name: "Encrypt",
            read_only: true,
            parameters,
            error: None,
        }
    }

    fn parsed(subject: Subject<'_>, call: &Call, notes: Notes) -> Value {
        serde_json::from_slice(&line(subject, call, notes).unwrap()).unwrap()
    }

    #[test]
    fn an_event_says_who_did_what_to_which_resource() {
        let call = call();
        call.resource("arn:aws:kms:us-east-1:111122223333:key/1");
        call.requested("keyId", "arn:aws:kms:us-east-1:111122223333:key/1");
        let event = parsed(subject(Map::new()), &call, call.take_notes());
        assert_eq!(event["userIdentity"]["userName"], "alice");
        assert_eq!(event["resources"][0]["type"], "AWS::KMS::Key");
        assert_eq!(
            event["requestParameters"]["keyId"],
            "arn:aws:kms:us-east-1:111122223333:key/1"
        );
        assert_eq!(event["responseElements"], Value::Null);
        assert_eq!(event["eventTime"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn an_event_of_a_failure_has_the_errors_name() {
        let error = Error::new(crate::error::ACCESS_DENIED, "no");
        let subject = Subject {
            error: Some(&error),
            ..subject(Map::new())
        };
        let event = parsed(subject, &call(), Notes::default());
        assert_eq!(event["errorCode"], "AccessDeniedException");
    }
}

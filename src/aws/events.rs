//! The log of calls: one JSON line for each, in CloudTrail's shape, in files of bounded size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::{Call, Error, Notes, private};

/// Bytes in one file: the next line goes to a new one.
pub const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Files that are kept, the current one among them.
pub const FILES: u32 = 8;

/// The log, in a folder: `events.jsonl`, and older ones with a number.
pub struct EventLog {
    folder: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    file: File,
    bytes: u64,
    failing: bool,
}

/// What an event says of its service and operation.
pub(crate) struct Subject<'a> {
    pub(crate) source: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) name: &'static str,
    pub(crate) read_only: bool,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) error: Option<&'a Error>,
}

impl EventLog {
    /// The log in `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        private::folder(folder)?;
        let file = open_current(folder)?;
        let bytes = file.metadata()?.len();
        let current = Mutex::new(Current {
            file,
            bytes,
            failing: false,
        });
        Ok(Self {
            folder: folder.to_owned(),
            current,
        })
    }

    /// Appends the event of a call. A full disk stops the log, not the service.
    pub(crate) fn append(&self, subject: Subject<'_>, call: &Call) {
        let mut line = event(subject, call, call.take_notes()).to_string();
        line.push('\n');
        let mut current = self.current.lock();
        let written = self.write(&mut current, line.as_bytes());
        match written {
            Ok(()) if current.failing => {
                current.failing = false;
                log::warn!("calls are logged again");
            }
            Err(error) if !current.failing => {
                current.failing = true;
                log::error!("calls are not logged in {}: {error}", self.folder.display());
            }
            _ => {}
        }
    }

    fn write(&self, current: &mut Current, line: &[u8]) -> io::Result<()> {
        let len = line.len() as u64;
        if current.failing {
            // A full disk took the beginning of a line: the next one must not be joined to it.
            current.file.set_len(current.bytes)?;
        }
        if current.bytes > 0 && current.bytes.saturating_add(len) > FILE_BYTES {
            for number in (1..FILES).rev() {
                let older = self.path(number);
                match fs::rename(self.path(number - 1), older) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            current.file = open_current(&self.folder)?;
            current.bytes = 0;
        }
        // One write a line: a kill leaves whole lines.
        current.file.write_all(line)?;
        current.bytes = current.bytes.saturating_add(len);
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        match number {
            0 => self.folder.join("events.jsonl"),
            number => self.folder.join(format!("events.{number}.jsonl")),
        }
    }
}

fn open_current(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(folder.join("events.jsonl"))
}

fn event(subject: Subject<'_>, call: &Call, notes: Notes) -> Value {
    let mut parameters = subject.parameters;
    parameters.extend(notes.parameters);
    let resource = |arn: &String| json!({"accountId": call.scope.account, "type": subject.resource_type, "ARN": arn});
    let mut event = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": call.principal.id,
            "arn": call.principal.arn,
            "accountId": call.principal.account,
            "accessKeyId": call.principal.access_key_id,
            "userName": call.principal.user_name,
        },
        "eventTime": call.now.iso(),
        "eventSource": subject.source,
        "eventName": subject.name,
        "awsRegion": call.scope.region,
        "sourceIPAddress": call.source.to_string(),
        "userAgent": call.user_agent,
        "requestParameters": object_or_null(parameters),
        "responseElements": object_or_null(notes.response),
        "requestID": call.request_id,
        "eventID": uuid::Uuid::new_v4().to_string(),
        "readOnly": subject.read_only,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": call.scope.account,
        "eventCategory": "Management",
    });
    if let Some(members) = event.as_object_mut() {
        if !notes.additional.is_empty() {
            members.insert(
                "additionalEventData".to_owned(),
                Value::Object(notes.additional),
            );
        }
        if !notes.resources.is_empty() {
            let resources = notes.resources.iter().map(resource).collect();
            members.insert("resources".to_owned(), Value::Array(resources));
        }
        if let Some(error) = subject.error {
            members.insert("errorCode".to_owned(), error.kind.name.into());
            if !error.message.is_empty() {
                members.insert("errorMessage".to_owned(), error.message.as_str().into());
            }
        }
    }
    event
}

fn object_or_null(members: Map<String, Value>) -> Value {
    if members.is_empty() {
        Value::Null
    } else {
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Principal, Scope, Timestamp};

    fn call() -> Call {
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

    fn subject(parameters: Map<String, Value>) -> Subject<'static> {
        Subject {
            source: "kms.amazonaws.com",
            resource_type: "AWS::KMS::Key",
            name: "Encrypt",
            read_only: true,
            parameters,
            error: None,
        }
    }

    #[test]
    fn an_event_says_who_did_what_to_which_resource() {
        let call = call();
        call.resource("arn:aws:kms:us-east-1:111122223333:key/1");
        call.requested("keyId", "arn:aws:kms:us-east-1:111122223333:key/1");
        let event = event(subject(Map::new()), &call, call.take_notes());
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
        let event = event(subject, &call(), Notes::default());
        assert_eq!(event["errorCode"], "AccessDeniedException");
    }

    #[test]
    fn a_full_file_makes_room_for_a_new_one_and_the_oldest_goes() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("events");
        let log = EventLog::open(&folder).unwrap();
        for _ in 0..FILES + 3 {
            log.append(subject(Map::new()), &call());
            log.current.lock().bytes = FILE_BYTES;
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), FILES as usize);
    }

    #[test]
    fn the_half_line_that_a_full_disk_took_does_not_spoil_the_next() {
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(&home.path().join("events")).unwrap();
        log.append(subject(Map::new()), &call());
        {
            let mut current = log.current.lock();
            current.file.write_all(b"{\"eventVers").unwrap();
            current.failing = true;
        }
        log.append(subject(Map::new()), &call());
        let text = fs::read_to_string(log.path(0)).unwrap();
        let whole = |line| serde_json::from_str::<Value>(line).is_ok();
        assert!(
            text.lines().count() == 2 && text.lines().all(whole),
            "{text}"
        );
    }

    #[test]
    fn events_are_lines_of_a_private_file() {
        use std::os::unix::fs::MetadataExt as _;
        let home = tempfile::tempdir().unwrap();
        let log = EventLog::open(home.path().join("events").as_path()).unwrap();
        log.append(subject(Map::new()), &call());
        log.append(subject(Map::new()), &call());
        let path = log.path(0);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.lines()
                .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
        assert_eq!(text.lines().count(), 2);
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }
}

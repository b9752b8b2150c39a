//! Bodies: a request becomes a type, a response a body, an error AWS's error shape.

use std::{fmt, io};

use crypto::Zeroizing;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    Call, Error, Result,
    error::{INTERNAL_FAILURE, SERIALIZATION},
};

/// Makes the function of an operation's row from one that takes and gives types.
#[macro_export]
macro_rules! typed {
    ($run:path) => {
        |context, call, body| $crate::answer(context, call, body, $run)
    };
}

/// Answers a call: the body becomes a request, the response becomes a body.
pub fn answer<C, I: DeserializeOwned, O: Serialize>(
    context: &C,
    call: &Call,
    body: &[u8],
    run: impl Fn(&C, &Call, I) -> Result<O>,
) -> Result<Zeroizing<Vec<u8>>> {
    let response = run(context, call, request(body)?)?;
    let mut answer = Answer(Zeroizing::new(Vec::with_capacity(ANSWER_BYTES)));
    serde_json::to_writer(&mut answer, &response)
        .map_err(|_| Error::new(INTERNAL_FAILURE, "the response cannot be written"))?;
    Ok(answer.0)
}

/// Room for most answers.
const ANSWER_BYTES: usize = 512;

/// An answer that may show a plaintext: growing, it overwrites the smaller copies of itself.
struct Answer(Zeroizing<Vec<u8>>);

impl io::Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.0.len() + bytes.len();
        if len > self.0.capacity() {
            let mut larger = Vec::with_capacity(len.next_power_of_two());
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn request<I: DeserializeOwned>(body: &[u8]) -> Result<I> {
    // A caller without parameters may send no body at all.
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own words could quote a secret that has the wrong type.
        let text = match error.classify() {
            serde_json::error::Category::Data => {
                format!(
                    "a member of the request has the wrong type (column {})",
                    error.column()
                )
            }
            _ => format!("the request is not JSON (column {})", error.column()),
        };
        Error::new(SERIALIZATION, text)
    })
}

/// An error's body.
pub(crate) fn error_body(error: &Error, message_member: &str) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("__type".to_owned(), error.kind.name.into());
    if !error.message.is_empty() {
        body.insert(message_member.to_owned(), error.message.as_str().into());
    }
    Value::Object(body).to_string().into_bytes()
}

/// A member's name as events and validation errors write it: `KeyId` is `keyId`.
pub fn member_name(member: &str) -> String {
    let mut letters = member.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// The members of a request that `names` lists, under the names that events use. All others are
/// skipped as they are read, so that they are never copied.
pub(crate) fn members(body: &[u8], names: &[&str]) -> Map<String, Value> {
    if names.is_empty() {
        return Map::new();
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    // A body that is no object was answered with an error; its event has no parameters.
    Members(names).deserialize(&mut reader).unwrap_or_default()
}

struct Members<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut object: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut kept = Map::new();
        while let Some(Name(name)) = object.next_key()? {
            if self.0.contains(&&*name) {
                kept.insert(member_name(&name), object.next_value()?);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept)
    }
}

/// A member's name, borrowed if it can be.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Question {
        key_id: Option<String>,
    }

    #[test]
    fn no_body_is_an_empty_request() {
        assert_eq!(request::<Question>(b"").unwrap().key_id, None);
    }

    #[test]
    fn a_request_that_is_no_json_is_a_serialization_exception() {
        for body in [&b"{"[..], b"[]", b"{\"KeyId\":\"a\"}}", b"\xff"] {
            assert_eq!(request::<Question>(body).unwrap_err().kind, SERIALIZATION);
        }
    }

    #[test]
    fn a_member_of_the_wrong_type_is_not_repeated_to_the_caller() {
        let error = request::<Question>(br#"{"KeyId": 5711}"#).unwrap_err();
        assert!(!error.message.contains("5711"), "{error}");
    }

    #[test]
    fn an_event_gets_the_listed_members_only() {
        let body = br#"{"KeyStorePassword":"kmsPswd","KeyId":"1","EncryptionContext":{"a":"b"}}"#;
        let kept = members(body, &["KeyId", "EncryptionContext"]);
        let text = Value::Object(kept).to_string();
        assert_eq!(text, r#"{"encryptionContext":{"a":"b"},"keyId":"1"}"#);
    }

    #[test]
    fn an_error_is_a_type_and_a_message_under_the_services_name_for_it() {
        let error = Error::new(SERIALIZATION, "no");
        let body = String::from_utf8(error_body(&error, "Message")).unwrap();
        assert_eq!(
            body,
            r#"{"Message":"no","__type":"SerializationException"}"#
        );
    }

    #[test]
    fn an_answer_of_any_length_is_written_whole() {
        let texts: Vec<String> = (0..100).map(|len| "x".repeat(len * len)).collect();
        let mut answer = Answer(Zeroizing::new(Vec::new()));
        serde_json::to_writer(&mut answer, &texts).unwrap();
        assert_eq!(**answer.0, *serde_json::to_vec(&texts).unwrap());
    }
}

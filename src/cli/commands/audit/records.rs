//! A record of the chain as a row and as JSON, and times as they are typed.

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use serde_json::{Map, Value};
use token::{AuditDetail, AuditRecord};

use crate::output::{Error, Result};

/// Above the rows.
pub(super) const HEADING: &str =
    "  record  time                      user              uid     event              details";

/// In the place of a user, where there was none.
const NOBODY: &str = "-";

/// The record as a row.
pub(super) fn row(record: &AuditRecord) -> String {
    let user = match &record.user {
        Some((_, name)) => printable(name),
        None => NOBODY.to_owned(),
    };
    let details: Vec<String> = record
        .details
        .iter()
        .map(|(name, detail)| format!("{name}={}", text(detail)))
        .collect();
    let (number, uid, event) = (record.number, record.uid, &record.event);
    let row = format!(
        "{number:>8}  {:<24}  {user:<16}  {uid:<6}  {event:<17}  {}",
        calendar(record.time_ms),
        details.join(" ")
    );
    row.trim_end().to_owned()
}

/// The record as a JSON object, on one line.
pub(super) fn json(record: &AuditRecord) -> Result<String> {
    let details = record.details.iter();
    let details = details.map(|(name, detail)| (name.clone(), value(detail)));
    let line = Line {
        record: record.number,
        time: calendar(record.time_ms),
        user: record.user.as_ref().map(|(_, name)| name),
        user_number: record.user.as_ref().map(|(number, _)| *number),
        uid: record.uid,
        application: record
            .application
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        event: &record.event,
        details: details.collect(),
    };
    let line = serde_json::to_string(&line).map_err(|error| Error::System(error.to_string()))?;
    Ok(line.chars().map(escaped).collect())
}

/// What JSON leaves as it is and terminals do not.
fn escaped(c: char) -> String {
    match c.is_control() {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    }
}

/// A time as it is typed: a day, a moment, or how long ago. Milliseconds since 1970.
pub(super) fn time(typed: &str) -> Result<u64> {
    time_at(Timestamp::now(), typed)
}

fn time_at(now: Timestamp, typed: &str) -> Result<u64> {
    let day = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let ago = |span: Span| {
        let now = now.to_zoned(TimeZone::UTC);
        Ok(now.checked_sub(span.abs())?.timestamp())
    };
    let moment = match (typed.parse::<Timestamp>(), typed.parse::<Span>()) {
        (Ok(moment), _) => Ok(moment),
        (_, Ok(span)) => ago(span),
        _ => typed.parse().and_then(day),
    };
    let ms = moment.map(|moment: Timestamp| u64::try_from(moment.as_millisecond()));
    match ms {
        Ok(Ok(ms)) => Ok(ms),
        _ => Err(Error::Command(format!(
            "`{typed}` is no time: 2026-11-22, 2026-11-22T14:30:00Z, or 90m, 12h, 7d ago"
        ))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    record: u64,
    time: String,
    user: Option<&'a String>,
    user_number: Option<u64>,
    uid: u32,
    application: String,
    event: &'a str,
    details: Map<String, Value>,
}

/// As in `2026-11-22T14:30:00.123Z`, in whose place a time outside of the calendar has its number.
fn calendar(ms: u64) -> String {
    let time = i64::try_from(ms).ok().map(Timestamp::from_millisecond);
    match time {
        Some(Ok(time)) => format!("{time:.3}"),
        _ => ms.to_string(),
    }
}

fn text(detail: &AuditDetail) -> String {
    match detail {
        AuditDetail::Text(text) => printable(text),
        AuditDetail::Number(number) => number.to_string(),
        AuditDetail::Flag(flag) => flag.to_string(),
        AuditDetail::Numbers(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            numbers.join(",")
        }
    }
}

fn value(detail: &AuditDetail) -> Value {
    match detail {
        AuditDetail::Text(text) => text.as_str().into(),
        AuditDetail::Number(number) => (*number).into(),
        AuditDetail::Flag(flag) => (*flag).into(),
        AuditDetail::Numbers(numbers) => numbers.as_slice().into(),
    }
}

/// A name as one word: in quotation marks, if it has anything that could be taken for more than that
/// by who reads the row, or by a terminal.
fn printable(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    match !text.is_empty() && text != NOBODY && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use token::ApplicationId;

    use super::*;

    fn record() -> AuditRecord {
        AuditRecord {
            number: 7,
            time_ms: 1_440_938_160_250,
            application: ApplicationId([0xab; 16]),
            uid: 1000,
            user: Some((3, "alice".to_owned())),
            event: "key-derived".to_owned(),
            details: vec![
                ("reference".to_owned(), AuditDetail::Number(5)),
                ("bases".to_owned(), AuditDetail::Numbers(vec![1, 2])),
            ],
        }
    }

    #[test]
    fn a_row_stands_under_the_heading() {
        let row = row(&record());
        let expected = "       7  2015-08-30T12:36:00.250Z  alice             1000    \
                        key-derived        reference=5 bases=1,2";
        assert_eq!(row, expected);
        for (word, below) in [("time", "2015"), ("user", "alice"), ("details", "ref")] {
            assert_eq!(HEADING.find(word), row.find(below), "{word}");
        }
    }

    #[test]
    fn a_name_does_not_speak_to_the_terminal() {
        let mut record = record();
        record.user = Some((3, "a\x1b[2J\nb".to_owned()));
        assert!(!row(&record).contains(char::is_control));
    }

    #[test]
    fn a_name_is_one_word_of_its_row() {
        let details = |name: &str| {
            let mut record = record();
            record.details = vec![("name".to_owned(), AuditDetail::Text(name.to_owned()))];
            row(&record).split_once("name=").unwrap().1.to_owned()
        };
        assert_eq!(details("Zoë_2.a-b"), "Zoë_2.a-b");
        assert_eq!(details("alice role=admin"), r#""alice role=admin""#);
        assert_eq!(details(r#"a" b"#), r#""a\" b""#);
        for (name, quoted) in [("", r#""""#), ("-", r#""-""#)] {
            assert_eq!(details(name), quoted);
        }
    }

    #[test]
    fn a_line_of_json_does_not_speak_to_the_terminal() {
        let mut record = record();
        let name = "a\x1b[2J\n\u{7f}\u{9b}2Jb";
        record.user = Some((3, name.to_owned()));
        let line = json(&record).unwrap();
        assert!(!line.contains(char::is_control));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["user"], name);
    }

    #[test]
    fn a_record_is_one_line_of_json() {
        let line = json(&record()).unwrap();
        let expected = serde_json::json!({
            "record": 7, "time": "2015-08-30T12:36:00.250Z", "user": "alice", "user-number": 3,
            "uid": 1000, "application": "ab".repeat(16), "event": "key-derived",
            "details": {"reference": 5, "bases": [1, 2]},
        });
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
        assert!(!line.contains('\n'));
    }

    #[test]
    fn a_time_is_a_day_a_moment_or_how_long_ago() {
        let now = "2015-08-30T12:36:00Z".parse().unwrap();
        let time = |typed| time_at(now, typed);
        assert_eq!(time("2015-08-30").unwrap(), 1_440_892_800_000);
        assert_eq!(time("2015-08-30T12:36:00Z").unwrap(), 1_440_938_160_000);
        assert_eq!(
            time("2015-08-30T14:36:00+02:00").unwrap(),
            1_440_938_160_000
        );
        assert_eq!(time("3h").unwrap(), 1_440_938_160_000 - 3 * 3_600_000);
        assert_eq!(time("7d").unwrap(), time("168h").unwrap());
        for nonsense in ["", "yesterday", "12", "2015-13-01", "99999999h"] {
            assert!(time(nonsense).is_err(), "{nonsense}");
        }
    }
}

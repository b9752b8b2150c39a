//! Time as the protocol writes it, and the clock it is read from.

use std::{
    ops::Range,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Milliseconds since 1970. In JSON: seconds, with a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The system's time.
    pub fn now() -> Self {
        let elapsed = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time `seconds` after 1970 began.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000),
        )
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time so many seconds later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// `20150830T123600Z`, as in SigV4; empty outside of the calendar.
    pub fn compact(self) -> String {
        self.iso().replace(['-', ':'], "")
    }

    /// `2015-08-30T12:36:00Z`, as in events; empty outside of the calendar.
    pub fn iso(self) -> String {
        jiff::Timestamp::from_second(self.seconds())
            .map(|time| time.to_string())
            .unwrap_or_default()
    }

    /// The time in `text`, written as [`Timestamp::compact`] does.
    pub fn parse_compact(text: &str) -> Option<Self> {
        if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..) != Some("Z") {
            return None;
        }
        let civil = jiff::civil::DateTime::new(
            number(text, 0..4)?,
            number(text, 4..6)?,
            number(text, 6..8)?,
            number(text, 9..11)?,
            number(text, 11..13)?,
            number(text, 13..15)?,
            0,
        );
        let time = jiff::tz::Offset::UTC.to_timestamp(civil.ok()?).ok()?;
        Some(Self(time.as_millisecond()))
    }
}

/// The number whose digits stand at `place`.
fn number<N: FromStr>(text: &str, place: Range<usize>) -> Option<N> {
    let digits = text.get(place)?;
    let number = digits.bytes().all(|b| b.is_ascii_digit());
    number.then(|| digits.parse().ok()).flatten()
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Exact: milliseconds of the calendar's range fit a double's 53 bits.
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !(0.0..253_402_300_800.0).contains(&seconds) {
            return Err(D::Error::custom("a timestamp is outside of the calendar"));
        }
        #[allow(clippy::cast_possible_truncation, reason = "a year before 10000 fits")]
        Ok(Self((seconds * 1000.0).round() as i64))
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still.
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_in_json_is_seconds_with_a_fraction() {
        let text = serde_json::to_string(&Timestamp(1_440_938_160_250)).unwrap();
        assert_eq!(text, "1440938160.25");
        assert_eq!(
            serde_json::from_str::<Timestamp>(&text).unwrap(),
            Timestamp(1_440_938_160_250)
        );
    }

    #[test]
    fn a_time_read_is_the_time_written() {
        let time = Timestamp::parse_compact("20150830T123600Z").unwrap();
        assert_eq!(time, Timestamp(1_440_938_160_000));
        assert_eq!(time.compact(), "20150830T123600Z");
        assert_eq!(time.iso(), "2015-08-30T12:36:00Z");
    }

    #[test]
    fn nonsense_is_no_time() {
        for text in [
            "",
            "2015",
            "20151330T123600Z",
            "20150830T123600",
            "2015-830T123600Z",
        ] {
            assert_eq!(Timestamp::parse_compact(text), None, "{text}");
        }
        assert!(serde_json::from_str::<Timestamp>("1e300").is_err());
    }
}

//! The constraints of a service's model, and AWS's words for breaking them.

use std::{fmt::Display, ops::RangeInclusive};

use crate::{Error, Result, error::VALIDATION};

/// Takes a member out that must be there.
pub fn required<T>(member: &str, value: Option<T>) -> Result<T> {
    let mut check = Validation::new();
    check.present(member, &value);
    check.finish()?;
    value.ok_or_else(|| Error::new(VALIDATION, format!("{member} is required")))
}

/// Collects what is wrong with a request, to be told all at once. Members are named as the model's
/// errors name them: `keyId`.
#[derive(Debug, Default)]
pub struct Validation {
    failures: Vec<String>,
}

impl Validation {
    /// Nothing is wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The member must be there.
    pub fn present<T>(&mut self, member: &str, value: &Option<T>) {
        if value.is_none() {
            self.fail("Value null", member, "Member must not be null");
        }
    }

    /// Characters of a text.
    pub fn length(&mut self, member: &str, value: Option<&str>, range: RangeInclusive<usize>) {
        if let Some(value) = value {
            let len = value.chars().count();
            self.range(|| quoted(value), member, "length", len, &range);
        }
    }

    /// Characters of a text that must not be repeated.
    pub fn secret_length(
        &mut self,
        member: &str,
        value: Option<&str>,
        range: RangeInclusive<usize>,
    ) {
        if let Some(value) = value {
            self.range(
                || "Value".to_owned(),
                member,
                "length",
                value.chars().count(),
                &range,
            );
        }
    }

    /// Bytes of a blob, or entries of a list.
    pub fn count(&mut self, member: &str, count: Option<usize>, range: RangeInclusive<usize>) {
        if let Some(count) = count {
            self.range(|| "Value".to_owned(), member, "length", count, &range);
        }
    }

    /// A number.
    pub fn number(&mut self, member: &str, value: Option<i64>, range: RangeInclusive<i64>) {
        if let Some(value) = value {
            self.range(|| quoted(value), member, "value", value, &range);
        }
    }

    /// One of some words.
    pub fn one_of(&mut self, member: &str, value: Option<&str>, set: &[&str]) {
        if let Some(value) = value.filter(|value| !set.contains(value)) {
            let constraint = format!("Member must satisfy enum value set: [{}]", set.join(", "));
            self.fail(&quoted(value), member, &constraint);
        }
    }

    /// A text of the form that `pattern` describes and `matches` decides.
    pub fn pattern(
        &mut self,
        member: &str,
        value: Option<&str>,
        pattern: &str,
        matches: impl Fn(&str) -> bool,
    ) {
        if let Some(value) = value.filter(|value| !matches(value)) {
            let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
            self.fail(&quoted(value), member, &constraint);
        }
    }

    /// All that is wrong as one error.
    pub fn finish(self) -> Result<()> {
        match self.failures.len() {
            0 => Ok(()),
            1 => self.error("1 validation error detected"),
            count => self.error(&format!("{count} validation errors detected")),
        }
    }

    fn error(&self, headline: &str) -> Result<()> {
        Err(Error::new(
            VALIDATION,
            format!("{headline}: {}", self.failures.join("; ")),
        ))
    }

    fn range<T: PartialOrd + Display>(
        &mut self,
        shown: impl Fn() -> String,
        member: &str,
        what: &str,
        measure: T,
        range: &RangeInclusive<T>,
    ) {
        if measure < *range.start() {
            let bound = format!(
                "Member must have {what} greater than or equal to {}",
                range.start()
            );
            self.fail(&shown(), member, &bound);
        }
        if measure > *range.end() {
            let bound = format!(
                "Member must have {what} less than or equal to {}",
                range.end()
            );
            self.fail(&shown(), member, &bound);
        }
    }

    fn fail(&mut self, shown: &str, member: &str, constraint: &str) {
        self.failures.push(format!(
            "{shown} at '{member}' failed to satisfy constraint: {constraint}"
        ));
    }
}

/// The value as an error shows it; of a long one its beginning says enough.
fn quoted(value: impl Display) -> String {
    let text = value.to_string();
    let shown: String = text.chars().take(256).collect();
    let rest = if shown.len() < text.len() { "…" } else { "" };
    format!("Value '{shown}{rest}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_too_large_is_said_as_aws_says_it() {
        let mut check = Validation::new();
        check.number("numberOfBytes", Some(1025), 1..=1024);
        assert_eq!(
            check.finish().unwrap_err().message,
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy \
             constraint: Member must have value less than or equal to 1024"
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut check = Validation::new();
        check.present::<String>("keyId", &None);
        check.one_of("origin", Some("MOON"), &["AWS_KMS", "EXTERNAL"]);
        assert_eq!(
            check.finish().unwrap_err().message,
            "2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: \
             Member must not be null; Value 'MOON' at 'origin' failed to satisfy constraint: \
             Member must satisfy enum value set: [AWS_KMS, EXTERNAL]"
        );
    }

    #[test]
    fn a_secret_of_the_wrong_length_is_not_repeated() {
        let mut check = Validation::new();
        check.secret_length("keyStorePassword", Some("hunter"), 7..=32);
        assert!(!check.finish().unwrap_err().message.contains("hunter"));
    }

    #[test]
    fn a_member_that_is_not_there_breaks_only_the_rule_that_it_must_be() {
        let mut check = Validation::new();
        check.length("keyId", None, 1..=2048);
        check.pattern("keyId", None, "x", |_| false);
        assert_eq!(check.finish(), Ok(()));
    }
}

//! Passwords and lines, from a terminal or from a script.

use std::io::{self, IsTerminal};

use token::SecretBytes;
use zeroize::Zeroizing;

use crate::output::{Error, Result};

/// The fewest bytes of a password in CloudHSM.
const PASSWORD_BYTES_MIN: usize = 7;
/// The most.
const PASSWORD_BYTES_MAX: usize = 32;

/// The password that was given, else the one that is typed now: twice, without echo, on a
/// terminal; the next line, in a script. It keeps to CloudHSM's rule.
pub(crate) fn new_password(given: Option<&str>) -> Result<SecretBytes> {
    let password = match given {
        Some(password) => Zeroizing::new(password.to_owned()),
        None => {
            let password = typed("Enter password: ")?;
            if io::stdin().is_terminal() && *typed("Confirm password: ")? != *password {
                return Err(Error::Password("the two passwords are not the same"));
            }
            password
        }
    };
    if !(PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&password.len()) {
        return Err(Error::Password("a password has 7 to 32 characters"));
    }
    Ok(SecretBytes::copied(password.as_bytes()))
}

/// The password that was given, else the one that is typed now.
pub(crate) fn password(given: Option<&str>) -> Result<SecretBytes> {
    match given {
        Some(password) => Ok(SecretBytes::copied(password.as_bytes())),
        None => Ok(SecretBytes::copied(typed("Enter password: ")?.as_bytes())),
    }
}

fn typed(prompt: &str) -> Result<Zeroizing<String>> {
    let failed = |error: io::Error| Error::System(format!("no password: {error}"));
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(failed);
    }
    let mut line = Zeroizing::new(String::new());
    if io::stdin().read_line(&mut line).map_err(failed)? == 0 {
        return Err(Error::System("no password: the input has ended".into()));
    }
    let len = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(len);
    Ok(line)
}

/// The words of a line: separated by blanks, kept together by quotes.
pub(crate) fn words(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(Error::Command("a quote is not closed".into()));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_the_blanks_of_a_password() {
        let line = "user  create --password 'two words' --username \"\"";
        let expected = [
            "user",
            "create",
            "--password",
            "two words",
            "--username",
            "",
        ];
        assert_eq!(words(line).unwrap(), expected);
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(words("login 'CO").is_err());
    }

    #[test]
    fn a_new_password_has_7_to_32_characters() {
        for (password, legal) in [
            ("6chars", false),
            ("7_chars", true),
            (&"x".repeat(33), false),
        ] {
            assert_eq!(new_password(Some(password)).is_ok(), legal, "{password}");
        }
    }
}

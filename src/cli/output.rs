//! What a command answers, in the envelope of CloudHSM CLI: `{"error_code": …, "data": …}`.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use token::{ClusterId, Role};

/// What a command answers.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An answer, ready to be printed.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    /// Data in the envelope.
    pub(crate) fn data(data: impl Serialize) -> Result<Self> {
        envelope(0, data).map(Self)
    }

    /// Plain text: what the older verbs print.
    pub(crate) fn text(text: impl Into<String>) -> Result<Self> {
        Ok(Self(text.into()))
    }
}

/// Why a command could not do it.
#[derive(Debug)]
pub(crate) enum Error {
    /// What hsmd, or the way to it, says.
    Token(token::Error),
    /// The cluster has to be named, or has another name.
    Cluster(String),
    /// There is no active cluster with this id.
    NotActive(ClusterId),
    /// Nobody, or somebody else, is logged in.
    Login(String),
    /// A password that CloudHSM would not take.
    Password(&'static str),
    /// A line of a shell that is no command.
    Command(String),
    /// A chain that does not hold.
    Broken(String),
    /// What the terminal or the system says.
    System(String),
}

impl From<token::Error> for Error {
    fn from(error: token::Error) -> Self {
        Error::Token(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Token(error) => error.fmt(f),
            Error::NotActive(id) => {
                write!(
                    f,
                    "{id} is not active: `cluster activate` sets its first admin's password"
                )
            }
            Error::Password(text) => f.write_str(text),
            Error::Cluster(text)
            | Error::Login(text)
            | Error::Command(text)
            | Error::Broken(text)
            | Error::System(text) => f.write_str(text),
        }
    }
}

/// Prints an outcome, and says it as an exit code.
pub(crate) fn print(outcome: &Result<Answer>) -> ExitCode {
    let (text, code) = match outcome {
        Ok(Answer(text)) => (text.clone(), ExitCode::SUCCESS),
        Err(error) => {
            let text = envelope(1, error.to_string()).unwrap_or_else(|_| error.to_string());
            (text, ExitCode::FAILURE)
        }
    };
    // Whoever reads may have read enough; the command was done all the same.
    let _ = writeln!(io::stdout(), "{text}");
    code
}

/// The name of a role in CloudHSM CLI.
pub(crate) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::CryptoUser => "crypto-user",
    }
}

/// A user, as the commands that change one answer it.
#[derive(Serialize)]
pub(crate) struct UserName<'a> {
    pub(crate) username: &'a str,
    pub(crate) role: &'static str,
}

fn envelope(error_code: u8, data: impl Serialize) -> Result<String> {
    #[derive(Serialize)]
    struct Envelope<T> {
        error_code: u8,
        data: T,
    }
    serde_json::to_string_pretty(&Envelope { error_code, data })
        .map_err(|error| Error::System(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_stands_in_the_envelope_of_cloudhsm_cli() {
        let Answer(text) = Answer::data(UserName {
            username: "bob",
            role: "admin",
        })
        .unwrap();
        let expected = "{\n  \"error_code\": 0,\n  \"data\": {\n    \"username\": \"bob\",\n    \
                        \"role\": \"admin\"\n  }\n}";
        assert_eq!(text, expected);
    }
}

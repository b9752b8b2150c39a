//! What a command answers, in the envelope of CloudHSM CLI: `{"error_code": …, "data": …}`.

use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use serde::Serialize;
use token::{ClusterId, Role};

/// What a command answers.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// An answer, ready to be printed.
#[derive(Debug)]
pub(crate) struct Answer {
    /// None: all of it has been printed.
    text: Option<String>,
    /// Whether it says that something is wrong: a failure to a script.
    is_bad_news: bool,
}

impl Answer {
    /// Data in the envelope.
    pub(crate) fn data(data: impl Serialize) -> Result<Self> {
        Self::enveloped(data, false)
    }

    /// Data in the envelope that says that something is wrong.
    pub(crate) fn bad_news(data: impl Serialize) -> Result<Self> {
        Self::enveloped(data, true)
    }

    /// Plain text: what the older verbs print.
    pub(crate) fn text(text: impl Into<String>) -> Result<Self> {
        Ok(Self {
            text: Some(text.into()),
            is_bad_news: false,
        })
    }

    /// Of a command that has printed what it had to say.
    pub(crate) fn printed() -> Self {
        Self {
            text: None,
            is_bad_news: false,
        }
    }

    fn enveloped(data: impl Serialize, is_bad_news: bool) -> Result<Self> {
        let text = Some(envelope(is_bad_news.into(), data)?);
        Ok(Self { text, is_bad_news })
    }
}

/// Why a command could not do it.
#[derive(Debug)]
pub(crate) enum Error {
    /// What hsmd, or the way to it, says.
    Token(token::Error),
    /// There is no home at this path.
    NoHome(PathBuf),
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
            Error::NoHome(path) => {
                write!(
                    f,
                    "there is no home {}: the module and kmsd make it when they use it first; \
                     --home or STRONGROOM_HOME names another",
                    path.display()
                )
            }
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
    let text = match outcome {
        Ok(answer) => answer.text.clone(),
        Err(error) => Some(envelope(1, error.to_string()).unwrap_or_else(|_| error.to_string())),
    };
    if let Some(text) = text {
        // Whoever reads may have read enough; the command was done all the same.
        let _ = writeln!(io::stdout(), "{text}");
    }
    match is_good(outcome) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Whether a script may go on.
pub(crate) fn is_good(outcome: &Result<Answer>) -> bool {
    outcome.as_ref().is_ok_and(|answer| !answer.is_bad_news)
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
        let Answer { text, .. } = Answer::data(UserName {
            username: "bob",
            role: "admin",
        })
        .unwrap();
        let expected = "{\n  \"error_code\": 0,\n  \"data\": {\n    \"username\": \"bob\",\n    \
                        \"role\": \"admin\"\n  }\n}";
        assert_eq!(text.as_deref(), Some(expected));
    }
}

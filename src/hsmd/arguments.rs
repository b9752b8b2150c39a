//! The command line of hsmd: short, because nobody but clients and units types it.

use std::{ffi::OsString, path::PathBuf};

/// What hsmd is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The home to serve.
    pub(crate) home: PathBuf,
    /// The folder for the socket, as the client that starts hsmd has chosen it.
    pub(crate) runtime: Option<PathBuf>,
    /// Whether somebody waits at the readiness pipe.
    pub(crate) ready: bool,
    /// What was asked for instead of a service: the version or the usage.
    pub(crate) answer: Option<String>,
}

const USAGE: &str = "\
usage: hsmd --home DIR [--runtime DIR]

hsmd serves the HSMs of the home DIR. Applications start it by themselves; a service
runs it with systemd's socket activation (packaging/systemd).

  --home DIR     the home, made if it is not there
  --runtime DIR  where the socket is put
  --ready        tell the starting process through descriptor 3
  --version      print the version
";

const VERSION: &str = concat!("hsmd ", env!("CARGO_PKG_VERSION"), "\n");

impl Arguments {
    fn answering(text: &str) -> Self {
        Self {
            answer: Some(text.to_owned()),
            ..Self::default()
        }
    }

    /// Reads the command line. What is no command line is answered with what one looks like.
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let mut folder = || {
                let path = words
                    .next()
                    .map(PathBuf::from)
                    .filter(|path| !path.as_os_str().is_empty());
                path.ok_or_else(|| format!("{} needs a folder\n\n{USAGE}", word.display()))
            };
            match word.to_str() {
                Some("--home") => arguments.home = folder()?,
                Some("--runtime") => arguments.runtime = Some(folder()?),
                Some("--ready") => arguments.ready = true,
                Some("--version") => return Ok(Self::answering(VERSION)),
                Some("--help" | "-h") => return Ok(Self::answering(USAGE)),
                _ => return Err(format!("unknown argument {}\n\n{USAGE}", word.display())),
            }
        }
        match arguments.home.as_os_str().is_empty() {
            true => Err(format!("--home is missing\n\n{USAGE}")),
            false => Ok(arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, String> {
        Arguments::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn a_home_is_enough() {
        assert_eq!(parse(&["--home", "/x"]).unwrap().home, PathBuf::from("/x"));
    }

    #[test]
    fn a_question_is_answered_without_a_home() {
        assert_eq!(
            parse(&["--version"]).unwrap().answer.as_deref(),
            Some(VERSION)
        );
        assert_eq!(parse(&["--help"]).unwrap().answer.as_deref(), Some(USAGE));
    }

    #[test]
    fn a_wrong_word_is_named() {
        assert!(
            parse(&["--home", "/x", "--hme"])
                .unwrap_err()
                .contains("--hme")
        );
        assert!(parse(&["--home"]).unwrap_err().contains("needs a folder"));
        assert!(parse(&[]).unwrap_err().contains("--home is missing"));
    }
}

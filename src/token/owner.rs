//! Who holds a home: the line in its lock file.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where the engine of a home lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In hsmd: any number of processes share the home. The default.
    Served,
    /// In the one process that loaded the provider.
    Embedded,
}

/// The process that holds a home's lock: `<mode> <pid> <version>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Where it runs the engine.
    pub mode: Mode,
    /// Its process id.
    pub pid: u32,
    /// Its version of Strongroom.
    pub version: String,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Served => "served",
            Mode::Embedded => "embedded",
        })
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "served" => Ok(Mode::Served),
            "embedded" => Ok(Mode::Embedded),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.mode, self.pid, self.version)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split_whitespace();
        let mut word = || words.next().ok_or(());
        Ok(Self {
            mode: word()?.parse()?,
            pid: word()?.parse().map_err(drop)?,
            version: word()?.to_owned(),
        })
    }
}

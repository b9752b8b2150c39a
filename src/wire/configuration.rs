//! `strongroom.toml`: what can be set, for a home or for everything that a user or machine runs.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use token::{Error, Mode, Reason, Result, Uses, Validation, limits};

/// What `strongroom.toml` says, with the defaults for what it does not say. An unknown key is an
/// error: it is most likely a misspelt one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// The home that is meant where nobody names one. Not in a home's own file.
    pub home: Option<PathBuf>,
    /// Where the engine lives. `STRONGROOM_MODE` overrides it.
    pub mode: Mode,
    /// Whether a client may start hsmd.
    pub start: Start,
    /// Seconds without a client after which an hsmd that a client started leaves.
    pub idle_seconds: u64,
    /// The hsmd to start, if it is not beside the module or in `libexec`.
    pub hsmd: Option<PathBuf>,
    /// Users besides root and the home's owner whose hsmd a client trusts.
    pub hsmd_uids: Vec<u32>,
    /// The group, by name or number, that may connect to the socket.
    pub socket_group: Option<Group>,
    /// Who else may connect to the socket.
    pub socket_access: SocketAccess,
    /// Users besides root and hsmd's own who may create and change clusters.
    pub operators: Vec<u32>,
    /// Which defaults the attributes of new objects have.
    pub profile: Profile,
    /// Which slots an application sees.
    pub slots: Slots,
    /// What is in the audit chains.
    pub audit: Audit,
    /// What hsmd logs, and where.
    pub log: Log,
    /// The validations of this software that its operator vouches for: the `CKO_VALIDATION` objects.
    pub validation: Vec<Validation>,
}

/// Whether a client starts hsmd when nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// If it owns the home.
    #[default]
    Auto,
    /// For module files that every desktop program loads.
    Never,
}

/// A group of the system.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Group {
    /// By its number.
    Number(u32),
    /// By its name in `/etc/group`.
    Name(String),
}

/// Who may connect to hsmd's socket, besides root, its own user and [`Configuration::socket_group`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SocketAccess {
    /// Nobody.
    #[default]
    Owner,
    /// Everybody on the machine: PIN and limits decide.
    All,
}

/// Whose defaults attributes have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Those that programs for PKCS#11 expect.
    #[default]
    Standard,
    /// Those of AWS CloudHSM's own library.
    CloudHsm,
}

/// `[slots]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Slots {
    /// The slots of single HSMs; what the profile says where it is not set.
    pub per_hsm: Option<PerHsm>,
}

/// What an application sees of the slots of single HSMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PerHsm {
    /// Slots with tokens, like the cluster's.
    All,
    /// Slots without tokens.
    Names,
    /// Nothing.
    None,
}

/// `[audit]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Which uses of keys.
    pub uses: Uses,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Where hsmd's log goes.
    pub to: LogTarget,
    /// The least important lines that are kept.
    pub level: LogLevel,
}

/// Where a log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    /// `hsmd.log` beside the socket.
    File,
    /// Standard error, which a service's supervisor collects.
    Stderr,
    /// The machine's `/dev/log`.
    Syslog,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names of the log crate")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            home: None,
            mode: Mode::Served,
            start: Start::Auto,
            idle_seconds: 60,
            hsmd: None,
            hsmd_uids: Vec::new(),
            socket_group: None,
            socket_access: SocketAccess::Owner,
            operators: Vec::new(),
            profile: Profile::Standard,
            slots: Slots::default(),
            audit: Audit::default(),
            log: Log::default(),
            validation: Vec::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            to: LogTarget::File,
            level: LogLevel::Info,
        }
    }
}

impl Configuration {
    /// Which slots HSMs have. A program for CloudHSM's own library knows one slot for a cluster, and has room for one.
    pub fn per_hsm(&self) -> PerHsm {
        self.slots.per_hsm.unwrap_or(match self.profile {
            Profile::Standard => PerHsm::All,
            Profile::CloudHsm => PerHsm::None,
        })
    }

    /// The name of the file, in a home and in a folder of configurations.
    pub const FILE: &'static str = "strongroom.toml";

    /// The configuration in `text`.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let configuration: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let relative =
            |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.is_relative());
        if relative(&configuration.home) || relative(&configuration.hsmd) {
            return Err("`home` and `hsmd` must be absolute paths".to_owned());
        }
        if configuration.validation.len() > limits::VALIDATIONS {
            return Err(format!("at most {} validations", limits::VALIDATIONS));
        }
        configuration
            .validation
            .iter()
            .try_for_each(Validation::check)?;
        Ok(configuration)
    }

    /// Whether users besides the home's owner may connect.
    pub(crate) fn opens_the_socket(&self) -> bool {
        self.socket_group.is_some() || self.socket_access == SocketAccess::All
    }

    /// The configuration in the file at `path`; `None` where there is no file, or none that this
    /// user may read (the home of a service is closed to its clients).
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let refused = |text: String| Error::new(Reason::HomeInvalid, text);
        let named = |what: &dyn std::fmt::Display| refused(format!("{}: {what}", path.display()));
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory => Ok(None),
                    _ => Err(named(&error)),
                };
            }
        };
        // Whoever can write it can have another program started as hsmd.
        let metadata = file.metadata().map_err(|error| named(&error))?;
        let own = rustix::process::geteuid().as_raw();
        if metadata.permissions().mode() & 0o002 != 0 {
            return Err(named(&"everybody can write it; chmod o-w it"));
        }
        let parent = path.parent().and_then(|folder| fs::metadata(folder).ok());
        let folder_owner = parent.map_or(own, |folder| folder.uid());
        if ![0, own, folder_owner].contains(&metadata.uid()) {
            return Err(named(
                &"it belongs to somebody who owns neither its folder nor this process",
            ));
        }
        // What is read is the file that was looked at, whatever has its name by now.
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(|error| named(&error))?;
        Self::parse(&text).map(Some).map_err(|error| named(&error))
    }

    /// Changes single settings by words `key=value`, as a PKCS#11 module gets them in the
    /// `pReserved` of `C_Initialize` (p11-kit: `x-init-reserved`). Only what a single application
    /// may decide for itself is open to it: `start` and `slots.per_hsm`.
    pub fn apply(&mut self, words: &str) -> Result<()> {
        for word in words.split_whitespace() {
            match word {
                "start=auto" => self.start = Start::Auto,
                "start=never" => self.start = Start::Never,
                "slots.per_hsm=all" => self.slots.per_hsm = Some(PerHsm::All),
                "slots.per_hsm=names" => self.slots.per_hsm = Some(PerHsm::Names),
                "slots.per_hsm=none" => self.slots.per_hsm = Some(PerHsm::None),
                _ => {
                    let text = format!("`{word}` is neither start= nor slots.per_hsm=");
                    return Err(Error::new(Reason::ArgumentsBad, text));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use token::ValidationType;

    use super::*;

    #[test]
    fn an_empty_file_says_the_defaults() {
        assert_eq!(Configuration::parse(""), Ok(Configuration::default()));
    }

    #[test]
    fn the_packaged_file_says_the_defaults() {
        let text = include_str!("../../packaging/strongroom.toml");
        assert_eq!(Configuration::parse(text), Ok(Configuration::default()));
        let with_examples = ["home =", "hsmd =", "socket_group ="]
            .iter()
            .fold(text.to_owned(), |text, key| {
                text.replace(&format!("# {key}"), key)
            });
        assert!(Configuration::parse(&with_examples).is_ok_and(|all| all.home.is_some()));
    }

    #[test]
    fn every_setting_has_its_word() {
        let text = r#"
            home = "/srv/keys"
            mode = "embedded"
            start = "never"
            idle_seconds = 5
            hsmd = "/opt/hsmd"
            hsmd_uids = [990]
            socket_group = "www-data"
            socket_access = "all"
            operators = [1000]
            profile = "cloudhsm"
            [slots]
            per_hsm = "none"
            [audit]
            uses = "sampled"
            [log]
            to = "syslog"
            level = "debug"
            [[validation]]
            type = "software"
            authority = "nist-cmvp"
            version = "3.0"
            level = 1
            module_id = "A module"
            country = "US"
            certificate = "4816"
            certificate_uri = "https://csrc.nist.gov/example/4816"
            vendor_uri = "https://example.com/"
            profile = ""
        "#;
        let found = Configuration::parse(text).unwrap();
        assert_eq!(found.mode, Mode::Embedded);
        assert_eq!(found.socket_group, Some(Group::Name("www-data".to_owned())));
        assert_eq!(found.slots.per_hsm, Some(PerHsm::None));
        assert_eq!(found.audit.uses, Uses::Sampled);
        assert_eq!(found.validation.len(), 1);
        assert_eq!(found.validation[0].kind, ValidationType::Software);
    }

    #[test]
    fn a_validation_says_what_was_validated_and_where_that_can_be_looked_up() {
        let said = |more: &str| {
            let text = format!("[[validation]]\nversion = \"3.0\"\nlevel = 1\n{more}");
            Configuration::parse(&text)
        };
        let named = "module_id = \"A module\"";
        let uri = "vendor_uri = \"https://example.com/\"";
        assert!(said(&format!("{named}\n{uri}")).is_ok());
        for wrong in [
            uri.to_owned(),
            named.to_owned(),
            format!("{named}\n{uri}\ncountry = \"usa\""),
            format!("{named}\n{uri}\nauthority = \"me\""),
            format!("{named}\n{uri}\nprofile = \"{}\"", "a".repeat(1_025)),
            format!("module_id = \"\"\n{uri}"),
        ] {
            assert!(said(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cluster_is_one_slot_to_programs_for_cloudhsm_unless_the_file_says_otherwise() {
        for (text, expected) in [
            ("", PerHsm::All),
            ("profile = \"cloudhsm\"", PerHsm::None),
            (
                "profile = \"cloudhsm\"\n[slots]\nper_hsm = \"names\"",
                PerHsm::Names,
            ),
        ] {
            assert_eq!(Configuration::parse(text).unwrap().per_hsm(), expected);
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        for text in ["idle_second = 5", "[slots]\nper_hms = \"all\"", "[lgo]"] {
            let error = Configuration::parse(text).unwrap_err();
            assert!(error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn a_program_is_never_named_by_a_relative_path() {
        assert!(Configuration::parse("hsmd = \"hsmd\"").is_err());
    }

    #[test]
    fn a_file_that_everybody_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Configuration::FILE);
        fs::write(&path, "idle_seconds = 5").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let error = Configuration::read(&path).unwrap_err();
        assert_eq!(error.reason, Reason::HomeInvalid);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(Configuration::read(&path).unwrap().unwrap().idle_seconds, 5);
    }

    #[test]
    fn an_application_may_only_decide_for_itself() {
        let mut configuration = Configuration::default();
        configuration
            .apply("start=never slots.per_hsm=none")
            .unwrap();
        assert_eq!(configuration.start, Start::Never);
        assert!(configuration.apply("hsmd=/tmp/evil").is_err());
    }
}

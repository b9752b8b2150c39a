//! The birth of an hsmd: here a script that says what it was given.

use std::{
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
};

use rustix::fs::{FlockOperation, flock};
use token::{Error, Reason};

use super::*;
use crate::{Client, Configuration, testing::Machine};

/// A home whose hsmd is this script; its descriptor 3 is the readiness pipe.
struct Nursery {
    folder: tempfile::TempDir,
    home: Home,
}

impl Nursery {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("hsmd");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let configuration = Configuration {
            hsmd: Some(program),
            ..Configuration::default()
        };
        let runtime = folder.path().join("strongroom/home");
        let home = Home::in_test(folder.path(), &runtime, configuration);
        Self { folder, home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

#[test]
fn hsmd_says_how_its_start_went() {
    assert_eq!(
        start(&Nursery::new("printf R >&3").home).unwrap(),
        Birth::Ready
    );
    assert_eq!(
        start(&Nursery::new("printf W >&3").home).unwrap(),
        Birth::AnotherWon
    );
}

#[test]
fn an_hsmd_that_cannot_serve_says_why() {
    let nursery = Nursery::new(r#"printf E >&3; cat "$2/error" >&3"#);
    let error = Error::new(Reason::HomeInUse, "process 17 uses it");
    fs::write(
        nursery.file("error"),
        postcard::to_allocvec(&error).unwrap(),
    )
    .unwrap();
    let told = start(&nursery.home).unwrap_err();
    assert_eq!(
        (told.reason, told.context()),
        (Reason::HomeInUse, Some("process 17 uses it"))
    );
}

#[test]
fn an_hsmd_that_dies_without_a_word_has_its_log_named() {
    let birth = start(&Nursery::new("exit 3").home).unwrap();
    assert!(
        matches!(&birth, Birth::Vanished(why) if why.contains("hsmd.log")),
        "{birth:?}"
    );
}

#[test]
fn an_hsmd_that_cannot_be_executed_is_an_error_that_names_it() {
    let nursery = Nursery::new("");
    fs::write(nursery.file("hsmd"), "#!/no/such/interpreter\n").unwrap();
    let error = start(&nursery.home).unwrap_err().to_string();
    assert!(error.contains("hsmd: No such file"), "{error}");
}

#[test]
fn an_hsmd_that_everybody_can_write_is_not_started() {
    let nursery = Nursery::new("printf R >&3");
    fs::set_permissions(nursery.file("hsmd"), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(
        start(&nursery.home).unwrap_err().reason,
        Reason::Unreachable
    );
}

#[test]
fn hsmd_inherits_nothing_of_its_host() {
    let script = r#"
        ls /proc/$$/fd > "$2/descriptors"
        tr '\0' '\n' < /proc/$$/environ > "$2/environment"
        pwd > "$2/folder"
        cat /proc/$$/stat > "$2/stat"
        grep Sig /proc/self/status > "$2/signals"
        readlink /proc/$$/fd/0 /proc/$$/fd/2 > "$2/standard"
        printf R >&3"#;
    let nursery = Nursery::new(script);
    start(&nursery.home).unwrap();
    assert_eq!(nursery.read("environment"), "");
    assert_eq!(nursery.read("folder"), "/\n");
    assert_eq!(nursery.read("standard"), "/dev/null\n/dev/null\n");
    // From 10 on the shell keeps its own, for the script and what it redirects.
    let descriptors = nursery.read("descriptors");
    let foreign = |number: &&str| !["0", "1", "2", "3", "10", "11", "12"].contains(number);
    assert_eq!(
        descriptors.lines().filter(foreign).count(),
        0,
        "{descriptors}"
    );
    let stat = nursery.read("stat");
    let fields: Vec<_> = stat.split(' ').collect();
    let own_session = rustix::process::getsid(None)
        .unwrap()
        .as_raw_nonzero()
        .to_string();
    assert_ne!(fields[5], own_session, "a session of its own");
    assert_ne!(
        fields[0], fields[5],
        "which it does not lead, so that it never gets a terminal"
    );
    assert_ne!(
        fields[3],
        std::process::id().to_string(),
        "no child of the host"
    );
    let signals = nursery.read("signals");
    for set in ["SigBlk", "SigIgn"] {
        assert!(
            signals.contains(&format!("{set}:\t0000000000000000")),
            "{signals}"
        );
    }
}

#[test]
fn the_host_has_no_child_afterwards() {
    start(&Nursery::new("printf R >&3; sleep 1").home).unwrap();
    let own = std::process::id().to_string();
    let children = fs::read_dir("/proc").unwrap().filter_map(|process| {
        let stat = fs::read_to_string(process.ok()?.path().join("stat")).ok()?;
        let (command, fields) = stat.split_once(") ")?;
        (fields.split(' ').nth(1)? == own).then(|| command.to_owned())
    });
    let ours = children.filter(|command| command.contains("hsmd") || command.contains("wire"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_file_of_this_code_is_this_test() {
    let known = std::env::current_exe().unwrap();
    assert_eq!(own_file().unwrap(), known);
}

#[test]
fn a_client_does_not_start_hsmd_where_it_must_not() {
    let mut nursery = Nursery::new(r#"touch "$2/started"; printf R >&3"#);
    nursery.home.configuration_mut().start = crate::Start::Never;
    let error = Client::connect(&nursery.home).err().unwrap();
    assert_eq!(error.reason, Reason::Unreachable);
    assert!(error.to_string().contains("never"), "{error}");
    assert!(!nursery.file("started").exists());
}

#[test]
fn an_embedded_home_is_refused_at_once() {
    let mut nursery = Nursery::new("exit 1");
    nursery.home.configuration_mut().mode = token::Mode::Embedded;
    assert_eq!(
        Client::connect(&nursery.home).err().unwrap().reason,
        Reason::HomeInvalid
    );
}

#[test]
fn a_client_that_may_not_start_anybody_names_the_embedded_owner() {
    let mut nursery = Nursery::new("exit 1");
    nursery.home.configuration_mut().start = crate::Start::Never;
    let mut lock = fs::File::create(nursery.file("lock")).unwrap();
    writeln!(lock, "embedded {} 0.1.0", std::process::id()).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let error = Client::connect(&nursery.home).err().unwrap();
    assert_eq!(error.reason, Reason::HomeInUse);
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
}

#[test]
fn an_hsmd_that_is_there_is_not_started_again() {
    let machine = Machine::new();
    let program = machine.folder.path().join("hsmd");
    let mut home = machine.home();
    home.configuration_mut().start = crate::Start::Auto;
    home.configuration_mut().hsmd = Some(program);
    assert!(Client::connect(&home).is_ok());
}

#[test]
fn a_socket_in_a_folder_that_others_can_write_is_not_spoken_to() {
    let machine = Machine::new();
    fs::set_permissions(machine.runtime(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Client::connect(&machine.home()).err().unwrap();
    assert!(error.to_string().contains("written by others"), "{error}");
    fs::set_permissions(machine.runtime(), fs::Permissions::from_mode(0o700)).unwrap();
    let elsewhere = machine.folder.path().join("elsewhere");
    fs::rename(machine.runtime(), &elsewhere).unwrap();
    symlink(&elsewhere, machine.runtime()).unwrap();
    assert!(Client::connect(&machine.home()).is_err());
}

#[test]
fn a_start_that_ends_without_a_word_has_vanished() {
    let birth = start(&Nursery::new("sleep 0.2").home).unwrap();
    assert!(matches!(birth, Birth::Vanished(_)), "{birth:?}");
}

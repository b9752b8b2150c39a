//! What keeps hsmd from starting is said in words that help, and nothing is left behind.
#![allow(clippy::unwrap_used, reason = "a test says what it expects")]

use std::{fs, os::unix::fs::chown, path::Path, process::Command};

/// What hsmd says that cannot start in `home`, after a shell has run `before`.
fn refusal(before: &str, home: &Path) -> String {
    let program = env!("CARGO_BIN_EXE_hsmd");
    let script = format!("{before} exec {program} --home {}", home.display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_limit_of_files_that_is_too_low_is_named_with_its_setting() {
    let home = tempfile::tempdir().unwrap();
    let text = refusal("ulimit -n 40;", home.path());
    assert!(
        text.contains("40 files") && text.contains("LimitNOFILE="),
        "{text}"
    );
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn the_home_of_another_user_is_left_alone_and_its_owner_named() {
    let folder = tempfile::tempdir().unwrap();
    let is_root = rustix::process::geteuid().is_root();
    let (home, owner) = match is_root {
        true => (folder.path(), 1),
        false => (Path::new("/"), 0),
    };
    if is_root {
        chown(home, Some(owner), None).unwrap();
    }
    let text = refusal("", home);
    assert!(text.contains(&format!("belongs to uid {owner}")), "{text}");
    if is_root {
        assert_eq!(fs::read_dir(home).unwrap().count(), 0);
    }
}

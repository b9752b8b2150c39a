//! Where the module and the programs are. Nothing is built here: the tests run on what is there.

use std::{env, path::PathBuf};

/// The module to test: `TEST_PKCS11_MODULE`, or the one that was built beside the test.
pub fn module() -> PathBuf {
    match env::var_os("TEST_PKCS11_MODULE") {
        Some(path) => path.into(),
        None => built("libstrongroom.so"),
    }
}

/// A program of ours: `hsmd`, `kmsd`, `strongroom`.
pub fn program(name: &str) -> PathBuf {
    built(name)
}

fn built(name: &str) -> PathBuf {
    let this = env::current_exe().expect("a program has a path");
    // A bench is target/<profile>/<bench>, a test target/<profile>/deps/<test>; what lies in
    // `deps` may be older than what was last built.
    let folder = this
        .ancestors()
        .skip(1)
        .find(|folder| !folder.ends_with("deps"));
    let path = folder.expect("a program lies in a folder").join(name);
    assert!(
        path.exists(),
        "{} is not there: build the workspace first",
        path.display()
    );
    path
}

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
    let test = env::current_exe().expect("a test has a path");
    // target/<profile>/deps/<test>
    let folder = test
        .ancestors()
        .nth(2)
        .expect("a test lies in the target folder");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is not there: build the workspace first",
        path.display()
    );
    path
}

//! Programs in C: one that is compiled against `include/` and linked to the library, and one that
//! calls it until the very end.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tests::{Token, everywhere};

/// Compiles a program of this folder, with the flags of who wants to watch it.
fn compiled(source: &str, arguments: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = tests::home().with_file_name("program");
    let flags = env::var("STRONGROOM_TEST_CFLAGS").unwrap_or_default();
    let status = Command::new("cc")
        .args(flags.split_whitespace())
        .args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(folder.join("../include"))
        .arg(folder.join("c_abi").join(source))
        .args(arguments)
        .arg("-o")
        .arg(&program)
        .status();
    assert!(status.expect("a C compiler").success());
    program
}

fn succeeds(output: &Output) {
    assert!(
        output.status.success(),
        "{} {}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn a_c_program_compiles_links_and_runs() {
    everywhere(|| {
        let module = tests::module();
        let program = compiled("program.c", &[module.to_str().unwrap()]);
        let ran = Command::new(&program)
            .env("LD_LIBRARY_PATH", module.parent().unwrap())
            .output();
        succeeds(&ran.expect("the program runs"));
    });
}

#[test]
fn calls_until_the_very_end_of_a_program_do_not_crash_it() {
    everywhere(|| {
        Token::make().module.finalize();
        let program = compiled("exit.c", &["-pthread", "-ldl"]);
        for what in [
            "calls",
            "calls",
            "calls",
            "finalizes",
            "finalizes",
            "finalizes",
        ] {
            let ran = Command::new(&program)
                .arg(tests::module())
                .arg(what)
                .output();
            succeeds(&ran.expect("the program runs"));
        }
    });
}

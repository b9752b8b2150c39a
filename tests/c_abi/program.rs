//! A program in C, compiled against `include/` and linked to the library.

use std::{path::Path, process::Command};

use tests::everywhere;

#[test]
fn a_c_program_compiles_links_and_runs() {
    everywhere(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (module, program) = (tests::module(), tests::home().with_file_name("program"));
        let compiled = Command::new("cc")
            .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(source.join("../include"))
            .arg(source.join("c_abi/program.c"))
            .arg(&module)
            .arg("-o")
            .arg(&program)
            .status();
        assert!(compiled.expect("a C compiler").success());
        let ran = Command::new(&program)
            .env("LD_LIBRARY_PATH", module.parent().unwrap())
            .output();
        let ran = ran.expect("the program runs");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stdout)
        );
    });
}

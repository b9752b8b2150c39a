//! The operation table itself, and the part of `docs/supported.md` that is made from it.
//! `STRONGROOM_WRITE_SUPPORTED=1 cargo test -p kms supported` writes that.

use std::{collections::BTreeSet, fmt::Write};

use crate::SERVICE;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/supported.md");
const BEGIN: &str = "<!-- begin kms operations -->\n";
const END: &str = "<!-- end kms operations -->";

#[test]
fn every_operation_stands_in_the_table_once() {
    let names: Vec<&str> = SERVICE.operations.iter().map(|row| row.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    assert!(!names.contains(&""));
}

#[test]
fn every_operation_has_a_test_that_calls_it() {
    let tests = [
        include_str!("aliases.rs"),
        include_str!("cryptography.rs"),
        include_str!("custom_key_stores.rs"),
        include_str!("deletion.rs"),
        include_str!("keys.rs"),
        include_str!("tags.rs"),
    ];
    for row in SERVICE.operations {
        let name = format!("\"{}\"", row.name);
        assert!(
            tests.iter().any(|text| text.contains(&name)),
            "{} has no test",
            row.name
        );
    }
}

#[test]
fn no_row_logs_a_secret() {
    for row in SERVICE.operations {
        for member in ["Plaintext", "CiphertextBlob", "KeyStorePassword"] {
            assert!(!row.logged.contains(&member), "{} logs {member}", row.name);
        }
    }
}

#[test]
fn the_supported_operations_on_the_page_are_the_tables() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the section begins");
    let (_, after) = rest.split_once(END).expect("the section ends");
    let mut text = String::from("| operation | |\n| --- | --- |\n");
    for row in SERVICE.operations {
        let kind = match (row.swift, row.read_only) {
            (true, _) => "uses a key or the HSMs",
            (false, true) => "reads records",
            (false, false) => "changes records",
        };
        writeln!(text, "| `{}` | {kind} |", row.name).unwrap();
    }
    let written = format!("{before}{BEGIN}\n{text}\n{END}{after}");
    if std::env::var_os("STRONGROOM_WRITE_SUPPORTED").is_some() {
        std::fs::write(PAGE, written).unwrap();
    } else {
        assert!(
            written == page,
            "run STRONGROOM_WRITE_SUPPORTED=1 cargo test -p kms supported"
        );
    }
}

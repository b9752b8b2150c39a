//! Writes the provider's part of `docs/supported.md` from the tables, and checks that it is the
//! one that is there. `STRONGROOM_WRITE_SUPPORTED=1 cargo test -p provider supported` writes it.

use std::{env, fmt::Write, fs, path::Path};

use cryptoki_sys::*;
use token::MechanismInformation;

use crate::functions::{Answer, FUNCTIONS};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/supported.md");

#[test]
fn the_page_says_what_the_tables_say() {
    let page = fs::read_to_string(PAGE).unwrap();
    let written = [("functions", functions()), ("mechanisms", mechanisms())]
        .into_iter()
        .fold(page.clone(), |page, (section, text)| {
            replaced(&page, section, &text)
        });
    if env::var_os("STRONGROOM_WRITE_SUPPORTED").is_some() {
        fs::write(Path::new(PAGE), &written).unwrap();
    } else {
        assert!(
            written == page,
            "docs/supported.md: run STRONGROOM_WRITE_SUPPORTED=1 cargo test"
        );
    }
}

/// `page` with `text` between the marks of `section`.
fn replaced(page: &str, section: &str, text: &str) -> String {
    let (begin, end) = (
        format!("<!-- begin {section} -->\n"),
        format!("<!-- end {section} -->"),
    );
    let (before, rest) = page.split_once(&begin).expect("the section begins");
    let (_, after) = rest.split_once(&end).expect("the section ends");
    format!("{before}{begin}\n{text}\n{end}{after}")
}

fn functions() -> String {
    let mut text = String::from("| function | since | answers |\n| --- | --- | --- |\n");
    for function in FUNCTIONS {
        let (major, minor) = function.version;
        let answer = match function.answer {
            Answer::Supported => "as the standard says",
            Answer::NotSupported => "`CKR_FUNCTION_NOT_SUPPORTED`",
            Answer::NotParallel => "`CKR_FUNCTION_NOT_PARALLEL`, as the standard says",
        };
        writeln!(text, "| `{}` | {major}.{minor} | {answer} |", function.name).unwrap();
    }
    text
}

fn mechanisms() -> String {
    let mut text = String::from(
        "| mechanism | number | keys | does | with `fips` |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for mechanism in hsm::mechanisms() {
        let (name, whole) = (mechanism.name, mechanism.information);
        let with_fips = match mechanism.approved {
            None => "–".to_owned(),
            Some(part) if (keys(part), does(part)) == (keys(whole), does(whole)) => "✓".to_owned(),
            Some(part) if keys(part) == keys(whole) => does(part),
            Some(part) if does(part) == does(whole) => keys(part),
            Some(part) => format!("{}: {}", keys(part), does(part)),
        };
        writeln!(
            text,
            "| `{name}` | `0x{:x}` | {} | {} | {with_fips} |",
            whole.id.0,
            keys(whole),
            does(whole),
        )
        .unwrap();
    }
    text
}

fn keys(mechanism: MechanismInformation) -> String {
    match (mechanism.min_key, mechanism.max_key) {
        (0, 0) => "–".to_owned(),
        (min, max) => format!("{min} to {max}"),
    }
}

fn does(mechanism: MechanismInformation) -> String {
    const COLUMNS: [(&str, CK_FLAGS); 15] = [
        ("encrypt", CKF_ENCRYPT),
        ("decrypt", CKF_DECRYPT),
        ("digest", CKF_DIGEST),
        ("sign", CKF_SIGN),
        ("sign recover", CKF_SIGN_RECOVER),
        ("verify", CKF_VERIFY),
        ("verify recover", CKF_VERIFY_RECOVER),
        ("generate", CKF_GENERATE),
        ("generate pair", CKF_GENERATE_KEY_PAIR),
        ("wrap", CKF_WRAP),
        ("unwrap", CKF_UNWRAP),
        ("derive", CKF_DERIVE),
        ("encapsulate", CKF_ENCAPSULATE),
        ("decapsulate", CKF_DECAPSULATE),
        ("messages", CKF_MESSAGE_ENCRYPT),
    ];
    let does = COLUMNS
        .iter()
        .filter(|(_, flag)| mechanism.flags & flag != 0);
    does.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

//! Writes the control plane's part of `docs/supported.md` from its table, and checks that it is the
//! one that is there. `STRONGROOM_WRITE_SUPPORTED=1 cargo test -p cloudhsm supported` writes it.

use std::{env, fs};

use crate::SERVICE;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/supported.md");
const MARKS: [&str; 2] = [
    "<!-- begin cloudhsm operations -->\n",
    "<!-- end cloudhsm operations -->",
];

#[test]
fn the_page_says_what_the_table_says() {
    let page = fs::read_to_string(PAGE).unwrap();
    let rows: String = SERVICE
        .operations
        .iter()
        .map(|row| {
            format!(
                "| `{}` | {} |\n",
                row.name,
                if row.read_only { "no" } else { "yes" }
            )
        })
        .collect();
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    let [begin, end] = MARKS;
    let written = format!(
        "{before}{begin}\n| operation | changes something |\n| --- | --- |\n{rows}\n{end}{after}"
    );
    if env::var_os("STRONGROOM_WRITE_SUPPORTED").is_some() {
        fs::write(PAGE, &written).unwrap();
    } else {
        assert!(
            written == page,
            "run STRONGROOM_WRITE_SUPPORTED=1 cargo test"
        );
    }
}

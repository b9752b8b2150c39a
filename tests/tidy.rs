//! The invariants of docs/ARCHITECTURE.md and the rules of docs/STYLE.md that a program can check.
//! Where a rule has a table in those pages, the table is read, not repeated.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// No file is longer.
const LINES_MAX: usize = 500;
/// Words that promise what is not there.
const PROMISES: &[&str] = &[
    "TODO",
    "FIXME",
    "XXX",
    "todo!(",
    "unimplemented!(",
    "#[ignore",
];
/// Crates whose job it is to print.
const PRINTERS: &[&str] = &["src/cli/", "src/kmsd/", "tests/", "benches/"];
/// Types that hold secrets: never printed by `Debug`, never copied by `Clone`.
const SECRETS: &[&str] = &[
    "pub struct Secret",
    "pub struct SecretBytes",
    "struct Material",
];

#[test]
fn crate_edges_are_those_of_the_table() {
    let table = edges_of_the_table();
    let own: BTreeSet<_> = table.keys().cloned().collect();
    for (name, allowed) in &table {
        let manifest = manifest(&root().join("src").join(name).join("Cargo.toml"));
        let used = dependencies(&manifest)
            .intersection(&own)
            .cloned()
            .collect::<BTreeSet<_>>();
        let forbidden: Vec<_> = used.difference(allowed).collect();
        assert!(forbidden.is_empty(), "{name} must not use {forbidden:?}");
    }
    let folders = fs::read_dir(root().join("src")).unwrap();
    for folder in folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        assert!(
            table.contains_key(&folder),
            "{folder} is not in ARCHITECTURE's table of crates"
        );
    }
}

#[test]
fn unsafe_stands_only_where_it_may_and_says_why() {
    let may = unsafe_places();
    let mut wrong = Vec::new();
    for source in sources("rs") {
        let allowed = may
            .iter()
            .any(|place| source.name.starts_with(place.as_str()));
        let lines: Vec<_> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = code_of(line);
            if !has_word(code, "unsafe") {
                continue;
            }
            if !allowed {
                wrong.push(format!(
                    "{}:{}: unsafe is not allowed here",
                    source.name,
                    number + 1
                ));
            }
            let needs_reason = code.contains("unsafe {") || code.contains("unsafe impl");
            let above = &lines[number.saturating_sub(8)..=number];
            if needs_reason && !above.iter().any(|line| line.contains("SAFETY:")) {
                wrong.push(format!(
                    "{}:{}: no `// SAFETY:` beside it",
                    source.name,
                    number + 1
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_without_unsafe_forbid_it() {
    let may = unsafe_places();
    for name in edges_of_the_table().into_keys() {
        let folder = format!("src/{name}/");
        if may.iter().any(|place| place.starts_with(&folder)) {
            continue;
        }
        let roots = ["lib.rs", "main.rs"].map(|file| root().join(&folder).join(file));
        let found = roots
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok());
        for text in found {
            assert!(
                text.contains("#![forbid(unsafe_code)]"),
                "{name} does not forbid unsafe code"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short_enough_to_read() {
    let mut wrong = Vec::new();
    for source in sources("rs") {
        if !source.text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with `//!`", source.name));
        }
    }
    for source in ["rs", "sh", "py", "toml"].into_iter().flat_map(sources) {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!(
                "{}: {lines} lines, the limit is {LINES_MAX}",
                source.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_promised_for_later() {
    let mut wrong = Vec::new();
    for source in ["rs", "sh", "py"].into_iter().flat_map(sources) {
        if source.name == "tests/tidy.rs" {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if let Some(word) = PROMISES.iter().find(|word| has_word(line, word)) {
                wrong.push(format!("{}:{}: {word}", source.name, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_programs_that_talk_print() {
    let mut wrong = Vec::new();
    for source in sources("rs") {
        let printer = PRINTERS
            .iter()
            .any(|folder| source.name.starts_with(folder));
        // A build script talks to cargo.
        if printer || source.name.ends_with("/build.rs") {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if ["println!", "eprintln!", "print!", "dbg!"]
                .iter()
                .any(|m| has_word(code_of(line), m))
            {
                wrong.push(format!("{}:{}: {}", source.name, number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_its_purpose_beside_it() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = text.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    for line in section
        .lines()
        .filter(|line| line.contains('=') && !line.starts_with('#'))
    {
        let own = line.contains("path = \"src/");
        assert!(own || line.contains('#'), "no purpose: {line}");
    }
}

#[test]
fn every_crate_takes_its_dependencies_from_the_workspace() {
    let mut folders: Vec<_> = edges_of_the_table()
        .into_keys()
        .map(|name| format!("src/{name}"))
        .collect();
    folders.extend(["tests".to_owned(), "benches".to_owned()]);
    for folder in folders {
        let manifest = manifest(&root().join(&folder).join("Cargo.toml"));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(kind).and_then(|table| table.as_table()) else {
                continue;
            };
            for (name, value) in table {
                let inherited = value.get("workspace").and_then(|flag| flag.as_bool());
                // The packages beside `src` know each other by their place.
                let here = inherited == Some(true) || value.get("path").is_some();
                assert!(here, "{folder}: {name} has a version of its own");
            }
        }
    }
}

#[test]
fn every_exception_from_a_lint_has_a_reason() {
    let mut wrong = Vec::new();
    for source in sources("rs") {
        let lines: Vec<_> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.trim();
            if !(code.starts_with("#[allow(") || code.starts_with("#![allow(")) {
                continue;
            }
            let rest = lines[number..].iter().take(12).copied().collect::<String>();
            let attribute = rest.split(")]").next().unwrap_or_default();
            let before = number.checked_sub(1).and_then(|above| lines.get(above));
            let explained = attribute.contains("reason =")
                || rest
                    .split(")]")
                    .nth(1)
                    .is_some_and(|after| after.trim().starts_with("//"))
                || before.is_some_and(|above| above.trim().starts_with("// "));
            if !explained {
                wrong.push(format!("{}:{}: {code}", source.name, number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn secrets_are_neither_printed_nor_copied() {
    for source in sources("rs") {
        let lines: Vec<_> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let names = SECRETS.iter().filter(|name| has_word(line, name));
            for name in names {
                let above = &lines[number.saturating_sub(3)..number];
                let derive = above.iter().find(|line| line.contains("#[derive("));
                let bad = derive.is_some_and(|d| d.contains("Debug") || d.contains("Clone"));
                assert!(
                    !bad,
                    "{}:{}: {name} derives what it must not",
                    source.name,
                    number + 1
                );
            }
        }
    }
}

#[test]
fn documents_name_only_files_that_are_there() {
    let mut wrong = Vec::new();
    for page in sources("md") {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        for link in page.text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            if !link.is_empty() && !link.contains("://") && !folder.join(link).exists() {
                wrong.push(format!("{}: {link}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_decision_has_a_number_of_its_own_which_its_title_says() {
    let mut numbers = BTreeSet::new();
    for page in sources("md") {
        let Some(name) = page.name.strip_prefix("docs/decisions/") else {
            continue;
        };
        let number = name.split('-').next().unwrap();
        assert!(numbers.insert(number.to_owned()), "two decisions {number}");
        let title = format!("# {number}: ");
        assert!(page.text.starts_with(&title), "{name} begins with {title}");
    }
    assert!(numbers.len() > 10, "the decisions are not found");
}

/// A file of ours.
struct Source {
    /// Its path below the root, with `/`.
    name: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file with this extension that is part of the project.
fn sources(extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in [
        "src",
        "tests",
        "benches",
        "conformance",
        "fuzz",
        "docs",
        "packaging",
        ".ci",
    ] {
        collect(&root().join(folder), extension, &mut found);
    }
    if extension == "md" {
        found.push(Source {
            name: "README.md".to_owned(),
            text: fs::read_to_string(root().join("README.md")).unwrap(),
        });
    }
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "__pycache__" {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            let name = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            found.push(Source {
                name,
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

fn manifest(path: &Path) -> toml::Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let table = manifest
        .get("dependencies")
        .and_then(|table| table.as_table());
    table
        .into_iter()
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn architecture() -> String {
    fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap()
}

/// The table of crates: who may use whom.
fn edges_of_the_table() -> BTreeMap<String, BTreeSet<String>> {
    let text = architecture();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate |"))
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let table: BTreeMap<_, _> = rows
        .map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let name = cells[1].trim_matches('`').to_owned();
            let uses = cells[4]
                .split(',')
                .filter_map(|cell| cell.split_whitespace().next());
            (
                name,
                uses.filter(|word| *word != "–")
                    .map(str::to_owned)
                    .collect(),
            )
        })
        .collect();
    assert!(table.len() > 10, "the table of crates was not found");
    table
}

/// Where the first invariant allows `unsafe`, and what calls C from outside.
fn unsafe_places() -> Vec<String> {
    let text = architecture();
    let sentence = text.split("`unsafe` only in").nth(1).unwrap();
    let sentence = sentence.split("each with").next().unwrap();
    let named = sentence
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|place| format!("src/{place}"));
    named
        .chain([
            "tests/".to_owned(),
            "benches/".to_owned(),
            "fuzz/".to_owned(),
        ])
        .collect()
}

/// A line without its comment and without what it quotes.
fn code_of(line: &str) -> &str {
    let code = line.split("//").next().unwrap_or_default();
    code.split('"').next().unwrap_or_default()
}

/// Whether `word` stands in `text` and is not a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let open = word.ends_with(|c: char| !part(c));
        !before.is_some_and(part) && (open || !after.is_some_and(part))
    })
}

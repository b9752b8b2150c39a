//! The figures as Markdown, and their place in a page.

use std::{fs, path::Path};

use crate::{
    beyond,
    crowd::Crowd,
    figures::{Figures, Plan},
    goals::{Measured, PRIMITIVE, RATIOS, Ratio, Verdict},
    machine::Machine,
    rows::{Family, ROWS},
    subject::Subject,
};

const BEGIN: &str = "<!-- figures: written by benches/run -->";
const END: &str = "<!-- end of the figures -->";
const NONE: &str = "–";

/// The whole text.
pub(crate) fn write(figures: &Figures, machine: &Machine) -> String {
    let mut missed = vec![];
    let mut parts = vec![introduction(figures, machine)];
    parts.extend(warning(figures, machine));
    if !figures.rows.is_empty() {
        parts.extend([
            rates(figures),
            ratios(figures, &mut missed),
            processors(figures),
        ]);
    }
    if let Some(crowd) = &figures.crowd {
        parts.extend([tokens(crowd), goals(crowd, &mut missed)]);
    }
    let whole = figures.has_everybody() && figures.rows.len() == ROWS.len();
    parts.push(match missed.as_slice() {
        [] if whole && figures.crowd.is_some() => "All goals are met.".to_owned(),
        [] => "All goals are met of what was measured.".to_owned(),
        missed => format!("### Missed\n\n* {}", missed.join("\n* ")),
    });
    parts.join("\n\n")
}

/// Puts the text between the marks of a page.
pub(crate) fn replace(path: &Path, text: &str) {
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark of the figures");
    let (_, after) = rest.split_once(END).expect("the mark of their end");
    fs::write(path, format!("{before}{BEGIN}\n\n{text}\n\n{END}{after}")).unwrap();
}

/// One row, for whoever waits for the page.
pub(crate) fn line(measured: &Measured, subjects: &[Subject]) -> String {
    let cells = subjects.iter().map(|subject| {
        let cell = rate_cell(measured, &subject.name);
        format!("  {} {cell}", subject.name)
    });
    format!("{:32}{}", measured.row.name, cells.collect::<String>())
}

fn introduction(figures: &Figures, machine: &Machine) -> String {
    let Plan {
        rounds,
        milliseconds,
        rsa_pairs,
        ..
    } = figures.plan;
    let peers = figures.subjects[2..]
        .iter()
        .map(|(name, version)| format!("{name} {version}").replace(" 0.0", ""));
    let peers = peers.collect::<Vec<_>>().join(", ");
    let machine = machine.description();
    format!(
        "Measured {machine}. Peers: {peers}. Median of {rounds} rounds of {milliseconds} ms; \
         mean of {rsa_pairs} RSA pairs."
    )
}

/// Why the figures are not to be relied on, if they are not.
fn warning(figures: &Figures, machine: &Machine) -> Option<String> {
    let impossible = figures.rows.iter().filter(|row| row.is_impossible());
    let mut reasons: Vec<_> = impossible
        .map(|measured| format!("{} is faster than its primitive", measured.row.name))
        .collect();
    if machine.is_busy() {
        reasons.push("others were at work on the machine".to_owned());
    }
    let reasons = reasons.join(", ");
    (!reasons.is_empty())
        .then(|| format!("**Not to be relied on, the ticks included: {reasons}.**"))
}

fn rates(figures: &Figures) -> String {
    let headings = columns(figures);
    let rows = figures.rows.iter().map(|measured| {
        let cells = columns(figures).map(|subject| rate_cell(measured, subject));
        let name = measured.row.name;
        let name = match measured.row.threads() {
            [1] => format!("{name} (1 thread)"),
            [threads] => format!("{name} ({threads} threads)"),
            _ => name.to_owned(),
        };
        row(name, cells)
    });
    table(
        "Operations per second, 1 / 2 / 8 threads",
        "operation",
        headings.map(str::to_owned),
        rows,
    )
}

fn rate_cell(measured: &Measured, subject: &str) -> String {
    let rates = measured.row.threads().iter();
    let cells: Option<Vec<_>> = rates
        .map(|threads| Some(short(measured.rate(subject, *threads)?.per_second)))
        .collect();
    cells.map_or(NONE.to_owned(), |cells| cells.join(" / "))
}

fn ratios(figures: &Figures, missed: &mut Vec<String>) -> String {
    let headings = RATIOS.iter().map(|ratio| ratio.heading.to_owned());
    let rows = figures
        .rows
        .iter()
        .filter(|measured| measured.row.family != Family::Luck)
        .map(|measured| {
            let cells = RATIOS
                .iter()
                .map(|ratio| ratio_cell(figures, ratio, measured, missed))
                .collect::<Vec<_>>();
            row(measured.row.name.to_owned(), cells.into_iter())
        })
        .collect::<Vec<_>>();
    table(
        "Ratios, and whether they are what they ought to be",
        "operation",
        headings,
        rows.into_iter(),
    )
}

fn ratio_cell(
    figures: &Figures,
    ratio: &Ratio,
    measured: &Measured,
    missed: &mut Vec<String>,
) -> String {
    let cells = ratio.threads.iter().map(|threads| {
        let goal = (ratio.goal)(measured.row, *threads);
        let mut miss = |what: String| {
            let (name, of) = (measured.row.name, ratio.heading);
            let of = of.split(" (").next().unwrap_or(of);
            let with = match ratio.threads {
                [_] => String::new(),
                _ => format!(", threads: {threads}"),
            };
            let goal = goal.unwrap_or_default();
            missed.push(format!("{name}: {of}{with}: {what}, wanted {goal}"));
        };
        let Some(value) = (ratio.value)(measured, *threads) else {
            // With everybody there, it is a module that has no such function.
            if goal.is_some() && !figures.has_everybody() {
                miss("not measured".to_owned());
            }
            return NONE.to_owned();
        };
        match ratio.verdict(measured, *threads, value) {
            Verdict::NoGoal => format!("{value:.2}"),
            Verdict::Met => format!("{value:.2} ✓"),
            Verdict::AtThePrimitive => format!("{value:.2} ✓*"),
            Verdict::Missed => {
                miss(format!("{value:.2}"));
                format!("{value:.2} ✗ {}", goal.unwrap_or_default())
            }
        }
    });
    cells.collect::<Vec<_>>().join(" / ")
}

fn processors(figures: &Figures) -> String {
    let rows = figures.rows.iter().map(|measured| {
        let threads = measured.row.threads()[0];
        let cells = columns(figures).map(|subject| {
            let rate = measured.rate(subject, threads);
            rate.map_or(NONE.to_owned(), |rate| micros(rate.processor_seconds))
        });
        row(measured.row.name.to_owned(), cells)
    });
    let headings = columns(figures).map(str::to_owned);
    table(
        "Processor time of one operation at one thread, µs (served: application and hsmd together)",
        "operation",
        headings,
        rows,
    )
}

fn tokens(crowd: &Crowd) -> String {
    let headings = [
        "find by id /s",
        "find by label /s",
        "C_Initialize to logged in, ms",
        "MiB on the disk",
    ];
    let rows = crowd.tokens.iter().map(|token| {
        let name = format!("{}, {}", thousands(token.objects), token.subject);
        let cells = [
            short(token.by_id),
            short(token.by_label),
            format!("{:.1}", token.logged_in_ms),
            format!("{:.1}", token.bytes as f64 / (1 << 20) as f64),
        ];
        row(name, cells.into_iter())
    });
    table(
        "Many objects on one token",
        "objects",
        headings.map(str::to_owned).into_iter(),
        rows,
    )
}

fn goals(crowd: &Crowd, missed: &mut Vec<String>) -> String {
    let rows = beyond::goals(crowd).into_iter().map(|goal| {
        let met = if goal.met { "✓" } else { "✗" };
        if !goal.met {
            missed.push(format!(
                "{}: {}, wanted {}",
                goal.name, goal.value, goal.wanted
            ));
        }
        row(
            goal.name,
            [goal.value, goal.wanted, met.to_owned()].into_iter(),
        )
    });
    let rows: Vec<_> = rows.collect();
    let headings = ["figure", "wanted", "met"].map(str::to_owned);
    table(
        "Goals beyond the rows",
        "goal",
        headings.into_iter(),
        rows.into_iter(),
    )
}

fn columns(figures: &Figures) -> impl Iterator<Item = &str> {
    figures
        .subjects
        .iter()
        .map(|(name, _)| name.as_str())
        .chain([PRIMITIVE])
}

fn table(
    title: &str,
    first: &str,
    headings: impl Iterator<Item = String>,
    rows: impl Iterator<Item = String>,
) -> String {
    let headings: Vec<_> = headings.collect();
    let line = format!("|---|{}", "---:|".repeat(headings.len()));
    let rows = rows.collect::<Vec<_>>().join("\n");
    format!(
        "### {title}\n\n{}\n{line}\n{rows}",
        row(first.to_owned(), headings.into_iter())
    )
}

fn row(first: String, cells: impl Iterator<Item = String>) -> String {
    let cells = [first].into_iter().chain(cells);
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2}M", rate / 1e6),
        rate if rate >= 1e5 => format!("{:.0}k", rate / 1e3),
        rate if rate >= 1e3 => format!("{:.1}k", rate / 1e3),
        rate if rate >= 1e2 => format!("{rate:.0}"),
        rate => format!("{rate:.1}"),
    }
}

fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    match micros {
        micros if micros >= 100.0 => format!("{micros:.0}"),
        micros if micros >= 10.0 => format!("{micros:.1}"),
        micros => format!("{micros:.2}"),
    }
}

/// With commas, as the goals are written.
pub(crate) fn thousands(number: usize) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}

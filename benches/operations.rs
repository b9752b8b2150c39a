//! The table of all rows: each figure is the best of three, taken in turns, so that what slows the
//! machine down for a moment slows down everybody.

use std::{path::Path, time::Duration};

use crate::{rows::ROWS, subject::Subject, token::Place};

const THREADS: [usize; 3] = [1, 2, 8];
const ROUNDS: usize = 3;

/// Prints the table.
pub(crate) fn run(softhsm: &Path, kryoptic: Option<&Path>, only: &str, time: Duration) {
    let mut subjects = subjects(softhsm, kryoptic);
    let names = subjects
        .iter()
        .map(|subject| format!("{:>12}", subject.name));
    println!(
        "{:36} {:>3} {}  embedded/peer served/peer",
        "",
        "",
        names.collect::<String>()
    );
    for (position, row) in ROWS
        .iter()
        .enumerate()
        .filter(|(_, row)| row.name.contains(only))
    {
        for threads in THREADS {
            let mut best: Vec<Option<f64>> = vec![None; subjects.len()];
            for _ in 0..ROUNDS {
                for (best, subject) in best.iter_mut().zip(&mut subjects) {
                    let rate = subject.measure(position, threads, time);
                    *best = best.max_of(rate);
                }
            }
            print(row.name, threads, &best);
        }
    }
}

/// Ours first, then the peers, and the primitive last.
fn subjects(softhsm: &Path, kryoptic: Option<&Path>) -> Vec<Subject> {
    let ours = tests::module();
    let mut subjects = vec![];
    for mode in ["embedded", "served"] {
        let place = Place::new();
        let environment = place.ours(mode);
        subjects.push(Subject::start(mode, Some(&ours), place, environment));
    }
    if softhsm.exists() {
        let place = Place::new();
        let environment = place.softhsm();
        subjects.push(Subject::start(
            "SoftHSM2",
            Some(softhsm),
            place,
            environment,
        ));
    }
    if let Some(kryoptic) = kryoptic {
        let place = Place::new();
        let environment = place.kryoptic();
        subjects.push(Subject::start(
            "Kryoptic",
            Some(kryoptic),
            place,
            environment,
        ));
    }
    subjects.push(Subject::start("primitive", None, Place::new(), vec![]));
    subjects
}

fn print(name: &str, threads: usize, rates: &[Option<f64>]) {
    let cells = rates
        .iter()
        .map(|rate| format!("{:>12}", rate.map_or("-".to_owned(), short)));
    let peer = rates[2..rates.len() - 1]
        .iter()
        .fold(None, |best: Option<f64>, rate| best.max_of(*rate));
    let ratio = |ours: Option<f64>| match (ours, peer) {
        (Some(ours), Some(peer)) => format!("{:.2}", ours / peer),
        _ => "-".to_owned(),
    };
    let cells = cells.collect::<String>();
    println!(
        "{name:36} {threads:>3} {cells} {:>14} {:>11}",
        ratio(rates[0]),
        ratio(rates[1])
    );
}

fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{:.2}M", rate / 1e6),
        rate if rate >= 1e4 => format!("{:.0}k", rate / 1e3),
        rate if rate >= 1e3 => format!("{:.1}k", rate / 1e3),
        rate => format!("{rate:.0}"),
    }
}

trait Best {
    fn max_of(self, other: Self) -> Self;
}

impl Best for Option<f64> {
    fn max_of(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        }
    }
}

//! All figures in one run. The subjects take turns within a row, and the numbers of threads as well,
//! so that what slows the machine down slows down everybody, and each figure is the median of some
//! rounds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{
    crowd::{self, Crowd},
    goals::{EMBEDDED, Measured, PRIMITIVE, SERVED, SOFTHSM},
    machine::{Machine, undisturbed},
    page,
    place::{Environment, Place},
    rate::{Rate, Until},
    rows::{Family, ROWS, Row},
    subject::{Question, Subject},
};

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// SoftHSM2's module; it is left out if it is not there.
    #[arg(long, default_value = "/usr/lib/softhsm/libsofthsm2.so")]
    softhsm: PathBuf,
    /// Kryoptic's module, as `benches/kryoptic.sh` builds it; it is left out if it is not there.
    #[arg(
        long,
        default_value = "target/kryoptic/build/release/libkryoptic_pkcs11.so"
    )]
    kryoptic: PathBuf,
    /// Any other module, as NAME=PATH, which finds its configuration in the environment: a new
    /// token is made in its first slot.
    #[arg(long)]
    module: Vec<String>,
    /// Three minutes instead of ten: fewer rounds, fewer RSA keys, fewer objects.
    #[arg(long)]
    quick: bool,
    /// Only rows whose name contains this; `crowd` is the tokens with many objects.
    #[arg(long)]
    only: Option<String>,
    /// At most so many objects on the tokens of peers, which are slow at making them.
    #[arg(long)]
    objects_of_peers: Option<usize>,
    /// Replaces the figures in this page.
    #[arg(long)]
    into: Option<PathBuf>,
}

/// How thoroughly.
pub(crate) struct Plan {
    /// How often each figure is taken.
    pub(crate) rounds: usize,
    /// Milliseconds of one measurement.
    pub(crate) milliseconds: u64,
    /// RSA pairs, in all rounds together.
    pub(crate) rsa_pairs: u64,
    /// Numbers of objects on one token.
    pub(crate) objects: &'static [usize],
    /// At most so many on a peer's.
    pub(crate) objects_of_peers: usize,
}

const QUICK: Plan = Plan {
    rounds: 3,
    milliseconds: 40,
    rsa_pairs: 30,
    objects: &[10, 1_000, 10_000],
    objects_of_peers: 1_000,
};
const FULL: Plan = Plan {
    rounds: 5,
    milliseconds: 80,
    rsa_pairs: 200,
    objects: &[10, 1_000, 10_000, 100_000],
    objects_of_peers: 10_000,
};

/// Somebody else's module.
pub(crate) struct Peer {
    /// Its name.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) module: PathBuf,
    /// What makes it look into a place of ours.
    pub(crate) environment: Environ,
}

/// The environment that makes a module look into a place.
type Environ = fn(&Place) -> Environment;

/// All that was measured.
pub(crate) struct Figures {
    /// The names of the subjects, in the order of their columns, and what version they are.
    pub(crate) subjects: Vec<(String, String)>,
    /// The rows.
    pub(crate) rows: Vec<Measured>,
    /// The tokens with many objects, unless only some rows were wanted.
    pub(crate) crowd: Option<Crowd>,
    /// How thoroughly.
    pub(crate) plan: Plan,
}

impl Figures {
    /// Whether those were there that the goals speak of: ours in both places, and two peers.
    pub(crate) fn has_everybody(&self) -> bool {
        self.subjects.len() >= 4
    }
}

/// Measures, and prints or keeps the page.
pub(crate) fn run(arguments: &Arguments) {
    let mut plan = if arguments.quick { QUICK } else { FULL };
    plan.objects_of_peers = arguments.objects_of_peers.unwrap_or(plan.objects_of_peers);
    let mut machine = Machine::now();
    let (ours, peers) = (tests::module(), peers(arguments));
    let (subjects, rows) = rows(arguments, &plan, &ours, &peers);
    let crowd = arguments
        .only
        .as_deref()
        .is_none_or(|only| only == "crowd")
        .then(|| crowd::run(&plan, &ours, &peers));
    let figures = Figures {
        subjects,
        rows,
        crowd,
        plan,
    };
    machine.end();
    let text = page::write(&figures, &machine);
    match &arguments.into {
        Some(path) => page::replace(path, &text),
        None => println!("{text}"),
    }
}

/// The middle of some values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn peers(arguments: &Arguments) -> Vec<Peer> {
    let known: [(_, _, Environ); 2] = [
        (SOFTHSM, &arguments.softhsm, Place::softhsm),
        ("Kryoptic", &arguments.kryoptic, Place::kryoptic),
    ];
    let known = known.into_iter().filter_map(|(name, path, environment)| {
        let Ok(module) = path.canonicalize() else {
            eprintln!("{name} is left out: there is no {}", path.display());
            return None;
        };
        let name = name.to_owned();
        Some(Peer {
            name,
            module,
            environment,
        })
    });
    let others = arguments.module.iter().map(|argument| {
        let (name, path) = argument.split_once('=').expect("NAME=PATH");
        Peer {
            name: name.to_owned(),
            module: path.into(),
            environment: |_| vec![],
        }
    });
    known.chain(others).collect()
}

fn rows(
    arguments: &Arguments,
    plan: &Plan,
    ours: &Path,
    peers: &[Peer],
) -> (Vec<(String, String)>, Vec<Measured>) {
    let places: Vec<_> = (0..2 + peers.len()).map(|_| Place::new()).collect();
    let mut subjects = vec![];
    for (mode, place) in [EMBEDDED, SERVED].into_iter().zip(&places) {
        subjects.push(Subject::start(mode, Some(ours), &place.ours(mode)));
    }
    for (peer, place) in peers.iter().zip(&places[2..]) {
        let environment = (peer.environment)(place);
        subjects.push(Subject::start(&peer.name, Some(&peer.module), &environment));
    }
    let versions: Vec<_> = subjects
        .iter_mut()
        .map(|subject| (subject.name.clone(), subject.ask(&Question::Version)))
        .collect();
    subjects.push(Subject::start(PRIMITIVE, None, &vec![]));
    let wanted = |row: &Row| {
        let only = arguments.only.as_deref();
        only.is_none_or(|only| row.name.contains(only))
    };
    let rows = ROWS
        .iter()
        .enumerate()
        .filter(|(_, row)| wanted(row))
        .map(|(position, row)| measure(plan, position, row, &mut subjects))
        .collect();
    (versions, rows)
}

fn measure(plan: &Plan, position: usize, row: &'static Row, subjects: &mut [Subject]) -> Measured {
    let until = match row.family {
        Family::Luck => Until::Operations(plan.rsa_pairs / plan.rounds as u64),
        _ => Until::Milliseconds(plan.milliseconds),
    };
    let mut taken: BTreeMap<_, Vec<Rate>> = BTreeMap::new();
    for _ in 0..plan.rounds {
        for threads in row.threads() {
            let question = Question::Rate {
                row: position,
                threads: *threads,
                until,
            };
            for subject in &mut *subjects {
                let mut ask = || subject.ask::<Option<Rate>>(&question);
                let rate = match row.family {
                    Family::Luck => ask(),
                    _ => undisturbed(ask),
                };
                let of = (subject.name.clone(), *threads);
                taken.entry(of).or_default().extend(rate);
            }
        }
    }
    taken.retain(|_, rates| !rates.is_empty());
    let middles = taken
        .into_iter()
        .map(|(of, rates)| (of, middle(row, &rates)));
    let measured = Measured {
        row,
        rates: middles.collect(),
    };
    eprintln!("{}", page::line(&measured, subjects));
    measured
}

/// The median; the mean where it is luck that makes the difference.
fn middle(row: &Row, rates: &[Rate]) -> Rate {
    let of = |value: fn(&Rate) -> f64| {
        let values: Vec<_> = rates.iter().map(value).collect();
        match row.family {
            Family::Luck => values.iter().sum::<f64>() / values.len() as f64,
            _ => median(values),
        }
    };
    Rate {
        per_second: match row.family {
            Family::Luck => 1.0 / of(|rate| 1.0 / rate.per_second),
            _ => of(|rate| rate.per_second),
        },
        processor_seconds: of(|rate| rate.processor_seconds),
    }
}

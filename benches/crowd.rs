//! Tokens with many objects: how fast one of them is found, how soon one can begin to work, and
//! what they weigh.

use std::{path::Path, thread, time::Duration};

use crate::{
    figures::{Peer, Plan, median},
    goals::{EMBEDDED, SERVED},
    machine::undisturbed,
    objects::By,
    place::Place,
    rate::{Rate, Until, processor_seconds},
    subject::{Question, Subject},
    token::Beginning,
};

const ROUNDS: usize = 5;
/// Threads that make objects: enough for a module that commits for several at once.
const MAKERS: usize = 16;
/// More of them only wait for each other.
const MAKERS_OF_PEERS: usize = 2;
/// How long hsmd is left alone before: what was asked before may leave things to tidy up.
const SETTLED: Duration = Duration::from_secs(6);
/// How long hsmd is watched while nobody asks it anything: its database tidies up each half minute.
const IDLE: Duration = Duration::from_secs(30);

/// The figures of one token.
pub(crate) struct Token {
    /// Who has it.
    pub(crate) subject: String,
    /// Objects on it.
    pub(crate) objects: usize,
    /// Finds in a second.
    pub(crate) by_id: f64,
    /// Finds in a second.
    pub(crate) by_label: f64,
    /// From `C_Initialize` to `C_Login`, in milliseconds.
    pub(crate) logged_in_ms: f64,
    /// Bytes on the disk.
    pub(crate) bytes: u64,
}

/// The figures of all tokens.
pub(crate) struct Crowd {
    /// Each token.
    pub(crate) tokens: Vec<Token>,
    /// From `C_Initialize` to an open session on the largest token, after a kill -9 of hsmd, in
    /// milliseconds.
    pub(crate) cold_ms: f64,
    /// What part of a second hsmd uses in a second in which nobody asks it anything.
    pub(crate) idle: f64,
}

/// A token that is being measured.
struct Case {
    objects: usize,
    /// Threads that make them.
    makers: usize,
    place: Place,
    subject: Subject,
}

/// Measures them all.
pub(crate) fn run(plan: &Plan, ours: &Path, peers: &[Peer]) -> Crowd {
    let mut cases = vec![];
    for mode in [EMBEDDED, SERVED] {
        for objects in plan.objects {
            let place = Place::new();
            let environment = place.ours(mode);
            cases.push(Case {
                objects: *objects,
                makers: MAKERS,
                subject: Subject::start(mode, Some(ours), &environment),
                place,
            });
        }
    }
    let largest = cases.len() - 1;
    for peer in peers {
        let sizes = plan.objects.iter().filter(|n| **n <= plan.objects_of_peers);
        cases.extend(sizes.map(|objects| {
            // One fsync for each object would take minutes.
            let place = Place::in_memory();
            let environment = (peer.environment)(&place);
            Case {
                objects: *objects,
                makers: MAKERS_OF_PEERS,
                subject: Subject::start(&peer.name, Some(&peer.module), &environment),
                place,
            }
        }));
    }
    fill(&mut cases);
    let tokens = look(plan, &mut cases);
    let idle = idle(&cases[largest]);
    Crowd {
        tokens,
        cold_ms: cold(&mut cases[largest]),
        idle,
    }
}

fn fill(cases: &mut [Case]) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| {
                let (objects, threads) = (case.objects, case.makers);
                case.subject.ask::<()>(&Question::Fill { objects, threads });
                eprintln!("{}: {objects} objects are made", case.subject.name);
            });
        }
    });
}

/// Looks at all of them in turns: for objects as long as the process that made them has them at
/// hand, then at how it begins again.
fn look(plan: &Plan, cases: &mut [Case]) -> Vec<Token> {
    let mut figures: Vec<[Vec<f64>; 3]> = cases.iter().map(|_| Default::default()).collect();
    for _ in 0..ROUNDS {
        for (case, figures) in cases.iter_mut().zip(&mut figures) {
            figures[0].push(find(plan, case, By::Id));
            figures[1].push(find(plan, case, By::Label));
        }
    }
    for _ in 0..ROUNDS {
        for (case, figures) in cases.iter_mut().zip(&mut figures) {
            figures[2].push(milliseconds(undisturbed(|| begin(case)).logged_in));
        }
    }
    let tokens = cases.iter().zip(figures);
    tokens
        .map(|(case, [by_id, by_label, logged_in])| Token {
            subject: case.subject.name.clone(),
            objects: case.objects,
            by_id: median(by_id),
            by_label: median(by_label),
            logged_in_ms: median(logged_in),
            bytes: case.place.bytes(),
        })
        .collect()
}

fn find(plan: &Plan, case: &mut Case, by: By) -> f64 {
    let question = Question::Find {
        by,
        objects: case.objects,
        until: Until::Milliseconds(plan.milliseconds),
    };
    let rate = undisturbed(|| case.subject.ask::<Option<Rate>>(&question));
    rate.expect("a rate").per_second
}

fn begin(case: &mut Case) -> Beginning {
    case.subject.ask::<()>(&Question::End);
    case.subject.ask(&Question::Begin)
}

/// Milliseconds to an open session when hsmd was killed a moment ago.
fn cold(case: &mut Case) -> f64 {
    let mut killed = || -> Beginning {
        case.subject.ask::<()>(&Question::End);
        case.place.kill();
        case.subject.ask(&Question::Begin)
    };
    let times = (0..ROUNDS).map(|_| milliseconds(undisturbed(&mut killed).open));
    median(times.collect())
}

fn idle(case: &Case) -> f64 {
    let hsmd: Vec<_> = case.place.hsmd().into_iter().collect();
    thread::sleep(SETTLED);
    let before = processor_seconds(&hsmd);
    thread::sleep(IDLE);
    (processor_seconds(&hsmd) - before) / IDLE.as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

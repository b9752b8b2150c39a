//! The goals that are not of one row: finds among many objects, beginnings, and an hsmd at rest.

use crate::{
    crowd::{Crowd, Token},
    goals::{EMBEDDED, SERVED},
    page::thousands,
};

/// How many objects the peer has that a find is compared with.
const PEERS_AT: usize = 10_000;
/// How much faster one of ours is found.
const FIND: f64 = 1_000.0;
/// What takes no longer may take this many times as long, for noise.
const NOISE: f64 = 1.1;
/// Milliseconds in which an hsmd that was killed serves again.
const COLD_MS: f64 = 500.0;
/// Milliseconds in a second that are as good as none.
const IDLE_MS: f64 = 1.0;

/// A goal, and what came of it.
pub(crate) struct Goal {
    /// What was measured.
    pub(crate) name: String,
    /// What came out.
    pub(crate) value: String,
    /// What ought to.
    pub(crate) wanted: String,
    /// Whether it did.
    pub(crate) met: bool,
}

/// All of them, as far as they were measured.
pub(crate) fn goals(crowd: &Crowd) -> Vec<Goal> {
    let mut goals = finds(crowd, "id", |token| token.by_id);
    goals.extend(finds(crowd, "label", |token| token.by_label));
    goals.extend(beginnings(crowd));
    let idle_ms = crowd.idle * 1e3;
    goals.push(Goal {
        name: "processor time of an idle hsmd".to_owned(),
        value: format!("{idle_ms:.3} ms/s"),
        wanted: format!("0 (< {IDLE_MS} ms/s)"),
        met: idle_ms < IDLE_MS,
    });
    goals
}

fn finds(crowd: &Crowd, by: &str, rate: fn(&Token) -> f64) -> Vec<Goal> {
    let many = crowd
        .tokens
        .iter()
        .filter(|token| token.objects >= PEERS_AT);
    let (ours, peers): (Vec<_>, Vec<_>) = many.partition(|token| is_ours(token));
    let Some(peer) = peers.into_iter().map(rate).max_by(f64::total_cmp) else {
        return vec![];
    };
    let goals = ours.into_iter().map(|token| {
        let (ratio, among) = (rate(token) / peer, thousands(token.objects));
        let (subject, peers_at) = (&token.subject, thousands(PEERS_AT));
        Goal {
            name: format!("find by {by} among {among}, {subject} / better peer among {peers_at}"),
            value: format!("{ratio:.0}"),
            wanted: format!("≥ {FIND}"),
            met: ratio >= FIND,
        }
    });
    goals.collect()
}

fn beginnings(crowd: &Crowd) -> Vec<Goal> {
    let mut served = crowd.tokens.iter().filter(|token| token.subject == SERVED);
    let (Some(few), Some(many)) = (served.next(), served.next_back()) else {
        return vec![];
    };
    let ratio = many.logged_in_ms / few.logged_in_ms;
    let (few, many) = (thousands(few.objects), thousands(many.objects));
    vec![
        Goal {
            name: format!("C_Initialize to logged in, hsmd warm, among {many} / among {few}"),
            value: format!("{ratio:.2}"),
            wanted: format!("1 (≤ {NOISE}, for noise)"),
            met: ratio <= NOISE,
        },
        Goal {
            name: format!("hsmd opens {many} objects after kill -9"),
            value: format!("{:.0} ms", crowd.cold_ms),
            wanted: format!("< {COLD_MS} ms"),
            met: crowd.cold_ms < COLD_MS,
        },
    ]
}

fn is_ours(token: &Token) -> bool {
    [EMBEDDED, SERVED].contains(&token.subject.as_str())
}

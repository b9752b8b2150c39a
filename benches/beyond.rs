//! The goals that are not of one row: finds among many objects, beginnings, and an hsmd at rest.

use crate::{
    crowd::{Crowd, Token},
    goals::{EMBEDDED, SERVED},
    page::thousands,
};

/// How many objects the peer has that a find is compared with.
const PEERS_AT: usize = 10_000;
/// How many objects are few.
const FEW: usize = 10;
/// How many are many.
const MANY: usize = 100_000;
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

/// All of them; what was not measured is not met.
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
    let peers = crowd
        .tokens
        .iter()
        .filter(|token| !is_ours(token) && token.objects == PEERS_AT)
        .map(rate)
        .collect::<Vec<_>>();
    // The better of one is not the better of both.
    let peer = peers.iter().copied().max_by(f64::total_cmp);
    let peer = peer.filter(|_| peers.len() > 1);
    let ours = [EMBEDDED, SERVED]
        .into_iter()
        .flat_map(|subject| [PEERS_AT, MANY].map(|objects| (subject, objects)));
    let goals = ours.map(|(subject, objects)| {
        let ratio = token(crowd, subject, objects)
            .zip(peer)
            .map(|(token, peer)| rate(token) / peer);
        let (among, peers_at) = (thousands(objects), thousands(PEERS_AT));
        Goal {
            name: format!("find by {by} among {among}, {subject} / better peer among {peers_at}"),
            value: or_nothing(ratio.map(|ratio| format!("{ratio:.0}"))),
            wanted: format!("≥ {FIND}"),
            met: ratio.is_some_and(|ratio| ratio >= FIND),
        }
    });
    goals.collect()
}

fn beginnings(crowd: &Crowd) -> [Goal; 2] {
    let logged_in_ms = |objects| token(crowd, SERVED, objects).map(|token| token.logged_in_ms);
    let ratio = logged_in_ms(MANY)
        .zip(logged_in_ms(FEW))
        .map(|(many, few)| many / few);
    let cold_ms = logged_in_ms(MANY).map(|_| crowd.cold_ms);
    let (few, many) = (thousands(FEW), thousands(MANY));
    [
        Goal {
            name: format!("C_Initialize to logged in, hsmd warm, among {many} / among {few}"),
            value: or_nothing(ratio.map(|ratio| format!("{ratio:.2}"))),
            wanted: format!("1 (≤ {NOISE}, for noise)"),
            met: ratio.is_some_and(|ratio| ratio <= NOISE),
        },
        Goal {
            name: format!("hsmd opens {many} objects after kill -9"),
            value: or_nothing(cold_ms.map(|ms| format!("{ms:.0} ms"))),
            wanted: format!("< {COLD_MS} ms"),
            met: cold_ms.is_some_and(|ms| ms < COLD_MS),
        },
    ]
}

fn token<'a>(crowd: &'a Crowd, subject: &str, objects: usize) -> Option<&'a Token> {
    let mut tokens = crowd.tokens.iter();
    tokens.find(|token| token.subject == subject && token.objects == objects)
}

fn or_nothing(value: Option<String>) -> String {
    value.unwrap_or("not measured".to_owned())
}

fn is_ours(token: &Token) -> bool {
    [EMBEDDED, SERVED].contains(&token.subject.as_str())
}

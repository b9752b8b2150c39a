//! The goals: ratios of figures taken in one run, and what they ought to be.

use std::collections::BTreeMap;

use crate::{
    rate::Rate,
    rows::{Family, GCM_KIB, RANDOM, RSA_VERIFY, Row, TOKEN_KEY},
};

/// Our module in the process that uses it.
pub(crate) const EMBEDDED: &str = "embedded";
/// Our module with its keys in hsmd.
pub(crate) const SERVED: &str = "served";
/// The peer that our module in hsmd must not be slower than.
pub(crate) const SOFTHSM: &str = "SoftHSM2";
/// No module at all.
pub(crate) const PRIMITIVE: &str = "primitive";

/// The figures of one row: of each subject, by the number of threads.
pub(crate) struct Measured {
    /// The row.
    pub(crate) row: &'static Row,
    /// The figures.
    pub(crate) rates: BTreeMap<(String, usize), Rate>,
}

impl Measured {
    /// What a subject did with so many threads.
    pub(crate) fn rate(&self, subject: &str, threads: usize) -> Option<Rate> {
        self.rates.get(&(subject.to_owned(), threads)).copied()
    }

    /// Whether it claims that a module is faster than what it is made of: one of both figures is
    /// wrong then. A commit for several threads at once may be, and random bytes that were drawn ahead.
    pub(crate) fn is_impossible(&self) -> bool {
        self.row.family != Family::Durable
            && self.row.name != RANDOM
            && to_primitive(self, 1).is_some_and(|ratio| ratio > TOO_GOOD)
    }

    fn per_second(&self, subject: &str, threads: usize) -> Option<f64> {
        self.rate(subject, threads).map(|rate| rate.per_second)
    }

    fn better_peer(&self, threads: usize) -> Option<f64> {
        let peers = self.rates.iter().filter(|((subject, of), _)| {
            *of == threads && ![EMBEDDED, SERVED, PRIMITIVE].contains(&subject.as_str())
        });
        peers
            .map(|(_, rate)| rate.per_second)
            .max_by(f64::total_cmp)
    }
}

/// A column of ratios.
pub(crate) struct Ratio {
    /// What is printed above it.
    pub(crate) heading: &'static str,
    /// The numbers of threads it is looked at with.
    pub(crate) threads: &'static [usize],
    /// The ratio.
    pub(crate) value: fn(&Measured, usize) -> Option<f64>,
    /// What it has to be at least.
    pub(crate) goal: fn(&Row, usize) -> Option<f64>,
    /// Whether being near the primitive is as good: there is no room above it.
    pub(crate) primitive_will_do: bool,
}

/// All of them.
pub(crate) const RATIOS: &[Ratio] = &[
    Ratio {
        heading: "embedded / better peer (1 / 2 / 8)",
        threads: &[1, 2, 8],
        value: |row, threads| quotient(row.per_second(EMBEDDED, threads), row.better_peer(threads)),
        goal: |row, threads| match row.family {
            Family::Symmetric | Family::Keyless => Some(2.0),
            _ => durable_goal(row, threads),
        },
        primitive_will_do: true,
    },
    Ratio {
        heading: "embedded / primitive (1)",
        threads: &[1],
        value: to_primitive,
        goal: |row, _| (row.family == Family::PublicKey).then_some(NEAR),
        primitive_will_do: false,
    },
    Ratio {
        heading: "embedded, 2 threads / 1",
        threads: &[2],
        value: |row, _| scaling(row, EMBEDDED),
        goal: |row, _| (!matches!(row.family, Family::Durable | Family::Login)).then_some(1.8),
        primitive_will_do: false,
    },
    Ratio {
        heading: "primitive, 2 threads / 1",
        threads: &[2],
        value: |row, _| scaling(row, PRIMITIVE),
        goal: |_, _| None,
        primitive_will_do: false,
    },
    Ratio {
        heading: "served / better peer (1 / 8)",
        threads: &[1, 8],
        value: |row, threads| quotient(row.per_second(SERVED, threads), row.better_peer(threads)),
        goal: |row, threads| match threads {
            1 => (row.name == GCM_KIB).then_some(1.0),
            _ => durable_goal(row, threads),
        },
        primitive_will_do: false,
    },
    Ratio {
        heading: "served / embedded (1)",
        threads: &[1],
        value: |row, _| quotient(row.per_second(SERVED, 1), row.per_second(EMBEDDED, 1)),
        goal: |row, _| (row.family == Family::PublicKey).then_some(0.85),
        primitive_will_do: false,
    },
    Ratio {
        heading: "served / SoftHSM2 (8)",
        threads: &[8],
        value: |row, _| quotient(row.per_second(SERVED, 8), row.per_second(SOFTHSM, 8)),
        goal: |row, _| match row.family {
            _ if row.name == RSA_VERIFY => Some(0.75),
            Family::Symmetric | Family::PublicKey => Some(1.0),
            _ => None,
        },
        primitive_will_do: false,
    },
];

/// As near to the primitive as there is any sense in coming.
const NEAR: f64 = 0.9;
/// What is said to be so much faster than the primitive was measured in another hour.
const TOO_GOOD: f64 = 1.1;

/// How a ratio compares with its goal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was asked of it.
    NoGoal,
    /// It is reached.
    Met,
    /// It is not, but there is no room above: the primitive alone is hardly faster.
    AtThePrimitive,
    /// It is not.
    Missed,
}

impl Ratio {
    /// Whether a row's `value` is what it has to be.
    pub(crate) fn verdict(&self, measured: &Measured, threads: usize, value: f64) -> Verdict {
        match (self.goal)(measured.row, threads) {
            None => Verdict::NoGoal,
            Some(goal) if value >= goal => Verdict::Met,
            Some(_) if self.primitive_will_do && near_the_primitive(measured, threads) => {
                Verdict::AtThePrimitive
            }
            Some(_) => Verdict::Missed,
        }
    }
}

fn near_the_primitive(measured: &Measured, threads: usize) -> bool {
    measured.row.family != Family::Durable
        && to_primitive(measured, threads).is_some_and(|ratio| ratio >= NEAR)
}

fn to_primitive(measured: &Measured, threads: usize) -> Option<f64> {
    quotient(
        measured.per_second(EMBEDDED, threads),
        measured.per_second(PRIMITIVE, threads),
    )
}

fn scaling(measured: &Measured, subject: &str) -> Option<f64> {
    quotient(
        measured.per_second(subject, 2),
        measured.per_second(subject, 1),
    )
}

fn durable_goal(row: &Row, threads: usize) -> Option<f64> {
    (row.name == TOKEN_KEY && threads == 8).then_some(8.0)
}

fn quotient(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other?)
}

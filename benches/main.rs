//! Measures, and prints ratios taken in one run: the machine's noise is larger than what one
//! would like to see, so never compare figures of two runs.
//!
//! `cargo run --release -p benches -- figures`, `round-trip`, `many`, `kms`; `benches/run` does the
//! first for docs/performance.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "a bench that fails says so and ends, and calls C by a macro that says why that is safe"
)]

mod beyond;
mod crowd;
mod figures;
mod goals;
mod keys;
mod kms;
mod machine;
mod many;
mod objects;
mod page;
mod place;
mod primitive;
mod rate;
mod round_trip;
mod rows;
mod subject;
mod token;
mod worker;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All figures of docs/performance.md: ours embedded and served, other modules, the primitives.
    Figures(figures::Arguments),
    /// C_EncryptInit + C_Encrypt, served, against two bare socket round trips of the same size.
    RoundTrip,
    /// 100,000 times C_EncryptInit + C_Encrypt, embedded: to be run under `strace -c -f`.
    Many {
        /// How often.
        #[arg(long, default_value_t = 100_000)]
        times: u64,
    },
    /// kmsd's Encrypt at 8 connections against a plain endpoint of the same server; reads the
    /// variables of `quickstart.env`.
    Kms {
        /// Connections.
        #[arg(long, default_value_t = 8)]
        connections: usize,
    },
    /// A subject of `figures`, in a process of its own.
    #[command(hide = true)]
    Subject {
        /// The module, or nothing for the primitive alone.
        module: Option<PathBuf>,
    },
}

fn main() {
    match Arguments::parse().command {
        Command::Figures(arguments) => figures::run(&arguments),
        Command::RoundTrip => round_trip::run(),
        Command::Many { times } => many::run(times),
        Command::Kms { connections } => kms::run(connections),
        Command::Subject { module } => subject::answer(module.as_deref()),
    }
}

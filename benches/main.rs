//! Measures, and prints ratios taken in one run: the machine's noise is larger than what one
//! would like to see, so never compare figures of two runs.
//!
//! `cargo run --release -p benches -- operations`, `round-trip`, `many`, `kms`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    reason = "a bench that fails says so and ends, and calls C by a macro that says why that is safe"
)]

mod kms;
mod many;
mod operations;
mod primitive;
mod round_trip;
mod rows;
mod subject;
mod token;

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Operations per second: ours embedded and served, other modules, the primitive alone.
    Operations {
        /// SoftHSM2's module; it is left out if it is not there.
        #[arg(long, default_value = "/usr/lib/softhsm/libsofthsm2.so")]
        softhsm: PathBuf,
        /// Kryoptic's module, as `benches/kryoptic` builds it.
        #[arg(long)]
        kryoptic: Option<PathBuf>,
        /// Only rows whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// Milliseconds of one measurement; each is taken three times.
        #[arg(long, default_value_t = 300)]
        ms: u64,
    },
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
    /// A subject of `operations`, in a process of its own.
    #[command(hide = true)]
    Subject {
        /// The module, or nothing for the primitive alone.
        module: Option<PathBuf>,
    },
}

fn main() {
    match Arguments::parse().command {
        Command::Operations {
            softhsm,
            kryoptic,
            only,
            ms,
        } => {
            operations::run(
                &softhsm,
                kryoptic.as_deref(),
                &only,
                Duration::from_millis(ms),
            );
        }
        Command::RoundTrip => round_trip::run(),
        Command::Many { times } => many::run(times),
        Command::Kms { connections } => kms::run(connections),
        Command::Subject { module } => subject::answer(module.as_deref()),
    }
}

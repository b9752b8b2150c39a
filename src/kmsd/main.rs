//! `kmsd`: AWS KMS with custom key stores and the CloudHSM v2 control plane, on one address. It
//! wires the services together and holds no rule of theirs.
#![forbid(unsafe_code)]

mod clusters;
mod config;
mod credentials;
mod identity;
mod journal;
mod lanes;
mod patience;
mod quickstart;
mod records;
mod server;
mod services;

use std::process::ExitCode;

use clap::Parser as _;

use config::{Arguments, Command};

/// What ends kmsd: a sentence for the operator, with the remedy.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    journal::install();
    // Referred to, so that the linker keeps what build.rs exports.
    std::hint::black_box(provider::functions::C_GetFunctionList as *const ());
    std::hint::black_box(provider::functions::C_GetInterface as *const ());
    let done = match arguments.command {
        Command::Serve(options) => server::serve(&options),
        Command::Quickstart(options) => quickstart::run(&options),
        Command::Credentials(command) => credentials::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kmsd: {failure}");
            ExitCode::FAILURE
        }
    }
}

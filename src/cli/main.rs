//! `strongroom`: the operator's command line, in CloudHSM CLI's grammar. It asks hsmd and prints
//! what hsmd answers; it has no rules of its own.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod input;
mod interactive;
mod output;
mod shell;

use std::process::ExitCode;

use shell::Shell;

fn main() -> ExitCode {
    let matches = arguments::program().get_matches();
    let mut shell = match Shell::new(&matches) {
        Ok(shell) => shell,
        Err(error) => return output::print(&Err(error)),
    };
    if matches.subcommand_name() == Some(arguments::INTERACTIVE) {
        return interactive::run(&mut shell);
    }
    match arguments::command(&matches) {
        Some((command, arguments)) => output::print(&shell.run_once(command, &arguments)),
        None => ExitCode::from(2),
    }
}

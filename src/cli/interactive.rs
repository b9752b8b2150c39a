//! The shell: one command a line, from a terminal or from a script on standard input.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use rustyline::{DefaultEditor, error::ReadlineError};

use crate::{
    arguments,
    commands::COMMANDS,
    input,
    output::{self, Error},
    shell::Shell,
};

const PROMPT: &str = "aws-cloudhsm > ";

/// Reads and runs commands until `quit` or the end. A script has failed if one of its commands
/// has.
pub(crate) fn run(shell: &mut Shell) -> ExitCode {
    shell.become_interactive();
    if io::stdin().is_terminal() {
        converse(shell)
    } else {
        read_script(shell)
    }
}

/// What became of a line.
enum Outcome {
    Done,
    Failed,
    Quit,
}

fn converse(shell: &mut Shell) -> ExitCode {
    let mut editor = match DefaultEditor::new() {
        Ok(editor) => editor,
        Err(error) => return output::print(&Err(Error::System(error.to_string()))),
    };
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                if !takes_password(&line) {
                    // A line that cannot be remembered can still be run.
                    let _ = editor.add_history_entry(&line);
                }
                if matches!(run_line(shell, &line), Outcome::Quit) {
                    return ExitCode::SUCCESS;
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return ExitCode::SUCCESS,
            Err(error) => return output::print(&Err(Error::System(error.to_string()))),
        }
    }
}

fn read_script(shell: &mut Shell) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    let mut line = String::new();
    loop {
        line.clear();
        // One line at a time and no lock kept: a command may read a password from the next line.
        match io::stdin().read_line(&mut line) {
            Ok(0) => return code,
            Ok(_) => match run_line(shell, &line) {
                Outcome::Done => {}
                Outcome::Failed => code = ExitCode::FAILURE,
                Outcome::Quit => return code,
            },
            Err(error) => return output::print(&Err(Error::System(error.to_string()))),
        }
    }
}

fn run_line(shell: &mut Shell, line: &str) -> Outcome {
    let words = match input::words(line) {
        Ok(words) if words.is_empty() => return Outcome::Done,
        Ok(words) => words,
        Err(error) => return fail(error),
    };
    let matches = match arguments::line().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            // Help is an answer; anything else is a line that could not be understood.
            let _ = error.print();
            return if error.use_stderr() {
                Outcome::Failed
            } else {
                Outcome::Done
            };
        }
    };
    if matches.subcommand_name() == Some("quit") {
        return Outcome::Quit;
    }
    let Some((command, arguments)) = arguments::command(&matches) else {
        return fail(Error::Command("this is no command".into()));
    };
    let outcome = (command.run)(shell, &arguments);
    output::print(&outcome);
    if output::is_good(&outcome) {
        Outcome::Done
    } else {
        Outcome::Failed
    }
}

/// Whether a line may have a password in it, which the editor must not bring up again.
fn takes_password(line: &str) -> bool {
    let words = input::words(line).unwrap_or_default();
    let row = COMMANDS.iter().find(|row| {
        words
            .iter()
            .map(String::as_str)
            .zip(row.words)
            .all(|(a, b)| a == *b)
            && words.len() >= row.words.len()
    });
    row.is_some_and(|row| {
        row.parameters
            .iter()
            .any(|parameter| parameter.name == "password")
    })
}

fn fail(error: Error) -> Outcome {
    output::print(&Err(error));
    Outcome::Failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_password_is_not_remembered() {
        assert!(takes_password("createUser CU kmsuser kmsPswd"));
        assert!(takes_password(
            "user  create --username a --role admin --password secret1"
        ));
        assert!(!takes_password("user list"));
        assert!(!takes_password("user"));
    }
}

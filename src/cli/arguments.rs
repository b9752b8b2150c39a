//! The table of commands as a command line: words, options, help. The same for a single command
//! and for a line of the shell.

use clap::{Arg, ArgAction, ArgMatches, Command as Clap};

use crate::commands::{COMMANDS, Command, Form, GROUPS, Parameter};

/// The command that is a shell for all others.
pub(crate) const INTERACTIVE: &str = "interactive";

/// What a command was given.
pub(crate) struct Arguments<'a>(&'a ArgMatches);

impl<'a> Arguments<'a> {
    /// The value of a parameter; empty if it may be left out and was.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        self.optional(name).unwrap_or_default()
    }

    /// The value of a parameter that may be left out.
    pub(crate) fn optional(&self, name: &str) -> Option<&'a str> {
        self.0
            .try_get_one::<String>(name)
            .ok()
            .flatten()
            .map(String::as_str)
    }

    /// Whether a flag was given.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.get_flag(name)
    }
}

/// The whole program.
pub(crate) fn program() -> Clap {
    let home = Arg::new("home")
        .long("home")
        .value_name("DIR")
        .env("STRONGROOM_HOME");
    let cluster = Arg::new("cluster-id").long("cluster-id").value_name("ID");
    let shell = Clap::new(INTERACTIVE).about("A shell for all commands; also reads a script");
    with_commands(Clap::new("strongroom"))
        .about("Operates the clusters of a Strongroom home")
        .after_help(
            "A single command that needs a login takes it from the environment:\n  \
             CLOUDHSM_ROLE=admin|crypto-user CLOUDHSM_PIN=user:password",
        )
        .version(env!("CARGO_PKG_VERSION"))
        .arg(
            home.global(true)
                .help("The home [default: $STRONGROOM_HOME, else as the module finds it]"),
        )
        .arg(
            cluster
                .global(true)
                .help("The cluster; needed where there are several"),
        )
        .subcommand(shell)
}

/// A line of the shell.
pub(crate) fn line() -> Clap {
    with_commands(Clap::new("strongroom"))
        .no_binary_name(true)
        .disable_version_flag(true)
        .subcommand(
            Clap::new("quit")
                .visible_alias("exit")
                .about("Ends the shell"),
        )
}

/// The command that was given, and its arguments.
pub(crate) fn command(matches: &ArgMatches) -> Option<(&'static Command, Arguments<'_>)> {
    let mut words = Vec::new();
    let mut innermost = matches;
    while let Some((word, inner)) = innermost.subcommand() {
        words.push(word);
        innermost = inner;
    }
    let command = COMMANDS.iter().find(|command| command.words == words)?;
    Some((command, Arguments(innermost)))
}

fn with_commands(mut program: Clap) -> Clap {
    program = program
        .subcommand_required(true)
        .arg_required_else_help(true);
    for (group, about) in GROUPS {
        let rows = COMMANDS
            .iter()
            .filter(|command| command.words.first() == Some(group));
        let members = rows.filter_map(|row| Some(member(row.words.get(1)?, row)));
        let group = Clap::new(*group).about(*about).subcommand_required(true);
        program = program.subcommand(group.arg_required_else_help(true).subcommands(members));
    }
    let alone = COMMANDS.iter().filter(|command| command.words.len() == 1);
    program.subcommands(alone.filter_map(|row| Some(member(row.words.first()?, row))))
}

fn member(word: &'static str, row: &'static Command) -> Clap {
    Clap::new(word)
        .about(row.about)
        .args(row.parameters.iter().map(argument))
}

fn argument(row: &'static Parameter) -> Arg {
    let argument = Arg::new(row.name).help(row.help).required(row.required);
    if let Form::Flag = row.form {
        return argument.action(ArgAction::SetTrue).long(row.name);
    }
    let argument = argument.action(ArgAction::Set).value_name(row.value_name);
    let argument = match row.form {
        Form::Option | Form::Flag => argument.long(row.name),
        // A password may begin with a dash.
        Form::Position => argument.allow_hyphen_values(true),
    };
    if row.values.is_empty() {
        argument
    } else {
        argument.value_parser(row.values.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_can_be_said() {
        program().debug_assert();
        line().debug_assert();
        for row in COMMANDS {
            let values = row.parameters.iter().filter(|parameter| parameter.required);
            let values = values.flat_map(|parameter| {
                let value = parameter
                    .values
                    .first()
                    .copied()
                    .unwrap_or("value")
                    .to_owned();
                match parameter.form {
                    Form::Option => vec![format!("--{}", parameter.name), value],
                    Form::Position => vec![value],
                    Form::Flag => vec![format!("--{}", parameter.name)],
                }
            });
            let said = row
                .words
                .iter()
                .map(|word| (*word).to_owned())
                .chain(values);
            let matches = line().try_get_matches_from(said).unwrap();
            let (found, _) = command(&matches).unwrap();
            assert_eq!(found.words, row.words);
        }
    }

    #[test]
    fn the_home_may_stand_after_the_command() {
        let said = [
            "strongroom",
            "user",
            "list",
            "--home",
            "/h",
            "--cluster-id",
            "cluster-x",
        ];
        let matches = program().try_get_matches_from(said).unwrap();
        let (found, arguments) = command(&matches).unwrap();
        assert_eq!(found.words, ["user", "list"]);
        assert_eq!(arguments.optional("home"), Some("/h"));
    }
}

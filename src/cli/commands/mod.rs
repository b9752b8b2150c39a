//! The table of commands: the words, what they take, and the function that does it.

mod audit;
mod cluster;
mod doctor;
mod login;
mod older;
mod user;

use crate::{
    arguments::Arguments,
    output::{Answer, Result},
    shell::Shell,
};

/// A command.
pub(crate) struct Command {
    /// What is typed: one word, or a group and a word.
    pub(crate) words: &'static [&'static str],
    /// What it does.
    pub(crate) about: &'static str,
    /// What it takes.
    pub(crate) parameters: &'static [Parameter],
    /// What does it.
    pub(crate) run: fn(&mut Shell, &Arguments<'_>) -> Result<Answer>,
}

/// Something that a command takes.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) value_name: &'static str,
    pub(crate) form: Form,
    pub(crate) required: bool,
    /// The values that are legal; none: all.
    pub(crate) values: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// How it is given.
pub(crate) enum Form {
    /// `--name VALUE`.
    Option,
    /// By its place, as in the older tool.
    Position,
    /// `--name`, or not.
    Flag,
}

/// The first words of commands with two.
pub(crate) const GROUPS: &[(&str, &str)] = &[
    ("audit", "A cluster's audit chain"),
    ("cluster", "Clusters and their HSMs"),
    ("user", "Users of a cluster"),
];

/// Every command.
pub(crate) const COMMANDS: &[Command] = &[
    row(
        &["cluster", "activate"],
        "Set the first admin's password: the cluster is then active",
        &[PASSWORD],
        cluster::activate,
    ),
    row(
        &["cluster", "list"],
        "All clusters of the home",
        &[],
        cluster::list,
    ),
    row(
        &["cluster", "describe"],
        "One cluster, with its certificates",
        &[],
        cluster::describe,
    ),
    row(
        &["cluster", "hsm-info"],
        "The HSMs of a cluster",
        &[],
        cluster::hsm_info,
    ),
    row(
        &["user", "create"],
        "Create a new user",
        &[USERNAME, ROLE, PASSWORD],
        user::create,
    ),
    row(
        &["user", "delete"],
        "Delete a user that owns no keys",
        &[USERNAME, ROLE],
        user::delete,
    ),
    row(
        &["user", "list"],
        "List the users of the cluster",
        &[],
        user::list,
    ),
    row(
        &["user", "change-password"],
        "Change a user's password; unlocks the user",
        &[USERNAME, ROLE, PASSWORD],
        user::change_password,
    ),
    row(
        &["user", "unlock"],
        "Unlock a user without changing its password (the operator's, without a login)",
        &[USERNAME, ROLE],
        user::unlock,
    ),
    row(
        &["audit", "verify"],
        "Verify the audit chain from its beginning, and print its head",
        &[],
        audit::verify,
    ),
    row(
        &["audit", "list"],
        "List the audit chain from its beginning, and verify it on the way",
        &[SINCE, UNTIL, USER, EVENT, JSON],
        audit::list,
    ),
    row(
        &["login"],
        "Log in to the cluster (in the shell)",
        &[USERNAME, ROLE, PASSWORD],
        login::login,
    ),
    row(
        &["logout"],
        "Log out of the cluster (in the shell)",
        &[],
        login::logout,
    ),
    row(
        &["doctor"],
        "Check the way from a program to the HSMs, and show what was complained about",
        &[],
        doctor::doctor,
    ),
    row(
        &["loginHSM"],
        "Older verb for login",
        &[USER_TYPE, USER_NAME, OLD_PASSWORD],
        older::login,
    ),
    row(&["logoutHSM"], "Older verb for logout", &[], older::logout),
    row(
        &["createUser"],
        "Older verb for user create",
        &[USER_TYPE, USER_NAME, OLD_PASSWORD],
        older::create_user,
    ),
    row(
        &["deleteUser"],
        "Older verb for user delete",
        &[USER_TYPE, USER_NAME],
        older::delete_user,
    ),
    row(
        &["changePswd"],
        "Older verb for user change-password",
        &[USER_TYPE, USER_NAME, OLD_PASSWORD],
        older::change_password,
    ),
    row(
        &["listUsers"],
        "Older verb for user list",
        &[],
        older::list_users,
    ),
    row(
        &["info"],
        "Older verb for cluster hsm-info, and who is logged in",
        &[],
        older::info,
    ),
];

const USERNAME: Parameter = option("username", true, &[], "Name of the user");
const ROLE: Parameter = option("role", true, &["crypto-user", "admin"], "Role of the user");
const PASSWORD: Parameter = option(
    "password",
    false,
    &[],
    "The password; you are asked for it if you leave it out",
);

const SINCE: Parameter = time(
    "since",
    "Nothing before: 2026-11-22, 2026-11-22T14:30:00Z, or 90m, 12h, 7d ago",
);
const UNTIL: Parameter = time("until", "Nothing after: a time as in --since");
const USER: Parameter = option(
    "user",
    false,
    &[],
    "What this user did, and what was done to it",
);
const EVENT: Parameter = option("event", false, token::AUDIT_EVENTS, "What happened");
const JSON: Parameter = flag(
    "json",
    "A JSON object a line for each record, and nothing else",
);

const USER_TYPE: Parameter = position(
    "user-type",
    &["CU", "CO", "PCO", "PRECO"],
    "CU: crypto user; CO: admin",
);
const USER_NAME: Parameter = position("username", &[], "Name of the user");
const OLD_PASSWORD: Parameter = position(
    "password",
    &[],
    "The password, or -hpswd to be asked for it",
);

const fn row(
    words: &'static [&'static str],
    about: &'static str,
    parameters: &'static [Parameter],
    run: fn(&mut Shell, &Arguments<'_>) -> Result<Answer>,
) -> Command {
    Command {
        words,
        about,
        parameters,
        run,
    }
}

const fn option(
    name: &'static str,
    required: bool,
    values: &'static [&'static str],
    help: &'static str,
) -> Parameter {
    Parameter {
        name,
        value_name: name,
        form: Form::Option,
        required,
        values,
        help,
    }
}

const fn time(name: &'static str, help: &'static str) -> Parameter {
    Parameter {
        value_name: "time",
        ..option(name, false, &[], help)
    }
}

const fn flag(name: &'static str, help: &'static str) -> Parameter {
    Parameter {
        form: Form::Flag,
        ..option(name, false, &[], help)
    }
}

const fn position(
    name: &'static str,
    values: &'static [&'static str],
    help: &'static str,
) -> Parameter {
    Parameter {
        form: Form::Position,
        ..option(name, true, values, help)
    }
}

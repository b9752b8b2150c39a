//! `user …`: what an admin does with users.

use serde::Serialize;
use token::{Hsm, Operator, Role, UserInformation};

use crate::{
    arguments::Arguments,
    input,
    output::{Answer, Result, UserName, role_name},
    shell::{Shell, user_name},
};

pub(super) fn create(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = user(arguments);
    let session = shell.login()?.session;
    let password = input::new_password(arguments.optional("password"))?;
    shell.change(|client, request| client.create_user(request, session, &name, role, &password))?;
    answer(&name, role)
}

pub(super) fn delete(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = user(arguments);
    let session = shell.login()?.session;
    shell.change(|client, request| client.delete_user(request, session, &name, role))?;
    answer(&name, role)
}

pub(super) fn change_password(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = user(arguments);
    shell.login()?;
    let password = input::new_password(arguments.optional("password"))?;
    shell.change_password(&name, role, password)?;
    answer(&name, role)
}

pub(super) fn unlock(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = user(arguments);
    let cluster = shell.cluster()?.id;
    shell.change(|client, request| client.unlock_user(request, &cluster, &name, role))?;
    answer(&name, role)
}

pub(super) fn list(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let users = all(shell)?;
    let users = users.iter().map(|user| User {
        username: &user.name,
        role: role_name(user.role),
        locked: user.locked.to_string(),
        mfa: [],
        cluster_coverage: "full",
    });
    Answer::data(Users {
        users: users.collect(),
    })
}

/// All users of the cluster.
pub(super) fn all(shell: &mut Shell) -> Result<Vec<UserInformation>> {
    let session = shell.login()?.session;
    Ok(shell.client()?.users(session)?)
}

/// The name and role that were given.
pub(super) fn user(arguments: &Arguments<'_>) -> (String, Role) {
    let role = match arguments.text("role") {
        "admin" => Role::Admin,
        _ => Role::CryptoUser,
    };
    (user_name(arguments.text("username")), role)
}

/// What every command about one user answers.
pub(super) fn answer(name: &str, role: Role) -> Result<Answer> {
    Answer::data(UserName {
        username: name,
        role: role_name(role),
    })
}

#[derive(Serialize)]
struct Users<'a> {
    users: Vec<User<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct User<'a> {
    username: &'a str,
    role: &'static str,
    /// CloudHSM CLI has it as text.
    locked: String,
    mfa: [&'static str; 0],
    cluster_coverage: &'static str,
}

//! The verbs of cloudhsm_mgmt_util, which documents and scripts still say: the same functions as
//! the newer commands, with arguments by place and answers as text.

use std::fmt::Write;

use token::{Cluster, Hsm, Role};

use crate::{
    arguments::Arguments,
    commands::{login::in_shell, user},
    input,
    output::{Answer, Result},
    shell::{Shell, user_name},
};

/// In the place of a password: ask for it.
const HIDDEN: &str = "-hpswd";

pub(super) fn login(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    in_shell(shell)?;
    let (name, role) = typed_user(arguments);
    let password = input::password(password(arguments))?;
    shell.log_in(&name, role, password)?;
    let cluster = shell.login()?.cluster.clone();
    each_server("loginHSM success on", &cluster)
}

pub(super) fn logout(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    in_shell(shell)?;
    let login = shell.log_out()?;
    each_server("logoutHSM success on", &login.cluster)
}

pub(super) fn create_user(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = typed_user(arguments);
    let session = shell.login()?.session;
    let password = input::new_password(password(arguments))?;
    shell.change(|client, request| client.create_user(request, session, &name, role, &password))?;
    on_nodes(shell, "Creating User", &name, role)
}

pub(super) fn delete_user(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = typed_user(arguments);
    let session = shell.login()?.session;
    shell.change(|client, request| client.delete_user(request, session, &name, role))?;
    on_nodes(shell, "Deleting user", &name, role)
}

pub(super) fn change_password(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let (name, role) = typed_user(arguments);
    shell.login()?;
    let password = input::new_password(password(arguments))?;
    shell.change_password(&name, role, password)?;
    on_nodes(shell, "Changing password for", &name, role)
}

pub(super) fn list_users(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let users = user::all(shell)?;
    let cluster = shell.login()?.cluster.clone();
    let mut text = String::new();
    for (server, hsm) in cluster.hsms.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Users on server {server}({}):", hsm.id);
        let _ = writeln!(text, "Number of users found:{}\n", users.len());
        let _ = writeln!(
            text,
            "    User Id             User Type       User Name                          MofnPubKey    \
             LoginFailureCnt         2FA"
        );
        for (number, user) in (1..).zip(&users) {
            let _ = writeln!(
                text,
                "{number:>10}{:>17}             {:<40}NO{:>16}               NO",
                type_name(user.role),
                user.name,
                user.failures
            );
        }
    }
    Answer::text(text.trim_end())
}

pub(super) fn info(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let login = shell.current_login();
    let state = login.map_or("Not logged in".to_owned(), |login| {
        format!("Logged in as '{}({})'", login.name, type_name(login.role))
    });
    let cluster = match login.map(|login| login.cluster.clone()) {
        Some(cluster) => cluster,
        None => shell.cluster()?,
    };
    let mut text =
        String::from("Id      Name                    Zone            State           LoginState");
    for (server, hsm) in cluster.hsms.iter().enumerate() {
        let _ = write!(
            text,
            "\n{server:<8}{:<24}{:<16}{:<16}{state}",
            hsm.id.as_str(),
            hsm.zone,
            "Active",
        );
    }
    Answer::text(text)
}

fn typed_user(arguments: &Arguments<'_>) -> (String, Role) {
    let role = match arguments.text("user-type") {
        "CU" => Role::CryptoUser,
        _ => Role::Admin,
    };
    (user_name(arguments.text("username")), role)
}

fn password<'a>(arguments: &Arguments<'a>) -> Option<&'a str> {
    arguments
        .optional("password")
        .filter(|password| *password != HIDDEN)
}

fn type_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "CO",
        Role::CryptoUser => "CU",
    }
}

fn each_server(what: &str, cluster: &Cluster) -> Result<Answer> {
    let servers = cluster.hsms.iter().enumerate();
    let lines = servers.map(|(server, hsm)| format!("{what} server {server}({})", hsm.id));
    Answer::text(lines.collect::<Vec<_>>().join("\n"))
}

fn on_nodes(shell: &mut Shell, what: &str, name: &str, role: Role) -> Result<Answer> {
    let nodes = shell.login()?.cluster.hsms.len();
    Answer::text(format!(
        "{what} {name}({}) on {nodes} nodes",
        type_name(role)
    ))
}

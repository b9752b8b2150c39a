//! `login`, `logout`: only in the shell, where a login stays.

use crate::{
    arguments::Arguments,
    commands::user,
    input,
    output::{Answer, Error, Result},
    shell::Shell,
};

pub(super) fn login(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    in_shell(shell)?;
    let (name, role) = user::user(arguments);
    let password = input::password(arguments.optional("password"))?;
    shell.log_in(&name, role, password)?;
    user::answer(&name, role)
}

pub(super) fn logout(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    in_shell(shell)?;
    shell.log_out()?;
    Answer::data("Logout successful")
}

/// Refuses what would be forgotten at once.
pub(super) fn in_shell(shell: &Shell) -> Result<()> {
    if shell.is_interactive() {
        return Ok(());
    }
    Err(Error::Login(
        "a login lasts as long as its shell: use `strongroom interactive`, or set CLOUDHSM_ROLE \
         and CLOUDHSM_PIN for single commands"
            .into(),
    ))
}

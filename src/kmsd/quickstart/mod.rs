//! `kmsd quickstart`: from nothing to an encrypted message, through our own API, and then serves.
//! Each step looks at what is there and does what is missing, so it can be killed anywhere.

mod api;
mod authority;
mod ceremony;
mod environment;
mod secrets;
mod users;

use std::time::Duration;

use crate::{
    Failure,
    config::ServeOptions,
    server::{self, Server},
};

/// The label of the cluster's token, the name of the key store, and the key's alias.
const NAME: &str = "quickstart";
/// How often a later run looks.
const ATTEMPTS: u32 = 3;
/// How long it waits in between.
const PAUSE: Duration = Duration::from_secs(1);

/// Completes what is missing beside the server, and serves.
pub(crate) fn run(options: &ServeOptions) -> Result<(), Failure> {
    server::run(options, |server| {
        let done = complete(server)?;
        let environment = environment::write(server, &done)?;
        environment::explain(server, &done, &environment);
        Ok(())
    })
}

/// What quickstart has made or found.
struct Done {
    secrets: secrets::Secrets,
    cluster: String,
    key_arn: String,
}

/// Does what is missing. A run that was killed may have left a verb on its way to hsmd, which is
/// done after we looked: so a later run looks again before it gives up.
fn complete(server: &Server) -> Result<Done, Failure> {
    let (secrets, first) = secrets::open(&server.records)?;
    let home = server.records.home.path().display();
    let begun = if first {
        ""
    } else {
        ": it was begun before, and what is there is kept"
    };
    println!("Strongroom quickstart in {home}{begun}");
    let mut attempts = if first { 1 } else { ATTEMPTS };
    let (cluster, key_arn) = loop {
        attempts -= 1;
        match steps(server, &secrets) {
            Err(failure) if attempts > 0 => {
                println!("  looking again: {failure}");
                std::thread::sleep(PAUSE);
            }
            done => break done?,
        }
    };
    Ok(Done {
        secrets,
        cluster,
        key_arn,
    })
}

fn steps(server: &Server, secrets: &secrets::Secrets) -> Result<(String, String), Failure> {
    let api = api::Api::new(server, secrets);
    let cluster = ceremony::cluster(server, &api, secrets)?;
    users::complete(server, &cluster, secrets)?;
    let store = ceremony::key_store(&api, &cluster, secrets, server)?;
    let key_arn = ceremony::key(&api, &store)?;
    ceremony::message(&api, &key_arn)?;
    Ok((cluster, key_arn))
}

/// One line for one thing, made now or found.
fn report(made: bool, what: &str) {
    println!("  {} {what}", if made { "made " } else { "found" });
}

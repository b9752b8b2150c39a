//! `kmsd quickstart`: from nothing to an encrypted message, through our own API, and then serves.
//! Each step looks at what is there and does what is missing, so it can be killed anywhere.

mod api;
mod authority;
mod ceremony;
mod environment;
mod secrets;
mod users;

use crate::{
    Failure,
    config::ServeOptions,
    server::{self, Server},
};

/// The label of the cluster's token, the name of the key store, and the key's alias.
const NAME: &str = "quickstart";

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

fn complete(server: &Server) -> Result<Done, Failure> {
    let home = server.records.home.path().display();
    let (secrets, first) = secrets::open(&server.records)?;
    if first {
        println!("Strongroom quickstart in {home}");
    } else {
        println!("Strongroom quickstart in {home}: it was begun before; what is there is kept");
    }
    let api = api::Api::new(server, &secrets);
    let cluster = ceremony::cluster(server, &api, &secrets)?;
    users::complete(server, &cluster, &secrets)?;
    let store = ceremony::key_store(&api, &cluster, &secrets, server)?;
    let key_arn = ceremony::key(&api, &store)?;
    ceremony::message(&api, &key_arn)?;
    Ok(Done {
        secrets,
        cluster,
        key_arn,
    })
}

/// One line for one thing, made now or found.
fn report(made: bool, what: &str) {
    println!("  {} {what}", if made { "made " } else { "found" });
}

//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// AWS KMS with custom key stores, and CloudHSM v2, over a Strongroom home.
#[derive(Parser)]
#[command(name = "kmsd", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What kmsd does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves the home until it is told to stop.
    Serve(ServeOptions),
    /// Makes a cluster, a key store and a key if they are missing, and serves.
    Quickstart(ServeOptions),
    /// Makes, lists and deletes access keys; a running server sees it at once.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
}

/// Where and what to serve.
#[derive(Args, Clone)]
pub(crate) struct ServeOptions {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The address and port to listen on.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8300",
        env = "KMSD_LISTEN"
    )]
    pub(crate) listen: SocketAddr,
    /// Listen on an address that other machines reach, without TLS: requests and answers, the
    /// plaintexts in them too, can be read on the way.
    #[arg(long)]
    pub(crate) insecure_listen: bool,
}

/// Which home, and what it is to AWS's tools.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// The home of the clusters; kmsd's own records are in its folder kmsd. Default: as for every
    /// Strongroom program (STRONGROOM_HOME, /var/lib/strongroom, ~/.local/share/strongroom).
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// The region; chosen at the first start, us-east-1 by default, and kept.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The account id, twelve digits; drawn at the first start, and kept.
    #[arg(long)]
    pub(crate) account_id: Option<String>,
}

/// What to do with access keys.
#[derive(Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Makes an access key and prints it as lines for a shell.
    Create {
        #[command(flatten)]
        place: Place,
        /// The user whose key it is, as events will name it.
        #[arg(long, default_value = "admin")]
        user_name: String,
    },
    /// Lists access keys, without their secrets.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Deletes an access key.
    Delete {
        #[command(flatten)]
        place: Place,
        /// Its id, AKIA…
        #[arg(long)]
        access_key_id: String,
    },
}

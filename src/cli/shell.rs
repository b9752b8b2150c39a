//! What commands share: the home, the connection to hsmd, the cluster that is meant, the login.

use std::{env, path::Path};

use clap::ArgMatches;
use token::{
    Access, Cluster, ClusterId, ClusterState, Hsm, LoginAs, Operator, Reason, Request, Role,
    SecretBytes, SessionHandle, SlotId,
};
use wire::{Client, Home, Requests};

use crate::{
    arguments::Arguments,
    commands::Command,
    output::{Answer, Error, Result},
};

/// One run of the program.
pub(crate) struct Shell {
    pub(crate) home: Home,
    chosen: Option<ClusterId>,
    client: Option<Client>,
    requests: Requests,
    login: Option<Login>,
    /// Whether this is the shell, where a login stays.
    interactive: bool,
}

/// Who is logged in.
pub(crate) struct Login {
    pub(crate) session: SessionHandle,
    pub(crate) cluster: Cluster,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// For changing it: PKCS#11 asks for the old one.
    password: SecretBytes,
}

impl Shell {
    pub(crate) fn new(matches: &ArgMatches) -> Result<Self> {
        let text = |name: &str| matches.get_one::<String>(name);
        let home = match text("home") {
            Some(path) => Home::at(Path::new(path))?,
            None => Home::resolve()?,
        };
        let chosen = text("cluster-id").map(|id| {
            let id = ClusterId::parse(id);
            id.ok_or_else(|| Error::Cluster("a cluster id looks like cluster-abcdefghijk".into()))
        });
        let chosen = chosen.transpose()?;
        let requests = Requests::new();
        Ok(Self {
            home,
            chosen,
            client: None,
            requests,
            login: None,
            interactive: false,
        })
    }

    /// Runs a single command.
    pub(crate) fn run_once(
        &mut self,
        command: &Command,
        arguments: &Arguments<'_>,
    ) -> Result<Answer> {
        let answer = (command.run)(self, arguments);
        let ended = self.client.as_ref().map_or(Ok(()), Client::end);
        // What was asked for is done; that hsmd went away afterwards changes nothing.
        answer.inspect(|_| drop(ended))
    }

    /// From now on logins stay.
    pub(crate) fn become_interactive(&mut self) {
        self.interactive = true;
    }

    /// Whether logins stay.
    pub(crate) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// hsmd, which is started if need be. An operator looks at a home and does not make one:
    /// what a mistyped path names is left as it is, be it nothing or a folder of other things.
    pub(crate) fn client(&mut self) -> Result<&Client> {
        if self.client.is_none() {
            if !self.home.is_made() {
                return Err(Error::NoHome(self.home.path().to_owned()));
            }
            self.client = Some(Client::connect(&self.home)?);
        }
        self.client
            .as_ref()
            .ok_or_else(|| Error::from(token::Error::from(Reason::Unreachable)))
    }

    /// Says a verb that changes something.
    pub(crate) fn change<T>(
        &mut self,
        verb: impl FnOnce(&Client, Request) -> token::Result<T>,
    ) -> Result<T> {
        self.client()?;
        let client = self
            .client
            .as_ref()
            .ok_or(token::Error::from(Reason::Unreachable))?;
        let open = self.requests.begin();
        Ok(verb(client, open.request())?)
    }

    /// The cluster that is meant: the chosen one, or the only one.
    pub(crate) fn cluster(&mut self) -> Result<Cluster> {
        if let Some(chosen) = self.chosen.clone() {
            return Ok(self.client()?.cluster(&chosen)?);
        }
        let mut clusters = self.client()?.clusters()?;
        match (clusters.pop(), clusters.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => {
                let home = self.home.path().display();
                Err(Error::Cluster(format!("there is no cluster in {home}")))
            }
            (Some(_), others) => Err(Error::Cluster(format!(
                "there are {} clusters: name one with --cluster-id (`cluster list` has them)",
                others + 1
            ))),
        }
    }

    /// The id of the cluster that is meant: one that is named may be deleted already.
    pub(crate) fn cluster_id(&mut self) -> Result<ClusterId> {
        match self.chosen.clone() {
            Some(chosen) => Ok(chosen),
            None => Ok(self.cluster()?.id),
        }
    }

    /// The cluster's slot, which exists once the cluster is active.
    pub(crate) fn slot(&mut self, cluster: &Cluster) -> Result<SlotId> {
        if cluster.state != ClusterState::Active {
            return Err(Error::NotActive(cluster.id.clone()));
        }
        let client = self.client()?;
        for slot in client
            .slots()?
            .into_iter()
            .filter(|slot| slot.token_present)
        {
            match client.token(slot.id) {
                Ok(token) if token.serial_number == cluster.id.tail() => return Ok(slot.id),
                Ok(_) => {}
                // A slot whose HSM went away since the list was made.
                Err(error) if error.reason == Reason::TokenNotPresent => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Cluster(format!("no slot belongs to {}", cluster.id)))
    }

    /// Logs in, on a session of its own.
    pub(crate) fn log_in(&mut self, name: &str, role: Role, password: SecretBytes) -> Result<()> {
        if let Some(login) = &self.login {
            return Err(Error::Login(format!(
                "{} is logged in: log out first",
                login.name
            )));
        }
        let cluster = self.cluster()?;
        let slot = self.slot(&cluster)?;
        let client = self.client()?;
        let session = client.open_session(slot, Access::ReadWrite)?;
        let user = match role {
            Role::Admin => LoginAs::SecurityOfficer,
            Role::CryptoUser => LoginAs::User,
        };
        if let Err(error) = client.login(session, user, Some(name), &password) {
            client.close_session(session)?;
            return Err(error.into());
        }
        self.login = Some(Login {
            session,
            cluster,
            name: name.to_owned(),
            role,
            password,
        });
        Ok(())
    }

    /// Logs out; closing a login's session is its end.
    pub(crate) fn log_out(&mut self) -> Result<Login> {
        let login = self.login.take().ok_or_else(not_logged_in)?;
        self.client()?.close_session(login.session)?;
        Ok(login)
    }

    /// Who is logged in; for a single command whom the environment names.
    pub(crate) fn login(&mut self) -> Result<&Login> {
        if self.login.is_none() && !self.interactive {
            let (name, role, password) = environment()?;
            self.log_in(&name, role, password)?;
        }
        self.login.as_ref().ok_or_else(not_logged_in)
    }

    /// Who is logged in, if somebody is.
    pub(crate) fn current_login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Gives a user a new password: one's own, or as an admin anybody's.
    pub(crate) fn change_password(
        &mut self,
        name: &str,
        role: Role,
        password: SecretBytes,
    ) -> Result<()> {
        let login = self.login()?;
        let session = login.session;
        if (login.name.as_str(), login.role) != (name, role) {
            return self.change(|client, request| {
                client.set_password(request, session, name, role, &password)
            });
        }
        let named = |secret: &SecretBytes| {
            SecretBytes::from([name.as_bytes(), b":", secret.reveal()].concat())
        };
        let (old, new) = (named(&login.password), named(&password));
        self.change(|client, request| client.set_pin(request, session, &old, &new))?;
        if let Some(login) = &mut self.login {
            login.password = password;
        }
        Ok(())
    }
}

/// The name of a user as CloudHSM writes it: letters are small.
pub(crate) fn user_name(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// The user, role and password of a single command.
fn environment() -> Result<(String, Role, SecretBytes)> {
    let missing = || {
        Error::Login(
            "set CLOUDHSM_ROLE=admin (or crypto-user) and CLOUDHSM_PIN=user:password".into(),
        )
    };
    let role = match env::var("CLOUDHSM_ROLE").as_deref() {
        Ok("admin") => Role::Admin,
        Ok("crypto-user") => Role::CryptoUser,
        _ => return Err(missing()),
    };
    let (name, password) = environment_pin().ok_or_else(missing)?;
    Ok((name, role, password))
}

/// The two halves of `CLOUDHSM_PIN`.
pub(crate) fn environment_pin() -> Option<(String, SecretBytes)> {
    let pin = env::var("CLOUDHSM_PIN").ok()?;
    let (name, password) = pin.split_once(':')?;
    Some((user_name(name), SecretBytes::copied(password.as_bytes())))
}

fn not_logged_in() -> Error {
    Error::Login("nobody is logged in: `login --username admin --role admin`".into())
}

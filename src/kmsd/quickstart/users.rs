//! The crypto users, made by the cluster's admin over the verbs that PKCS#11 does not have.

use token::{Access, ClusterId, Hsm, LoginAs, Role, SecretBytes, SessionHandle, SlotId};

use super::{report, secrets::Secrets};
use crate::{Failure, server::Server};

/// Makes the users that are missing.
pub(super) fn complete(server: &Server, cluster: &str, secrets: &Secrets) -> Result<(), Failure> {
    let hsm: &dyn Hsm = &*server.services.operator;
    let session = hsm.open_session(slot(hsm, cluster)?, Access::ReadWrite)?;
    let done = complete_in(server, hsm, session, secrets);
    // The login ends with its last session.
    hsm.close_session(session)?;
    done
}

fn complete_in(
    server: &Server,
    hsm: &dyn Hsm,
    session: SessionHandle,
    secrets: &Secrets,
) -> Result<(), Failure> {
    let password = |text: &str| SecretBytes::copied(text.as_bytes());
    let admin = password(&secrets.admin_password);
    hsm.login(session, LoginAs::SecurityOfficer, Some("admin"), &admin)?;
    let users = hsm.users(session)?;
    for (name, secret) in [
        ("kmsuser", &secrets.kmsuser_password),
        ("example", &secrets.example_password),
    ] {
        let exists = users
            .iter()
            .any(|user| user.name == name && user.role == Role::CryptoUser);
        if !exists {
            let open = server.services.requests.begin();
            hsm.create_user(
                open.request(),
                session,
                name,
                Role::CryptoUser,
                &password(secret),
            )?;
        }
        report(!exists, &format!("crypto user {name}"));
    }
    Ok(())
}

/// The cluster's own slot: its token's serial number is the cluster's id without prefix.
fn slot(hsm: &dyn Hsm, cluster: &str) -> Result<SlotId, Failure> {
    let cluster = ClusterId::parse(cluster).ok_or("the API answered an id that is none")?;
    for slot in hsm.slots()?.into_iter().filter(|slot| slot.token_present) {
        if hsm.token(slot.id)?.serial_number == cluster.tail() {
            return Ok(slot.id);
        }
    }
    Err(format!("{cluster} is active and has no slot").into())
}

//! `kmsd credentials`: access keys from the command line.

use aws::Timestamp;

use crate::{Failure, config::CredentialsCommand, records::Records};

/// Makes, lists or deletes.
pub(crate) fn run(command: &CredentialsCommand) -> Result<(), Failure> {
    match command {
        CredentialsCommand::Create { place, user_name } => {
            let records = Records::open(place)?;
            let key = records.credentials()?.create(user_name, Timestamp::now())?;
            println!("AWS_ACCESS_KEY_ID={}", key.id);
            println!("AWS_SECRET_ACCESS_KEY={}", *key.secret);
            // Version 1 of the AWS CLI, and boto3, read only the second one.
            println!("AWS_REGION={}", records.scope.region);
            println!("AWS_DEFAULT_REGION={}", records.scope.region);
        }
        CredentialsCommand::List { place } => {
            for key in Records::open(place)?.credentials()?.list()? {
                println!("{} {} {}", key.id, key.created.iso(), key.user_name);
            }
        }
        CredentialsCommand::Delete {
            place,
            access_key_id,
        } => {
            if !Records::open(place)?.credentials()?.delete(access_key_id)? {
                return Err(format!(
                    "there is no access key {access_key_id}; see kmsd credentials list"
                )
                .into());
            }
        }
    }
    Ok(())
}

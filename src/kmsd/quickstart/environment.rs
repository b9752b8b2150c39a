//! quickstart.env, and the words that go with it.

use std::path::{Path, PathBuf};

use aws::private;
use crypto::Zeroizing;

use super::{Done, NAME, api::environment_host};
use crate::{Failure, server::Server};

/// Writes `<home>/quickstart.env` for a shell; answers where it is.
pub(super) fn write(server: &Server, done: &Done) -> Result<PathBuf, Failure> {
    let secrets = &done.secrets;
    let home = server.records.home.path();
    let variables: [(&str, Zeroizing<String>); 10] = [
        (
            "AWS_ENDPOINT_URL",
            plain(format!("http://{}", environment_host(server))),
        ),
        ("AWS_REGION", plain(server.records.scope.region.clone())),
        // Version 1 of the AWS CLI, and boto3, read only this one.
        (
            "AWS_DEFAULT_REGION",
            plain(server.records.scope.region.clone()),
        ),
        ("AWS_ACCESS_KEY_ID", plain(secrets.access_key_id.clone())),
        ("AWS_SECRET_ACCESS_KEY", secrets.secret_access_key.clone()),
        ("STRONGROOM_HOME", plain(home.display().to_string())),
        ("STRONGROOM_KEY_ARN", plain(done.key_arn.clone())),
        ("STRONGROOM_MODULE", plain(module().display().to_string())),
        (
            "STRONGROOM_USER_PIN",
            plain(format!("example:{}", *secrets.example_password)),
        ),
        (
            "STRONGROOM_ADMIN_PIN",
            plain(format!("admin:{}", *secrets.admin_password)),
        ),
    ];
    let mut text = Zeroizing::new(String::with_capacity(4 * 1024));
    for (name, value) in &variables {
        text.push_str(name);
        text.push('=');
        text.push_str(&Zeroizing::new(quoted(value)));
        text.push('\n');
    }
    let path = home.join("quickstart.env");
    private::write(&path, text.as_bytes())?;
    Ok(path)
}

/// Says what there is now and how to go on, in lines that can be pasted.
pub(super) fn explain(server: &Server, done: &Done, environment: &Path) {
    let folder = server.records.home.path().join(NAME);
    let command = program("strongroom");
    println!(
        "\
Serving http://{address} until Ctrl-C. In another terminal:

  set -a; . {environment}; set +a
  aws kms list-keys
  aws kms describe-custom-key-stores
  aws kms describe-key --key-id \"$STRONGROOM_KEY_ARN\"
  printf hello > hello.txt
  aws kms encrypt --key-id \"$STRONGROOM_KEY_ARN\" --plaintext fileb://hello.txt \
--query CiphertextBlob --output text | base64 -d > hello.sealed
  aws kms decrypt --ciphertext-blob fileb://hello.sealed --query Plaintext --output text | base64 -d
  aws cloudhsmv2 describe-clusters --filters clusterIds={cluster}
  pkcs11-tool --module \"$STRONGROOM_MODULE\" --list-slots
  pkcs11-tool --module \"$STRONGROOM_MODULE\" --token-label {NAME} --login --pin \"$STRONGROOM_USER_PIN\" \
--keygen --key-type AES:32 --label mine --id 01
  pkcs11-tool --module \"$STRONGROOM_MODULE\" --token-label {NAME} --login --pin \"$STRONGROOM_USER_PIN\" --list-objects
  CLOUDHSM_ROLE=admin CLOUDHSM_PIN=\"$STRONGROOM_ADMIN_PIN\" {command} user list

The cluster trusts the certificate authority in {folder}: its key, customerCA.key, can be read by you alone.
A real deployment makes it elsewhere, keeps it there, and takes only the certificates here.",
        address = server.address,
        environment = quoted(&environment.display().to_string()),
        cluster = done.cluster,
        command = quoted(&command.display().to_string()),
        folder = folder.display(),
    );
}

/// The PKCS#11 module: beside this program, or below the folder beside it where packages put it.
fn module() -> PathBuf {
    let name = "libstrongroom.so";
    let beside = program(name);
    let packaged = beside
        .parent()
        .and_then(Path::parent)
        .map(|root| root.join("lib").join(name));
    match packaged {
        Some(path) if !beside.exists() && path.exists() => path,
        _ => beside,
    }
}

/// A file beside this program.
fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.parent()
        .map(|folder| folder.join(name))
        .unwrap_or_else(|| PathBuf::from(name))
}

fn plain(text: String) -> Zeroizing<String> {
    Zeroizing::new(text)
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:+=@,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_with_blanks_and_quotes_is_still_one_word() {
        assert_eq!(quoted("/home/a/strongroom"), "/home/a/strongroom");
        assert_eq!(quoted("/home/o'brien x"), "'/home/o'\\''brien x'");
        assert_eq!(quoted(""), "''");
    }
}

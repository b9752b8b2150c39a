//! What is measured: a row is one thing that a program does with a token, again and again.

use crate::{
    keys::Kind,
    primitive,
    worker::{Outcome, Worker},
};

/// A row.
pub(crate) struct Row {
    /// What is printed before the figures.
    pub(crate) name: &'static str,
    /// Bytes of data in one operation.
    pub(crate) bytes: usize,
    /// What it is held to.
    pub(crate) family: Family,
    /// The key that it uses; all threads use the same one.
    pub(crate) key: Option<Kind>,
    /// What each thread does once.
    pub(crate) prepare: fn(&mut Worker<'_>) -> Outcome,
    /// One operation.
    pub(crate) work: fn(&mut Worker<'_>) -> Outcome,
    /// One operation without any module around it, for so many bytes.
    pub(crate) primitive: Option<fn(usize) -> Work<'static>>,
}

/// Something to be done again and again by one thread.
pub(crate) type Work<'a> = Box<dyn FnMut() + 'a>;

/// What a row is held to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Uses a secret key.
    Symmetric,
    /// Uses an RSA or EC key.
    PublicKey,
    /// Uses no key that was there before: digests, random bytes, sessions, new session keys.
    Keyless,
    /// Commits.
    Durable,
    /// Slow on purpose, and the same for all threads of a program: one thread measures it.
    Login,
    /// Slow by luck: a number of keys, not of milliseconds, is measured.
    Luck,
}

const KIB: usize = 1 << 10;
/// A row with a goal of its own.
pub(crate) const GCM_KIB: &str = "AES-256-GCM encrypt 1 KiB";
/// A row that may be faster than its primitive.
pub(crate) const RANDOM: &str = "random 32 B";
/// A row with a goal of its own.
pub(crate) const RSA_VERIFY: &str = "RSA-2048 PKCS verify";
/// A row with a goal of its own.
pub(crate) const TOKEN_KEY: &str = "AES token key (durable)";

/// All rows.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "AES-256-GCM encrypt 32 B",
        bytes: 32,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.encrypt_gcm(),
        primitive: Some(primitive::encrypt_gcm),
    },
    Row {
        name: GCM_KIB,
        bytes: KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.encrypt_gcm(),
        primitive: Some(primitive::encrypt_gcm),
    },
    Row {
        name: "AES-256-GCM encrypt 4 KiB",
        bytes: 4 * KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.encrypt_gcm(),
        primitive: Some(primitive::encrypt_gcm),
    },
    Row {
        name: "AES-256-GCM encrypt 1 MiB",
        bytes: KIB * KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.encrypt_gcm(),
        primitive: Some(primitive::encrypt_gcm),
    },
    Row {
        name: "AES-256-GCM decrypt 1 KiB",
        bytes: KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.gcm_ciphertext(),
        work: |worker| worker.decrypt_gcm(),
        primitive: Some(primitive::decrypt_gcm),
    },
    Row {
        name: "AES-256-GCM message 1 KiB",
        bytes: KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.start_messages(),
        work: |worker| worker.encrypt_message(),
        primitive: Some(primitive::encrypt_gcm),
    },
    Row {
        name: "AES-256-CBC-PAD encrypt 1 KiB",
        bytes: KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.encrypt_cbc(),
        primitive: Some(primitive::encrypt_cbc),
    },
    Row {
        name: "AES-256-CBC-PAD decrypt 1 KiB",
        bytes: KIB,
        family: Family::Symmetric,
        key: Some(Kind::Aes),
        prepare: |worker| worker.cbc_ciphertext(),
        work: |worker| worker.decrypt_cbc(),
        primitive: Some(primitive::decrypt_cbc),
    },
    Row {
        name: "HMAC-SHA256 sign 32 B",
        bytes: 32,
        family: Family::Symmetric,
        key: Some(Kind::Secret),
        prepare: |worker| worker.ready(),
        work: |worker| worker.hmac(),
        primitive: Some(primitive::hmac),
    },
    Row {
        name: "ECDSA P-256 sign",
        bytes: 32,
        family: Family::PublicKey,
        key: Some(Kind::P256),
        prepare: |worker| worker.ready(),
        work: |worker| worker.sign_ecdsa(),
        primitive: Some(primitive::sign_ecdsa),
    },
    Row {
        name: "ECDSA P-256 verify",
        bytes: 32,
        family: Family::PublicKey,
        key: Some(Kind::P256),
        prepare: |worker| worker.sign_ecdsa(),
        work: |worker| worker.verify_ecdsa(),
        primitive: Some(primitive::verify_ecdsa),
    },
    Row {
        name: "RSA-2048 PKCS sign",
        bytes: 51,
        family: Family::PublicKey,
        key: Some(Kind::Rsa),
        prepare: |worker| worker.ready(),
        work: |worker| worker.sign_rsa(),
        primitive: Some(primitive::sign_rsa),
    },
    Row {
        name: RSA_VERIFY,
        bytes: 51,
        family: Family::PublicKey,
        key: Some(Kind::Rsa),
        prepare: |worker| worker.sign_rsa(),
        work: |worker| worker.verify_rsa(),
        primitive: Some(primitive::verify_rsa),
    },
    Row {
        name: "SHA-256 digest 1 KiB",
        bytes: KIB,
        family: Family::Keyless,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.digest(),
        primitive: Some(primitive::digest),
    },
    Row {
        name: RANDOM,
        bytes: 32,
        family: Family::Keyless,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.random(),
        primitive: Some(primitive::random),
    },
    Row {
        name: "GetAttributeValue(LABEL)",
        bytes: 0,
        family: Family::Keyless,
        key: Some(Kind::Aes),
        prepare: |worker| worker.ready(),
        work: |worker| worker.label(),
        primitive: None,
    },
    Row {
        name: "open and close a session",
        bytes: 0,
        family: Family::Keyless,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.session(),
        primitive: None,
    },
    Row {
        name: "AES session key, destroyed",
        bytes: 0,
        family: Family::Keyless,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.session_key(),
        primitive: None,
    },
    Row {
        name: "P-256 session pair, destroyed",
        bytes: 0,
        family: Family::Keyless,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.p256_pair(),
        primitive: Some(primitive::p256_pair),
    },
    Row {
        name: TOKEN_KEY,
        bytes: 0,
        family: Family::Durable,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.token_key(),
        primitive: Some(primitive::durable),
    },
    Row {
        name: "CKO_DATA token object (durable)",
        bytes: 32,
        family: Family::Durable,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.token_data(),
        primitive: Some(primitive::durable),
    },
    Row {
        name: "Logout + Login",
        bytes: 0,
        family: Family::Login,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.login_again(),
        primitive: Some(primitive::login),
    },
    Row {
        name: "RSA-2048 session pair, destroyed",
        bytes: 0,
        family: Family::Luck,
        key: None,
        prepare: |worker| worker.ready(),
        work: |worker| worker.rsa_pair(),
        primitive: Some(primitive::rsa_pair),
    },
];

/// The row of this name.
pub(crate) fn row(name: &str) -> &'static Row {
    let row = ROWS.iter().find(|row| row.name == name);
    row.expect("a row of the table")
}

impl Row {
    /// With how many threads it is measured.
    pub(crate) fn threads(&self) -> &'static [usize] {
        match self.family {
            Family::Login => &[1],
            Family::Luck => &[2],
            _ => &[1, 2, 8],
        }
    }
}

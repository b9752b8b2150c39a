//! Everything that comes from outside has a limit, and the limit stands here. AWS's own quotas,
//! where it has them.

use std::{ops::RangeInclusive, time::Duration};

/// Custom key stores in the account.
pub(crate) const KEY_STORES: usize = 10;
/// Keys in the account.
pub(crate) const KEYS: u64 = 100_000;
/// Aliases of one key.
pub(crate) const ALIASES: usize = 50;
/// Tags of one key.
pub(crate) const TAGS: usize = 50;
/// Characters in a key id, ARN or alias.
pub(crate) const KEY_ID: RangeInclusive<usize> = 1..=2048;
/// Bytes that Encrypt takes.
pub(crate) const PLAINTEXT: RangeInclusive<usize> = 1..=4096;
/// Bytes of a ciphertext blob.
pub(crate) const CIPHERTEXT: RangeInclusive<usize> = 1..=6144;
/// Bytes of a data key, and of random bytes.
pub(crate) const RANDOM: RangeInclusive<i64> = 1..=1024;
/// Characters in a description.
pub(crate) const DESCRIPTION: RangeInclusive<usize> = 0..=8192;
/// Bytes in all keys and values of an encryption context.
pub(crate) const CONTEXT_BYTES: usize = 8192;
/// Days between the schedule and the deletion of a key.
pub(crate) const PENDING_WINDOW_DAYS: RangeInclusive<i64> = 7..=30;
/// Active HSMs, each in a zone of its own, that a cluster needs for a store or key to be made.
pub(crate) const ZONES: usize = 2;
/// Sessions that a key store opens at most.
pub(crate) const SESSIONS: usize = 64;
/// How long a request waits for one of them.
pub(crate) const SESSION_WAIT: Duration = Duration::from_secs(5);
/// How long a request that met a fault waits for the store to be connected again.
pub(crate) const RECONNECT_WAIT: Duration = Duration::from_secs(5);
/// The longest pause between two attempts to connect again.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_secs(30);
/// How often the deletion job looks for keys whose time has come.
pub(crate) const DELETION_INTERVAL: Duration = Duration::from_secs(30);
/// Messages that one key encrypts under AES-GCM with random 96-bit IVs: SP 800-38D §8.3.
pub(crate) const GCM_MESSAGES: u64 = 1 << 32;
/// Messages that are counted with one commit.
pub(crate) const GCM_RESERVATION: u64 = 1 << 16;

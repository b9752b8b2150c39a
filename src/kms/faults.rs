//! Points at which a test can kill the process as a power cut would: only in builds with the
//! feature `faults`, and only at the point that `STRONGROOM_FAULT` names.

/// After {current, next} was stored, before the HSMs' password is changed.
pub(crate) const ROTATION_STORED: &str = "kms.rotation.stored";
/// After the HSMs' password was changed, before {next} is stored.
pub(crate) const ROTATION_CHANGED: &str = "kms.rotation.changed";
/// After a key's material was generated, before its record is stored.
pub(crate) const KEY_GENERATED: &str = "kms.key.generated";

/// The process dies here if the test says so.
#[cfg(feature = "faults")]
pub(crate) fn reach(point: &str) {
    if std::env::var_os("STRONGROOM_FAULT").is_some_and(|chosen| chosen == point) {
        log::error!("dies at {point}, as STRONGROOM_FAULT says");
        std::process::abort();
    }
}

/// Nothing happens here.
#[cfg(not(feature = "faults"))]
pub(crate) fn reach(_point: &str) {}

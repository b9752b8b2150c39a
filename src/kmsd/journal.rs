//! Where log lines go: standard error, one line each, as service managers collect them.

use std::io::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Journal;

/// Sends the log to standard error from here on.
pub(crate) fn install() {
    // Only the first logger of a process is taken; this is called first.
    if log::set_logger(&Journal).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Of the libraries below, only what an operator can act on.
        let ours = [
            "aws",
            "kms",
            "kmsd",
            "cloudhsm",
            "wire",
            "store",
            "strongroom",
        ];
        let root = metadata.target().split("::").next().unwrap_or_default();
        metadata.level()
            <= if ours.contains(&root) {
                Level::Info
            } else {
                Level::Warn
            }
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = line(record.level(), &record.args().to_string());
        // There is nobody to tell that the log cannot be written.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

/// One line, whatever is said: words of a stranger must not look like another line, or steer the
/// terminal of who reads it.
fn line(level: Level, text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    format!("kmsd: {}: {text}\n", word(level))
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_says_stays_on_its_line() {
        let line = line(Level::Info, "refused: a\nkmsd: error: b\u{1b}[2J\u{9b}");
        assert_eq!(line, "kmsd: info: refused: a kmsd: error: b [2J \n");
    }
}

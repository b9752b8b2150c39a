//! The machine that the figures are taken on, and its hour.

use std::{fs, thread, time::Duration};

use crate::place::{file_system, on_disk};

/// How long it is watched.
const WATCH: Duration = Duration::from_secs(2);
/// The part of the machine that others may have while figures are taken.
const QUIET: f64 = 0.25;

/// What it was measured on.
pub(crate) struct Machine {
    begun: jiff::Timestamp,
    ended: jiff::Timestamp,
    /// What part of its processors' time others had at the beginning.
    before: f64,
    /// And at the end.
    after: f64,
}

impl Machine {
    /// As it is when the figures are begun.
    pub(crate) fn now() -> Self {
        let (before, now) = (taken(), jiff::Timestamp::now());
        Self {
            begun: now,
            ended: now,
            before,
            after: before,
        }
    }

    /// The figures are taken.
    pub(crate) fn end(&mut self) {
        self.ended = jiff::Timestamp::now();
        self.after = taken();
    }

    /// When, how long, on what, and how busy it was.
    pub(crate) fn description(&self) -> String {
        let (cores, model) = processor();
        let minutes = self.ended.duration_since(self.begun).as_secs_f64() / 60.0;
        let date = self.begun.strftime("%Y-%m-%d %H:%M UTC");
        let (kernel, disk) = (read("/proc/sys/kernel/osrelease"), file_system(&on_disk()));
        let (before, after) = (self.before * 100.0, self.after * 100.0);
        format!(
            "{date} in {minutes:.1} minutes on {cores} × {model}, Linux {kernel}, tokens on {disk}; others had \
             {before:.0} % of the processors before it and {after:.0} % after it"
        )
    }

    /// Whether others were at work as well.
    pub(crate) fn is_busy(&self) -> bool {
        self.before.max(self.after) > QUIET
    }
}

/// What part of the processors' time is taken while this program sleeps.
fn taken() -> f64 {
    let (before, idle_before) = jiffies();
    thread::sleep(WATCH);
    let (after, idle_after) = jiffies();
    1.0 - (idle_after - idle_before) / (after - before)
}

/// The time of all processors so far, and what of it they had nothing to do.
fn jiffies() -> (f64, f64) {
    let text = read("/proc/stat");
    let numbers: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // User, nice, system, idle, waiting for a disk, ...; guests are counted as users already.
    let idle = numbers.iter().skip(3).take(2).sum();
    (numbers.iter().take(8).sum(), idle)
}

fn processor() -> (usize, String) {
    let text = read("/proc/cpuinfo");
    let models: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, model)| model.trim().to_owned())
        .collect();
    let model = models.first().cloned().unwrap_or_default();
    (models.len(), model)
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

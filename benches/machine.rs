//! The machine that the figures are taken on, and its hour.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::Duration,
};

use crate::place::{file_system, on_disk};

/// How long it is watched.
const WATCH: Duration = Duration::from_secs(2);
/// The part of the machine that others may have while figures are taken.
const QUIET: f64 = 0.25;
/// How often at most a measurement is taken again because it was disturbed.
const AGAIN: usize = 7;
/// The part of the processors that the host may have had during a measurement.
const NEXT_TO_NOTHING: f64 = 0.02;

/// What it was measured on.
pub(crate) struct Machine {
    begun: jiff::Timestamp,
    ended: jiff::Timestamp,
    /// What part of its processors' time others had at the beginning.
    before: f64,
    /// And at the end.
    after: f64,
    /// What part of it the host had from the beginning to the end.
    stolen: f64,
    times: Times,
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
            stolen: 0.0,
            times: Times::now(),
        }
    }

    /// The figures are taken.
    pub(crate) fn end(&mut self) {
        self.ended = jiff::Timestamp::now();
        let since = Times::now().since(&self.times);
        self.stolen = since.stolen / since.all;
        self.after = taken();
    }

    /// When, how long, on what, and how busy it was.
    pub(crate) fn description(&self) -> String {
        let (cores, model) = processor();
        let minutes = self.ended.duration_since(self.begun).as_secs_f64() / 60.0;
        let date = self.begun.strftime("%Y-%m-%d %H:%M UTC");
        let (kernel, disk) = (read("/proc/sys/kernel/osrelease"), file_system(&on_disk()));
        let [before, after, stolen] =
            [self.before, self.after, self.stolen].map(|part| part * 100.0);
        let (all, disturbed) = (TAKEN.load(Relaxed), DISTURBED.load(Relaxed));
        format!(
            "{date} in {minutes:.1} minutes on {cores} × {model}, Linux {kernel}, tokens on {disk}; others had \
             {before:.0} % of the processors before it and {after:.0} % after it, the host \
             {stolen:.0} % meanwhile, which disturbed {disturbed} of {all} measurements to the last"
        )
    }

    /// Whether others were at work as well.
    pub(crate) fn is_busy(&self) -> bool {
        let disturbed = DISTURBED.load(Relaxed) as f64 / TAKEN.load(Relaxed).max(1) as f64;
        self.before.max(self.after).max(disturbed) > QUIET
    }
}

/// Measurements, and how many of them were disturbed each time.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static DISTURBED: AtomicUsize = AtomicUsize::new(0);

/// What `measure` gives while the host leaves the processors to this machine; where it never does, the
/// least disturbed of some tries.
pub(crate) fn undisturbed<T>(mut measure: impl FnMut() -> T) -> T {
    let mut attempt = || {
        let before = Times::now();
        let measured = measure();
        let since = Times::now().since(&before);
        (measured, since.stolen / since.all.max(1.0))
    };
    let mut best = attempt();
    for _ in 0..AGAIN {
        if best.1 <= NEXT_TO_NOTHING {
            break;
        }
        let next = attempt();
        if next.1 < best.1 {
            best = next;
        }
    }
    TAKEN.fetch_add(1, Relaxed);
    DISTURBED.fetch_add(usize::from(best.1 > NEXT_TO_NOTHING), Relaxed);
    best.0
}

/// What part of the processors' time is taken while this program sleeps.
fn taken() -> f64 {
    let before = Times::now();
    thread::sleep(WATCH);
    let since = Times::now().since(&before);
    1.0 - since.idle / since.all
}

/// The time of all processors, in hundredths of a second.
struct Times {
    all: f64,
    /// They had nothing to do, or waited for a disk.
    idle: f64,
    /// They had something to do, and the host gave them to another machine.
    stolen: f64,
}

impl Times {
    /// Since the machine was started.
    fn now() -> Self {
        let text = read("/proc/stat");
        let numbers: Vec<f64> = text
            .lines()
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        // User, nice, system, idle, waiting for a disk, interrupts of two kinds, stolen; guests
        // are counted as users already.
        let sum = |from, count| numbers.iter().skip(from).take(count).sum();
        Self {
            all: sum(0, 8),
            idle: sum(3, 2),
            stolen: sum(7, 1),
        }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            all: self.all - earlier.all,
            idle: self.idle - earlier.idle,
            stolen: self.stolen - earlier.stolen,
        }
    }
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

//! The machine that the figures are taken on, and its hour.

use std::fs;

/// What it was measured on.
pub(crate) struct Machine {
    begun: jiff::Timestamp,
    load: String,
}

impl Machine {
    /// As it is when the figures are begun.
    pub(crate) fn now() -> Self {
        Self {
            begun: jiff::Timestamp::now(),
            load: load(),
        }
    }

    /// When, how long, on what, and how busy it was.
    pub(crate) fn description(&self) -> String {
        let (cores, model) = processor();
        let now = jiff::Timestamp::now();
        let minutes = now.duration_since(self.begun).as_secs_f64() / 60.0;
        let date = self.begun.strftime("%Y-%m-%d %H:%M UTC");
        let kernel = read("/proc/sys/kernel/osrelease");
        format!(
            "{date} in {minutes:.1} minutes on {cores} × {model}, Linux {kernel}; load average {} at \
             the beginning, {} at the end",
            self.load,
            load()
        )
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

fn load() -> String {
    let text = read("/proc/loadavg");
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

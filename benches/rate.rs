//! How often a second something can be done by a number of threads, and how much of the
//! processors' time that takes.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::rows::Work;

/// When a measurement is over.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Until {
    /// After so many milliseconds.
    Milliseconds(u64),
    /// After so many operations.
    Operations(u64),
}

/// What came out.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Rate {
    /// Operations in a second.
    pub(crate) per_second: f64,
    /// Seconds of processors that one operation took, in all processes that had to do with it.
    pub(crate) processor_seconds: f64,
}

/// Measures what `make` gives to each thread; `None` if it gives nothing.
pub(crate) fn measure<'a>(
    threads: usize,
    until: Until,
    processes: &[i32],
    make: impl Fn() -> Option<Work<'a>> + Sync,
) -> Option<Rate> {
    let (everybody, budget) = (Barrier::new(threads + 1), Budget::new(until));
    let worker = || {
        let mut work = make();
        if let Some(work) = &mut work {
            work();
        }
        everybody.wait();
        let mut operations = 0_u64;
        if let Some(work) = &mut work {
            while budget.lasts() {
                work();
                operations += 1;
            }
        }
        everybody.wait();
        // What a worker has to tidy up is not measured.
        everybody.wait();
        work.map(|_| operations)
    };
    let (elapsed, processor, operations) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        everybody.wait();
        let (begun, processor) = (Instant::now(), processor_seconds(processes));
        budget.spend();
        everybody.wait();
        let elapsed = begun.elapsed().as_secs_f64();
        let processor = processor_seconds(processes) - processor;
        everybody.wait();
        let operations = workers.into_iter().map(|worker| worker.join().unwrap());
        (elapsed, processor, operations.sum::<Option<u64>>())
    });
    let operations = operations? as f64;
    Some(Rate {
        per_second: operations / elapsed,
        processor_seconds: processor / operations,
    })
}

/// Seconds of processors that these processes have used so far; 0 is this one.
pub(crate) fn processor_seconds(processes: &[i32]) -> f64 {
    processes.iter().map(|process| clock(*process)).sum()
}

fn clock(process: i32) -> f64 {
    let mut id = 0;
    // SAFETY: the call writes the number of a clock.
    if unsafe { libc::clock_getcpuclockid(process, &raw mut id) } != 0 {
        return 0.0;
    }
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes a time.
    if unsafe { libc::clock_gettime(id, &raw mut time) } != 0 {
        return 0.0;
    }
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What the threads of a measurement have left to do.
struct Budget {
    until: Until,
    over: AtomicBool,
    begun: AtomicU64,
}

impl Budget {
    fn new(until: Until) -> Self {
        Self {
            until,
            over: AtomicBool::new(false),
            begun: AtomicU64::new(0),
        }
    }

    /// Whether one more operation is wanted.
    fn lasts(&self) -> bool {
        match self.until {
            Until::Milliseconds(_) => !self.over.load(Relaxed),
            Until::Operations(count) => self.begun.fetch_add(1, Relaxed) < count,
        }
    }

    /// Waits until the time is over; operations end by themselves.
    fn spend(&self) {
        if let Until::Milliseconds(count) = self.until {
            thread::sleep(Duration::from_millis(count));
            self.over.store(true, Relaxed);
        }
    }
}

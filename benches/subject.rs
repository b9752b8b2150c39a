//! One module, or the primitive alone, in a process of its own: it is told a row, a number of
//! threads and a time, and answers how many operations a second it did.

use std::{
    hint,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    primitive,
    rows::{ROWS, Worker},
    token::{self, Place, Token},
};

/// A subject, as the one who asks sees it.
pub(crate) struct Subject {
    /// What is printed above its figures.
    pub(crate) name: String,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _place: Place,
}

impl Subject {
    /// Starts one.
    pub(crate) fn start(
        name: &str,
        module: Option<&Path>,
        place: Place,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let mut command = token::again(environment);
        command.arg("subject").args(module);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self {
            name: name.to_owned(),
            process,
            questions,
            answers,
            _place: place,
        }
    }

    /// Operations a second of a row.
    pub(crate) fn measure(&mut self, row: usize, threads: usize, time: Duration) -> Option<f64> {
        writeln!(self.questions, "{row} {threads} {}", time.as_millis()).ok()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        line.trim().parse().ok()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers questions until there are none.
pub(crate) fn answer(module: Option<&Path>) {
    let token = module.map(Token::make);
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        let mut numbers = line
            .split(' ')
            .map(|number| number.parse::<usize>().unwrap());
        let mut number = || numbers.next().unwrap();
        let (row, threads, time) = (number(), number(), Duration::from_millis(number() as u64));
        let rate = match &token {
            Some(token) => rate_of_module(token, row, threads, time),
            None => rate_of_primitive(row, threads, time),
        };
        println!("{}", rate.map_or("-".to_owned(), |rate| rate.to_string()));
    }
}

fn rate_of_module(token: &Token, row: usize, threads: usize, time: Duration) -> Option<f64> {
    let (start, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let row = &ROWS[row];
    let (operations, elapsed) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut worker = Worker::new(token, row.bytes);
                    (row.work)(&mut worker);
                    start.wait();
                    let mut operations = 0_u64;
                    while !stop.load(Relaxed) {
                        (row.work)(&mut worker);
                        operations += 1;
                    }
                    operations
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        thread::sleep(time);
        stop.store(true, Relaxed);
        let operations: u64 = workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum();
        (operations, begun.elapsed())
    });
    Some(operations as f64 / elapsed.as_secs_f64())
}

fn rate_of_primitive(row: usize, threads: usize, time: Duration) -> Option<f64> {
    let mut work = primitive::work(&ROWS[row]).filter(|_| threads == 1)?;
    let (begun, mut operations) = (Instant::now(), 0_u64);
    while begun.elapsed() < time {
        for _ in 0..16 {
            hint::black_box(&mut work)();
        }
        operations += 16;
    }
    Some(operations as f64 / begun.elapsed().as_secs_f64())
}

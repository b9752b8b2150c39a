//! One module, or the primitives alone, in a process of its own, which answers what it is asked:
//! a line of JSON each way.

use std::{
    io::{self, BufRead, BufReader, Write},
    panic,
    path::{Path, PathBuf},
    process::{self, Child, ChildStdin, ChildStdout, Stdio},
};

use cryptoki_sys::{CKR_FUNCTION_NOT_SUPPORTED, CKR_MECHANISM_INVALID};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    objects::{self, By},
    place::{self, Environment},
    rate::{self, Rate, Until},
    rows::{ROWS, Work},
    token::Token,
    worker::Worker,
};

/// What a subject can be asked.
#[derive(Serialize, Deserialize)]
pub(crate) enum Question {
    /// What version are you? A `String`.
    Version,
    /// How fast is a row? An `Option<Rate>`.
    Rate {
        /// Its place in the table.
        row: usize,
        /// How many threads do it.
        threads: usize,
        /// When it is over.
        until: Until,
    },
    /// Make so many objects on the token. Nothing.
    Fill {
        /// How many.
        objects: usize,
        /// How many threads make them.
        threads: usize,
    },
    /// How fast does one thread find one of so many objects? A `Rate`.
    Find {
        /// What it is known by.
        by: By,
        /// How many there are.
        objects: usize,
        /// When it is over.
        until: Until,
    },
    /// `C_Finalize`. Nothing.
    End,
    /// How long does it take to begin again? A `Beginning`.
    Begin,
}

/// A subject, as the one who asks sees it.
pub(crate) struct Subject {
    /// What is printed above its figures.
    pub(crate) name: String,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Subject {
    /// Starts the process, with a module or, for the primitives, without.
    pub(crate) fn start(name: &str, module: Option<&Path>, environment: &Environment) -> Self {
        let mut command = place::again(environment);
        let mut process = command
            .arg("subject")
            .args(module)
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
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask<T: DeserializeOwned>(&mut self, question: &Question) -> T {
        let question = serde_json::to_string(question).unwrap();
        let mut answer = String::new();
        writeln!(self.questions, "{question}").unwrap();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{} to {question}: {answer} {error}", self.name))
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
    // A thread that panicked would leave the others waiting for it.
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        print(panic);
        process::exit(1);
    }));
    let token = module.map(Token::at);
    for line in io::stdin().lock().lines() {
        let question = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = match &token {
            Some(token) => answer_of_module(token, question),
            None => answer_of_primitives(&question),
        };
        println!("{answer}");
    }
}

fn answer_of_module(token: &Token, question: Question) -> serde_json::Value {
    let answer = match question {
        Question::Version => serde_json::to_value(token.version()),
        Question::Rate {
            row,
            threads,
            until,
        } => serde_json::to_value(rate_of_module(token, row, threads, until)),
        Question::Fill { objects, threads } => {
            objects::fill(token, objects, threads);
            Ok(serde_json::Value::Null)
        }
        Question::Find { by, objects, until } => {
            serde_json::to_value(objects::find(token, by, objects, until))
        }
        Question::End => {
            token.end();
            Ok(serde_json::Value::Null)
        }
        Question::Begin => serde_json::to_value(token.begin()),
    };
    answer.unwrap()
}

fn rate_of_module(token: &Token, row: usize, threads: usize, until: Until) -> Option<Rate> {
    let row = &ROWS[row];
    rate::measure(threads, until, &processes(), || {
        let mut worker = match Worker::new(token, row) {
            Ok(worker) => worker,
            Err(CKR_FUNCTION_NOT_SUPPORTED | CKR_MECHANISM_INVALID) => return None,
            Err(code) => panic!("{}: 0x{code:x}", row.name),
        };
        let work: Work<'_> = Box::new(move || {
            let outcome = (row.work)(&mut worker);
            assert_eq!(outcome, Ok(()), "{}", row.name);
        });
        Some(work)
    })
}

fn answer_of_primitives(question: &Question) -> serde_json::Value {
    let Question::Rate {
        row,
        threads,
        until,
    } = *question
    else {
        panic!("only a module can answer that");
    };
    let row = &ROWS[row];
    let rate = rate::measure(threads, until, &[0], || {
        row.primitive.map(|primitive| primitive(row.bytes))
    });
    serde_json::to_value(rate).unwrap()
}

/// This process, and hsmd if it does the work.
fn processes() -> Vec<i32> {
    let home = std::env::var_os("STRONGROOM_HOME").map(PathBuf::from);
    let hsmd = home.and_then(|home| place::hsmd_of(&home));
    [0].into_iter().chain(hsmd).collect()
}

//! C_EncryptInit and C_Encrypt through hsmd, against two round trips over a bare Unix socket to
//! another process that carry as much: what the socket costs, and what we add.

use std::{
    env, fs,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    process::Command,
    time::Instant,
};

use crate::{
    figures::median,
    place::{self, Place},
    rows::{GCM_KIB, row},
    token::Token,
    worker::Worker,
};

const INSIDE: &str = "STRONGROOM_BENCH_INSIDE";
const DATA: usize = 1 << 10;
/// Bytes there and back: the start of an operation, then the operation with its data.
const SIZES: [(usize, usize); 2] = [(128, 64), (DATA + 64, DATA + 80)];
const ROUNDS: usize = 151;
const OPERATIONS: u32 = 200;

/// Prints the ratio.
pub(crate) fn run() {
    match env::var(INSIDE).as_deref() {
        Ok("served") => return compare(),
        Ok(socket) => return echo(socket),
        Err(_) => {}
    }
    let place = Place::new();
    let mut command = place::again(&place.ours("served"));
    assert!(
        command
            .env(INSIDE, "served")
            .arg("round-trip")
            .status()
            .unwrap()
            .success()
    );
}

fn compare() {
    let token = Token::at(&tests::module());
    let mut worker = Worker::new(&token, row(GCM_KIB)).unwrap();
    let socket = tests::home().with_file_name("echo");
    let listener = UnixListener::bind(&socket).unwrap();
    // In a session of its own, as hsmd is: the scheduler treats it like a stranger, too.
    let mut command = Command::new("setsid");
    command
        .arg("--wait")
        .arg(env::current_exe().unwrap())
        .arg("round-trip");
    let mut other = command.env(INSIDE, &socket).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut buffer = vec![0; DATA + 128];
    let mut bare = || {
        for (there, back) in SIZES {
            stream.write_all(&buffer[..there]).unwrap();
            stream.read_exact(&mut buffer[..back]).unwrap();
        }
    };
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        theirs.push(time(&mut bare));
        ours.push(time(|| worker.encrypt_gcm().unwrap()));
    }
    drop(stream);
    other.wait().unwrap();
    fs::remove_file(socket).unwrap();
    let (ours, theirs) = (median(ours), median(theirs));
    println!("C_EncryptInit + C_Encrypt of 1 KiB, served: {ours:.1} µs");
    println!("two bare round trips of the same size:      {theirs:.1} µs");
    println!("ratio: {:.2}", ours / theirs);
}

/// The other end of the bare socket.
fn echo(socket: &str) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut buffer = vec![0; DATA + 128];
    loop {
        for (there, back) in SIZES {
            if stream.read_exact(&mut buffer[..there]).is_err() {
                return;
            }
            stream.write_all(&buffer[..back]).unwrap();
        }
    }
}

/// Microseconds of one.
fn time(mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..OPERATIONS).for_each(|_| work());
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(OPERATIONS)
}

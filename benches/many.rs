//! Many operations on a cached key, embedded, and nothing else: under `strace -c -f` the calls that
//! grow with `--times` are those of the operations, and there should be none.

use crate::{
    place::{self, Place},
    rows::{GCM_KIB, row},
    token::Token,
    worker::Worker,
};

/// Does them, in a process whose home is embedded.
pub(crate) fn run(times: u64) {
    const INSIDE: &str = "STRONGROOM_BENCH_INSIDE";
    if std::env::var_os(INSIDE).is_none() {
        let place = Place::new();
        let mut command = place::again(&place.ours("embedded"));
        command
            .env(INSIDE, "1")
            .args(["many", "--times", &times.to_string()]);
        assert!(command.status().unwrap().success());
        return;
    }
    let token = Token::at(&tests::module());
    let mut worker = Worker::new(&token, row(GCM_KIB)).unwrap();
    for _ in 0..times {
        worker.encrypt_gcm().unwrap();
    }
    println!("{times} times C_EncryptInit and C_Encrypt of 1 KiB");
}

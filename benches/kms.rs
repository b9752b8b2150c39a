//! kmsd's Encrypt over keep-alive HTTP, against a plain endpoint of the same server: what KMS, its
//! authentication and the HSM cost on top of HTTP.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::{digest, hmac};

use crate::figures::median;

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(1);

/// Prints the ratio.
pub(crate) fn run(connections: usize) {
    let server = Server::from_environment();
    let (plain, encrypt) = (server.plain(), server.encrypt());
    let (mut slow, mut fast) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        fast.push(rate(&server.address, &plain, connections));
        slow.push(rate(&server.address, &encrypt, connections));
    }
    let (slow, fast) = (median(slow), median(fast));
    println!("Encrypt at {connections} connections: {slow:.0}/s");
    println!("The same bytes to /health: {fast:.0}/s");
    println!("ratio: {:.2}", slow / fast);
}

struct Server {
    address: String,
    region: String,
    access_key: String,
    secret: String,
    key: String,
}

impl Server {
    fn from_environment() -> Self {
        let variable = |name: &str| {
            env::var(name).unwrap_or_else(|_| panic!("{name}: set -a; . quickstart.env"))
        };
        let address = variable("AWS_ENDPOINT_URL");
        Self {
            address: address
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            region: variable("AWS_REGION"),
            access_key: variable("AWS_ACCESS_KEY_ID"),
            secret: variable("AWS_SECRET_ACCESS_KEY"),
            key: variable("STRONGROOM_KEY_ARN"),
        }
    }

    /// The same bytes to the plain endpoint: HTTP costs the same, and nothing else is done.
    fn plain(&self) -> Vec<u8> {
        let encrypt = self.encrypt();
        let rest = encrypt.strip_prefix(b"POST / ").expect("it begins so");
        [b"GET /health ", rest].concat()
    }

    /// An Encrypt of 32 bytes, signed by SigV4; it is good for fifteen minutes.
    fn encrypt(&self) -> Vec<u8> {
        let Self {
            address,
            region,
            access_key,
            secret,
            key,
        } = self;
        let body = format!(r#"{{"KeyId":"{key}","Plaintext":"{}="}}"#, "A".repeat(43));
        let now = jiff::Timestamp::now()
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let (date, target) = (&now[..8], "TrentService.Encrypt");
        let kind = "application/x-amz-json-1.1";
        let signed = "content-type;host;x-amz-date;x-amz-target";
        let request = format!(
            "POST\n/\n\ncontent-type:{kind}\nhost:{address}\nx-amz-date:{now}\nx-amz-target:{target}\n\n{signed}\n{}",
            sha256(body.as_bytes())
        );
        let scope = format!("{date}/{region}/kms/aws4_request");
        let text = format!(
            "AWS4-HMAC-SHA256\n{now}\n{scope}\n{}",
            sha256(request.as_bytes())
        );
        let words = [date, region, "kms", "aws4_request", &text];
        let signature = words
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, word| {
                mac(&key, word.as_bytes())
            });
        let signature = hex::encode(signature);
        format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\nx-amz-date: {now}\r\n\
             x-amz-target: {target}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn mac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes)
        .as_ref()
        .to_vec()
}

/// Requests a second over so many connections, one at a time on each.
fn rate(address: &str, request: &[u8], connections: usize) -> f64 {
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let requests: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let stream = TcpStream::connect(address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut stream = BufReader::new(stream);
                    let mut requests = 0;
                    while !stop.load(Relaxed) {
                        stream.get_mut().write_all(request).unwrap();
                        answer(&mut stream);
                        requests += 1;
                    }
                    requests
                })
            })
            .collect();
        thread::sleep(TIME);
        stop.store(true, Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    });
    requests as f64 / begun.elapsed().as_secs_f64()
}

/// Reads one answer, which has to be a good one.
fn answer(stream: &mut BufReader<TcpStream>) {
    let (mut length, mut status) = (0, String::new());
    stream.read_line(&mut status).unwrap();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        match line.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    assert!(
        status.contains(" 200 "),
        "{status}{}",
        String::from_utf8_lossy(&body)
    );
}

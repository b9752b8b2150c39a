//! The address: connections with limits, and an orderly end.

mod requests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use self::requests::{Caller, Shared, pages, serve_request};
use crate::{
    Failure, config::ServeOptions, lanes::Lanes, patience::Patient, records::Records,
    services::Services,
};

/// Connections at one time, if the system lets us have as many files; more wait.
const CONNECTIONS: usize = 1_024;
/// Threads that read requests. More than there are cores, since an answer may wait for an HSM.
const LANES: usize = 16;
/// Answers at one time that are given by other threads: control-plane work, and all that would have
/// to wait for an HSM that does not answer. More wait.
const ANSWERS_ELSEWHERE: usize = 64;
/// Files that kmsd must be able to open.
const DESCRIPTORS: u64 = 256;
/// How many of them are not for connections: the store, the log, the HSMs and what the process
/// itself needs, so that connections cannot keep those from being opened.
const DESCRIPTORS_OF_OUR_OWN: u64 = 128;
/// How long a client may take to send its headers, and how long one that keeps its connection may
/// take until it sends the next.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// Bytes of a request line and its headers, and of what is buffered of a connection.
const HEADER_BYTES: usize = 64 * 1024;
/// How long nothing is accepted after the system has refused to.
const PAUSE: Duration = Duration::from_millis(100);
/// How long answers on their way may take after the server was told to stop.
const FAREWELL_TIME: Duration = Duration::from_secs(10);

/// `kmsd serve`.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Failure> {
    run(options, |server| {
        println!("kmsd: ready at http://{}", server.address);
        Ok(())
    })
}

/// A server that answers, for what is done while it does.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) records: Records,
    pub(crate) services: Arc<Services>,
}

/// Serves the home; once it does, `first` runs beside it, and its failure ends it.
pub(crate) fn run(
    options: &ServeOptions,
    first: impl FnOnce(&Server) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    if !options.listen.ip().is_loopback() && !options.insecure_listen {
        return Err(format!(
            "{} can be reached from other machines, and there is no TLS: listen on 127.0.0.1 behind a \
             TLS proxy, or give --insecure-listen",
            options.listen
        )
        .into());
    }
    let connections = connections(more_descriptors()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    // From here on a signal ends kmsd in order, also while it starts.
    let stop = runtime.block_on(async { Stop::listen() })?;
    let records = Records::open(&options.place)?;
    let services = Arc::new(Services::open(&records)?);
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            format!(
                "{}: {error}; choose another address with --listen",
                options.listen
            )
        })?;
        let server = Server {
            address: listener.local_addr()?,
            records,
            services: services.clone(),
        };
        let beside = tokio::task::spawn_blocking(move || first(&server));
        accept(listener, services.clone(), connections, stop, beside).await
    });
    services.close();
    runtime.shutdown_timeout(FAREWELL_TIME);
    outcome
}

/// Takes all descriptors that there are: a connection is one, and the usual 1,024 are soon used up.
/// Answers how many it has; none is no limit.
fn more_descriptors() -> Result<Option<u64>, Failure> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if let Some(most) = maximum.filter(|most| *most < DESCRIPTORS) {
        return Err(format!(
            "this process may open {most} files, and kmsd needs {DESCRIPTORS}: raise the limit (ulimit \
             -n, or LimitNOFILE= in its unit)"
        )
        .into());
    }
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        log::warn!("the limit of open files stays as it is: {error}");
    }
    Ok(getrlimit(Resource::Nofile).current)
}

/// How many connections there may be at one time in a process that may open so many files.
fn connections(descriptors: Option<u64>) -> usize {
    let left = descriptors
        .unwrap_or(u64::MAX)
        .saturating_sub(DESCRIPTORS_OF_OUR_OWN);
    usize::try_from(left)
        .unwrap_or(CONNECTIONS)
        .clamp(1, CONNECTIONS)
}

/// Accepts until told to stop, or until what runs beside fails.
async fn accept(
    listener: TcpListener,
    services: Arc<Services>,
    connections: usize,
    mut stop: Stop,
    mut beside: tokio::task::JoinHandle<Result<(), Failure>>,
) -> Result<(), Failure> {
    let state = Arc::new(Shared {
        services,
        lanes: Lanes::start(LANES)?,
        elsewhere: Semaphore::new(ANSWERS_ELSEWHERE),
        pages: pages(),
    });
    let room = Arc::new(Semaphore::new(connections));
    let graceful = GracefulShutdown::new();
    let mut ready = false;
    let mut is_refused = false;
    let outcome = loop {
        tokio::select! {
            () = stop.wait() => break Ok(()),
            done = &mut beside, if !ready => {
                ready = true;
                match done {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => break Err(failure),
                    Err(panic) => break Err(panic.into()),
                }
            }
            accepted = accept_one(&listener, &room) => match accepted {
                Ok((stream, peer, permit)) => {
                    let Some(lane) = state.lanes.choose() else { continue };
                    let caller = Arc::new(Caller { shared: state.clone(), peer, lane: lane.clone() });
                    let service = service_fn(move |request| serve_request(caller.clone(), request));
                    let watcher = graceful.watcher();
                    is_refused = false;
                    lane.serve(async move {
                        // Only a system that is out of memory refuses to watch it here.
                        if let Ok(stream) = TcpStream::from_std(stream) {
                            let stream = TokioIo::new(Patient::new(stream));
                            let connection = http().serve_connection(stream, service);
                            // A client that goes away is not an event.
                            let _ = watcher.watch(connection).await;
                        }
                        drop(permit);
                    });
                }
                // A client that has gone again is not an event either.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, for example: others may close some.
                    if !std::mem::replace(&mut is_refused, true) {
                        log::error!("connections are not accepted: {error}");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    };
    if timeout(FAREWELL_TIME, graceful.shutdown()).await.is_err() {
        log::warn!("some answers were still on their way");
    }
    outcome
}

/// HTTP/1.1 alone, as AWS's tools speak without TLS: to look for HTTP/2 is to wait for a first byte
/// without a limit, and a connection of it has none in time at all.
fn http() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HEADER_BYTES);
    builder
}

async fn accept_one(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(std::net::TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = room
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small answers must not wait for the acknowledgement of the ones before.
    stream.set_nodelay(true)?;
    Ok((stream.into_std()?, peer, permit))
}

/// The signals that end a server.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            interrupt,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::patience::ANSWER_TIME;

    #[test]
    fn connections_leave_files_for_the_rest_of_kmsd() {
        for (descriptors, expected) in [
            (Some(DESCRIPTORS), 128),
            (Some(1_024), 896),
            (Some(1_152), CONNECTIONS),
            (Some(1_048_576), CONNECTIONS),
            (None, CONNECTIONS),
        ] {
            assert_eq!(connections(descriptors), expected, "{descriptors:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_or_too_little_is_closed() {
        for said in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\n",
        ] {
            let (mut client, server) = tokio::io::duplex(4096);
            let served = tokio::spawn(async move {
                let _ = http().serve_connection(TokioIo::new(server), pages()).await;
            });
            client.write_all(said.as_bytes()).await.unwrap();
            assert!(
                timeout(HEADER_TIME * 2, served).await.is_ok(),
                "{said:?} holds its place"
            );
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
        }
    }

    /// Serves one client, which asks without end and is given back to read as it likes.
    fn serve_who_asks_on() -> (impl tokio::io::AsyncRead, tokio::task::JoinHandle<()>) {
        let (client, server) = tokio::io::duplex(64);
        let served = tokio::spawn(async move {
            let stream = TokioIo::new(Patient::new(server));
            let _ = http().serve_connection(stream, pages()).await;
        });
        let (answers, mut asks) = tokio::io::split(client);
        tokio::spawn(async move {
            let request = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";
            while asks.write_all(request).await.is_ok() {}
        });
        (answers, served)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_asks_and_never_reads_is_closed() {
        let (_unread, served) = serve_who_asks_on();
        let closed = timeout(ANSWER_TIME * 2, served).await;
        assert!(closed.is_ok(), "it holds its place");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_is_closed() {
        let (mut answers, served) = serve_who_asks_on();
        tokio::spawn(async move {
            while let Ok(1..) = answers.read(&mut [0]).await {
                tokio::time::sleep(ANSWER_TIME / 10).await;
            }
        });
        let closed = timeout(ANSWER_TIME * 2, served).await;
        assert!(closed.is_ok(), "it holds its place");
    }
}

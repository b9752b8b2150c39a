//! One connection to hsmd: the greeting, and one verb at a time.

use std::{
    io,
    os::{fd::AsRawFd, unix::net::UnixStream},
    sync::Arc,
    time::Duration,
};

use serde::de::DeserializeOwned;
use token::{Error, Produced, Reason, Started, limits};
use zeroize::{Zeroize, Zeroizing};

use super::{descriptors::Descriptors, line::Line};
use crate::{
    buffer::Buffer,
    frame::{self, Fault, HEADER, Kind},
    memory::View,
    message::{
        self, Held, Hello, NEWEST, OLDEST, Proof, Purpose, Refusal, SOFTWARE, Verb, Welcome,
        WithOutput, Work,
    },
};

/// A connection that hsmd has welcomed.
pub(super) struct Connection {
    line: Line,
    descriptors: Arc<Descriptors>,
    frame: Buffer,
    number: u32,
    /// The Start that the next verb takes along; empty when there is none.
    start: Zeroizing<Vec<u8>>,
    /// Proves that the application is its own.
    pub(super) secret: Proof,
    /// Which life of hsmd it leads to, counted by the client.
    pub(super) generation: u64,
}

/// Why hsmd did not welcome a connection.
pub(super) enum Unwelcome {
    /// It closed before it answered, as an hsmd does that is leaving: try again.
    Again,
    /// It said no.
    Refused(Refusal),
    /// It is no hsmd, or does not answer.
    Fault(io::Error),
}

/// A connection that can no longer be used, and with it the answer that was to come over it.
#[derive(Debug)]
pub(super) struct Lost(pub(super) io::Error);

/// What a verb answered, or why there is no answer.
pub(super) type Exchange<T> = Result<token::Result<T>, Lost>;

impl Connection {
    /// Greets hsmd at the other end of `socket`, whose credentials have been checked.
    pub(super) fn greet(
        socket: UnixStream,
        descriptors: &Arc<Descriptors>,
        purpose: &Purpose,
    ) -> Result<Self, Unwelcome> {
        let fault = |error: io::Error| match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Unwelcome::Again,
            _ => Unwelcome::Fault(error),
        };
        if !descriptors.add(socket.as_raw_fd()) {
            let text = "too many connections of one application";
            return Err(Unwelcome::Fault(io::Error::other(text)));
        }
        let patience = Duration::from_secs(limits::STALLED_SECONDS);
        let mut connection = Self {
            line: Line::new(socket),
            descriptors: Arc::clone(descriptors),
            frame: Buffer::new(),
            number: 0,
            start: Zeroizing::default(),
            secret: Proof::default(),
            generation: 0,
        };
        connection
            .line
            .socket
            .set_read_timeout(Some(patience))
            .map_err(fault)?;
        let hello = Hello {
            oldest: OLDEST,
            newest: NEWEST,
            purpose: Held::Lent(purpose),
            software: SOFTWARE,
        };
        frame::encode(&mut connection.frame, Kind::Hello, 0, &hello, 0)
            .map_err(|fault| Unwelcome::Fault(into_io(fault)))?;
        let sent = connection.line.send(connection.frame.filled(), &[], None);
        connection.frame.clear();
        // Who has no room for us closes at once, and says why before.
        if let Err(error) = sent
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            return Err(fault(error));
        }
        connection.secret = match connection.welcome() {
            Ok(answer) => answer.map_err(Unwelcome::Refused)?,
            Err(Fault::Closed) => return Err(Unwelcome::Again),
            Err(error) => return Err(fault(into_io(error))),
        };
        connection.line.share();
        // A verb may take its time; that hsmd is gone is noticed without a clock.
        connection
            .line
            .socket
            .set_read_timeout(None)
            .map_err(fault)?;
        Ok(connection)
    }

    /// What hsmd answers to the greeting: the application's secret, if it is welcome.
    fn welcome(&mut self) -> Result<Result<Proof, Refusal>, Fault> {
        let header = self.line.header()?;
        let body = self.line.body(&header)?;
        let answer = match header.kind {
            Kind::Welcome => {
                let welcome: Welcome<'_> = message::read(body).ok_or(BROKEN)?;
                if !(OLDEST..=NEWEST).contains(&welcome.version) {
                    return Err(Fault::Broken("hsmd chose a version that was not offered"));
                }
                Ok(welcome.secret)
            }
            Kind::Refusal => Err(message::read(body).ok_or(BROKEN)?),
            _ => return Err(BROKEN),
        };
        self.line.done(&header)?;
        Ok(answer)
    }

    /// Says a verb with its input and waits for the answer.
    pub(super) fn exchange<T: DeserializeOwned>(
        &mut self,
        verb: &Verb<'_>,
        data: &[u8],
    ) -> Exchange<T> {
        self.exchange_into(verb, data, |_, _| Ok(&mut []))
    }

    /// Says a verb whose answer has output beside it.
    pub(super) fn exchange_output<T: DeserializeOwned + WithOutput>(
        &mut self,
        verb: &Verb<'_>,
        data: &[u8],
        output: Option<&mut [u8]>,
    ) -> Exchange<T> {
        let output = output.unwrap_or_default();
        self.exchange_into(verb, data, |answer: &T, data_len| match answer.produced() {
            Produced::Written(len) if len == data_len && len <= output.len() => Ok(output),
            Produced::Needed(_) if data_len == 0 => Ok(Default::default()),
            _ => Err(Fault::Broken("output that nobody asked for")),
        })
    }

    /// Says a verb that fills `output`.
    pub(super) fn exchange_fill(&mut self, verb: &Verb<'_>, output: &mut [u8]) -> Exchange<()> {
        self.exchange_into(verb, &[], |(), data_len| match data_len == output.len() {
            true => Ok(output),
            false => Err(Fault::Broken("random bytes of another length")),
        })
    }

    /// Says a verb once more, as it was encoded before.
    pub(super) fn exchange_again<T: DeserializeOwned>(&mut self, body: &[u8]) -> Exchange<T> {
        self.number = self.number.wrapping_add(1);
        frame::encode_again(&mut self.frame, self.number, body, 0).map_err(lost)?;
        let sent = self.line.send(self.frame.filled(), &[], Some(Work::OTHER));
        sent.map_err(Lost)?;
        self.answer(|_, _| Ok(&mut []))
    }

    /// Says the Start that the next verb would take along, by itself.
    pub(super) fn say_start(&mut self) -> Exchange<()> {
        let start = std::mem::take(&mut self.start);
        if start.is_empty() {
            return Ok(Ok(()));
        }
        let answer: Result<Started, Error> = self.exchange_again(&start)?;
        Ok(answer.map(|_| ()))
    }

    /// What hsmd shows to all its clients, where memory can be shared.
    pub(super) fn view(&self) -> Option<&Arc<View>> {
        self.line.view.as_ref()
    }

    /// Whether verbs go through memory.
    pub(super) fn has_slot(&self) -> bool {
        self.line.has_slot()
    }

    /// Has the next verb take this Start along, which hsmd has not been told.
    pub(super) fn take_along(&mut self, start: &[u8]) {
        self.start.clear();
        self.start.extend_from_slice(start);
    }

    /// The verb that was said last, as it was encoded.
    pub(super) fn said(&self) -> &[u8] {
        self.frame.filled().get(HEADER..).unwrap_or_default()
    }

    /// Overwrites what the last verb said.
    pub(super) fn forget(&mut self) {
        self.frame.clear();
        self.start.as_mut_slice().zeroize();
        self.start.clear();
    }

    /// Says a verb and reads its answer, whose data goes where `place` says; what is more than a message
    /// carries is refused unsaid.
    fn exchange_into<'o, T: DeserializeOwned>(
        &mut self,
        verb: &Verb<'_>,
        data: &[u8],
        place: impl FnOnce(&T, usize) -> Result<&'o mut [u8], Fault>,
    ) -> Exchange<T> {
        match self.ask(verb, data)? {
            Ok(()) => self.answer(place),
            Err(unsaid) => Ok(Err(unsaid)),
        }
    }

    /// Says a verb, unless it is more than a message carries.
    fn ask(&mut self, verb: &Verb<'_>, data: &[u8]) -> Exchange<()> {
        self.number = self.number.wrapping_add(1);
        let (frame, number) = (&mut self.frame, self.number);
        let encoded = match self.start.is_empty() {
            true => frame::encode(frame, Kind::Request, number, verb, data.len()),
            false => frame::encode_joined(frame, number, &self.start, verb, data.len()),
        };
        self.start.clear();
        if encoded.is_err() {
            let words = "the call has more data and attributes than a message to hsmd carries";
            return Ok(Err(Error::new(Reason::LimitExceeded, words)));
        }
        let sent = self.line.send(self.frame.filled(), data, verb.work());
        sent.map(Ok).map_err(Lost)
    }

    /// Reads the answer; `place` says where its data belongs, once it is known what was answered.
    fn answer<'o, T: DeserializeOwned>(
        &mut self,
        place: impl FnOnce(&T, usize) -> Result<&'o mut [u8], Fault>,
    ) -> Exchange<T> {
        let header = self.line.header().map_err(lost)?;
        if header.kind != Kind::Answer || header.number != self.number {
            return Err(lost(BROKEN));
        }
        let body = self.line.body(&header).map_err(lost)?;
        let answer: Result<T, Error> = message::read(body).ok_or_else(|| lost(BROKEN))?;
        match &answer {
            Ok(value) => {
                let place = place(value, header.data_len).map_err(lost)?;
                self.line.data_into(&header, place).map_err(lost)?;
            }
            Err(_) if header.data_len != 0 => return Err(lost(BROKEN)),
            Err(_) => {}
        }
        self.line.done(&header).map_err(lost)?;
        Ok(answer)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.descriptors.remove(self.line.socket.as_raw_fd());
    }
}

const BROKEN: Fault = Fault::Broken("hsmd's answer makes no sense");

fn lost(fault: Fault) -> Lost {
    Lost(into_io(fault))
}

fn into_io(fault: Fault) -> io::Error {
    match fault {
        Fault::Closed => io::ErrorKind::UnexpectedEof.into(),
        Fault::Idle => io::ErrorKind::TimedOut.into(),
        Fault::Io(error) => error,
        Fault::Broken(text) => io::Error::new(io::ErrorKind::InvalidData, text),
    }
}

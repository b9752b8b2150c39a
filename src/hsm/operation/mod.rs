//! The operations of one session: at most one of each kind, each in its place. How one goes from
//! Init to its end is `machine`, once for every kind; the message functions are a machine of
//! messages (`message`), the dual functions two operations at once (`both`).

mod active;
mod both;
mod key;
mod machine;
mod message;
mod places;
mod state;

use token::{
    AttributeType, Error, Mechanism, Operation, Outcome, Parameters, ParametersOut, Produced,
    Reason, Result, Started, limits,
};

use crate::{
    mechanism::{Doing, draw_vector, is_approved},
    memory::Memory,
    object::Profile,
};
use active::{Stage, Start};
pub(crate) use key::{Checked, Key};
use machine::Place;
use message::{Ended, Messages};
use places::Places;

/// The active operations of a session.
#[derive(Default)]
pub(crate) struct Operations {
    places: Places,
    memory: Memory,
    profile: Profile,
    /// How many have been started: the youngest is the one that a login of its own is for.
    started: u64,
    /// Whether the last one that came to its end was approved.
    approved: bool,
    /// The last use of a mechanism without a key.
    keyless: Option<Checked>,
}

impl Operations {
    /// None yet.
    pub(crate) fn new(memory: Memory, profile: Profile) -> Self {
        Self {
            places: Places::default(),
            memory,
            profile,
            started: 0,
            approved: false,
            keyless: None,
        }
    }

    /// An Init: everything that can be wrong with mechanism, key and parameters is found here.
    pub(crate) fn start(
        &mut self,
        operation: Operation,
        mechanism: Mechanism,
        key: Option<Key<'_>>,
    ) -> Result<Started> {
        self.start_with(operation, mechanism, key, None)
    }

    /// `C_VerifySignatureInit`: a verification whose signature comes first.
    pub(crate) fn start_check(
        &mut self,
        mechanism: Mechanism,
        key: Key<'_>,
        signature: &[u8],
    ) -> Result<()> {
        // No mechanism's signature is as long as what a parameter may be.
        if signature.len() > limits::PARAMETER_BYTES {
            return Err(Reason::SignatureLenRange.into());
        }
        self.start_with(Operation::Verify, mechanism, Some(key), Some(signature))?;
        Ok(())
    }

    /// All of the input at once, and the end of the operation.
    pub(crate) fn transform(
        &mut self,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.ending(operation, |place| place.transform(input, output))
    }

    /// A part of the input, for the part of the output that it gives.
    pub(crate) fn update(
        &mut self,
        operation: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let place = self.places.of(operation);
        place.update(&self.memory, input, output)
    }

    /// A part of the input, where output comes only at the end.
    pub(crate) fn absorb(&mut self, operation: Operation, input: &[u8]) -> Result<()> {
        self.places.of(operation).absorb(&self.memory, input)
    }

    /// `C_DigestKey`: the value of a key is a part of the input. Only a secret key that may leave
    /// the token in the clear is, or its digest could tell what it is.
    pub(crate) fn absorb_key(&mut self, key: Key<'_>) -> Result<()> {
        let open = key.attributes.flag(AttributeType::EXTRACTABLE)
            && !key.attributes.flag(AttributeType::SENSITIVE);
        let value = key.material.value().filter(|_| open);
        let place = self.places.of(Operation::Digest);
        match value {
            Some(value) => place.absorb(&self.memory, value),
            None => {
                place.end()?;
                Err(Reason::KeyIndigestible.into())
            }
        }
    }

    /// The rest of the output, and the end of the operation.
    pub(crate) fn produce(
        &mut self,
        operation: Operation,
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        self.ending(operation, |place| place.produce(output))
    }

    /// The end of a verification: of `input` at once, or of the parts that came before.
    pub(crate) fn check(
        &mut self,
        operation: Operation,
        input: Option<&[u8]>,
        signature: &[u8],
    ) -> Result<()> {
        self.ending(operation, |place| place.check(input, Some(signature)))
    }

    /// The same, where the signature came first.
    pub(crate) fn check_started(&mut self, input: Option<&[u8]>) -> Result<()> {
        self.ending(Operation::Verify, |place| place.check(input, None))
    }

    /// One message.
    pub(crate) fn message(
        &mut self,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let place = self.places.of(operation);
        let done = place.in_messages(output.is_none(), |start, messages| {
            messages.whole(start, &self.memory, (parameters, additional), input, output)
        });
        self.message_ended(operation, done)
    }

    /// The beginning of a message that comes in parts.
    pub(crate) fn message_begin(
        &mut self,
        operation: Operation,
        parameters: &Parameters,
        additional: &[u8],
    ) -> Result<Option<ParametersOut>> {
        let place = self.places.of(operation);
        place.in_messages(false, |start, messages| {
            messages.begin(start, &self.memory, parameters, additional)
        })
    }

    /// A part of a message.
    pub(crate) fn message_next(
        &mut self,
        operation: Operation,
        parameters: &Parameters,
        input: &[u8],
        end: bool,
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let place = self.places.of(operation);
        let done = place.in_messages(end && output.is_none(), |start, messages| {
            let end = end.then_some(parameters);
            messages.next(start, &self.memory, input, end, output)
        });
        match end {
            true => self.message_ended(operation, done),
            false => done,
        }
    }

    /// One message and its signature.
    pub(crate) fn message_check(
        &mut self,
        parameters: &Parameters,
        input: &[u8],
        signature: &[u8],
    ) -> Result<()> {
        let place = self.places.of(Operation::MessageVerify);
        let done = place.in_messages(false, |start, messages| {
            messages.check(start, &self.memory, parameters, input, signature)
        });
        self.message_ended(Operation::MessageVerify, done)
    }

    /// A part of a message; the last one with the signature.
    pub(crate) fn message_check_next(
        &mut self,
        input: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<()> {
        let place = self.places.of(Operation::MessageVerify);
        let done = place.in_messages(false, |_, messages| {
            messages.check_next(&self.memory, input, signature)
        });
        match signature {
            Some(_) => self.message_ended(Operation::MessageVerify, done),
            None => done,
        }
    }

    /// A part of a message could not be brought here: that ends the message, as any error does.
    pub(crate) fn message_failed(&mut self, operation: Operation) -> Result<()> {
        let place = self.places.of(operation);
        let _ = place.in_messages(true, |_, messages| match messages.must_be_between() {
            // The key has not been used: a login for its use stays.
            Ok(()) => Ok(()),
            Err(_) => messages.end_of(Ok(())),
        });
        Ok(())
    }

    /// No further message: that is no use of the key.
    pub(crate) fn message_end(&mut self, operation: Operation) -> Result<()> {
        let place = self.places.of(operation);
        place.in_messages(true, |_, _| Ok(()))?;
        place.end()
    }

    /// The login that the youngest operation waits for (`CKA_ALWAYS_AUTHENTICATE`) has been done:
    /// `login` says how. Without such an operation there is nothing to log in for.
    pub(crate) fn authenticate(&mut self, login: impl FnOnce() -> Result<()>) -> Result<()> {
        let waiting = self.places.all().into_iter().filter_map(Place::waiting);
        let youngest = waiting.max_by_key(|active| active.start.number);
        let Some(active) = youngest else {
            return Err(Error::new(
                Reason::OperationNotInitialized,
                "no operation waits for a login of its own",
            ));
        };
        login()?;
        active.admitted = true;
        Ok(())
    }

    /// Lets go of the key of `operation`, one on messages, which is destroyed; whether it has: a message
    /// that has begun keeps it to its end. The operation stays where it is until it is asked for
    /// something, and ends then.
    pub(crate) fn let_go_of_key(&mut self, operation: Operation) -> bool {
        self.places.of(operation).let_go_of_key()
    }

    /// Ends `operation`, which has to be active.
    pub(crate) fn cancel(&mut self, operation: Operation) -> Result<()> {
        self.places.of(operation).end()
    }

    /// Whether the last operation that came to its end was approved: of a multi-part one its Final
    /// counts, of messages each one (§4.15.3). What fails comes to no end in this sense.
    pub(crate) fn last_was_approved(&self) -> bool {
        self.approved
    }

    /// An operation that has no Init has come to its end.
    pub(crate) fn did(&mut self, doing: &Doing<'_>) {
        self.approved = is_approved(doing);
    }

    /// Ends every operation: at a logout, and at the session's end. Who logs in next learns nothing
    /// of those that ended before.
    pub(crate) fn cancel_all(&mut self) {
        self.places = Places::default();
        self.approved = false;
    }

    /// Goes on with `operation`, perhaps to its end.
    fn ending<T: Ended>(
        &mut self,
        operation: Operation,
        go_on: impl FnOnce(&mut Place) -> Result<T>,
    ) -> Result<T> {
        let place = self.places.of(operation);
        let approved = place.is_approved();
        let done = go_on(place)?;
        if done.ended() {
            self.approved = approved;
        }
        Ok(done)
    }

    fn message_ended<T: Ended>(&mut self, operation: Operation, done: Result<T>) -> Result<T> {
        if done.as_ref().is_ok_and(Ended::ended) {
            self.approved = self.places.of(operation).is_approved();
        }
        done
    }

    fn start_with(
        &mut self,
        operation: Operation,
        mut mechanism: Mechanism,
        mut key: Option<Key<'_>>,
        signature: Option<&[u8]>,
    ) -> Result<Started> {
        let place = self.places.of(operation);
        if place.is_active() {
            return Err(Reason::OperationActive.into());
        }
        let checked = match &mut key {
            Some(key) => key.check(operation, mechanism.id)?,
            None => Checked::without_key(operation, mechanism.id, &mut self.keyless)?,
        };
        let draws = self.profile == Profile::CloudHsm
            && matches!(operation, Operation::Encrypt | Operation::MessageEncrypt);
        let parameters_out = match &key {
            Some(key) if draws => draw_vector(&mut mechanism, &key.material)?,
            _ => None,
        };
        let Mechanism { id, parameters } = mechanism;
        self.started = self.started.wrapping_add(1);
        let start = Start {
            operation,
            number: self.started,
            mechanism: id,
            work: checked.work,
            key: key.map(|key| key.material),
            parameters,
            drawn: parameters_out.is_some(),
            signature: signature.map(<[u8]>::to_vec),
            always_authenticate: checked.always_authenticate,
            share: None,
        };
        let stage = match is_of_messages(operation) {
            true => Stage::Messages(Box::new(Messages::new(draws))),
            false => Stage::Fresh,
        };
        let bound = place.begin(&self.memory, start, stage)?;
        Ok(Started {
            bound,
            parameters_out,
        })
    }
}

/// Whether it is one on messages, which goes on until it is ended.
pub(crate) fn is_of_messages(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::MessageEncrypt
            | Operation::MessageDecrypt
            | Operation::MessageSign
            | Operation::MessageVerify
    )
}

#[cfg(test)]
mod tests;

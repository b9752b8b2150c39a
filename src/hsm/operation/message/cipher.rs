//! Messages that are encrypted or decrypted. A cipher's tag stands apart from its ciphertext; nothing of
//! a message to decrypt is given out before its tag has been checked: its parts wait, and all of it
//! comes with the last one.

use token::{Error, Outcome, Parameters, ParametersOut, Produced, Reason, Result, limits};

use super::{Messages, of, plain};
use crate::{
    mechanism::{Use, Work, draws, is_approved},
    memory::Memory,
    operation::active::{Start, wrong_verb},
};

impl Messages {
    /// One message, and its tag.
    pub(super) fn encrypt(
        &mut self,
        start: &Start,
        (parameters, additional): (&Parameters, &[u8]),
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        // Before a vector is made: a length query must not use one up.
        let Some(output) = output.and_then(|output| output.get_mut(..input.len())) else {
            return Ok(plain(Produced::Needed(input.len())));
        };
        if input.len() > limits::DATA_BYTES {
            return Err(too_long());
        }
        let Work::Messages(column, _) = start.work else {
            return Err(wrong_verb());
        };
        let drawn = draws(parameters);
        let (parameters, iv) = self.parameters(start, parameters, additional)?;
        self.approved = is_approved(&of(start, &parameters, drawn));
        let with = Use {
            parameters: &parameters,
            ..start.with()
        };
        let sealed_len = column.begin(with)?.of(input.len());
        // What is longer no verb could decrypt.
        if sealed_len > limits::DATA_BYTES {
            return Err(too_long());
        }
        let mut tag = vec![0; sealed_len.saturating_sub(input.len())];
        column.message(with, input, output, &mut tag)?;
        let iv = iv.unwrap_or_default();
        Ok(Outcome {
            produced: Produced::Written(input.len()),
            parameters_out: Some(ParametersOut { iv, tag }),
        })
    }

    /// One message whose tag its parameters have.
    pub(super) fn decrypt(
        &mut self,
        start: &Start,
        memory: &Memory,
        message: (&Parameters, &[u8]),
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let Some(output) = output.and_then(|output| output.get_mut(..input.len())) else {
            return Ok(plain(Produced::Needed(input.len())));
        };
        let sealed = [input, tag_of(message.0)?].concat();
        self.start(start, memory, message)?;
        let opened = self.current.transform(&sealed, Some(output));
        opened.map(plain).map_err(not_authentic)
    }

    /// A part that is not the last, of a message that is encrypted or decrypted.
    pub(super) fn part(
        &mut self,
        memory: &Memory,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let produced = self.current.update(memory, input, output)?;
        if let Produced::Written(len) = produced {
            self.waiting = (self.waiting.saturating_add(input.len())).saturating_sub(len);
        }
        Ok(plain(produced))
    }

    /// The last part, and the tag.
    pub(super) fn last_to_encrypt(
        &mut self,
        memory: &Memory,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let needed = self.waiting.saturating_add(input.len());
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            return Ok(plain(Produced::Needed(needed)));
        };
        let written = match self.current.update(memory, input, Some(&mut *output))? {
            Produced::Written(len) => len,
            Produced::Needed(_) => return Err(Reason::Internal.into()),
        };
        let rest = output.get_mut(written..).ok_or(Reason::Internal)?;
        let sealed = all_of(|output| self.current.produce(output))?;
        let tag = apart(&sealed, rest)?;
        let iv = Vec::new();
        Ok(Outcome {
            produced: Produced::Written(needed),
            parameters_out: Some(ParametersOut { iv, tag }),
        })
    }

    /// The last part, and with it all that has waited for the tag.
    pub(super) fn last_to_decrypt(
        &mut self,
        memory: &Memory,
        parameters: &Parameters,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Outcome> {
        let needed = self.waiting.saturating_add(input.len());
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            return Ok(plain(Produced::Needed(needed)));
        };
        let tag = tag_of(parameters)?;
        // All of it waits for its tag, so neither gives anything yet.
        self.current.update(memory, input, Some(&mut []))?;
        self.current.update(memory, tag, Some(&mut []))?;
        let opened = self.current.produce(Some(output));
        opened.map(plain).map_err(not_authentic)
    }
}

/// All that an operation gives: its length is asked first.
fn all_of(mut give: impl FnMut(Option<&mut [u8]>) -> Result<Produced>) -> Result<Vec<u8>> {
    let Produced::Needed(len) = give(None)? else {
        return Err(Reason::Internal.into());
    };
    let mut output = vec![0; len];
    match give(Some(&mut output))? {
        Produced::Written(written) if written == len => Ok(output),
        _ => Err(Reason::Internal.into()),
    }
}

/// Copies the ciphertext of `sealed` to `output`, which is as long as it, and answers the tag.
fn apart(sealed: &[u8], output: &mut [u8]) -> Result<Vec<u8>> {
    let (ciphertext, tag) = sealed
        .split_at_checked(output.len())
        .ok_or(Reason::Internal)?;
    output.copy_from_slice(ciphertext);
    Ok(tag.to_vec())
}

/// The tag of a message to decrypt, which is as long as its parameters say.
fn tag_of(parameters: &Parameters) -> Result<&[u8]> {
    match parameters {
        Parameters::Message(message) if message.tag.len() as u64 == message.tag_bits / 8 => {
            Ok(&message.tag)
        }
        _ => Err(Reason::MechanismParamInvalid.into()),
    }
}

/// The standard has another word for a message whose tag is wrong.
fn not_authentic(error: Error) -> Error {
    match error.reason {
        Reason::EncryptedDataInvalid => Reason::AeadDecryptFailed.into(),
        _ => error,
    }
}

fn too_long() -> Error {
    let words = format!("at most {} bytes a message", limits::DATA_BYTES);
    Error::new(Reason::DataLenRange, words)
}

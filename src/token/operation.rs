//! Operations: their kinds, and what is said about their output.

use serde::{Deserialize, Serialize};

use crate::{ObjectHandle, Reason};

/// Kinds of operation; a session has at most one of each (§5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// `C_Encrypt…`
    Encrypt,
    /// `C_Decrypt…`
    Decrypt,
    /// `C_Digest…`
    Digest,
    /// `C_Sign…`
    Sign,
    /// `C_Verify…`, `C_VerifySignature…`
    Verify,
    /// `C_SignRecover…`
    SignRecover,
    /// `C_VerifyRecover…`
    VerifyRecover,
    /// `C_MessageEncryptInit`, `C_EncryptMessage…`
    MessageEncrypt,
    /// `C_MessageDecryptInit`, `C_DecryptMessage…`
    MessageDecrypt,
    /// `C_MessageSignInit`, `C_SignMessage…`
    MessageSign,
    /// `C_MessageVerifyInit`, `C_VerifyMessage…`
    MessageVerify,
}

impl Operation {
    /// Every kind.
    pub const ALL: [Operation; 11] = [
        Operation::Encrypt,
        Operation::Decrypt,
        Operation::Digest,
        Operation::Sign,
        Operation::Verify,
        Operation::SignRecover,
        Operation::VerifyRecover,
        Operation::MessageEncrypt,
        Operation::MessageDecrypt,
        Operation::MessageSign,
        Operation::MessageVerify,
    ];

    /// Why input of more than [`limits::DATA_BYTES`](crate::limits::DATA_BYTES) is refused.
    pub fn too_long(self) -> Reason {
        match self {
            Operation::Decrypt | Operation::MessageDecrypt => Reason::EncryptedDataLenRange,
            Operation::VerifyRecover => Reason::SignatureLenRange,
            _ => Reason::DataLenRange,
        }
    }
}

/// What `start` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// How long the output of [`Hsm::transform`](crate::Hsm::transform) can become: a length query needs no verb.
    pub bound: OutputBound,
    /// What the HSM wrote into the mechanism's parameter.
    pub parameters_out: Option<ParametersOut>,
}

/// What the HSM wrote into a mechanism's parameter, for the caller's structure: an initialisation
/// vector that it generated, a tag. Empty where there is no such part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParametersOut {
    /// The initialisation vector or nonce.
    #[serde(with = "serde_bytes")]
    pub iv: Vec<u8>,
    /// The tag or MAC.
    #[serde(with = "serde_bytes")]
    pub tag: Vec<u8>,
}

/// What a verb with output answers where the mechanism's parameter may be written, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The output.
    pub produced: Produced,
    /// What the HSM wrote into the parameter.
    pub parameters_out: Option<ParametersOut>,
}

/// What `encapsulate` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encapsulated {
    /// The ciphertext.
    pub produced: Produced,
    /// The key; none while the output needs more room.
    pub key: Option<ObjectHandle>,
}

/// How long an output can become, from the input's length: never too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputBound {
    /// Bytes that the input has and the output has not (a tag, a nonce): for digests and MACs all there
    /// are, [`u64::MAX`].
    pub removed: u64,
    /// Bytes that the output has on top of the input (a tag, a nonce, a digest).
    pub added: u64,
    /// CBC-PAD: the output fills whole blocks of this many bytes and is longer than the input; 0
    /// where nothing is padded.
    pub padded_to: u64,
}

impl OutputBound {
    /// The output has `added` bytes more than the input.
    pub const fn longer_by(added: u64) -> Self {
        Self {
            removed: 0,
            added,
            padded_to: 0,
        }
    }

    /// The output has `removed` bytes less than the input.
    pub const fn shorter_by(removed: u64) -> Self {
        Self {
            removed,
            added: 0,
            padded_to: 0,
        }
    }

    /// The output has `len` bytes, whatever the input is.
    pub const fn fixed(len: u64) -> Self {
        Self {
            removed: u64::MAX,
            added: len,
            padded_to: 0,
        }
    }

    /// The most bytes that `input_len` bytes of input can become.
    pub fn of(&self, input_len: usize) -> usize {
        let kept = (input_len as u64).saturating_sub(self.removed);
        let padded = match self.padded_to {
            0 => kept,
            block => (kept / block + 1).saturating_mul(block),
        };
        usize::try_from(padded.saturating_add(self.added)).unwrap_or(usize::MAX)
    }
}

/// What a verb with output answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Produced {
    /// This many bytes were written.
    Written(usize),
    /// Nothing was written and the operation is as it was: the output needs this many bytes. The
    /// answer to a length query (no output buffer) and to a buffer that is too small.
    Needed(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_cbc_pad_is_the_next_whole_block() {
        let bound = OutputBound {
            removed: 0,
            added: 0,
            padded_to: 16,
        };
        assert_eq!([bound.of(0), bound.of(15), bound.of(16)], [16, 16, 32]);
    }

    #[test]
    fn a_digest_is_as_long_for_every_input() {
        let bound = OutputBound::fixed(32);
        assert_eq!([bound.of(0), bound.of(1 << 20)], [32, 32]);
    }
}

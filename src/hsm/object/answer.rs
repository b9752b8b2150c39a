//! What a verb that makes objects answers, kept until the application has it: asked again with the
//! same request, the verb makes nothing and answers the same.

use token::{Error, ObjectHandle, Reason, Result};

/// Handles of objects that were made, and bytes that can be had only once (a KEM's ciphertext).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) handles: Vec<ObjectHandle>,
    pub(crate) output: Vec<u8>,
}

impl Answer {
    /// The number of handles (u8), the handles, the output.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(self.handles.len()).unwrap_or(u8::MAX)];
        for handle in &self.handles {
            bytes.extend_from_slice(&handle.0.to_be_bytes());
        }
        bytes.extend_from_slice(&self.output);
        bytes
    }

    /// The answer in what a commit has kept.
    pub(crate) fn decoded(bytes: &[u8]) -> Result<Self> {
        let other = || Error::new(Reason::Protocol, "the request id was used");
        let (count, rest) = bytes.split_first().ok_or_else(other)?;
        let split = rest.split_at_checked(usize::from(*count) * size_of::<u64>());
        let (handles, output) = split.ok_or_else(other)?;
        let (handles, _) = handles.as_chunks();
        Ok(Self {
            handles: handles
                .iter()
                .map(|bytes| ObjectHandle(u64::from_be_bytes(*bytes)))
                .collect(),
            output: output.to_vec(),
        })
    }

    /// The handle, where one object was made.
    pub(crate) fn only(&self) -> Result<ObjectHandle> {
        match self.handles.as_slice() {
            [handle] => Ok(*handle),
            _ => Err(Error::new(Reason::Protocol, "the request id was used")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_as_it_was_kept() {
        for handles in [
            vec![],
            vec![ObjectHandle(7)],
            vec![ObjectHandle(1), ObjectHandle(2)],
        ] {
            let output = b"ciphertext".to_vec();
            let answer = Answer { handles, output };
            assert_eq!(Answer::decoded(&answer.encoded()).unwrap(), answer);
        }
        assert!(Answer::decoded(&[]).is_err());
        assert!(Answer::decoded(&[2, 0, 0]).is_err());
    }
}

//! The dual functions (§5.13): one part of data for two operations at once.

use token::{Error, Operation, Produced, Reason, Result};

use super::{Operations, active::wrong_verb, machine::part_needs};

impl Operations {
    /// `C_DigestEncryptUpdate`, `C_SignEncryptUpdate`: `input` is a part for both operations.
    /// `C_DecryptDigestUpdate`, `C_DecryptVerifyUpdate`: the part of the output is one for `beside`.
    /// An output that is too short changes neither, an error ends both.
    pub(crate) fn update_both(
        &mut self,
        cipher: Operation,
        beside: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        use Operation::{Decrypt, Digest, Encrypt, Sign, Verify};
        if !matches!(
            (cipher, beside),
            (Encrypt, Digest | Sign) | (Decrypt, Digest | Verify)
        ) {
            return Err(wrong_verb());
        }
        for operation in [cipher, beside] {
            // The other one has not been asked for anything, so it goes on.
            if !self.places.of(operation).is_active() {
                let words = format!("no {operation:?} is active");
                return Err(Error::new(Reason::OperationNotInitialized, words));
            }
        }
        let mut both = Both {
            operations: self,
            kinds: [cipher, beside],
            go_on: false,
        };
        let done = both.operations.update_active(cipher, beside, input, output);
        both.go_on = done.is_ok();
        done
    }

    fn update_active(
        &mut self,
        cipher: Operation,
        beside: Operation,
        input: &[u8],
        output: Option<&mut [u8]>,
    ) -> Result<Produced> {
        let needed = self.places.of(cipher).update_len(input.len())?;
        let asked = output.is_none();
        let Some(output) = output.and_then(|output| output.get_mut(..needed)) else {
            return Ok(part_needs(needed, asked, input.len()));
        };
        let produced = self.update(cipher, input, Some(&mut *output))?;
        let data = match cipher {
            Operation::Encrypt => input,
            _ => output,
        };
        self.absorb(beside, data)?;
        Ok(produced)
    }
}

/// Two operations that end together, unless they go on: also where what is done with them never comes back.
struct Both<'a> {
    operations: &'a mut Operations,
    kinds: [Operation; 2],
    go_on: bool,
}

impl Drop for Both<'_> {
    fn drop(&mut self) {
        for kind in self.kinds.into_iter().filter(|_| !self.go_on) {
            // One of them may have ended by its own error.
            let _ = self.operations.cancel(kind);
        }
    }
}

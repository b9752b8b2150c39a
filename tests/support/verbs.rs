//! What a test says to a session in one line, and what came of it.

use std::ptr;

use cryptoki_sys::*;

use crate::{Attributes, Session, call};

/// A result of the module's: a value, or its code.
pub type Answer<T> = Result<T, CK_RV>;

/// The kinds of operation that have an Init and a function with input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `C_Encrypt…`
    Encrypt,
    /// `C_Decrypt…`
    Decrypt,
    /// `C_Digest…`
    Digest,
    /// `C_Sign…`
    Sign,
    /// `C_SignRecover…`
    SignRecover,
    /// `C_VerifyRecover…`
    VerifyRecover,
    /// `C_Verify…`
    Verify,
}

/// A mechanism without a parameter.
pub fn plain(id: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    crate::mechanism(id, &mut [])
}

/// A mechanism whose parameter is this structure, which has to live as long.
pub fn with<T>(id: CK_MECHANISM_TYPE, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: id,
        pParameter: ptr::from_mut(parameter).cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    }
}

fn answer<T>(code: CK_RV, value: T) -> Answer<T> {
    if code == CKR_OK { Ok(value) } else { Err(code) }
}

/// Calls a function with an output twice: for its length, and for the output.
fn filled(mut function: impl FnMut(*mut CK_BYTE, *mut CK_ULONG) -> CK_RV) -> Answer<Vec<u8>> {
    let mut length = 0;
    answer(function(ptr::null_mut(), &raw mut length), ())?;
    let mut output = vec![0; length as usize];
    answer(function(output.as_mut_ptr(), &raw mut length), ())?;
    output.truncate(length as usize);
    Ok(output)
}

fn input(bytes: &[u8]) -> (*mut CK_BYTE, CK_ULONG) {
    (bytes.as_ptr().cast_mut(), bytes.len() as CK_ULONG)
}

impl Session<'_> {
    /// Whether the token has `mechanism` for all of these `CKF_` uses: a build with `fips` has fewer.
    pub fn has(&self, mechanism: CK_MECHANISM_TYPE, uses: CK_FLAGS) -> bool {
        let mut session = CK_SESSION_INFO::default();
        let mut found = CK_MECHANISM_INFO::default();
        let handle = self.handle;
        let code = call!(self.module, C_GetSessionInfo(handle, &raw mut session));
        assert_eq!(code, CKR_OK);
        let slot = session.slotID;
        let code = call!(
            self.module,
            C_GetMechanismInfo(slot, mechanism, &raw mut found)
        );
        code == CKR_OK && found.flags & uses == uses
    }

    /// The Init of an operation.
    pub fn start(&self, kind: Kind, mut mechanism: CK_MECHANISM, key: CK_OBJECT_HANDLE) -> CK_RV {
        let (handle, mechanism) = (self.handle, &raw mut mechanism);
        match kind {
            Kind::Encrypt => call!(self.module, C_EncryptInit(handle, mechanism, key)),
            Kind::Decrypt => call!(self.module, C_DecryptInit(handle, mechanism, key)),
            Kind::Digest => call!(self.module, C_DigestInit(handle, mechanism)),
            Kind::Sign => call!(self.module, C_SignInit(handle, mechanism, key)),
            Kind::SignRecover => call!(self.module, C_SignRecoverInit(handle, mechanism, key)),
            Kind::VerifyRecover => call!(self.module, C_VerifyRecoverInit(handle, mechanism, key)),
            Kind::Verify => call!(self.module, C_VerifyInit(handle, mechanism, key)),
        }
    }

    /// All of the input, for all of the output.
    pub fn pass(&self, kind: Kind, data: &[u8]) -> Answer<Vec<u8>> {
        let (handle, (data, count)) = (self.handle, input(data));
        filled(|output, length| match kind {
            Kind::Encrypt => call!(self.module, C_Encrypt(handle, data, count, output, length)),
            Kind::Decrypt => call!(self.module, C_Decrypt(handle, data, count, output, length)),
            Kind::Digest => call!(self.module, C_Digest(handle, data, count, output, length)),
            Kind::Sign => call!(self.module, C_Sign(handle, data, count, output, length)),
            Kind::SignRecover => {
                call!(
                    self.module,
                    C_SignRecover(handle, data, count, output, length)
                )
            }
            Kind::VerifyRecover => {
                call!(
                    self.module,
                    C_VerifyRecover(handle, data, count, output, length)
                )
            }
            Kind::Verify => CKR_GENERAL_ERROR,
        })
    }

    /// An Init and all of the input.
    pub fn run(
        &self,
        kind: Kind,
        mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        answer(self.start(kind, mechanism, key), ())?;
        self.pass(kind, data)
    }

    /// `C_VerifyInit` and `C_Verify`.
    pub fn verify(
        &self,
        mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> CK_RV {
        let ((data, count), (signature, length)) = (input(data), input(signature));
        match self.start(Kind::Verify, mechanism, key) {
            CKR_OK => call!(
                self.module,
                C_Verify(self.handle, data, count, signature, length)
            ),
            error => error,
        }
    }

    /// `C_CreateObject`.
    pub fn create(&self, mut template: Attributes) -> Answer<CK_OBJECT_HANDLE> {
        let (count, first) = (template.count(), template.pointer());
        let mut object = 0;
        let code = call!(
            self.module,
            C_CreateObject(self.handle, first, count, &raw mut object)
        );
        answer(code, object)
    }

    /// `C_CopyObject`.
    pub fn copy(
        &self,
        object: CK_OBJECT_HANDLE,
        mut template: Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (count, first) = (template.count(), template.pointer());
        let mut copy = 0;
        let code = call!(
            self.module,
            C_CopyObject(self.handle, object, first, count, &raw mut copy)
        );
        answer(code, copy)
    }

    /// `C_GenerateKey`.
    pub fn generate_with(
        &self,
        mut mechanism: CK_MECHANISM,
        mut template: Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        let mechanism = &raw mut mechanism;
        let code = call!(
            self.module,
            C_GenerateKey(self.handle, mechanism, first, count, &raw mut key)
        );
        answer(code, key)
    }

    /// `C_GenerateKeyPair`: the public and the private key.
    pub fn generate_pair(
        &self,
        mut mechanism: CK_MECHANISM,
        mut public: Attributes,
        mut private: Attributes,
    ) -> Answer<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
        let (public_count, public) = (public.count(), public.pointer());
        let (private_count, private) = (private.count(), private.pointer());
        let (mechanism, mut keys) = (&raw mut mechanism, (0, 0));
        let code = call!(
            self.module,
            C_GenerateKeyPair(
                self.handle,
                mechanism,
                public,
                public_count,
                private,
                private_count,
                &raw mut keys.0,
                &raw mut keys.1
            )
        );
        answer(code, keys)
    }

    /// `C_WrapKey`.
    pub fn wrap(
        &self,
        mut mechanism: CK_MECHANISM,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Answer<Vec<u8>> {
        let mechanism = &raw mut mechanism;
        filled(|output, length| {
            call!(
                self.module,
                C_WrapKey(self.handle, mechanism, wrapping, key, output, length)
            )
        })
    }

    /// `C_UnwrapKey`.
    pub fn unwrap(
        &self,
        mut mechanism: CK_MECHANISM,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        mut template: Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mechanism, (wrapped, length)) = (&raw mut mechanism, input(wrapped));
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        let code = call!(
            self.module,
            C_UnwrapKey(
                self.handle,
                mechanism,
                unwrapping,
                wrapped,
                length,
                first,
                count,
                &raw mut key
            )
        );
        answer(code, key)
    }

    /// `C_DeriveKey`.
    pub fn derive(
        &self,
        mut mechanism: CK_MECHANISM,
        base: CK_OBJECT_HANDLE,
        mut template: Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        let mechanism = &raw mut mechanism;
        let code = call!(
            self.module,
            C_DeriveKey(self.handle, mechanism, base, first, count, &raw mut key)
        );
        answer(code, key)
    }

    /// `C_EncapsulateKey`: the ciphertext and the key.
    pub fn encapsulate(
        &self,
        mut mechanism: CK_MECHANISM,
        public: CK_OBJECT_HANDLE,
        mut template: Attributes,
    ) -> Answer<(Vec<u8>, CK_OBJECT_HANDLE)> {
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        let (mechanism, place) = (&raw mut mechanism, &raw mut key);
        let ciphertext = filled(|output, length| {
            call!(
                self.module,
                C_EncapsulateKey(
                    self.handle,
                    mechanism,
                    public,
                    first,
                    count,
                    output,
                    length,
                    place
                )
            )
        })?;
        Ok((ciphertext, key))
    }

    /// `C_DecapsulateKey`.
    pub fn decapsulate(
        &self,
        mut mechanism: CK_MECHANISM,
        private: CK_OBJECT_HANDLE,
        ciphertext: &[u8],
        mut template: Attributes,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mechanism, (ciphertext, length)) = (&raw mut mechanism, input(ciphertext));
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        let code = call!(
            self.module,
            C_DecapsulateKey(
                self.handle,
                mechanism,
                private,
                first,
                count,
                ciphertext,
                length,
                &raw mut key
            )
        );
        answer(code, key)
    }

    /// One attribute, by `C_GetAttributeValue`.
    pub fn attribute(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        filled(|output, length| {
            // SAFETY: `filled` gives the place of a number.
            let room = unsafe { *length };
            let mut asked = CK_ATTRIBUTE {
                type_: kind,
                pValue: output.cast(),
                ulValueLen: room,
            };
            let code = call!(
                self.module,
                C_GetAttributeValue(self.handle, object, &raw mut asked, 1)
            );
            // SAFETY: as above.
            unsafe { *length = asked.ulValueLen };
            code
        })
    }

    /// An attribute that is a number.
    pub fn number(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Answer<CK_ULONG> {
        let bytes = self.attribute(object, kind)?;
        let bytes = bytes.try_into().map_err(|_| CKR_GENERAL_ERROR)?;
        Ok(CK_ULONG::from_ne_bytes(bytes))
    }
}

//! A thread of a program that uses a token: its session, its buffers, and what it does with them.

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, plain, with};

use crate::{
    keys::{self, Keys, Kind},
    rows::Row,
    token::Token,
};

/// `CKR_OK`, or another code.
pub(crate) type Outcome = Result<(), CK_RV>;

/// Calls a function of a module; one that it does not have is not supported.
macro_rules! done {
    ($module:expr, $function:ident($($argument:expr),* $(,)?)) => {
        match $module.list().$function {
            // SAFETY: the arguments are what the standard asks for.
            Some(function) => $crate::worker::code(unsafe { function($($argument),*) }),
            None => Err(cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED),
        }
    };
}
pub(crate) use done;

/// What a code says.
pub(crate) fn code(code: CK_RV) -> Outcome {
    if code == CKR_OK { Ok(()) } else { Err(code) }
}

/// A thread of a program.
pub(crate) struct Worker<'a> {
    token: &'a Token,
    session: CK_SESSION_HANDLE,
    keys: Keys,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Of what a preparation put into the output.
    length: CK_ULONG,
    /// On the token, gone when the measurement is over.
    made: Vec<CK_OBJECT_HANDLE>,
}

impl<'a> Worker<'a> {
    /// One that is ready to do what the row says.
    pub(crate) fn new(token: &'a Token, row: &Row) -> Result<Self, CK_RV> {
        let session = token.session();
        let none = Keys {
            private: 0,
            public: 0,
        };
        let mut worker = Self {
            token,
            session,
            keys: row.key.map_or(none, |kind| token.keys(kind)),
            input: vec![7; row.bytes],
            // The longest signature is that of RSA-2048.
            output: vec![0; row.bytes + 256],
            length: 0,
            made: vec![],
        };
        (row.prepare)(&mut worker)?;
        Ok(worker)
    }

    /// Nothing has to be prepared.
    pub(crate) fn ready(&mut self) -> Outcome {
        Ok(())
    }

    /// `C_EncryptInit` and `C_Encrypt` with AES-GCM.
    pub(crate) fn encrypt_gcm(&mut self) -> Outcome {
        let mut iv = [1; 12];
        self.encrypt(with(CKM_AES_GCM, &mut gcm(&mut iv)))
    }

    /// `C_DecryptInit` and `C_Decrypt` with AES-GCM.
    pub(crate) fn decrypt_gcm(&mut self) -> Outcome {
        let mut iv = [1; 12];
        self.decrypt(with(CKM_AES_GCM, &mut gcm(&mut iv)))
    }

    /// `C_EncryptInit` and `C_Encrypt` with AES-CBC and padding.
    pub(crate) fn encrypt_cbc(&mut self) -> Outcome {
        self.encrypt(with(CKM_AES_CBC_PAD, &mut [1_u8; 16]))
    }

    /// `C_DecryptInit` and `C_Decrypt` with AES-CBC and padding.
    pub(crate) fn decrypt_cbc(&mut self) -> Outcome {
        self.decrypt(with(CKM_AES_CBC_PAD, &mut [1_u8; 16]))
    }

    /// Prepares decryption.
    pub(crate) fn gcm_ciphertext(&mut self) -> Outcome {
        self.encrypt_gcm()?;
        self.take_output();
        Ok(())
    }

    /// Prepares decryption.
    pub(crate) fn cbc_ciphertext(&mut self) -> Outcome {
        self.encrypt_cbc()?;
        self.take_output();
        Ok(())
    }

    /// `C_MessageEncryptInit`.
    pub(crate) fn start_messages(&mut self) -> Outcome {
        let (session, mut mechanism) = (self.session, plain(CKM_AES_GCM));
        let key = self.keys.public;
        done!(
            self.token.module,
            C_MessageEncryptInit(session, &raw mut mechanism, key)
        )
    }

    /// `C_EncryptMessage` with an IV that the module makes.
    pub(crate) fn encrypt_message(&mut self) -> Outcome {
        let (mut iv, mut tag) = ([0; 12], [0; 16]);
        let mut parameters = CK_GCM_MESSAGE_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvFixedBits: 0,
            ivGenerator: CKG_GENERATE_RANDOM,
            pTag: tag.as_mut_ptr(),
            ulTagBits: 128,
        };
        let size = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
        let mut length = self.output.len() as CK_ULONG;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (output, session) = (self.output.as_mut_ptr(), self.session);
        let parameters = (&raw mut parameters).cast();
        let (none, length) = (ptr::null_mut(), &raw mut length);
        done!(
            self.token.module,
            C_EncryptMessage(
                session, parameters, size, none, 0, input, count, output, length
            )
        )
    }

    /// `C_SignInit` and `C_Sign` with HMAC-SHA256.
    pub(crate) fn hmac(&mut self) -> Outcome {
        self.sign(CKM_SHA256_HMAC)
    }

    /// `C_SignInit` and `C_Sign` with ECDSA.
    pub(crate) fn sign_ecdsa(&mut self) -> Outcome {
        self.sign(CKM_ECDSA)
    }

    /// `C_VerifyInit` and `C_Verify` with ECDSA.
    pub(crate) fn verify_ecdsa(&mut self) -> Outcome {
        self.verify(CKM_ECDSA)
    }

    /// `C_SignInit` and `C_Sign` with RSA as PKCS #1 1.5 has it.
    pub(crate) fn sign_rsa(&mut self) -> Outcome {
        self.sign(CKM_RSA_PKCS)
    }

    /// `C_VerifyInit` and `C_Verify` with RSA as PKCS #1 1.5 has it.
    pub(crate) fn verify_rsa(&mut self) -> Outcome {
        self.verify(CKM_RSA_PKCS)
    }

    /// `C_DigestInit` and `C_Digest` with SHA-256.
    pub(crate) fn digest(&mut self) -> Outcome {
        let mut mechanism = plain(CKM_SHA256);
        let session = self.session;
        done!(self.token.module, C_DigestInit(session, &raw mut mechanism))?;
        self.one_shot(self.token.module.list().C_Digest)
    }

    /// `C_GenerateRandom`.
    pub(crate) fn random(&mut self) -> Outcome {
        let (first, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        done!(
            self.token.module,
            C_GenerateRandom(self.session, first, count)
        )
    }

    /// `C_GetAttributeValue` of the key's label.
    pub(crate) fn label(&mut self) -> Outcome {
        let mut label = [0_u8; 64];
        let mut attribute = CK_ATTRIBUTE {
            type_: CKA_LABEL,
            pValue: label.as_mut_ptr().cast(),
            ulValueLen: label.len() as CK_ULONG,
        };
        let (session, key) = (self.session, self.keys.private);
        done!(
            self.token.module,
            C_GetAttributeValue(session, key, &raw mut attribute, 1)
        )
    }

    /// `C_OpenSession` and `C_CloseSession`.
    pub(crate) fn session(&mut self) -> Outcome {
        let session = self.token.session();
        done!(self.token.module, C_CloseSession(session))
    }

    /// `C_GenerateKey` of an AES key in the session, and `C_DestroyObject`.
    pub(crate) fn session_key(&mut self) -> Outcome {
        self.generate_and_destroy(Kind::Aes)
    }

    /// `C_GenerateKeyPair` on P-256 in the session, and `C_DestroyObject` of both.
    pub(crate) fn p256_pair(&mut self) -> Outcome {
        self.generate_and_destroy(Kind::P256)
    }

    /// `C_GenerateKeyPair` of RSA-2048 in the session, and `C_DestroyObject` of both.
    pub(crate) fn rsa_pair(&mut self) -> Outcome {
        self.generate_and_destroy(Kind::Rsa)
    }

    /// `C_GenerateKey` of an AES key on the token.
    pub(crate) fn token_key(&mut self) -> Outcome {
        let (module, template) = (&self.token.module, Attributes::new().flag(CKA_TOKEN, true));
        let keys = keys::generate(module, self.session, Kind::Aes, template)?;
        self.made.push(keys.private);
        Ok(())
    }

    /// `C_CreateObject` of data on the token.
    pub(crate) fn token_data(&mut self) -> Outcome {
        let mut template = Attributes::new()
            .number(CKA_CLASS, CKO_DATA)
            .flag(CKA_TOKEN, true)
            .bytes(CKA_LABEL, b"some data")
            .bytes(CKA_VALUE, &self.input);
        let (count, first, mut object) = (template.count(), template.pointer(), 0);
        done!(
            self.token.module,
            C_CreateObject(self.session, first, count, &raw mut object)
        )?;
        self.made.push(object);
        Ok(())
    }

    /// `C_Logout` and `C_Login`.
    pub(crate) fn login_again(&mut self) -> Outcome {
        self.token.login_again(self.session);
        Ok(())
    }

    fn generate_and_destroy(&mut self, kind: Kind) -> Outcome {
        let module = &self.token.module;
        let keys = keys::generate(module, self.session, kind, Attributes::new())?;
        keys::destroy(module, self.session, keys)
    }

    fn encrypt(&mut self, mechanism: CK_MECHANISM) -> Outcome {
        let list = self.token.module.list();
        self.start(list.C_EncryptInit, mechanism, self.keys.public)?;
        self.one_shot(list.C_Encrypt)
    }

    fn decrypt(&mut self, mechanism: CK_MECHANISM) -> Outcome {
        let list = self.token.module.list();
        self.start(list.C_DecryptInit, mechanism, self.keys.private)?;
        self.one_shot(list.C_Decrypt)
    }

    fn sign(&mut self, mechanism: CK_MECHANISM_TYPE) -> Outcome {
        let list = self.token.module.list();
        self.start(list.C_SignInit, plain(mechanism), self.keys.private)?;
        self.one_shot(list.C_Sign)
    }

    fn verify(&mut self, mechanism: CK_MECHANISM_TYPE) -> Outcome {
        let list = self.token.module.list();
        self.start(list.C_VerifyInit, plain(mechanism), self.keys.public)?;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (signature, length, session) = (self.output.as_mut_ptr(), self.length, self.session);
        done!(
            self.token.module,
            C_Verify(session, input, count, signature, length)
        )
    }

    /// An Init with a key: all of them have one type.
    fn start(
        &self,
        function: CK_C_EncryptInit,
        mut mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) -> Outcome {
        let function = function.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        // SAFETY: the mechanism and its parameter live as long as the call.
        code(unsafe { function(self.session, &raw mut mechanism, key) })
    }

    /// All of the input, for all of the output: all functions that do that have one type.
    fn one_shot(&mut self, function: CK_C_Encrypt) -> Outcome {
        let function = function.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        self.length = self.output.len() as CK_ULONG;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (output, length) = (self.output.as_mut_ptr(), &raw mut self.length);
        // SAFETY: both buffers are as long as they are said to be.
        code(unsafe { function(self.session, input, count, output, length) })
    }

    fn take_output(&mut self) {
        let output = self.output[..self.length as usize].to_vec();
        self.input = output;
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let module = &self.token.module;
        for object in self.made.drain(..) {
            let destroyed = done!(module, C_DestroyObject(self.session, object));
            assert!(destroyed.is_ok(), "{destroyed:x?}");
        }
        let _ = done!(module, C_CloseSession(self.session));
    }
}

fn gcm(iv: &mut [u8; 12]) -> CK_GCM_PARAMS {
    CK_GCM_PARAMS {
        pIv: iv.as_mut_ptr(),
        ulIvLen: 12,
        ulIvBits: 96,
        pAAD: ptr::null_mut(),
        ulAADLen: 0,
        ulTagBits: 128,
    }
}

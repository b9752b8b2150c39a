//! What is measured: a row is one thing that a program does with a token, again and again.

use std::ptr;

use cryptoki_sys::*;
use tests::{Attributes, call, ok};

use crate::token::Token;

/// A row.
pub(crate) struct Row {
    /// What is printed before the figures.
    pub(crate) name: &'static str,
    /// Bytes of data in one operation.
    pub(crate) bytes: usize,
    /// One operation.
    pub(crate) work: fn(&mut Worker<'_>),
}

/// All rows.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "AES-256-GCM encrypt 32 B",
        bytes: 32,
        work: |worker| worker.gcm(),
    },
    Row {
        name: "AES-256-GCM encrypt 1 KiB",
        bytes: 1 << 10,
        work: |worker| worker.gcm(),
    },
    Row {
        name: "AES-256-GCM encrypt 4 KiB",
        bytes: 4 << 10,
        work: |worker| worker.gcm(),
    },
    Row {
        name: "AES-256-GCM encrypt 1 MiB",
        bytes: 1 << 20,
        work: |worker| worker.gcm(),
    },
    Row {
        name: "AES-256-CBC-PAD encrypt 1 KiB",
        bytes: 1 << 10,
        work: |worker| worker.cbc_pad(),
    },
    Row {
        name: "HMAC-SHA256 sign 32 B",
        bytes: 32,
        work: |worker| worker.hmac(),
    },
    Row {
        name: "SHA-256 digest 1 KiB",
        bytes: 1 << 10,
        work: |worker| worker.digest(),
    },
    Row {
        name: "random 32 B",
        bytes: 32,
        work: |worker| worker.random(),
    },
    Row {
        name: "open and close a session",
        bytes: 0,
        work: |worker| worker.session(),
    },
    Row {
        name: "generate and destroy a session key",
        bytes: 0,
        work: |worker| worker.session_key(),
    },
    Row {
        name: "generate and destroy a token key",
        bytes: 0,
        work: |worker| worker.token_key(),
    },
];

/// A thread's session, keys and buffers.
pub(crate) struct Worker<'a> {
    token: &'a Token,
    session: CK_SESSION_HANDLE,
    aes: CK_OBJECT_HANDLE,
    secret: CK_OBJECT_HANDLE,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl<'a> Worker<'a> {
    /// One with keys and buffers for `bytes` of data.
    pub(crate) fn new(token: &'a Token, bytes: usize) -> Self {
        let mut worker = Self {
            token,
            session: token.session(),
            aes: 0,
            secret: 0,
            input: vec![7; bytes],
            output: vec![0; bytes + 64],
        };
        worker.aes = worker.generate(CKM_AES_KEY_GEN, CKK_AES, false);
        worker.secret = worker.generate(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, false);
        worker
    }

    /// `C_EncryptInit` and `C_Encrypt` with AES-GCM: a row, and what `round-trip` and `many` do.
    pub(crate) fn gcm(&mut self) {
        let mut iv = [1; 12];
        let mut parameters = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let length = size_of::<CK_GCM_PARAMS>() as CK_ULONG;
        self.encrypt(&mut mechanism(
            CKM_AES_GCM,
            (&raw mut parameters).cast(),
            length,
        ));
    }

    fn cbc_pad(&mut self) {
        let mut iv = [1_u8; 16];
        self.encrypt(&mut mechanism(CKM_AES_CBC_PAD, iv.as_mut_ptr().cast(), 16));
    }

    fn encrypt(&mut self, mechanism: &mut CK_MECHANISM) {
        let mut length = self.output.len() as CK_ULONG;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (output, session, aes) = (self.output.as_mut_ptr(), self.session, self.aes);
        ok!(
            self.token.module,
            C_EncryptInit(session, &raw mut *mechanism, aes)
        );
        ok!(
            self.token.module,
            C_Encrypt(session, input, count, output, &raw mut length)
        );
    }

    fn hmac(&mut self) {
        let mut mechanism = mechanism(CKM_SHA256_HMAC, ptr::null_mut(), 0);
        let mut length = self.output.len() as CK_ULONG;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (output, session, secret) = (self.output.as_mut_ptr(), self.session, self.secret);
        ok!(
            self.token.module,
            C_SignInit(session, &raw mut mechanism, secret)
        );
        ok!(
            self.token.module,
            C_Sign(session, input, count, output, &raw mut length)
        );
    }

    fn digest(&mut self) {
        let mut mechanism = mechanism(CKM_SHA256, ptr::null_mut(), 0);
        let mut length = self.output.len() as CK_ULONG;
        let (input, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        let (output, session) = (self.output.as_mut_ptr(), self.session);
        ok!(self.token.module, C_DigestInit(session, &raw mut mechanism));
        ok!(
            self.token.module,
            C_Digest(session, input, count, output, &raw mut length)
        );
    }

    fn random(&mut self) {
        let (first, count) = (self.input.as_mut_ptr(), self.input.len() as CK_ULONG);
        ok!(
            self.token.module,
            C_GenerateRandom(self.session, first, count)
        );
    }

    fn session(&mut self) {
        let session = self.token.session();
        ok!(self.token.module, C_CloseSession(session));
    }

    fn session_key(&mut self) {
        self.key(false);
    }

    fn token_key(&mut self) {
        self.key(true);
    }

    fn key(&mut self, on_token: bool) {
        let key = self.generate(CKM_AES_KEY_GEN, CKK_AES, on_token);
        ok!(self.token.module, C_DestroyObject(self.session, key));
    }

    fn generate(
        &self,
        id: CK_MECHANISM_TYPE,
        kind: CK_KEY_TYPE,
        on_token: bool,
    ) -> CK_OBJECT_HANDLE {
        let mut template = Attributes::new()
            .number(CKA_CLASS, CKO_SECRET_KEY)
            .number(CKA_KEY_TYPE, kind)
            .flag(CKA_TOKEN, on_token)
            .flag(CKA_ENCRYPT, true)
            .flag(CKA_SIGN, true)
            .number(CKA_VALUE_LEN, 32);
        let mut mechanism = mechanism(id, ptr::null_mut(), 0);
        let (count, first, mut key) = (template.count(), template.pointer(), 0);
        ok!(
            self.token.module,
            C_GenerateKey(self.session, &raw mut mechanism, first, count, &raw mut key)
        );
        key
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        call!(self.token.module, C_CloseSession(self.session));
    }
}

fn mechanism(id: CK_MECHANISM_TYPE, parameter: CK_VOID_PTR, length: CK_ULONG) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: id,
        pParameter: parameter,
        ulParameterLen: length,
    }
}

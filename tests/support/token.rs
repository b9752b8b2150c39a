//! A token with a user, and what most tests do with it.

use std::ptr;

use cryptoki_sys::*;

use crate::{Attributes, Module, call, ok};

/// The security officer's PIN of a token that a test made.
pub const ADMIN_PIN: &str = "admin-1234";
/// Its user's PIN.
pub const USER_PIN: &str = "1234";

/// An initialised token.
pub struct Token {
    /// The module that it is in, initialised.
    pub module: Module,
    /// Its slot.
    pub slot: CK_SLOT_ID,
}

impl Token {
    /// A new one, in the first slot of an empty home, with a user.
    pub fn make() -> Self {
        let token = Self::in_first_slot();
        let (mut pin, mut label) = (ADMIN_PIN.to_owned(), format!("{:32}", "test"));
        ok!(
            token.module,
            C_InitToken(
                token.slot,
                pin.as_mut_ptr(),
                pin.len() as CK_ULONG,
                label.as_mut_ptr()
            )
        );
        let session = token.session();
        assert_eq!(session.login(CKU_SO, ADMIN_PIN), CKR_OK);
        let mut pin = USER_PIN.to_owned();
        ok!(
            token.module,
            C_InitPIN(session.handle, pin.as_mut_ptr(), pin.len() as CK_ULONG)
        );
        ok!(token.module, C_Logout(session.handle));
        ok!(token.module, C_CloseSession(session.handle));
        token
    }

    /// The one that is in the first slot.
    pub fn in_first_slot() -> Self {
        let module = Module::load();
        module.initialize();
        let slot = module.slots(false)[0];
        Self { module, slot }
    }

    /// A read-write session.
    pub fn session(&self) -> Session<'_> {
        self.open(CKF_SERIAL_SESSION | CKF_RW_SESSION)
            .expect("a session")
    }

    /// A read-write session in which the user is logged in.
    pub fn logged_in(&self) -> Session<'_> {
        let session = self.session();
        let answer = session.login(CKU_USER, USER_PIN);
        assert!(
            matches!(answer, CKR_OK | CKR_USER_ALREADY_LOGGED_IN),
            "login: 0x{answer:x}"
        );
        session
    }

    /// What `C_GetTokenInfo` says of the token in flags.
    pub fn flags(&self) -> CK_FLAGS {
        let mut info = CK_TOKEN_INFO::default();
        ok!(self.module, C_GetTokenInfo(self.slot, &raw mut info));
        info.flags
    }

    /// A session with these flags.
    pub fn open(&self, flags: CK_FLAGS) -> Result<Session<'_>, CK_RV> {
        let mut handle = 0;
        let slot = self.slot;
        match call!(
            self.module,
            C_OpenSession(slot, flags, ptr::null_mut(), None, &raw mut handle)
        ) {
            CKR_OK => Ok(Session {
                module: &self.module,
                handle,
            }),
            error => Err(error),
        }
    }
}

/// A session; it stays open.
pub struct Session<'a> {
    /// The module.
    pub module: &'a Module,
    /// The handle.
    pub handle: CK_SESSION_HANDLE,
}

impl Session<'_> {
    /// `C_Login`.
    pub fn login(&self, user: CK_USER_TYPE, pin: &str) -> CK_RV {
        let mut pin = pin.to_owned();
        call!(
            self.module,
            C_Login(self.handle, user, pin.as_mut_ptr(), pin.len() as CK_ULONG)
        )
    }

    /// A new AES-256 key.
    pub fn generate(&self, token: bool, label: &str) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let mut template = Attributes::new()
            .flag(CKA_TOKEN, token)
            .flag(CKA_ENCRYPT, true)
            .flag(CKA_DECRYPT, true)
            .bytes(CKA_LABEL, label.as_bytes())
            .number(CKA_VALUE_LEN, 32);
        let mut mechanism = mechanism(CKM_AES_KEY_GEN, &mut []);
        let mut key = 0;
        let (count, template) = (template.count(), template.pointer());
        match call!(
            self.module,
            C_GenerateKey(
                self.handle,
                &raw mut mechanism,
                template,
                count,
                &raw mut key
            )
        ) {
            CKR_OK => Ok(key),
            error => Err(error),
        }
    }

    /// `C_EncryptInit` with AES-CBC-PAD and an initialisation vector of zeros.
    pub fn start_encrypting(&self, key: CK_OBJECT_HANDLE) -> CK_RV {
        let mut iv = [0; 16];
        let mut mechanism = mechanism(CKM_AES_CBC_PAD, &mut iv);
        call!(
            self.module,
            C_EncryptInit(self.handle, &raw mut mechanism, key)
        )
    }

    /// `C_Encrypt`.
    pub fn encrypt(&self, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let mut output = vec![0; data.len() + 64];
        let mut length = output.len() as CK_ULONG;
        let (first, count) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        match call!(
            self.module,
            C_Encrypt(
                self.handle,
                first,
                count,
                output.as_mut_ptr(),
                &raw mut length
            )
        ) {
            CKR_OK => {
                output.truncate(length as usize);
                Ok(output)
            }
            error => Err(error),
        }
    }

    /// Decrypts what `start_encrypting` and `encrypt` made.
    pub fn decrypt(&self, key: CK_OBJECT_HANDLE, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
        let mut iv = [0; 16];
        let mut mechanism = mechanism(CKM_AES_CBC_PAD, &mut iv);
        let mut output = vec![0; data.len()];
        let mut length = output.len() as CK_ULONG;
        let (first, count) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        let mut answer = call!(
            self.module,
            C_DecryptInit(self.handle, &raw mut mechanism, key)
        );
        if answer == CKR_OK {
            answer = call!(
                self.module,
                C_Decrypt(
                    self.handle,
                    first,
                    count,
                    output.as_mut_ptr(),
                    &raw mut length
                )
            );
        }
        output.truncate(length as usize);
        if answer == CKR_OK {
            Ok(output)
        } else {
            Err(answer)
        }
    }

    /// All objects that have these attributes.
    pub fn find(&self, mut template: Attributes) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
        let (count, first) = (template.count(), template.pointer());
        let answer = call!(self.module, C_FindObjectsInit(self.handle, first, count));
        if answer != CKR_OK {
            return Err(answer);
        }
        let mut found = vec![];
        loop {
            let (mut some, mut count) = ([0; 100], 0);
            ok!(
                self.module,
                C_FindObjects(self.handle, some.as_mut_ptr(), 100, &raw mut count)
            );
            if count == 0 {
                break;
            }
            found.extend(&some[..count as usize]);
        }
        ok!(self.module, C_FindObjectsFinal(self.handle));
        Ok(found)
    }
}

/// A mechanism with a block of bytes as its parameter.
pub fn mechanism(id: CK_MECHANISM_TYPE, parameter: &mut [u8]) -> CK_MECHANISM {
    let length = parameter.len() as CK_ULONG;
    let first = if parameter.is_empty() {
        ptr::null_mut()
    } else {
        parameter.as_mut_ptr().cast()
    };
    CK_MECHANISM {
        mechanism: id,
        pParameter: first,
        ulParameterLen: length,
    }
}

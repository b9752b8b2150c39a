//! What the targets share: a token in an embedded home, and memory as a caller has it, made of fuzzed bytes.

use std::{ptr::null_mut, sync::OnceLock};

use cryptoki_sys::*;
use strongroom::functions::*;

/// An initialised token in this process, a session with its user logged in, and keys.
pub struct Token {
    /// The session that everything is done in.
    pub session: CK_SESSION_HANDLE,
    /// An AES key that may do everything.
    pub aes: CK_OBJECT_HANDLE,
    keys: Vec<CK_OBJECT_HANDLE>,
    mechanisms: Vec<CK_MECHANISM_TYPE>,
    _home: tempfile::TempDir,
}

/// The token of this process.
pub fn token() -> &'static Token {
    static TOKEN: OnceLock<Token> = OnceLock::new();
    TOKEN.get_or_init(Token::make)
}

/// An attribute whose value is `value`.
pub fn attribute<T>(type_: CK_ATTRIBUTE_TYPE, value: &mut T) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_,
        pValue: (&raw mut *value).cast(),
        ulValueLen: size_of::<T>() as CK_ULONG,
    }
}

fn ok(rv: CK_RV, what: &str) {
    assert_eq!(rv, CKR_OK, "{what}");
}

impl Token {
    fn make() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("strongroom.toml"), "mode = \"embedded\"\n")
            .expect("a configuration");
        // SAFETY: no other thread runs yet. The C functions get memory that lives here.
        unsafe {
            std::env::set_var("STRONGROOM_HOME", home.path());
            std::env::set_var("STRONGROOM_LOG", home.path().join("log"));
            ok(C_Initialize(null_mut()), "C_Initialize");
            let (mut slot, mut count) = ([0; 8], 8);
            ok(
                C_GetSlotList(CK_TRUE, slot.as_mut_ptr(), &raw mut count),
                "C_GetSlotList",
            );
            let slot = slot[0];
            let mut pin = *b"12345678";
            let mut label = [b' '; 32];
            ok(
                C_InitToken(slot, pin.as_mut_ptr(), 8, label.as_mut_ptr()),
                "C_InitToken",
            );
            let mut session = 0;
            let flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
            ok(
                C_OpenSession(slot, flags, null_mut(), None, &raw mut session),
                "C_OpenSession",
            );
            ok(C_Login(session, CKU_SO, pin.as_mut_ptr(), 8), "C_Login");
            ok(C_InitPIN(session, pin.as_mut_ptr(), 8), "C_InitPIN");
            ok(C_Logout(session), "C_Logout");
            ok(C_Login(session, CKU_USER, pin.as_mut_ptr(), 8), "C_Login");
            let mut count = 0;
            ok(
                C_GetMechanismList(slot, null_mut(), &raw mut count),
                "C_GetMechanismList",
            );
            let mut mechanisms = vec![0; count as usize];
            ok(
                C_GetMechanismList(slot, mechanisms.as_mut_ptr(), &raw mut count),
                "C_GetMechanismList",
            );
            let mut token = Self {
                session,
                aes: 0,
                keys: Vec::new(),
                mechanisms,
                _home: home,
            };
            token.aes = token.secret(CKM_AES_KEY_GEN, Some(32));
            let generic = token.secret(CKM_GENERIC_SECRET_KEY_GEN, Some(32));
            let des3 = token.secret(CKM_DES3_KEY_GEN, None);
            token.keys.extend([token.aes, generic, des3]);
            for (mechanism, parameter) in [
                (
                    CKM_EC_KEY_PAIR_GEN,
                    &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07][..],
                ),
                (CKM_EC_EDWARDS_KEY_PAIR_GEN, &[0x06, 0x03, 0x2b, 0x65, 0x70]),
                (
                    CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
                    &[0x06, 0x03, 0x2b, 0x65, 0x6e],
                ),
            ] {
                token.pair(mechanism, CKA_EC_PARAMS, parameter);
            }
            token.pair(
                CKM_RSA_PKCS_KEY_PAIR_GEN,
                CKA_MODULUS_BITS,
                &2048u64.to_ne_bytes(),
            );
            token.pair(
                CKM_ML_KEM_KEY_PAIR_GEN,
                CKA_PARAMETER_SET,
                &u64::to_ne_bytes(CKP_ML_KEM_768),
            );
            token.pair(
                CKM_ML_DSA_KEY_PAIR_GEN,
                CKA_PARAMETER_SET,
                &u64::to_ne_bytes(CKP_ML_DSA_44),
            );
            token.keys.push(0);
            token
        }
    }

    fn secret(&self, mechanism: CK_MECHANISM_TYPE, len: Option<CK_ULONG>) -> CK_OBJECT_HANDLE {
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: null_mut(),
            ulParameterLen: 0,
        };
        let (mut yes, mut len_value, mut handle) = (CK_TRUE, len.unwrap_or(0), 0);
        let mut template: Vec<_> = [
            CKA_ENCRYPT,
            CKA_DECRYPT,
            CKA_SIGN,
            CKA_VERIFY,
            CKA_WRAP,
            CKA_UNWRAP,
            CKA_DERIVE,
            CKA_EXTRACTABLE,
        ]
        .map(|use_| attribute(use_, &mut yes))
        .into();
        if len.is_some() {
            template.push(attribute(CKA_VALUE_LEN, &mut len_value));
        }
        // SAFETY: the pointers are to what lives here.
        let rv = unsafe {
            C_GenerateKey(
                self.session,
                &raw mut mechanism,
                template.as_mut_ptr(),
                template.len() as CK_ULONG,
                &raw mut handle,
            )
        };
        ok(rv, "C_GenerateKey");
        handle
    }

    fn pair(&mut self, mechanism: CK_MECHANISM_TYPE, parameter: CK_ATTRIBUTE_TYPE, value: &[u8]) {
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: null_mut(),
            ulParameterLen: 0,
        };
        let mut public = [CK_ATTRIBUTE {
            type_: parameter,
            pValue: value.as_ptr().cast_mut().cast(),
            ulValueLen: value.len() as CK_ULONG,
        }];
        let (mut one, mut two) = (0, 0);
        // SAFETY: the pointers are to what lives here.
        let rv = unsafe {
            C_GenerateKeyPair(
                self.session,
                &raw mut mechanism,
                public.as_mut_ptr(),
                1,
                null_mut(),
                0,
                &raw mut one,
                &raw mut two,
            )
        };
        ok(rv, "C_GenerateKeyPair");
        self.keys.extend([one, two]);
    }

    /// Some key, or none.
    pub fn key(&self, choice: u8) -> CK_OBJECT_HANDLE {
        self.keys[usize::from(choice) % self.keys.len()]
    }

    /// Some mechanism of the token's, or any other.
    pub fn mechanism(&self, high: u8, low: u8) -> CK_MECHANISM_TYPE {
        let number = usize::from(high) << 8 | usize::from(low);
        self.mechanisms
            .get(number % (self.mechanisms.len() + 1))
            .copied()
            .unwrap_or(number as CK_MECHANISM_TYPE)
    }
}

/// The bytes of an input, from their beginning.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte; 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Memory as structures have it. Each word is a byte that says what it is, and as many bytes as that needs.
    pub fn arena(&mut self) -> Arena {
        self.words(|_| true)
    }

    /// Memory as arrays of attributes have it: number, address, length.
    pub fn attributes(&mut self) -> Arena {
        self.words(|at| at % 3 != 1)
    }

    /// Words of which some may be numbers; the others are addresses or 0.
    fn words(&mut self, may_be_number: fn(usize) -> bool) -> Arena {
        let len = usize::from(self.byte()) % 16;
        let mut arena = Arena {
            words: vec![0; Arena::WORDS].into_boxed_slice(),
            len,
        };
        let first = arena.words.as_mut_ptr();
        for at in 0..Arena::FILLED {
            let word = match self.byte() % 8 {
                0 | 1 => u64::from(self.byte()),
                2 => u64::from(self.byte()) << 4,
                // An address in the arena, so that what is there may be read; an array's first word.
                3 | 4 => {
                    first.wrapping_add(usize::from(self.byte()) % (Arena::FILLED / 3) * 3) as u64
                }
                5 | 6 => u64::from(self.byte()) << 8 & 0xF00 | u64::from(self.byte()),
                _ => 0,
            };
            let is_address = word > Arena::NUMBERS;
            arena.words[at] = if is_address || may_be_number(at) {
                word
            } else {
                0
            };
        }
        arena
    }
}

/// Memory that a caller owns: structures, some of whose words are addresses in it. Behind them is as much more
/// as the largest length that a word can be; a smaller number in the place of an address is on the first page.
pub struct Arena {
    words: Box<[u64]>,
    len: usize,
}

impl Arena {
    /// Words that are made of the input.
    const FILLED: usize = 33;
    const WORDS: usize = Self::FILLED + 0x2000 / 8;
    /// The largest number that a word can be; addresses are beyond.
    const NUMBERS: u64 = 0xFFF;

    /// Its first words as a parameter.
    pub fn bytes(&mut self) -> (CK_VOID_PTR, CK_ULONG) {
        if self.len == 0 {
            (null_mut(), 0)
        } else {
            (self.words.as_mut_ptr().cast(), self.len as CK_ULONG * 8)
        }
    }

    /// The mechanism with that parameter.
    pub fn mechanism(&mut self, mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
        let (parameter, len) = self.bytes();
        CK_MECHANISM {
            mechanism,
            pParameter: parameter,
            ulParameterLen: len,
        }
    }

    /// Up to fifteen attributes: types of the standard or any, values anywhere in the arena.
    pub fn template(&mut self, input: &mut Input<'_>) -> Vec<CK_ATTRIBUTE> {
        const TYPES: &[CK_ATTRIBUTE_TYPE] = &[
            CKA_CLASS,
            CKA_KEY_TYPE,
            CKA_VALUE,
            CKA_TOKEN,
            CKA_PRIVATE,
            CKA_LABEL,
            CKA_ID,
            CKA_SENSITIVE,
            CKA_EXTRACTABLE,
            CKA_MODULUS,
            CKA_PUBLIC_EXPONENT,
            CKA_PRIVATE_EXPONENT,
            CKA_PRIME_1,
            CKA_EC_PARAMS,
            CKA_EC_POINT,
            CKA_VALUE_LEN,
            CKA_START_DATE,
            CKA_END_DATE,
            CKA_ALLOWED_MECHANISMS,
            CKA_WRAP_TEMPLATE,
            CKA_UNWRAP_TEMPLATE,
            CKA_DERIVE_TEMPLATE,
            CKA_CERTIFICATE_TYPE,
            CKA_SUBJECT,
            CKA_CHECK_VALUE,
            CKA_PARAMETER_SET,
            CKA_SEED,
            CKA_PUBLIC_KEY_INFO,
            CKA_APPLICATION,
            CKA_OBJECT_ID,
            CKA_ENCRYPT,
            CKA_DERIVE,
            CKA_TRUSTED,
            CKA_MODULUS_BITS,
            CKA_COPYABLE,
            CKA_ALWAYS_AUTHENTICATE,
        ];
        let mut template = Vec::new();
        for _ in 0..input.byte() % 16 {
            let choice = input.byte();
            let type_ = TYPES.get(usize::from(choice) % (TYPES.len() + 4)).copied();
            let at = usize::from(input.byte()) % (Self::FILLED / 3) * 3;
            let len = input.byte();
            template.push(CK_ATTRIBUTE {
                type_: type_.unwrap_or_else(|| CK_ATTRIBUTE_TYPE::from(choice) << (len % 32)),
                pValue: if len == 0xFF {
                    null_mut()
                } else {
                    (&raw mut self.words[at]).cast()
                },
                ulValueLen: match len {
                    0xFE => CK_UNAVAILABLE_INFORMATION,
                    _ => CK_ULONG::from(len % 128),
                },
            });
        }
        template
    }
}

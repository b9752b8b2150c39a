//! Every function of the 3.2 list with every argument wrong in its turn: NULL, a number in
//! its place, a length beyond all memory, addresses that are not aligned, one buffer for everything.

use std::{collections::BTreeSet, ffi::c_void};

use cryptoki_sys::*;
use tests::{Session, Token, call, everywhere, ok};

use crate::null;

/// What an argument is, in one or two words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Session,
    Slot,
    Key,
    Number(CK_ULONG),
    /// The address of a number or structure.
    To,
    /// The address of a mechanism, with so many bytes of parameter.
    Mechanism(CK_MECHANISM_TYPE, usize),
    /// Attributes and their count.
    Template,
    /// Bytes and their length.
    Input,
    /// Bytes or a list to write, and the address of the length.
    Output,
    /// The parameter of a message, and its length.
    Parameter,
    /// A text that ends with a NUL, or has the length that the standard says.
    Text,
}

use Argument::*;

const CBC: Argument = Mechanism(CKM_AES_CBC_PAD, 16);
const GENERATE: Argument = Mechanism(CKM_AES_KEY_GEN, 0);
const WRAP: Argument = Mechanism(CKM_AES_KEY_WRAP_PAD, 0);
const KEM: Argument = Mechanism(CKM_ML_KEM, 0);

/// The functions that have arguments, but those of the library's life and its interfaces.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, &[Argument])] = &[
    ("C_GetInfo", &[To]),
    ("C_GetSlotList", &[Number(0), Output]),
    ("C_GetSlotInfo", &[Slot, To]),
    ("C_GetTokenInfo", &[Slot, To]),
    ("C_GetMechanismList", &[Slot, Output]),
    ("C_GetMechanismInfo", &[Slot, Number(CKM_AES_GCM), To]),
    ("C_InitToken", &[Slot, Input, Text]),
    ("C_InitPIN", &[Session, Input]),
    ("C_SetPIN", &[Session, Input, Input]),
    ("C_OpenSession", &[Slot, Number(CKF_SERIAL_SESSION), Number(0), Number(0), To]),
    ("C_CloseSession", &[Session]),
    ("C_CloseAllSessions", &[Slot]),
    ("C_GetSessionInfo", &[Session, To]),
    ("C_GetOperationState", &[Session, Output]),
    ("C_SetOperationState", &[Session, Input, Key, Key]),
    ("C_Login", &[Session, Number(CKU_USER), Input]),
    ("C_Logout", &[Session]),
    ("C_CreateObject", &[Session, Template, To]),
    ("C_CopyObject", &[Session, Key, Template, To]),
    ("C_DestroyObject", &[Session, Key]),
    ("C_GetObjectSize", &[Session, Key, To]),
    ("C_GetAttributeValue", &[Session, Key, Template]),
    ("C_SetAttributeValue", &[Session, Key, Template]),
    ("C_FindObjectsInit", &[Session, Template]),
    ("C_FindObjects", &[Session, To, Number(1), To]),
    ("C_FindObjectsFinal", &[Session]),
    ("C_EncryptInit", &[Session, CBC, Key]),
    ("C_Encrypt", &[Session, Input, Output]),
    ("C_EncryptUpdate", &[Session, Input, Output]),
    ("C_EncryptFinal", &[Session, Output]),
    ("C_DecryptInit", &[Session, CBC, Key]),
    ("C_Decrypt", &[Session, Input, Output]),
    ("C_DecryptUpdate", &[Session, Input, Output]),
    ("C_DecryptFinal", &[Session, Output]),
    ("C_DigestInit", &[Session, Mechanism(CKM_SHA256, 0)]),
    ("C_Digest", &[Session, Input, Output]),
    ("C_DigestUpdate", &[Session, Input]),
    ("C_DigestKey", &[Session, Key]),
    ("C_DigestFinal", &[Session, Output]),
    ("C_SignInit", &[Session, Mechanism(CKM_AES_CMAC, 0), Key]),
    ("C_Sign", &[Session, Input, Output]),
    ("C_SignUpdate", &[Session, Input]),
    ("C_SignFinal", &[Session, Output]),
    ("C_SignRecoverInit", &[Session, Mechanism(CKM_RSA_PKCS, 0), Key]),
    ("C_SignRecover", &[Session, Input, Output]),
    ("C_VerifyInit", &[Session, Mechanism(CKM_AES_CMAC, 0), Key]),
    ("C_Verify", &[Session, Input, Input]),
    ("C_VerifyUpdate", &[Session, Input]),
    ("C_VerifyFinal", &[Session, Input]),
    ("C_VerifyRecoverInit", &[Session, Mechanism(CKM_RSA_PKCS, 0), Key]),
    ("C_VerifyRecover", &[Session, Input, Output]),
    ("C_DigestEncryptUpdate", &[Session, Input, Output]),
    ("C_DecryptDigestUpdate", &[Session, Input, Output]),
    ("C_SignEncryptUpdate", &[Session, Input, Output]),
    ("C_DecryptVerifyUpdate", &[Session, Input, Output]),
    ("C_GenerateKey", &[Session, GENERATE, Template, To]),
    ("C_GenerateKeyPair", &[Session, Mechanism(CKM_EC_KEY_PAIR_GEN, 0), Template, Template, To, To]),
    ("C_WrapKey", &[Session, WRAP, Key, Key, Output]),
    ("C_UnwrapKey", &[Session, WRAP, Key, Input, Template, To]),
    ("C_DeriveKey", &[Session, Mechanism(CKM_HKDF_DERIVE, 64), Key, Template, To]),
    ("C_SeedRandom", &[Session, Input]),
    ("C_GenerateRandom", &[Session, Input]),
    ("C_GetFunctionStatus", &[Session]),
    ("C_CancelFunction", &[Session]),
    ("C_WaitForSlotEvent", &[Number(CKF_DONT_BLOCK), To, Number(0)]),
    ("C_LoginUser", &[Session, Number(CKU_USER), Input, Input]),
    ("C_SessionCancel", &[Session, Number(CK_ULONG::MAX)]),
    ("C_MessageEncryptInit", &[Session, Mechanism(CKM_AES_GCM, 0), Key]),
    ("C_EncryptMessage", &[Session, Parameter, Input, Input, Output]),
    ("C_EncryptMessageBegin", &[Session, Parameter, Input]),
    ("C_EncryptMessageNext", &[Session, Parameter, Input, Output, Number(CKF_END_OF_MESSAGE)]),
    ("C_MessageEncryptFinal", &[Session]),
    ("C_MessageDecryptInit", &[Session, Mechanism(CKM_AES_GCM, 0), Key]),
    ("C_DecryptMessage", &[Session, Parameter, Input, Input, Output]),
    ("C_DecryptMessageBegin", &[Session, Parameter, Input]),
    ("C_DecryptMessageNext", &[Session, Parameter, Input, Output, Number(CKF_END_OF_MESSAGE)]),
    ("C_MessageDecryptFinal", &[Session]),
    ("C_MessageSignInit", &[Session, Mechanism(CKM_AES_CMAC, 0), Key]),
    ("C_SignMessage", &[Session, Parameter, Input, Output]),
    ("C_SignMessageBegin", &[Session, Parameter]),
    ("C_SignMessageNext", &[Session, Parameter, Input, Output]),
    ("C_MessageSignFinal", &[Session]),
    ("C_MessageVerifyInit", &[Session, Mechanism(CKM_AES_CMAC, 0), Key]),
    ("C_VerifyMessage", &[Session, Parameter, Input, Input]),
    ("C_VerifyMessageBegin", &[Session, Parameter]),
    ("C_VerifyMessageNext", &[Session, Parameter, Input, Input]),
    ("C_MessageVerifyFinal", &[Session]),
    ("C_EncapsulateKey", &[Session, KEM, Key, Template, Output, To]),
    ("C_DecapsulateKey", &[Session, KEM, Key, Template, Input, To]),
    ("C_VerifySignatureInit", &[Session, Mechanism(CKM_AES_CMAC, 0), Key, Input]),
    ("C_VerifySignature", &[Session, Input]),
    ("C_VerifySignatureUpdate", &[Session, Input]),
    ("C_VerifySignatureFinal", &[Session]),
    ("C_GetSessionValidationFlags", &[Session, Number(CKS_LAST_VALIDATION_OK), To]),
    ("C_AsyncComplete", &[Session, Text, To]),
    ("C_AsyncGetID", &[Session, Text, To]),
    ("C_AsyncJoin", &[Session, Text, Number(0), Input]),
    ("C_WrapKeyAuthenticated", &[Session, WRAP, Key, Key, Input, Output]),
    ("C_UnwrapKeyAuthenticated", &[Session, WRAP, Key, Input, Template, Input, To]),
];

/// What is wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// The pointer in this word is NULL.
    Null(usize),
    /// The length in this word, or at the address in it, is all ones.
    Endless(usize),
    /// This word is a number where an address belongs.
    Number(usize),
    /// The addresses in mechanisms and attributes are.
    NumberWithin,
    /// Every pointer is odd.
    Odd,
    /// Every pointer is the same.
    Same,
}

/// What a word of a call is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Value,
    Length,
    Pointer,
    /// The address of a length.
    LengthAt,
}

const ROOM: usize = 16 * 1024;
/// As small as handles, lengths and mechanisms are.
const SMALL: CK_ULONG = 70;

/// The memory of one call: a room for each word, and what the pointers between them need.
struct Memory {
    rooms: Vec<Vec<u8>>,
    wrong: Wrong,
}

impl Memory {
    fn new(wrong: Wrong) -> Self {
        Self {
            rooms: (0..12).map(|_| vec![0; ROOM + 32]).collect(),
            wrong,
        }
    }

    fn pointer(&mut self, word: usize) -> *mut u8 {
        let room = if self.wrong == Wrong::Same { 0 } else { word };
        let first = self.rooms[room].as_mut_ptr();
        let odd = usize::from(self.wrong == Wrong::Odd);
        first.wrapping_add(first.align_offset(16) + odd)
    }

    /// A pointer in a structure.
    fn within(&mut self, room: usize) -> CK_VOID_PTR {
        match self.wrong {
            Wrong::NumberWithin => std::ptr::without_provenance_mut(SMALL as usize),
            _ => self.pointer(room).cast(),
        }
    }

    fn put<T>(&mut self, word: usize, value: T) {
        // SAFETY: each room is longer than any structure.
        unsafe { self.pointer(word).cast::<T>().write_unaligned(value) };
    }
}

/// The words of a call, the last of two for those arguments that are two.
fn words(
    arguments: &[Argument],
    (slot, session, key): (CK_ULONG, CK_ULONG, CK_ULONG),
    memory: &mut Memory,
) -> Vec<(Word, CK_ULONG)> {
    const LENGTH: CK_ULONG = 16;
    let mut words = vec![];
    for argument in arguments {
        let at = words.len();
        let address = memory.pointer(at).expose_provenance() as CK_ULONG;
        match *argument {
            Session => words.push((Word::Value, session)),
            Slot => words.push((Word::Value, slot)),
            Key => words.push((Word::Value, key)),
            Number(number) => words.push((Word::Value, number)),
            To | Text => words.push((Word::Pointer, address)),
            Mechanism(mechanism, parameter_len) => {
                let parameter = memory.within(10);
                let mechanism = CK_MECHANISM {
                    mechanism,
                    pParameter: parameter,
                    ulParameterLen: parameter_len as CK_ULONG,
                };
                memory.put(at, mechanism);
                words.push((Word::Pointer, address));
            }
            Template => {
                memory.put(11, LENGTH);
                let attribute = CK_ATTRIBUTE {
                    type_: CKA_VALUE_LEN,
                    pValue: memory.within(11),
                    ulValueLen: 8,
                };
                memory.put(at, attribute);
                words.extend([(Word::Pointer, address), (Word::Length, 1)]);
            }
            Input => words.extend([(Word::Pointer, address), (Word::Length, LENGTH)]),
            Parameter => {
                let length = size_of::<CK_GCM_MESSAGE_PARAMS>() as CK_ULONG;
                words.extend([(Word::Pointer, address), (Word::Length, length)]);
            }
            Output => {
                memory.put(at + 1, (ROOM / size_of::<CK_INTERFACE>()) as CK_ULONG);
                let length = memory.pointer(at + 1).expose_provenance() as CK_ULONG;
                words.extend([(Word::Pointer, address), (Word::LengthAt, length)]);
            }
        }
    }
    match memory.wrong {
        Wrong::Null(word) => words[word].1 = 0,
        Wrong::Number(word) => words[word].1 = SMALL,
        Wrong::Endless(word) if words[word].0 == Word::LengthAt => memory.put(word, CK_ULONG::MAX),
        Wrong::Endless(word) => words[word].1 = CK_ULONG::MAX,
        _ => {}
    }
    words
}

/// All that can be wrong with a call of these words.
fn wrongs(kinds: &[Word]) -> Vec<Wrong> {
    let mut wrongs = vec![Wrong::Nothing, Wrong::NumberWithin, Wrong::Odd, Wrong::Same];
    for (word, kind) in kinds.iter().enumerate() {
        match kind {
            Word::Value => {}
            Word::Pointer => wrongs.extend([Wrong::Null(word), Wrong::Number(word)]),
            Word::Length => wrongs.push(Wrong::Endless(word)),
            Word::LengthAt => {
                wrongs.extend([Wrong::Null(word), Wrong::Number(word), Wrong::Endless(word)]);
            }
        }
    }
    wrongs
}

/// A session with a key in it; a new one when a call has ended the session or the key.
struct Busy<'a> {
    token: &'a Token,
    session: Session<'a>,
    key: CK_OBJECT_HANDLE,
}

impl<'a> Busy<'a> {
    fn new(token: &'a Token) -> Self {
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        Self {
            token,
            session,
            key,
        }
    }

    /// With an operation of each common kind, whatever was active.
    fn renewed(self) -> Self {
        let (module, handle) = (&self.token.module, self.session.handle);
        let cancelled = call!(module, C_SessionCancel(handle, CK_ULONG::MAX));
        if cancelled != CKR_OK || self.session.start_encrypting(self.key) != CKR_OK {
            return Self::new(self.token).renewed();
        }
        let mut sha256 = tests::mechanism(CKM_SHA256, &mut []);
        ok!(module, C_DigestInit(handle, &raw mut sha256));
        self
    }
}

#[test]
fn every_argument_of_every_function_may_be_wrong() {
    everywhere(|| {
        let token = Token::make();
        let functions = token.module.named_functions();
        // The last session that closes would end the login, and a login takes its time.
        let _open = token.logged_in();
        let mut busy = Busy::new(&token);
        for (name, arguments) in FUNCTIONS {
            let function: *const c_void = functions[name];
            let kinds: Vec<_> = words(arguments, (0, 0, 0), &mut Memory::new(Wrong::Nothing))
                .iter()
                .map(|(kind, _)| *kind)
                .collect();
            let mut answers = vec![];
            for wrong in wrongs(&kinds) {
                busy = busy.renewed();
                let mut memory = Memory::new(wrong);
                let given = words(
                    arguments,
                    (token.slot, busy.session.handle, busy.key),
                    &mut memory,
                );
                let given: Vec<_> = given.iter().map(|(_, word)| *word).collect();
                let answer = null::call_with(function, &given);
                assert_ne!(answer, CKR_GENERAL_ERROR, "{name} {wrong:?}");
                assert_ne!(answer, CKR_DEVICE_ERROR, "{name} {wrong:?}");
                answers.push((wrong, answer));
            }
            check(name, arguments, &kinds, &answers);
        }
        // And the module is as well as before.
        token.logged_in().generate(false, "after").unwrap();
    });
}

/// What the answers have to be, whatever state the function found.
fn check(name: &str, arguments: &[Argument], kinds: &[Word], answers: &[(Wrong, CK_RV)]) {
    let good = answers[0].1;
    for (wrong, answer) in &answers[1..] {
        match wrong {
            // Alignment is nobody's business.
            Wrong::Odd => assert_eq!(*answer, good, "{name} {wrong:?}"),
            Wrong::Null(word) => {
                let is_query = kinds.get(word + 1) == Some(&Word::LengthAt);
                // An Init without a mechanism ends the operation.
                let cancels = name.ends_with("Init") && *word == 1 && arguments.len() > 1;
                if !is_query && !cancels {
                    assert_ne!(*answer, CKR_OK, "{name} {wrong:?}");
                }
            }
            Wrong::Number(_) => assert_ne!(*answer, CKR_OK, "{name} {wrong:?}"),
            Wrong::Endless(word) if kinds[*word] == Word::Length => {
                assert_ne!(*answer, CKR_OK, "{name} {wrong:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn the_sweep_knows_every_function() {
    everywhere(|| {
        let module = tests::Module::load();
        let here: BTreeSet<_> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
        let alone = [
            "C_Initialize",
            "C_Finalize",
            "C_GetFunctionList",
            "C_GetInterfaceList",
            "C_GetInterface",
        ];
        let all: BTreeSet<_> = module.named_functions().into_keys().collect();
        let swept: BTreeSet<_> = here.iter().copied().chain(alone).collect();
        assert_eq!(swept, all);
    });
}

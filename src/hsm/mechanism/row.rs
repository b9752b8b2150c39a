//! What a row of the mechanism table is made of: the key it takes, and a column for each function.
//!
//! A column is a static value that knows the algorithm and keeps nothing; what an operation works
//! on is handed to it ([`Use`]), what it has to remember between two parts is a [`Parts`].

use cryptoki_sys as sys;
use token::{
    KeyType, MechanismId, MechanismInformation, MessageParameters, Operation, OutputBound,
    Parameters, Reason, Result,
};

use super::{
    Material,
    keying::{Derivation, Encapsulation, Wrapping},
    nonces::Nonces,
};
use crate::object::Attributes;

/// One mechanism. A column that is `None` is a function that the mechanism does not have.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: MechanismId,
    /// The standard's name, for messages and documents.
    pub(crate) name: &'static str,
    /// The key it takes or makes; digests have none.
    pub(crate) key: Option<KeyRule>,
    pub(crate) encrypt: Option<&'static dyn Transformation>,
    pub(crate) decrypt: Option<&'static dyn Transformation>,
    pub(crate) digest: Option<&'static dyn Transformation>,
    pub(crate) sign: Option<&'static dyn Transformation>,
    pub(crate) verify: Option<&'static dyn Verification>,
    pub(crate) sign_recover: Option<&'static dyn Transformation>,
    pub(crate) verify_recover: Option<&'static dyn Transformation>,
    /// Where encrypt and decrypt take messages: what makes a call's parameters of a message's.
    pub(crate) message: Option<OfMessage>,
    /// A secret key of the checked template.
    pub(crate) generate: Option<fn(&Parameters, &Attributes) -> Result<Material>>,
    /// The public and the private key of the checked templates, in that order.
    pub(crate) generate_pair: Option<GeneratePair>,
    pub(crate) wrap: Option<&'static dyn Wrapping>,
    pub(crate) unwrap: Option<&'static dyn Wrapping>,
    pub(crate) derive: Option<&'static dyn Derivation>,
    pub(crate) encapsulate: Option<&'static dyn Encapsulation>,
    pub(crate) decapsulate: Option<&'static dyn Encapsulation>,
}

/// Makes the public and the private key of two templates.
pub(crate) type GeneratePair = fn(&Attributes, &Attributes) -> Result<(Material, Material)>;

impl Row {
    /// A mechanism that does nothing yet: the table fills in what it does.
    pub(crate) const fn new(id: sys::CK_MECHANISM_TYPE, name: &'static str) -> Self {
        Self {
            id: MechanismId(id),
            name,
            key: None,
            encrypt: None,
            decrypt: None,
            digest: None,
            sign: None,
            verify: None,
            sign_recover: None,
            verify_recover: None,
            message: None,
            generate: None,
            generate_pair: None,
            wrap: None,
            unwrap: None,
            derive: None,
            encapsulate: None,
            decapsulate: None,
        }
    }

    /// The column of `operation`.
    pub(crate) fn work(&self, operation: Operation) -> Option<Work> {
        match operation {
            Operation::Encrypt => self.encrypt.map(Work::Transform),
            Operation::Decrypt => self.decrypt.map(Work::Transform),
            Operation::Digest => self.digest.map(Work::Transform),
            Operation::Sign => self.sign.map(Work::Transform),
            Operation::Verify => self.verify.map(Work::Verify),
            Operation::SignRecover => self.sign_recover.map(Work::Transform),
            Operation::VerifyRecover => self.verify_recover.map(Work::Transform),
            Operation::MessageEncrypt => self.message_work(self.encrypt),
            Operation::MessageDecrypt => self.message_work(self.decrypt),
            // All messages have the parameters of the Init.
            Operation::MessageSign => {
                let many = self.sign.filter(|column| !column.once());
                many.map(Work::Transform)
            }
            Operation::MessageVerify => {
                self.work(Operation::MessageSign)?;
                self.verify.map(Work::Verify)
            }
        }
    }

    fn message_work(&self, column: Option<&'static dyn Transformation>) -> Option<Work> {
        Some(Work::Messages(column?, self.message?))
    }

    /// `CK_MECHANISM_INFO`.
    pub(crate) fn information(&self) -> MechanismInformation {
        let does = |operation| self.work(operation).is_some();
        let columns = [
            (self.encrypt.is_some(), sys::CKF_ENCRYPT),
            (self.decrypt.is_some(), sys::CKF_DECRYPT),
            (self.digest.is_some(), sys::CKF_DIGEST),
            (self.sign.is_some(), sys::CKF_SIGN),
            (self.verify.is_some(), sys::CKF_VERIFY),
            (self.sign_recover.is_some(), sys::CKF_SIGN_RECOVER),
            (self.verify_recover.is_some(), sys::CKF_VERIFY_RECOVER),
            (does(Operation::MessageEncrypt), sys::CKF_MESSAGE_ENCRYPT),
            (does(Operation::MessageDecrypt), sys::CKF_MESSAGE_DECRYPT),
            (does(Operation::MessageSign), sys::CKF_MESSAGE_SIGN),
            (does(Operation::MessageVerify), sys::CKF_MESSAGE_VERIFY),
            (self.message.is_some(), sys::CKF_MULTI_MESSAGE),
            (self.generate.is_some(), sys::CKF_GENERATE),
            (self.generate_pair.is_some(), sys::CKF_GENERATE_KEY_PAIR),
            (self.wrap.is_some(), sys::CKF_WRAP),
            (self.unwrap.is_some(), sys::CKF_UNWRAP),
            (self.derive.is_some(), sys::CKF_DERIVE),
            (self.encapsulate.is_some(), sys::CKF_ENCAPSULATE),
            (self.decapsulate.is_some(), sys::CKF_DECAPSULATE),
        ];
        let filled = columns.iter().filter(|(filled, _)| *filled);
        let curves = self.key.as_ref().map_or(0, KeyRule::curves);
        let (min_key, max_key) = match &self.key {
            Some(rule) => (rule.unit.of(rule.min_bits), rule.unit.of(rule.max_bits)),
            None => (0, 0),
        };
        MechanismInformation {
            id: self.id,
            min_key,
            max_key,
            flags: filled.fold(curves, |flags, (_, flag)| flags | flag),
        }
    }
}

/// The keys that a mechanism takes or makes.
#[derive(Clone, Copy)]
pub(crate) struct KeyRule {
    pub(crate) class: KeyClass,
    /// Where the mechanism makes keys and the template does not choose one, it is the first.
    pub(crate) types: &'static [KeyType],
    pub(crate) min_bits: u64,
    pub(crate) max_bits: u64,
    pub(crate) unit: Unit,
}

impl KeyRule {
    /// What `CK_MECHANISM_INFO` says about curves (§6.3.2): of prime fields, by identifier, or by
    /// name where the standard has one; points whole and compressed.
    fn curves(&self) -> sys::CK_FLAGS {
        let flags = |kind: &KeyType| match kind.0 {
            sys::CKK_EC => {
                sys::CKF_EC_F_P | sys::CKF_EC_OID | sys::CKF_EC_UNCOMPRESS | sys::CKF_EC_COMPRESS
            }
            sys::CKK_EC_EDWARDS | sys::CKK_EC_MONTGOMERY => {
                sys::CKF_EC_F_P | sys::CKF_EC_OID | sys::CKF_EC_CURVENAME
            }
            _ => 0,
        };
        self.types
            .iter()
            .map(flags)
            .fold(0, |all, flags| all | flags)
    }
}

/// Whether the keys of a mechanism are secret keys, or halves of pairs; which half then follows from
/// the function: who encrypts, verifies, wraps or encapsulates has the public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyClass {
    Secret,
    Pair,
}

/// In what `CK_MECHANISM_INFO` counts a key's length: the standard says it for each mechanism.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Bits,
    Bytes,
}

impl Unit {
    fn of(self, bits: u64) -> u64 {
        match self {
            Unit::Bits => bits,
            Unit::Bytes => bits / 8,
        }
    }
}

/// A column of the table, as an operation works with it.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Transform(&'static dyn Transformation),
    Verify(&'static dyn Verification),
    /// A transformation for each message, with the parameters that are made of the message's.
    Messages(&'static dyn Transformation, OfMessage),
}

/// The parameters of one call, from those of a message and its additional data. The output of that
/// call is ciphertext ‖ tag, which the message functions keep apart.
pub(crate) type OfMessage = fn(&MessageParameters, &[u8]) -> Result<Parameters>;

/// What an operation was started with.
#[derive(Clone, Copy)]
pub(crate) struct Use<'a> {
    pub(crate) key: Option<&'a Material>,
    pub(crate) parameters: &'a Parameters,
}

impl<'a> Use<'a> {
    /// The key, where it is an AES key.
    pub(crate) fn aes(&self) -> Result<&'a crypto::aes::Key> {
        self.key
            .and_then(Material::aes)
            .ok_or(Reason::KeyTypeInconsistent.into())
    }

    /// The vectors that were made for the key, where it is one that takes some.
    pub(crate) fn nonces(&self) -> Result<&'a Nonces> {
        self.key
            .and_then(Material::nonces)
            .map(|nonces| &**nonces)
            .ok_or(Reason::KeyTypeInconsistent.into())
    }

    /// The value of the key, where it is a secret key.
    pub(crate) fn bytes(&self) -> Result<&'a [u8]> {
        self.key
            .and_then(Material::value)
            .ok_or(Reason::KeyTypeInconsistent.into())
    }

    /// Refuses a parameter where the mechanism has none.
    pub(crate) fn no_parameter(&self) -> Result<()> {
        match self.parameters {
            Parameters::None => Ok(()),
            _ => Err(Reason::MechanismParamInvalid.into()),
        }
    }
}

/// From input to output: encrypt, decrypt, digest, sign.
pub(crate) trait Transformation: Sync {
    /// Checks the parameters, and says how long the output of the whole input can become.
    fn begin(&self, with: Use<'_>) -> Result<OutputBound>;

    /// How long the output of `input` is; `None` where that is what `begin` said.
    fn exact_len(&self, _with: Use<'_>, _input: &[u8]) -> Result<Option<usize>> {
        Ok(None)
    }

    /// The output itself, where its length only shows when it is computed (RSA decryption): then
    /// [`Transformation::whole`] is never asked.
    fn computed(&self, _with: Use<'_>, _input: &[u8]) -> Result<Option<crypto::Secret>> {
        Ok(None)
    }

    /// Whether the parameters are good for one input alone: they have a nonce.
    fn once(&self) -> bool {
        false
    }

    /// Everything at once; `output` has exactly the output's length.
    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()>;

    /// The same of a message: the tag that the output ends with is apart from the ciphertext, which is
    /// as long as `input`.
    fn message(
        &self,
        with: Use<'_>,
        input: &[u8],
        ciphertext: &mut [u8],
        tag: &mut [u8],
    ) -> Result<()> {
        let mut output = vec![0; ciphertext.len().saturating_add(tag.len())];
        self.whole(with, input, &mut output)?;
        let parts = output.split_at_checked(ciphertext.len());
        let (head, tail) = parts.ok_or(Reason::Internal)?;
        ciphertext.copy_from_slice(head);
        tag.copy_from_slice(tail);
        Ok(())
    }

    /// The same in parts, where the mechanism can.
    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn Parts>> {
        Err(token::Error::new(
            Reason::OperationNotInitialized,
            "the mechanism takes no parts",
        ))
    }

    /// The parts that [`Parts::save`] has written down.
    fn restore(&self, _with: Use<'_>, _state: &[u8]) -> Result<Box<dyn Parts>> {
        Err(Reason::StateUnsaveable.into())
    }
}

/// A transformation between two parts of its input. Lengths are asked first, so that an output
/// that is too short changes nothing.
pub(crate) trait Parts: Send {
    /// How many bytes the next `input_len` bytes give at once.
    fn update_len(&self, input_len: usize) -> usize;

    /// Whether all of the input is kept until the end.
    fn keeps_input(&self) -> bool {
        false
    }

    /// Where it stands, for [`Transformation::restore`]; `None` where that cannot be written down.
    fn save(&self) -> Option<crypto::Zeroizing<Vec<u8>>> {
        None
    }

    /// Takes a part; `output` has exactly the length of [`Parts::update_len`].
    fn update(&mut self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()>;

    /// How many bytes the end gives.
    fn finish_len(&self, with: Use<'_>) -> Result<usize>;

    /// The end; `output` has exactly the length of [`Parts::finish_len`].
    fn finish(self: Box<Self>, with: Use<'_>, output: &mut [u8]) -> Result<()>;
}

/// From input and signature to yes or no.
pub(crate) trait Verification: Sync {
    /// Checks the parameters.
    fn begin(&self, with: Use<'_>) -> Result<()>;

    /// Everything at once.
    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()>;

    /// The same in parts, where the mechanism can.
    fn parts(&self, _with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Err(token::Error::new(
            Reason::OperationNotInitialized,
            "the mechanism takes no parts",
        ))
    }
}

/// A verification between two parts of its input.
pub(crate) trait VerificationParts: Send {
    /// Whether all of the input is kept until the end.
    fn keeps_input(&self) -> bool {
        false
    }

    /// Takes a part.
    fn update(&mut self, with: Use<'_>, input: &[u8]) -> Result<()>;

    /// The end: is it the signature of all parts?
    fn check(self: Box<Self>, with: Use<'_>, signature: &[u8]) -> Result<()>;
}

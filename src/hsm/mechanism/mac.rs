//! Message authentication codes: HMAC (FIPS 198-1), CMAC (SP 800-38B), whole or cut to a length
//! (`_GENERAL`), and GMAC (SP 800-38D).

use crypto::{
    cmac, gcm,
    hash::{Hash, MAX_LEN},
    hmac,
};
use cryptoki_sys as sys;
use token::{MechanismId, OutputBound, Parameters, Reason, Result};

use super::{
    Material, Parts, Transformation, Use, Verification, VerificationParts, failure::internal,
    gcm as gcm_column, keying::typed,
};

/// The sign and verify columns.
pub(super) struct Mac {
    pub(super) function: Function,
    /// Whether the parameter says how long the code is.
    pub(super) general: bool,
}

/// The hash of an HMAC mechanism that gives whole codes: SP 800-108 names its function so.
pub(super) fn hash_of(hmac: MechanismId) -> Option<Hash> {
    let hmacs = [
        (sys::CKM_SHA_1_HMAC, Hash::Sha1),
        (sys::CKM_SHA224_HMAC, Hash::Sha224),
        (sys::CKM_SHA256_HMAC, Hash::Sha256),
        (sys::CKM_SHA384_HMAC, Hash::Sha384),
        (sys::CKM_SHA512_HMAC, Hash::Sha512),
        (sys::CKM_SHA512_224_HMAC, Hash::Sha512_224),
        (sys::CKM_SHA512_256_HMAC, Hash::Sha512_256),
        (sys::CKM_SHA3_224_HMAC, Hash::Sha3_224),
        (sys::CKM_SHA3_256_HMAC, Hash::Sha3_256),
        (sys::CKM_SHA3_384_HMAC, Hash::Sha3_384),
        (sys::CKM_SHA3_512_HMAC, Hash::Sha3_512),
    ];
    let known = hmacs.iter().find(|(number, _)| *number == hmac.0);
    known.map(|(_, hash)| *hash)
}

/// The function that makes the code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Hmac(Hash),
    CmacAes,
    CmacDes3,
    /// Its parameter is the initialisation vector.
    Gmac,
}

impl Function {
    const fn len(self) -> usize {
        match self {
            Function::Hmac(hash) => hash.len(),
            Function::CmacAes => crypto::aes::BLOCK,
            Function::CmacDes3 => crypto::des3::BLOCK,
            Function::Gmac => gcm::TAG_LEN,
        }
    }
}

impl Mac {
    fn len(&self, parameters: &Parameters) -> Result<usize> {
        let whole = self.function.len();
        let gmac = self.function == Function::Gmac;
        let len = match parameters {
            // §6.13.3: as the initialisation vectors of GCM.
            Parameters::Iv(iv) if gmac && (1..=gcm_column::IV_LEN_MAX).contains(&iv.len()) => whole,
            Parameters::None if !self.general && !gmac => whole,
            Parameters::MacLength(len) if self.general => {
                usize::try_from(*len).unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        if (1..=whole).contains(&len) {
            Ok(len)
        } else {
            Err(Reason::MechanismParamInvalid.into())
        }
    }

    fn code(&self, with: Use<'_>) -> Result<Code> {
        let len = self.len(with.parameters)?;
        let stream = match (self.function, with.parameters) {
            (Function::Hmac(hash), _) => hmac_key(with)?.stream(hash).map(Stream::Hmac),
            (Function::CmacAes, _) => cmac::Stream::aes(with.aes()?).map(Stream::Cmac),
            (Function::CmacDes3, _) => cmac::Stream::des3(des3_key(with)?).map(Stream::Cmac),
            (Function::Gmac, Parameters::Iv(iv)) => {
                gcm::Authentication::new(with.aes()?, iv).map(Stream::Gmac)
            }
            (Function::Gmac, _) => return Err(Reason::MechanismParamInvalid.into()),
        };
        let stream = stream.map_err(internal)?;
        Ok(Code { stream, len })
    }

    /// The whole code of `input`, of which only the first bytes may be asked for.
    fn whole_code(&self, with: Use<'_>, input: &[u8]) -> Result<[u8; MAX_LEN]> {
        let mut whole = [0; MAX_LEN];
        match self.function {
            // The one that needs no stream, and so no memory.
            Function::Hmac(hash) => hmac_key(with)?
                .code(hash, &[input], &mut whole)
                .map_err(internal)?,
            _ => {
                let mut code = self.code(with)?;
                code.stream.update(input)?;
                code.stream.finish(&mut whole)?;
            }
        }
        Ok(whole)
    }
}

impl Transformation for Mac {
    fn begin(&self, with: Use<'_>) -> Result<OutputBound> {
        let added = self.len(with.parameters)? as u64;
        Ok(OutputBound::fixed(added))
    }

    fn once(&self) -> bool {
        self.function == Function::Gmac
    }

    fn whole(&self, with: Use<'_>, input: &[u8], output: &mut [u8]) -> Result<()> {
        cut(&self.whole_code(with, input)?, output)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn Parts>> {
        Ok(Box::new(self.code(with)?))
    }
}

impl Verification for Mac {
    fn begin(&self, with: Use<'_>) -> Result<()> {
        self.len(with.parameters).map(drop)
    }

    fn whole(&self, with: Use<'_>, input: &[u8], signature: &[u8]) -> Result<()> {
        let len = self.len(with.parameters)?;
        compare(&self.whole_code(with, input)?, len, signature)
    }

    fn parts(&self, with: Use<'_>) -> Result<Box<dyn VerificationParts>> {
        Ok(Box::new(self.code(with)?))
    }
}

/// A code whose input is not complete.
struct Code {
    stream: Stream,
    len: usize,
}

enum Stream {
    Hmac(hmac::Stream),
    Cmac(cmac::Stream),
    Gmac(gcm::Authentication),
}

impl Stream {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        let updated = match self {
            Stream::Hmac(stream) => stream.update(input),
            Stream::Cmac(stream) => stream.update(input),
            Stream::Gmac(stream) => stream.update(input),
        };
        updated.map_err(internal)
    }

    fn finish(self, whole: &mut [u8; MAX_LEN]) -> Result<()> {
        let finished = match self {
            Stream::Hmac(stream) => stream.finish(whole),
            Stream::Cmac(stream) => stream.finish(whole),
            Stream::Gmac(stream) => {
                let tag = whole.first_chunk_mut().ok_or(Reason::Internal)?;
                stream.finish(tag)
            }
        };
        finished.map_err(internal)
    }
}

impl Parts for Code {
    fn update_len(&self, _input_len: usize) -> usize {
        0
    }

    fn update(&mut self, _with: Use<'_>, input: &[u8], _output: &mut [u8]) -> Result<()> {
        self.stream.update(input)
    }

    fn finish_len(&self, _with: Use<'_>) -> Result<usize> {
        Ok(self.len)
    }

    fn finish(self: Box<Self>, _with: Use<'_>, output: &mut [u8]) -> Result<()> {
        let mut whole = [0; MAX_LEN];
        self.stream.finish(&mut whole)?;
        cut(&whole, output)
    }
}

impl VerificationParts for Code {
    fn update(&mut self, _with: Use<'_>, input: &[u8]) -> Result<()> {
        self.stream.update(input)
    }

    fn check(self: Box<Self>, _with: Use<'_>, signature: &[u8]) -> Result<()> {
        let mut whole = [0; MAX_LEN];
        self.stream.finish(&mut whole)?;
        compare(&whole, self.len, signature)
    }
}

fn cut(whole: &[u8; MAX_LEN], output: &mut [u8]) -> Result<()> {
    let code = whole.get(..output.len()).ok_or(Reason::Internal)?;
    output.copy_from_slice(code);
    Ok(())
}

fn compare(whole: &[u8; MAX_LEN], len: usize, signature: &[u8]) -> Result<()> {
    if signature.len() != len {
        return Err(Reason::SignatureLenRange.into());
    }
    let expected = whole.get(..len).ok_or(Reason::Internal)?;
    if crypto::eq(expected, signature) {
        Ok(())
    } else {
        Err(Reason::SignatureInvalid.into())
    }
}

fn hmac_key(with: Use<'_>) -> Result<&hmac::Key> {
    typed(with, |material| match material {
        Material::Bytes(key) => Some(key),
        _ => None,
    })
}

fn des3_key(with: Use<'_>) -> Result<&crypto::des3::Key> {
    typed(with, |material| match material {
        Material::Des3(key) => Some(key),
        _ => None,
    })
}

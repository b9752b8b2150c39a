//! `CKM_ECDH1_DERIVE` and `CKM_ECDH1_COFACTOR_DERIVE` (§6.3.18, §6.3.19): on curves of prime order,
//! where the cofactor is one, and on curve25519, whose function has its cofactor in it.

use crypto::{Error as Failure, Secret, hash::Hash, kdf};
use cryptoki_sys as sys;
use token::{Error, Parameters, Reason, Result};

use super::{
    Material, Use,
    failure::internal,
    keying::{Derivation, OtherKeys},
    material::{point, point_lens},
};

/// The derive column.
pub(super) struct Ecdh;

/// What is done with the shared secret, by its `CKD_` number; `CKD_NULL` is the other one.
const FUNCTIONS: [(u64, Function); 18] = [
    (sys::CKD_SHA1_KDF, Function::X963(Hash::Sha1)),
    (sys::CKD_SHA224_KDF, Function::X963(Hash::Sha224)),
    (sys::CKD_SHA256_KDF, Function::X963(Hash::Sha256)),
    (sys::CKD_SHA384_KDF, Function::X963(Hash::Sha384)),
    (sys::CKD_SHA512_KDF, Function::X963(Hash::Sha512)),
    (sys::CKD_SHA3_224_KDF, Function::X963(Hash::Sha3_224)),
    (sys::CKD_SHA3_256_KDF, Function::X963(Hash::Sha3_256)),
    (sys::CKD_SHA3_384_KDF, Function::X963(Hash::Sha3_384)),
    (sys::CKD_SHA3_512_KDF, Function::X963(Hash::Sha3_512)),
    (sys::CKD_SHA1_KDF_SP800, Function::OneStep(Hash::Sha1)),
    (sys::CKD_SHA224_KDF_SP800, Function::OneStep(Hash::Sha224)),
    (sys::CKD_SHA256_KDF_SP800, Function::OneStep(Hash::Sha256)),
    (sys::CKD_SHA384_KDF_SP800, Function::OneStep(Hash::Sha384)),
    (sys::CKD_SHA512_KDF_SP800, Function::OneStep(Hash::Sha512)),
    (
        sys::CKD_SHA3_224_KDF_SP800,
        Function::OneStep(Hash::Sha3_224),
    ),
    (
        sys::CKD_SHA3_256_KDF_SP800,
        Function::OneStep(Hash::Sha3_256),
    ),
    (
        sys::CKD_SHA3_384_KDF_SP800,
        Function::OneStep(Hash::Sha3_384),
    ),
    (
        sys::CKD_SHA3_512_KDF_SP800,
        Function::OneStep(Hash::Sha3_512),
    ),
];

#[derive(Clone, Copy)]
enum Function {
    /// The secret itself.
    Null,
    /// ANSI X9.63.
    X963(Hash),
    /// SP 800-56C, one step with a hash.
    OneStep(Hash),
}

impl Function {
    fn of(number: u64) -> Result<Self> {
        if number == sys::CKD_NULL {
            return Ok(Function::Null);
        }
        let known = FUNCTIONS.iter().find(|(known, _)| *known == number);
        let known = known.ok_or_else(|| {
            let words = format!("there is no key derivation function {number:#x}");
            Error::new(Reason::MechanismParamInvalid, words)
        })?;
        Ok(known.1)
    }

    /// A value of `wanted` bytes, or of the length that is the function's own.
    fn derive(self, secret: Secret, shared: &[u8], wanted: Option<usize>) -> Result<Secret> {
        let (made, hash) = match self {
            Function::Null => return cut(secret, wanted),
            Function::X963(hash) => (kdf::x963 as Derive, hash),
            Function::OneStep(hash) => (kdf::one_step as Derive, hash),
        };
        made(hash, secret.reveal(), shared, wanted.unwrap_or(hash.len())).map_err(internal)
    }
}

type Derive = fn(Hash, &[u8], &[u8], usize) -> crypto::Result<Secret>;

/// The secret without so many bytes of its beginning that it has the wanted length (§6.3.18).
fn cut(secret: Secret, wanted: Option<usize>) -> Result<Secret> {
    let Some(wanted) = wanted else {
        return Ok(secret);
    };
    let start = secret.len().checked_sub(wanted);
    let kept = start.and_then(|start| secret.reveal().get(start..));
    kept.map(Secret::from).ok_or_else(|| {
        let words = format!("the shared secret has {} bytes", secret.len());
        Error::new(Reason::AttributeValueInvalid, words)
    })
}

impl Derivation for Ecdh {
    fn derive(
        &self,
        with: Use<'_>,
        _others: &dyn OtherKeys,
        wanted: &[Option<usize>],
    ) -> Result<Vec<Secret>> {
        let (
            Parameters::Ecdh {
                kdf,
                shared,
                public,
            },
            [wanted],
        ) = (with.parameters, wanted)
        else {
            return Err(Reason::MechanismParamInvalid.into());
        };
        let function = Function::of(*kdf)?;
        if matches!(function, Function::Null) && !shared.is_empty() {
            let words = "CKD_NULL takes no shared data";
            return Err(Error::new(Reason::MechanismParamInvalid, words));
        }
        let agreed = match with.key {
            Some(Material::EcPrivate(private)) => {
                let lens = point_lens(private.key.curve());
                private.key.agree(point(public, &lens))
            }
            Some(Material::XPrivate(private)) => {
                private.key.agree(point(public, &[crypto::montgomery::LEN]))
            }
            _ => return Err(Reason::KeyTypeInconsistent.into()),
        };
        let secret = agreed.map_err(|failure| match failure {
            Failure::Key | Failure::Length => {
                let words = "the public key is no point of the curve";
                Error::new(Reason::MechanismParamInvalid, words)
            }
            other => internal(other),
        })?;
        Ok(vec![function.derive(secret, shared, *wanted)?])
    }
}

//! Whether an operation is approved in the words of FIPS 140-3: its row is in the table of a build
//! on the FIPS module (`table/approved.rs`), and its parameters and its key are what the
//! publications ask for too. What they leave open counts as not approved.

use cryptoki_sys as sys;
use token::{Mechanism, MechanismId, Operation, Parameters};

use super::{Function, Material};

/// An operation that is about to be done, or was.
pub(crate) struct Doing<'a> {
    pub(crate) mechanism: MechanismId,
    /// What is done with a key; where it is none, one is made.
    pub(crate) function: Option<Function>,
    pub(crate) parameters: &'a Parameters,
    /// Whether the HSM made the initialisation vector.
    pub(crate) drawn: bool,
    /// The key that is used or made.
    pub(crate) key: Option<&'a Material>,
}

/// Whether it is approved in this build. Without the FIPS module nothing is.
pub(crate) fn is_approved(doing: &Doing<'_>) -> bool {
    crypto::library::IS_FIPS && meets_the_publications(doing)
}

/// Whether these parameters have the HSM make the initialisation vector.
pub(crate) fn draws(parameters: &Parameters) -> bool {
    matches!(parameters, Parameters::Message(message) if message.generator != sys::CKG_NO_GENERATE)
}

/// The same as [`is_approved`], whatever the module: of a mechanism that is in the table of `fips`.
fn meets_the_publications(doing: &Doing<'_>) -> bool {
    let mut demands = DEMANDS.iter();
    demands.all(|demand| !(demand.of)(doing) || (demand.met)(doing))
}

/// Something that is asked of some operations.
struct Demand {
    of: fn(&Doing<'_>) -> bool,
    met: fn(&Doing<'_>) -> bool,
}

const DEMANDS: &[Demand] = &[
    // SP 800-131A: 112 bits of strength. Those of pairs are in the table.
    Demand {
        of: |doing| doing.key.is_some_and(|key| key.value().is_some()),
        met: |doing| doing.key.is_some_and(|key| key.bits() >= STRENGTH_BITS),
    },
    // SP 800-38D §8: who encrypts makes the vector.
    Demand {
        of: |doing| GCM.contains(&doing.mechanism.0) && doing.protects(),
        met: |doing| doing.drawn,
    },
    // SP 800-38F §3.1: a confidentiality mode alone wraps no key.
    Demand {
        of: |doing| matches!(doing.function, Some(Function::Wrap | Function::Unwrap)),
        met: |doing| !UNAUTHENTICATED.contains(&doing.mechanism.0),
    },
    // FIPS 186-5, FIPS 204: the digest is a part of the signature, and here somebody else made it.
    Demand {
        of: |doing| OF_DIGESTS.contains(&doing.mechanism.0),
        met: |_| false,
    },
    // SP 800-56A §5.8: the shared secret itself is no key.
    Demand {
        of: |doing| matches!(doing.parameters, Parameters::Ecdh { .. }),
        met: |doing| {
            !matches!(
                doing.parameters,
                Parameters::Ecdh {
                    kdf: sys::CKD_NULL,
                    ..
                }
            )
        },
    },
    // SP 800-132 §5.
    Demand {
        of: |doing| matches!(doing.parameters, Parameters::Pbkdf2 { .. }),
        met: |doing| {
            matches!(doing.parameters, Parameters::Pbkdf2 { salt, iterations, .. }
                if salt.len() >= SALT_BYTES && *iterations >= ITERATIONS)
        },
    },
];

const STRENGTH_BITS: u64 = 112;
const SALT_BYTES: usize = 16;
const ITERATIONS: u64 = 1_000;

/// Those whose initialisation vector the caller may choose.
const GCM: [u64; 2] = [sys::CKM_AES_GCM, sys::CKM_AES_GMAC];
const UNAUTHENTICATED: [u64; 4] = [
    sys::CKM_AES_ECB,
    sys::CKM_AES_CBC,
    sys::CKM_AES_CBC_PAD,
    sys::CKM_AES_CTR,
];
const OF_DIGESTS: [u64; 4] = [
    sys::CKM_RSA_PKCS,
    sys::CKM_RSA_PKCS_PSS,
    sys::CKM_ECDSA,
    sys::CKM_HASH_ML_DSA,
];

impl<'a> Doing<'a> {
    /// What has no Init, and chooses no initialisation vector.
    pub(crate) fn with(function: Function, mechanism: &'a Mechanism, key: &'a Material) -> Self {
        Self {
            mechanism: mechanism.id,
            function: Some(function),
            parameters: &mechanism.parameters,
            drawn: false,
            key: Some(key),
        }
    }

    /// The making of a secret key.
    pub(crate) fn making(mechanism: &'a Mechanism, key: &'a Material) -> Self {
        Self {
            key: Some(key),
            ..Self::of_pair(mechanism)
        }
    }

    /// The making of a pair.
    pub(crate) fn of_pair(mechanism: &'a Mechanism) -> Self {
        Self {
            mechanism: mechanism.id,
            function: None,
            parameters: &mechanism.parameters,
            drawn: false,
            key: None,
        }
    }

    /// Whether it is the side of an operation that chooses an initialisation vector.
    fn protects(&self) -> bool {
        matches!(
            self.function,
            Some(
                Function::Wrap
                    | Function::Operation(
                        Operation::Encrypt
                            | Operation::MessageEncrypt
                            | Operation::Sign
                            | Operation::MessageSign
                    )
            )
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::vectors::secret_key;

    fn of(mechanism: u64, parameters: Parameters) -> Mechanism {
        Mechanism {
            id: MechanismId(mechanism),
            parameters,
        }
    }

    fn secret(bytes: usize) -> Material {
        secret_key(sys::CKK_GENERIC_SECRET, &vec![1; bytes])
    }

    #[test]
    fn a_secret_has_112_bits_whether_it_is_used_or_made() {
        let hmac = of(sys::CKM_SHA256_HMAC, Parameters::None);
        let generate = of(sys::CKM_GENERIC_SECRET_KEY_GEN, Parameters::None);
        let sign = Function::Operation(Operation::Sign);
        for (bytes, enough) in [(13, false), (14, true)] {
            let key = secret(bytes);
            let used = Doing::with(sign, &hmac, &key);
            assert_eq!(meets_the_publications(&used), enough, "{bytes}");
            let made = Doing::making(&generate, &key);
            assert_eq!(meets_the_publications(&made), enough, "{bytes}");
        }
    }

    #[test]
    fn who_encrypts_with_gcm_has_the_vector_made() {
        let gcm = of(sys::CKM_AES_GCM, Parameters::None);
        let key = secret(32);
        let encrypt = Doing::with(Function::Operation(Operation::Encrypt), &gcm, &key);
        assert!(!meets_the_publications(&encrypt));
        let drawn = Doing {
            drawn: true,
            ..encrypt
        };
        assert!(meets_the_publications(&drawn));
        let decrypt = Doing::with(Function::Operation(Operation::Decrypt), &gcm, &key);
        assert!(meets_the_publications(&decrypt));
    }

    #[test]
    fn a_cipher_without_authentication_encrypts_and_wraps_nothing() {
        let cbc = of(sys::CKM_AES_CBC, Parameters::Iv(vec![0; 16]));
        let wrap = of(sys::CKM_AES_KEY_WRAP_KWP, Parameters::None);
        let key = secret(32);
        let encrypt = Doing::with(Function::Operation(Operation::Encrypt), &cbc, &key);
        assert!(meets_the_publications(&encrypt));
        for function in [Function::Wrap, Function::Unwrap] {
            assert!(!meets_the_publications(&Doing::with(function, &cbc, &key)));
            assert!(meets_the_publications(&Doing::with(function, &wrap, &key)));
        }
    }

    #[test]
    fn a_digest_that_came_from_elsewhere_is_not_signed() {
        let signs = |mechanism| {
            let mechanism = of(mechanism, Parameters::None);
            let sign = Some(Function::Operation(Operation::Sign));
            meets_the_publications(&Doing {
                function: sign,
                ..Doing::of_pair(&mechanism)
            })
        };
        assert!(signs(sys::CKM_ECDSA_SHA256) && signs(sys::CKM_SHA256_RSA_PKCS));
        assert!(!signs(sys::CKM_ECDSA) && !signs(sys::CKM_RSA_PKCS));
    }

    #[test]
    fn a_shared_secret_goes_through_a_function_and_a_password_through_a_long_one() {
        let ecdh = |kdf| Parameters::Ecdh {
            kdf,
            shared: Vec::new(),
            public: Vec::new(),
        };
        let pbkdf2 = |salt: usize, iterations| Parameters::Pbkdf2 {
            prf: sys::CKP_PKCS5_PBKD2_HMAC_SHA256,
            iterations,
            salt: vec![0; salt],
            password: token::SecretBytes::copied(b"password").into(),
        };
        let key = secret(32);
        for (mechanism, good) in [
            (of(sys::CKM_ECDH1_DERIVE, ecdh(sys::CKD_SHA256_KDF)), true),
            (of(sys::CKM_ECDH1_DERIVE, ecdh(sys::CKD_NULL)), false),
            (of(sys::CKM_PKCS5_PBKD2, pbkdf2(16, 1_000)), true),
            (of(sys::CKM_PKCS5_PBKD2, pbkdf2(15, 1_000)), false),
            (of(sys::CKM_PKCS5_PBKD2, pbkdf2(16, 999)), false),
        ] {
            let doing = Doing::making(&mechanism, &key);
            assert_eq!(meets_the_publications(&doing), good, "{mechanism:?}");
        }
    }

    #[test]
    fn without_the_module_nothing_is_approved() {
        let key = secret(32);
        let mechanism = of(sys::CKM_AES_KEY_GEN, Parameters::None);
        let doing = Doing::making(&mechanism, &key);
        assert!(meets_the_publications(&doing));
        assert_eq!(is_approved(&doing), crypto::library::IS_FIPS);
    }
}

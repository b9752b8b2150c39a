//! The kinds of keys that are measured, and how a module makes one.

use cryptoki_sys::*;
use tests::{Attributes, Module, plain};

use crate::worker::{Outcome, done};

/// A kind of key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// AES of 256 bits.
    Aes,
    /// A generic secret of 32 bytes.
    Secret,
    /// A pair on P-256.
    P256,
    /// An RSA pair of 2048 bits.
    Rsa,
}

/// The handles of a pair; those of a secret key are the same.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// What decrypts and signs.
    pub(crate) private: CK_OBJECT_HANDLE,
    /// What encrypts and verifies.
    pub(crate) public: CK_OBJECT_HANDLE,
}

/// P-256's object identifier, in DER.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A new key of the session's, or of the token's if `template` says so, with what else it says.
pub(crate) fn generate(
    module: &Module,
    session: CK_SESSION_HANDLE,
    kind: Kind,
    template: Attributes,
) -> Result<Keys, CK_RV> {
    match kind {
        Kind::Aes => {
            let template = template.flag(CKA_ENCRYPT, true).flag(CKA_DECRYPT, true);
            generate_secret(module, session, CKM_AES_KEY_GEN, template)
        }
        Kind::Secret => {
            let template = template.flag(CKA_SIGN, true).flag(CKA_VERIFY, true);
            generate_secret(module, session, CKM_GENERIC_SECRET_KEY_GEN, template)
        }
        Kind::P256 => {
            let public = Attributes::new().bytes(CKA_EC_PARAMS, &P256);
            generate_pair(module, session, CKM_EC_KEY_PAIR_GEN, public, template)
        }
        Kind::Rsa => {
            let public = Attributes::new()
                .number(CKA_MODULUS_BITS, 2048)
                .bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
            generate_pair(module, session, CKM_RSA_PKCS_KEY_PAIR_GEN, public, template)
        }
    }
}

/// `C_DestroyObject`, of both if they are two.
pub(crate) fn destroy(module: &Module, session: CK_SESSION_HANDLE, keys: Keys) -> Outcome {
    if keys.public != keys.private {
        done!(module, C_DestroyObject(session, keys.public))?;
    }
    done!(module, C_DestroyObject(session, keys.private))
}

fn generate_secret(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_TYPE,
    template: Attributes,
) -> Result<Keys, CK_RV> {
    let mut template = template.number(CKA_VALUE_LEN, 32);
    let (mut mechanism, mut key) = (plain(mechanism), 0);
    let (count, first) = (template.count(), template.pointer());
    done!(
        module,
        C_GenerateKey(session, &raw mut mechanism, first, count, &raw mut key)
    )?;
    Ok(Keys {
        private: key,
        public: key,
    })
}

fn generate_pair(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_TYPE,
    public: Attributes,
    private: Attributes,
) -> Result<Keys, CK_RV> {
    let mut public = public.flag(CKA_VERIFY, true);
    let mut private = private.flag(CKA_SIGN, true);
    let (mut mechanism, mut keys) = (plain(mechanism), (0, 0));
    let (public_count, public) = (public.count(), public.pointer());
    let (private_count, private) = (private.count(), private.pointer());
    done!(
        module,
        C_GenerateKeyPair(
            session,
            &raw mut mechanism,
            public,
            public_count,
            private,
            private_count,
            &raw mut keys.0,
            &raw mut keys.1
        )
    )?;
    Ok(Keys {
        private: keys.1,
        public: keys.0,
    })
}

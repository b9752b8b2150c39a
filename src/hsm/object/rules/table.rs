//! The rows of the attribute table. The footnotes of PKCS#11 3.2 Table 13 are its columns: 1 and 2
//! are `create`, 3 and 4 `generate`, 5 and 6 `unwrap` (derive, encapsulate and decapsulate too), 8,
//! 10, 11 and 12 `change`, 7 is `reveal`, 9 the two columns of defaults.

use cryptoki_sys as sys;
use token::{AttributeType, KeyType};

use super::{
    Change::{
        Always as Free, BySecurityOfficer, Never, OnCopy, OnCopyToFalse, OnCopyToTrue, OnlyToFalse,
        OnlyToTrue,
    },
    Family,
    Initial::{self, Absent, BroughtIn, Computed, Empty, Flag, Generated, Number, Use},
    Presence::{self, Forbidden, Optional, Required, RequiredUnless},
    Reveal::{Always, UnlessSensitive},
    Rule,
};

const STORED: &[Family] = &[
    Family::SecretKey,
    Family::PublicKey,
    Family::PrivateKey,
    Family::Data,
    Family::Certificate,
];
const BUILT_IN: &[Family] = &[Family::Profile, Family::Mechanism, Family::Validation];
const KEY: &[Family] = &[Family::SecretKey, Family::PublicKey, Family::PrivateKey];
const NAMED: &[Family] = &[
    Family::SecretKey,
    Family::PublicKey,
    Family::PrivateKey,
    Family::Certificate,
];
const CLOSED: &[Family] = &[Family::SecretKey, Family::PrivateKey, Family::Data];
const HIDDEN: &[Family] = &[Family::SecretKey, Family::PrivateKey];
const TRUSTABLE: &[Family] = &[Family::SecretKey, Family::PublicKey, Family::Certificate];
const CHECKED: &[Family] = &[Family::SecretKey, Family::Certificate];
const OUTWARD: &[Family] = &[Family::SecretKey, Family::PublicKey];
const PAIR: &[Family] = &[Family::PublicKey, Family::PrivateKey];
const SECRET: &[Family] = &[Family::SecretKey];
const PUBLIC: &[Family] = &[Family::PublicKey];
const PRIVATE_: &[Family] = &[Family::PrivateKey];
const DATA: &[Family] = &[Family::Data];
const CERTIFICATE: &[Family] = &[Family::Certificate];
const PROFILE: &[Family] = &[Family::Profile];
const MECHANISM: &[Family] = &[Family::Mechanism];
const VALIDATION: &[Family] = &[Family::Validation];

const ALL: &[KeyType] = &[];
const RSA: &[KeyType] = &[KeyType(sys::CKK_RSA)];
const CURVE: &[KeyType] = &[
    KeyType(sys::CKK_EC),
    KeyType(sys::CKK_EC_EDWARDS),
    KeyType(sys::CKK_EC_MONTGOMERY),
];
const PQC: &[KeyType] = &[KeyType(sys::CKK_ML_DSA), KeyType(sys::CKK_ML_KEM)];

const NO: Initial = Flag(false);
const YES: Initial = Flag(true);
const SHA_1: Initial = Number(sys::CKM_SHA_1);
const UNLESS_URL: Presence = RequiredUnless(AttributeType::URL);
const UNLESS_SEED: Presence = RequiredUnless(AttributeType::SEED);
/// Keys that encrypt.
const CIPHER: Initial = Use(&[
    KeyType(sys::CKK_AES),
    KeyType(sys::CKK_AES_XTS),
    KeyType(sys::CKK_DES),
    KeyType(sys::CKK_DES2),
    KeyType(sys::CKK_DES3),
    KeyType(sys::CKK_RSA),
]);
/// Keys that wrap keys.
const WRAPS: Initial = Use(&[
    KeyType(sys::CKK_AES),
    KeyType(sys::CKK_DES),
    KeyType(sys::CKK_DES2),
    KeyType(sys::CKK_DES3),
    KeyType(sys::CKK_RSA),
]);
/// Secret keys that make message authentication codes.
const CODES: Initial = Use(&[
    KeyType(sys::CKK_AES),
    KeyType(sys::CKK_DES2),
    KeyType(sys::CKK_DES3),
    KeyType(sys::CKK_GENERIC_SECRET),
    KeyType(sys::CKK_SHA_1_HMAC),
    KeyType(sys::CKK_SHA224_HMAC),
    KeyType(sys::CKK_SHA256_HMAC),
    KeyType(sys::CKK_SHA384_HMAC),
    KeyType(sys::CKK_SHA512_HMAC),
    KeyType(sys::CKK_SHA512_224_HMAC),
    KeyType(sys::CKK_SHA512_256_HMAC),
    KeyType(sys::CKK_SHA3_224_HMAC),
    KeyType(sys::CKK_SHA3_256_HMAC),
    KeyType(sys::CKK_SHA3_384_HMAC),
    KeyType(sys::CKK_SHA3_512_HMAC),
]);
/// Pairs that sign.
const SIGNS: Initial = Use(&[
    KeyType(sys::CKK_RSA),
    KeyType(sys::CKK_EC),
    KeyType(sys::CKK_EC_EDWARDS),
    KeyType(sys::CKK_ML_DSA),
]);
const RECOVERS: Initial = Use(RSA);
/// Keys that can do nothing but derive others.
const DERIVES: Initial = Use(&[KeyType(sys::CKK_HKDF), KeyType(sys::CKK_EC_MONTGOMERY)]);
const AGREES: Initial = Use(&[KeyType(sys::CKK_ML_KEM)]);

macro_rules! rules {
    ($($kind:ident $of:ident $types:ident $create:ident $generate:ident $unwrap:ident $change:ident
       $reveal:ident $standard:expr, $cloudhsm:expr;)*) => {
        pub(super) static RULES: &[Rule] = &[$(Rule {
            kind: AttributeType::$kind,
            of: $of,
            types: $types,
            create: $create,
            generate: $generate,
            unwrap: $unwrap,
            change: $change,
            reveal: $reveal,
            standard: $standard,
            cloudhsm: $cloudhsm,
        },)*];
    };
}

rules! {
//  attribute          of         types  create     generate   unwrap     change         reveal  standard  cloudhsm
    CLASS              STORED     ALL    Required   Optional   Optional   Never          Always  Computed, Computed;
    TOKEN              STORED     ALL    Optional   Optional   Optional   OnCopy         Always  NO, NO;
    PRIVATE            CLOSED     ALL    Optional   Optional   Optional   OnCopyToTrue   Always  YES, YES;
    PRIVATE            PUBLIC     ALL    Optional   Optional   Optional   OnCopyToTrue   Always  NO, YES;
    PRIVATE            CERTIFICATE ALL   Optional   Forbidden  Forbidden  OnCopyToTrue   Always  NO, NO;
    MODIFIABLE         STORED     ALL    Optional   Optional   Optional   OnCopyToFalse  Always  YES, YES;
    COPYABLE           STORED     ALL    Optional   Optional   Optional   OnlyToFalse    Always  YES, YES;
    DESTROYABLE        STORED     ALL    Optional   Optional   Optional   OnCopy         Always  YES, YES;
    LABEL              STORED     ALL    Optional   Optional   Optional   Free           Always  Empty, Empty;
    UNIQUE_ID          STORED     ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;

    KEY_TYPE           KEY        ALL    Required   Optional   Optional   Never          Always  Computed, Computed;
    ID                 NAMED      ALL    Optional   Optional   Optional   Free           Always  Empty, Empty;
    START_DATE         NAMED      ALL    Optional   Optional   Optional   Free           Always  Empty, Empty;
    END_DATE           NAMED      ALL    Optional   Optional   Optional   Free           Always  Empty, Empty;
    DERIVE             KEY        ALL    Optional   Optional   Optional   Free           Always  DERIVES, NO;
    LOCAL              KEY        ALL    Forbidden  Forbidden  Forbidden  Never          Always  Generated, Generated;
    KEY_GEN_MECHANISM  KEY        ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    ALLOWED_MECHANISMS KEY        ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    SUBJECT            PAIR       ALL    Optional   Optional   Optional   Free           Always  Empty, Empty;
    PUBLIC_KEY_INFO    PAIR       ALL    Optional   Forbidden  Forbidden  Never          Always  Computed, Computed;

    SENSITIVE          SECRET     ALL    Optional   Optional   Optional   OnlyToTrue     Always  NO, YES;
    SENSITIVE          PRIVATE_   ALL    Optional   Optional   Optional   OnlyToTrue     Always  YES, YES;
    EXTRACTABLE        HIDDEN     ALL    Optional   Optional   Optional   OnlyToFalse    Always  BroughtIn, YES;
    ALWAYS_SENSITIVE   HIDDEN     ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    NEVER_EXTRACTABLE  HIDDEN     ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    WRAP_WITH_TRUSTED  HIDDEN     ALL    Optional   Optional   Optional   OnlyToTrue     Always  NO, NO;
    ALWAYS_AUTHENTICATE PRIVATE_  ALL    Optional   Optional   Optional   Never          Always  NO, NO;
    ENCRYPT            OUTWARD    ALL    Optional   Optional   Optional   Free           Always  CIPHER, NO;
    DECRYPT            HIDDEN     ALL    Optional   Optional   Optional   Free           Always  CIPHER, NO;
    WRAP               OUTWARD    ALL    Optional   Optional   Optional   Free           Always  WRAPS, NO;
    UNWRAP             HIDDEN     ALL    Optional   Optional   Optional   Free           Always  WRAPS, NO;
    SIGN               SECRET     ALL    Optional   Optional   Optional   Free           Always  CODES, Generated;
    VERIFY             SECRET     ALL    Optional   Optional   Optional   Free           Always  CODES, Generated;
    SIGN               PRIVATE_   ALL    Optional   Optional   Optional   Free           Always  SIGNS, NO;
    VERIFY             PUBLIC     ALL    Optional   Optional   Optional   Free           Always  SIGNS, NO;
    SIGN_RECOVER       PRIVATE_   ALL    Optional   Optional   Optional   Free           Always  RECOVERS, NO;
    VERIFY_RECOVER     PUBLIC     ALL    Optional   Optional   Optional   Free           Always  RECOVERS, NO;
    ENCAPSULATE        PUBLIC     ALL    Optional   Optional   Optional   Free           Always  AGREES, NO;
    DECAPSULATE        PRIVATE_   ALL    Optional   Optional   Optional   Free           Always  AGREES, NO;
    TRUSTED            TRUSTABLE  ALL    Optional   Optional   Optional   BySecurityOfficer Always NO, NO;
    WRAP_TEMPLATE      OUTWARD    ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    UNWRAP_TEMPLATE    HIDDEN     ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    DERIVE_TEMPLATE    HIDDEN     ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    ENCAPSULATE_TEMPLATE PUBLIC   ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    DECAPSULATE_TEMPLATE PRIVATE_ ALL    Optional   Optional   Optional   Never          Always  Absent, Absent;
    CHECK_VALUE        CHECKED    ALL    Optional   Optional   Optional   Never          Always  Computed, Computed;

    VALUE              SECRET     ALL    Required   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    VALUE_LEN          SECRET     ALL    Forbidden  Optional   Optional   Never          Always  Computed, Computed;

    MODULUS            PUBLIC     RSA    Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    MODULUS_BITS       PUBLIC     RSA    Forbidden  Required   Forbidden  Never          Always  Computed, Computed;
    PUBLIC_EXPONENT    PUBLIC     RSA    Required   Optional   Forbidden  Never          Always  Absent, Absent;
    MODULUS            PRIVATE_   RSA    Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    PUBLIC_EXPONENT    PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          Always  Absent, Absent;
    PRIVATE_EXPONENT   PRIVATE_   RSA    Required   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    PRIME_1            PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    PRIME_2            PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    EXPONENT_1         PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    EXPONENT_2         PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    COEFFICIENT        PRIVATE_   RSA    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;

    EC_PARAMS          PUBLIC     CURVE  Required   Required   Forbidden  Never          Always  Absent, Absent;
    EC_POINT           PUBLIC     CURVE  Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    EC_PARAMS          PRIVATE_   CURVE  Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    VALUE              PRIVATE_   CURVE  Required   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;

    PARAMETER_SET      PUBLIC     PQC    Required   Required   Forbidden  Never          Always  Absent, Absent;
    VALUE              PUBLIC     PQC    Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    PARAMETER_SET      PRIVATE_   PQC    Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    SEED               PRIVATE_   PQC    Optional   Forbidden  Forbidden  Never          UnlessSensitive Absent, Absent;
    VALUE              PRIVATE_   PQC    UNLESS_SEED Forbidden Forbidden  Never          UnlessSensitive Absent, Absent;

    APPLICATION        DATA       ALL    Optional   Forbidden  Optional   Free           Always  Empty, Empty;
    OBJECT_ID          DATA       ALL    Optional   Forbidden  Optional   Free           Always  Empty, Empty;
    VALUE              DATA       ALL    Optional   Forbidden  Forbidden  Free           Always  Empty, Empty;
    VALUE_LEN          DATA       ALL    Forbidden  Forbidden  Optional   Never          Always  Absent, Absent;

    CERTIFICATE_TYPE   CERTIFICATE ALL   Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    CERTIFICATE_CATEGORY CERTIFICATE ALL Optional   Forbidden  Forbidden  Never          Always  Number(0), Number(0);
    SUBJECT            CERTIFICATE ALL   Required   Forbidden  Forbidden  Never          Always  Absent, Absent;
    ISSUER             CERTIFICATE ALL   Optional   Forbidden  Forbidden  Free           Always  Empty, Empty;
    SERIAL_NUMBER      CERTIFICATE ALL   Optional   Forbidden  Forbidden  Free           Always  Empty, Empty;
    VALUE              CERTIFICATE ALL   UNLESS_URL Forbidden  Forbidden  Never          Always  Empty, Empty;
    URL                CERTIFICATE ALL   Optional   Forbidden  Forbidden  Never          Always  Empty, Empty;
    HASH_OF_SUBJECT_PUBLIC_KEY CERTIFICATE ALL Optional Forbidden Forbidden Never        Always  Empty, Empty;
    HASH_OF_ISSUER_PUBLIC_KEY CERTIFICATE ALL Optional Forbidden Forbidden Never         Always  Empty, Empty;
    NAME_HASH_ALGORITHM CERTIFICATE ALL  Optional   Forbidden  Forbidden  Never          Always  SHA_1, SHA_1;
    JAVA_MIDP_SECURITY_DOMAIN CERTIFICATE ALL Optional Forbidden Forbidden Never         Always  Number(0), Number(0);
    PUBLIC_KEY_INFO    CERTIFICATE ALL   Optional   Forbidden  Forbidden  Never          Always  Empty, Empty;

    CLASS              BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    TOKEN              BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  YES, YES;
    PRIVATE            BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  NO, NO;
    MODIFIABLE         BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  NO, NO;
    COPYABLE           BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  NO, NO;
    DESTROYABLE        BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  NO, NO;
    LABEL              BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  Empty, Empty;
    UNIQUE_ID          BUILT_IN   ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    PROFILE_ID         PROFILE    ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    MECHANISM_TYPE     MECHANISM  ALL    Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_TYPE VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_VERSION VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_LEVEL VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_MODULE_ID VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_FLAG VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_AUTHORITY_TYPE VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_COUNTRY VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_CERTIFICATE_IDENTIFIER VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_CERTIFICATE_URI VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_VENDOR_URI VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
    VALIDATION_PROFILE VALIDATION ALL Forbidden  Forbidden  Forbidden  Never          Always  Computed, Computed;
}

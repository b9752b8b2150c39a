//! The mechanism table. To add a mechanism: docs/adding-a-mechanism.md.

use crypto::hash::Hash;
use cryptoki_sys as sys;
use token::{KeyType, MechanismId, ObjectClass, limits};

use super::{
    Row,
    blocks::{Blocks, Direction, Mode},
    counter::Ctr,
    digest::Digest,
    gcm, generate,
    hmac::Hmac,
    row::{KeyRule, Unit},
    xaes,
};

/// A row with the standard's number and name, and nothing else.
macro_rules! named {
    ($name:ident) => {
        Row::new(sys::$name, stringify!($name))
    };
}

/// Every mechanism, each once.
pub(super) static ROWS: &[Row] = &[
    Row {
        key: Some(AES_KEY),
        generate: Some(generate::aes),
        ..named!(CKM_AES_KEY_GEN)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::Ecb, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::Ecb, Direction::Decrypt)),
        ..named!(CKM_AES_ECB)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::Cbc, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::Cbc, Direction::Decrypt)),
        ..named!(CKM_AES_CBC)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Blocks(Mode::CbcPad, Direction::Encrypt)),
        decrypt: Some(&Blocks(Mode::CbcPad, Direction::Decrypt)),
        ..named!(CKM_AES_CBC_PAD)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&Ctr::Encrypt),
        decrypt: Some(&Ctr::Decrypt),
        ..named!(CKM_AES_CTR)
    },
    Row {
        key: Some(AES_KEY),
        encrypt: Some(&gcm::Encrypt),
        decrypt: Some(&gcm::Decrypt),
        ..named!(CKM_AES_GCM)
    },
    Row {
        key: Some(KeyRule {
            min_bits: 256,
            ..AES_KEY
        }),
        encrypt: Some(&xaes::Encrypt),
        decrypt: Some(&xaes::Decrypt),
        ..Row::new(MechanismId::XAES_256_GCM.0, "CKM_STRONGROOM_XAES_256_GCM")
    },
    Row {
        key: Some(KeyRule {
            unit: Unit::Bits,
            ..SECRET
        }),
        generate: Some(generate::generic_secret),
        ..named!(CKM_GENERIC_SECRET_KEY_GEN)
    },
    digest(named!(CKM_SHA_1), &Digest(Hash::Sha1)),
    digest(named!(CKM_SHA224), &Digest(Hash::Sha224)),
    digest(named!(CKM_SHA256), &Digest(Hash::Sha256)),
    digest(named!(CKM_SHA384), &Digest(Hash::Sha384)),
    digest(named!(CKM_SHA512), &Digest(Hash::Sha512)),
    hmac(named!(CKM_SHA_1_HMAC), SHA_1_KEY, &whole(Hash::Sha1)),
    hmac(named!(CKM_SHA224_HMAC), SHA224_KEY, &whole(Hash::Sha224)),
    hmac(named!(CKM_SHA256_HMAC), SHA256_KEY, &whole(Hash::Sha256)),
    hmac(named!(CKM_SHA384_HMAC), SHA384_KEY, &whole(Hash::Sha384)),
    hmac(named!(CKM_SHA512_HMAC), SHA512_KEY, &whole(Hash::Sha512)),
    hmac(
        named!(CKM_SHA_1_HMAC_GENERAL),
        SHA_1_KEY,
        &general(Hash::Sha1),
    ),
    hmac(
        named!(CKM_SHA224_HMAC_GENERAL),
        SHA224_KEY,
        &general(Hash::Sha224),
    ),
    hmac(
        named!(CKM_SHA256_HMAC_GENERAL),
        SHA256_KEY,
        &general(Hash::Sha256),
    ),
    hmac(
        named!(CKM_SHA384_HMAC_GENERAL),
        SHA384_KEY,
        &general(Hash::Sha384),
    ),
    hmac(
        named!(CKM_SHA512_HMAC_GENERAL),
        SHA512_KEY,
        &general(Hash::Sha512),
    ),
];

const AES_KEY: KeyRule = KeyRule {
    class: ObjectClass(sys::CKO_SECRET_KEY),
    types: &[KeyType(sys::CKK_AES)],
    min_bits: 128,
    max_bits: 256,
    unit: Unit::Bytes,
};

const SECRET: KeyRule = KeyRule {
    class: ObjectClass(sys::CKO_SECRET_KEY),
    types: &[KeyType(sys::CKK_GENERIC_SECRET)],
    min_bits: 8,
    max_bits: limits::GENERIC_SECRET_BYTES as u64 * 8,
    unit: Unit::Bytes,
};

// §6.20: each HMAC takes generic secrets, and the key type that is reserved for it.
const SHA_1_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA_1_HMAC)]);
const SHA224_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA224_HMAC)]);
const SHA256_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA256_HMAC)]);
const SHA384_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA384_HMAC)]);
const SHA512_KEY: KeyRule = hmac_key(&[GENERIC, KeyType(sys::CKK_SHA512_HMAC)]);
const GENERIC: KeyType = KeyType(sys::CKK_GENERIC_SECRET);

const fn hmac_key(types: &'static [KeyType]) -> KeyRule {
    KeyRule { types, ..SECRET }
}

const fn whole(hash: Hash) -> Hmac {
    Hmac {
        hash,
        general: false,
    }
}

const fn general(hash: Hash) -> Hmac {
    Hmac {
        hash,
        general: true,
    }
}

const fn digest(row: Row, column: &'static Digest) -> Row {
    Row {
        digest: Some(column),
        ..row
    }
}

const fn hmac(row: Row, key: KeyRule, column: &'static Hmac) -> Row {
    Row {
        key: Some(key),
        sign: Some(column),
        verify: Some(column),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mechanism_stands_in_the_table_twice() {
        for (position, row) in ROWS.iter().enumerate() {
            let first = ROWS.iter().position(|other| other.id == row.id);
            assert_eq!(first, Some(position), "{}", row.name);
        }
    }

    #[test]
    fn the_flags_say_which_columns_are_filled() {
        let flags = |id| {
            let row = ROWS.iter().find(|row| row.id == MechanismId(id)).unwrap();
            row.information().flags
        };
        assert_eq!(flags(sys::CKM_AES_KEY_GEN), sys::CKF_GENERATE);
        assert_eq!(flags(sys::CKM_AES_GCM), sys::CKF_ENCRYPT | sys::CKF_DECRYPT);
        assert_eq!(flags(sys::CKM_SHA256), sys::CKF_DIGEST);
        assert_eq!(flags(sys::CKM_SHA256_HMAC), sys::CKF_SIGN | sys::CKF_VERIFY);
    }

    #[test]
    fn key_lengths_are_in_the_units_of_the_standard() {
        let lengths = |id| {
            let row = ROWS.iter().find(|row| row.id == MechanismId(id)).unwrap();
            (row.information().min_key, row.information().max_key)
        };
        assert_eq!(lengths(sys::CKM_AES_CBC), (16, 32));
        assert_eq!(lengths(MechanismId::XAES_256_GCM.0), (32, 32));
        assert_eq!(lengths(sys::CKM_GENERIC_SECRET_KEY_GEN), (8, 32_768));
        assert_eq!(lengths(sys::CKM_SHA512), (0, 0));
    }

    #[test]
    fn the_header_for_c_says_the_same_numbers() {
        let header = include_str!("../../../include/strongroom.h");
        let defines = |name: &str, value: String| {
            let line = format!("#define {name} {value}\n");
            assert!(header.contains(&line), "{line}");
        };
        for row in ROWS
            .iter()
            .filter(|row| row.id.0 & sys::CKM_VENDOR_DEFINED != 0)
        {
            let number = row.id.0 & !sys::CKM_VENDOR_DEFINED;
            defines(
                row.name,
                format!("(CKM_VENDOR_DEFINED | {number:#X}UL)").replace("0X", "0x"),
            );
        }
        defines(
            "CKM_VENDOR_DEFINED",
            format!("{:#x}UL", sys::CKM_VENDOR_DEFINED),
        );
        defines(
            "CK_STRONGROOM_XAES_OVERHEAD",
            format!("{}UL", crypto::xaes::OVERHEAD),
        );
        let additional_len = crypto::hash::sha256(&[]).len();
        defines(
            "CK_STRONGROOM_XAES_ADDITIONAL_LEN",
            format!("{additional_len}UL"),
        );
    }
}

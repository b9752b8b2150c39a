//! The mechanism table, a file for each family. To add a mechanism: docs/adding-a-mechanism.md.

use std::sync::LazyLock;

use super::Row;

/// A row with the standard's number and name, and nothing else.
macro_rules! named {
    ($name:ident) => {
        Row::new(sys::$name, stringify!($name))
    };
}

mod aes;
mod approved;
mod derive;
mod des3;
mod ec;
mod hash;
mod pqc;
mod rsa;

pub(super) use approved::approved;

/// Every mechanism of this build, each once.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| match crypto::library::IS_FIPS {
        true => all().filter_map(approved).collect(),
        false => all().copied().collect(),
    });
    ROWS.iter()
}

/// Every mechanism that there is.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    let families = [
        aes::ROWS,
        des3::ROWS,
        hash::ROWS,
        hash::OF_HASHES,
        derive::ROWS,
        rsa::ROWS,
        ec::ROWS,
        pqc::ROWS,
    ];
    families.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use cryptoki_sys as sys;
    use token::MechanismId;

    use super::*;

    #[test]
    fn no_mechanism_stands_in_the_table_twice() {
        for (position, row) in rows().enumerate() {
            let first = rows().position(|other| other.id == row.id);
            assert_eq!(first, Some(position), "{}", row.name);
        }
    }

    /// Who adds a generator decides: here, or in `MechanismId::makes_slowly`.
    #[test]
    fn these_make_keys_at_once_and_every_other_generator_takes_its_time() {
        let generators = all().filter(|row| row.generate.is_some() || row.generate_pair.is_some());
        let fast = generators.filter(|row| !row.id.makes_slowly());
        let names: Vec<_> = fast.map(|row| row.name).collect();
        assert_eq!(
            names,
            [
                "CKM_AES_KEY_GEN",
                "CKM_AES_XTS_KEY_GEN",
                "CKM_DES3_KEY_GEN",
                "CKM_DES2_KEY_GEN",
                "CKM_DES_KEY_GEN",
                "CKM_GENERIC_SECRET_KEY_GEN",
                "CKM_SHA_1_KEY_GEN",
                "CKM_SHA224_KEY_GEN",
                "CKM_SHA256_KEY_GEN",
                "CKM_SHA384_KEY_GEN",
                "CKM_SHA512_KEY_GEN",
                "CKM_SHA512_224_KEY_GEN",
                "CKM_SHA512_256_KEY_GEN",
                "CKM_SHA3_224_KEY_GEN",
                "CKM_SHA3_256_KEY_GEN",
                "CKM_SHA3_384_KEY_GEN",
                "CKM_SHA3_512_KEY_GEN",
                "CKM_HKDF_KEY_GEN",
                "CKM_EC_KEY_PAIR_GEN",
                "CKM_EC_EDWARDS_KEY_PAIR_GEN",
                "CKM_EC_MONTGOMERY_KEY_PAIR_GEN",
                "CKM_ML_DSA_KEY_PAIR_GEN",
                "CKM_ML_KEM_KEY_PAIR_GEN",
            ]
        );
    }

    #[test]
    fn the_flags_say_which_columns_are_filled() {
        let flags = |id| {
            let row = rows().find(|row| row.id == MechanismId(id)).unwrap();
            row.information().flags
        };
        assert_eq!(flags(sys::CKM_AES_KEY_GEN), sys::CKF_GENERATE);
        let cipher = sys::CKF_ENCRYPT | sys::CKF_DECRYPT;
        let wraps = sys::CKF_WRAP | sys::CKF_UNWRAP;
        assert_eq!(flags(sys::CKM_AES_CTR), cipher | wraps);
        let messages = sys::CKF_MESSAGE_ENCRYPT | sys::CKF_MESSAGE_DECRYPT | sys::CKF_MULTI_MESSAGE;
        assert_eq!(flags(sys::CKM_AES_GCM), cipher | messages | wraps);
        assert_eq!(flags(sys::CKM_SHA256), sys::CKF_DIGEST);
        assert_eq!(
            flags(sys::CKM_SHA256_HMAC),
            sys::CKF_SIGN | sys::CKF_VERIFY | sys::CKF_MESSAGE_SIGN | sys::CKF_MESSAGE_VERIFY
        );
    }

    #[test]
    fn key_lengths_are_in_the_units_of_the_standard() {
        let lengths = |id| {
            let row = all().find(|row| row.id == MechanismId(id)).unwrap();
            (row.information().min_key, row.information().max_key)
        };
        assert_eq!(lengths(sys::CKM_AES_CBC), (16, 32));
        assert_eq!(lengths(MechanismId::XAES_256_GCM.0), (32, 32));
        assert_eq!(lengths(sys::CKM_GENERIC_SECRET_KEY_GEN), (8, 130_560));
        assert_eq!(lengths(sys::CKM_SHA512), (0, 0));
    }

    #[test]
    fn the_header_for_c_says_the_same_numbers() {
        let header = include_str!("../../../include/strongroom.h");
        let defines = |name: &str, value: String| {
            let line = format!("#define {name} {value}\n");
            assert!(header.contains(&line), "{line}");
        };
        for row in rows().filter(|row| row.id.0 & sys::CKM_VENDOR_DEFINED != 0) {
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

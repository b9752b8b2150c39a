//! The public vectors of the symmetric rows that `super` does not have.

use cryptoki_sys as sys;
use token::{MechanismId, Parameters};

use super::{BLOCKS, KEY_256, Vector, bytes, digest, gcm, none};

pub(super) const VECTORS: &[Vector] = &[
    // SP 800-38C, examples 1 and 2.
    Vector {
        mechanism: sys::CKM_AES_CCM,
        parameters: || ccm(4, "10111213141516", "0001020304050607", 4),
        key_type: sys::CKK_AES,
        key: "404142434445464748494a4b4c4d4e4f",
        input: "20212223",
        output: "7162015b4dac255d",
    },
    Vector {
        mechanism: sys::CKM_AES_CCM,
        parameters: || {
            ccm(
                16,
                "1011121314151617",
                "000102030405060708090a0b0c0d0e0f",
                6,
            )
        },
        key_type: sys::CKK_AES,
        key: "404142434445464748494a4b4c4d4e4f",
        input: "202122232425262728292a2b2c2d2e2f",
        output: "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
    },
    // Wycheproof, aes_gmac_test.json, 7.
    Vector {
        mechanism: sys::CKM_AES_GMAC,
        parameters: || Parameters::Iv(bytes("014313723d1860bf8f4b11fd")),
        key_type: sys::CKK_AES,
        key: "fe3f266f5f236669582bd80618760543",
        input: "dc25f04acfbdbc986a107043286eae",
        output: "60392ad41debec0db43d97dfb3798c91",
    },
    // SP 800-38B D.3, 64 bytes; its code cut.
    Vector {
        mechanism: sys::CKM_AES_CMAC,
        parameters: none,
        key_type: sys::CKK_AES,
        key: KEY_256,
        input: BLOCKS,
        output: "e1992190549f6ed5696a2c056c315410",
    },
    Vector {
        mechanism: sys::CKM_AES_CMAC_GENERAL,
        parameters: || Parameters::MacLength(8),
        key_type: sys::CKK_AES,
        key: KEY_256,
        input: BLOCKS,
        output: "e1992190549f6ed5",
    },
    // NIST CAVP, XTSGenAES256, encryption 1.
    Vector {
        mechanism: sys::CKM_AES_XTS,
        parameters: || Parameters::Iv(bytes("adf8d92627464ad2f0428e84a9f87564")),
        key_type: sys::CKK_AES_XTS,
        key: "1ea661c58d943a0e4801e42f4b0947149e7f9f8e3e68d0c7505210bd311a0e7c\
              d6e13ffdf2418d8d1911c004cda58da3d619b7e2b9141e58318eea392cf41b08",
        input: "2eedea52cd8215e1acc647e810bbc3642e87287f8d2e57e36c0a24fbc12a202e",
        output: "cbaad0e2f6cea3f50b37f934d46a9b130b9d54f07e34f36af793e86f73c6d7db",
    },
    // RFC 3394 §4.6.
    Vector {
        mechanism: sys::CKM_AES_KEY_WRAP,
        parameters: none,
        key_type: sys::CKK_AES,
        key: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        input: "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
        output: "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43b\
                 fb988b9b7a02dd21",
    },
    // RFC 5649 §6.
    padded(sys::CKM_AES_KEY_WRAP_KWP),
    padded(sys::CKM_AES_KEY_WRAP_PAD),
    Vector {
        mechanism: sys::CKM_AES_KEY_WRAP_KWP,
        parameters: none,
        key_type: sys::CKK_AES,
        key: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
        input: "466f7250617369",
        output: "afbeb0f07dfbf5419200f2ccb50bb24f",
    },
    // NIST CAVP, KW_AE_128, a plaintext that ends as one byte of padding does.
    Vector {
        mechanism: sys::CKM_AES_KEY_WRAP_PKCS7,
        parameters: none,
        key_type: sys::CKK_AES,
        key: "688a6e52120088f342130d9c799bfa9d",
        input: "8312678eb1e73e9093a0a0a880b865",
        output: "d3dfc000273d872b51c512e9f338574b29dbf3026b55030e",
    },
    // The GCM specification, test case 16; its initialisation vector stands before it.
    Vector {
        mechanism: CLOUDHSM_GCM,
        parameters: || match gcm() {
            Parameters::Gcm {
                additional,
                tag_bits,
                ..
            } => Parameters::Gcm {
                iv: Vec::new(),
                additional,
                tag_bits,
            },
            other => other,
        },
        key_type: sys::CKK_AES,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        input: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        output: "cafebabefacedbaddecaf888\
                 522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                 76fc6ece0f4e1768cddf8853bb2d551b",
    },
    // NIST CAVP, TECBMMT3 and TCBCMMT3, encryption 2.
    Vector {
        mechanism: sys::CKM_DES3_ECB,
        parameters: none,
        key_type: sys::CKK_DES3,
        key: "c16189f43451196bfb4c438580c20408571f0d5e4a586491",
        input: "dd9a97741093334bd0c9761105cfb79cc3bac34a7c85bd8a",
        output: "d2f3f1d32a9ea09b5acb589c41a07320fb8d33a2fc2b0ed2",
    },
    Vector {
        mechanism: sys::CKM_DES3_CBC,
        parameters: || Parameters::Iv(bytes("7fcfa736f7548b6f")),
        key_type: sys::CKK_DES3,
        key: "1a5d4c0825072a15a8ad9dfdaeda8c048adffb85bc4fced0",
        input: "983c3edacd939406010e1bc6ff9e12320ac5008117fa8f84",
        output: "d84fa24f38cf451ca2c9adc960120bd8ff9871584fe31cee",
    },
    // NIST CAVP, TCBCMMT1, encryption 2: its plaintext ends as one byte of padding does.
    Vector {
        mechanism: sys::CKM_DES3_CBC_PAD,
        parameters: || Parameters::Iv(bytes("1dad342c0fb3c9b1")),
        key_type: sys::CKK_DES3,
        key: "989dd9341aec9efd989dd9341aec9efd989dd9341aec9efd",
        input: "aafe7854d34e6730899599c879dcc28ea0397361b2a19d",
        output: "69ceb8567acbac1b47d91802a235c4e9e4d0af894c533759",
    },
    // FIPS 81, appendices B and C: DES over "Now is the time for all ". With one more block, of padding.
    Vector {
        mechanism: sys::CKM_DES_ECB,
        parameters: none,
        key_type: sys::CKK_DES,
        key: "0123456789abcdef",
        input: "4e6f77206973207468652074696d6520666f7220616c6c20",
        output: "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53",
    },
    Vector {
        mechanism: sys::CKM_DES_CBC,
        parameters: || Parameters::Iv(bytes("1234567890abcdef")),
        key_type: sys::CKK_DES,
        key: "0123456789abcdef",
        input: "4e6f77206973207468652074696d6520666f7220616c6c20",
        output: "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6",
    },
    Vector {
        mechanism: sys::CKM_DES_CBC_PAD,
        parameters: || Parameters::Iv(bytes("1234567890abcdef")),
        key_type: sys::CKK_DES,
        key: "0123456789abcdef",
        input: "4e6f77206973207468652074696d6520666f7220616c6c20",
        output: "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f662c16a27e4fcf277",
    },
    // SP 800-38B's example for two keys, without a message.
    Vector {
        mechanism: sys::CKM_DES3_CMAC,
        parameters: none,
        key_type: sys::CKK_DES2,
        key: "4cf15134a2850dd58a3d10ba80570d38",
        input: "",
        output: "bd2ebf9a3ba00361",
    },
    // SP 800-38B's examples for three keys, 20 bytes; its code cut.
    Vector {
        mechanism: sys::CKM_DES3_CMAC,
        parameters: none,
        key_type: sys::CKK_DES3,
        key: "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
        input: "6bc1bee22e409f96e93d7e117393172aae2d8a57",
        output: "743ddbe0ce2dc2ed",
    },
    Vector {
        mechanism: sys::CKM_DES3_CMAC_GENERAL,
        parameters: || Parameters::MacLength(4),
        key_type: sys::CKK_DES3,
        key: "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
        input: "6bc1bee22e409f96e93d7e117393172aae2d8a57",
        output: "743ddbe0",
    },
    // NIST CAVP, the first short message of 256 bits of each.
    digest(
        sys::CKM_SHA512_224,
        "be4850f5be6cb68cdba5948e3b94dbbce82989aa75b97073e55139aac849a894",
        "c11eedaadc5249cefafc5a9fadf39e812db700bd2767b8de1cdd6099",
    ),
    digest(
        sys::CKM_SHA512_256,
        "1b77c8dcfd2fc4b54617054fa6b14d6e9d09ce9185a34a7fd2b27923998aab99",
        "683b486861e598dabba740ac919522cf3b609c18205b6beca4ccbe6b0f6dc6db",
    ),
    digest(
        sys::CKM_SHA3_224,
        "dd0f85b55fdf56ba254e06f8c2b650cc6b86bf28a14d714011141a86b8f14bd9",
        "0fe92469297c2c34911eae424710db6d312047898b9756edc5c2deb2",
    ),
    digest(
        sys::CKM_SHA3_256,
        "c178ce0f720a6d73c6cf1caa905ee724d5ba941c2e2628136e3aad7d853733ba",
        "64537b87892835ff0963ef9ad5145ab4cfce5d303a0cb0415b3b03f9d16e7d6b",
    ),
    digest(
        sys::CKM_SHA3_384,
        "6189597e0198a18c65fa0bdd0797f13037c75c4058b7d3454c0f71bd2dd13b6c",
        "110630ca7631b7620e6bee6ed6e929098965571936c34829484983eba9532b81\
         75528c228c57439453f027a4f7c83ca3",
    ),
    digest(
        sys::CKM_SHA3_512,
        "7c1688217b313278b9eae8edcf8aa4271614296d0c1e8916f9e0e940d28b88c5",
        "627ba4de74d05bb6df8991112e4d373bfced37acde1304e0f664f29fa126cb49\
         7c8a1b717b9929120883ec8898968e4649013b760a2180a9dc0fc9b27f5b7f3b",
    ),
    // Wycheproof, hmac_…_test.json: 10, 9 or 164, and 91, 90 or 167 with a code that is cut.
    hmac(
        [sys::CKM_SHA512_224_HMAC, sys::CKK_SHA512_224_HMAC],
        none,
        "31d9cae2c3df064018209b121f9e883976ea757942ecda9d92fdadfd",
        "b844289529206f5a",
        "9f7209e0d880c1bcd9af1379ac84bf0d10230b8a2f84fd653bddda9e",
    ),
    hmac(
        [sys::CKM_SHA512_224_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(14),
        "32533c16f792ed0acf8e9e60f54aa173937c7194b882ecc3e671009f",
        "f968dc7a19afe339",
        "2ecc97ae579f761908dd63cabcc5",
    ),
    hmac(
        [sys::CKM_SHA512_256_HMAC, sys::CKK_SHA512_256_HMAC],
        none,
        "233e4fdee70bcc20235b6977ddfc05b0df66f5635d827c66e5a63cdb16a24938",
        "fdb2ee4b6d1a0ac2",
        "37597f0aeba2c247c3bf3ecc6ec5e6beb0efe1c08499daa98428c03c5f8e8504",
    ),
    hmac(
        [sys::CKM_SHA512_256_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(16),
        "505aa98819809ef63b9a368a1e8bc2e922da45b03ce02d9a7966b15006dba2d5",
        "2e4e7ef728fe11af",
        "8e510fd967f69f9cc49e834ddf624399",
    ),
    hmac(
        [sys::CKM_SHA3_224_HMAC, sys::CKK_SHA3_224_HMAC],
        none,
        "31d9cae2c3df064018209b121f9e883976ea757942ecda9d92fdadfd",
        "b844289529206f5a",
        "2e44f4d141c338a4c882be2c8d326dda3ab53dcb02536a2096392726",
    ),
    hmac(
        [sys::CKM_SHA3_224_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(14),
        "32533c16f792ed0acf8e9e60f54aa173937c7194b882ecc3e671009f",
        "f968dc7a19afe339",
        "348666b68285b51787be5d8d50ca",
    ),
    hmac(
        [sys::CKM_SHA3_256_HMAC, sys::CKK_SHA3_256_HMAC],
        none,
        "233e4fdee70bcc20235b6977ddfc05b0df66f5635d827c66e5a63cdb16a24938",
        "fdb2ee4b6d1a0ac2",
        "799b30418ec2619936b0260bb50264ef4c8233997418604d04f8e8d318d4ff3c",
    ),
    hmac(
        [sys::CKM_SHA3_256_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(16),
        "505aa98819809ef63b9a368a1e8bc2e922da45b03ce02d9a7966b15006dba2d5",
        "2e4e7ef728fe11af",
        "5cf2b04fe3af8d2694ba4e614367c08a",
    ),
    hmac(
        [sys::CKM_SHA3_384_HMAC, sys::CKK_SHA3_384_HMAC],
        none,
        "213b44d8e1fabaff837ef30ee2542f9ab82ed70411dae78f",
        "ee0bf48585c186ff991b4d8607817c9c",
        "b9255a1f98c06ff6048760a1b22d63c0e8a7479c5d453664a60028512d64e13d\
         79f7e39e8cb5399d859f1c8be4761172",
    ),
    hmac(
        [sys::CKM_SHA3_384_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(24),
        "f2c10ce8cb1cf3b363354473b027c1e53deccef03233be0c",
        "e1fa10b8e301e0348405770bc3fafcb1",
        "9f0e9d9be70c82525f8add7dd15d925b9398d7fdbe1f2110",
    ),
    hmac(
        [sys::CKM_SHA3_512_HMAC, sys::CKK_SHA3_512_HMAC],
        none,
        "9fa371f36fb273d514fd628cb938067a4bae32a19a1e045a7d6d7f6de3751cbf",
        "311bbf722d322cd7a0710f480fc66518",
        "5d6619bd88bdd18aaafe2c3773d8a92e6617e741196d0c2e9d5271fb9abebb72\
         b520bce1e1f147d861be15734ab25c93437e1058bb44dddb8104185521785099",
    ),
    hmac(
        [sys::CKM_SHA3_512_HMAC_GENERAL, sys::CKK_GENERIC_SECRET],
        || Parameters::MacLength(32),
        "6fa353868c82e5deeedac7f09471a61bf749ab5498239e947e012eee3c82d7c4",
        "aeed3e4d4cb9bbb60d482e98c126c0f5",
        "4b08479a99964744881a02f32435b60bf83ea5036835a0be2b3c6544d502cd95",
    ),
];

pub(super) const CLOUDHSM_GCM: sys::CK_MECHANISM_TYPE = MechanismId::CLOUDHSM_AES_GCM.0;

fn ccm(data_len: u64, nonce: &str, additional: &str, mac_len: u64) -> Parameters {
    Parameters::Ccm {
        data_len,
        nonce: bytes(nonce),
        additional: bytes(additional),
        mac_len,
    }
}

const fn padded(mechanism: sys::CK_MECHANISM_TYPE) -> Vector {
    Vector {
        mechanism,
        parameters: none,
        key_type: sys::CKK_AES,
        key: "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
        input: "c37b7e6492584340bed12207808941155068f738",
        output: "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
    }
}

const fn hmac(
    [mechanism, key_type]: [u64; 2],
    parameters: fn() -> Parameters,
    key: &'static str,
    input: &'static str,
    output: &'static str,
) -> Vector {
    Vector {
        mechanism,
        parameters,
        key_type,
        key,
        input,
        output,
    }
}

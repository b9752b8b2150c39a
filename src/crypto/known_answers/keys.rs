//! Keys from keys: NIST's CAVP vectors for SP 800-108 and X9.63, and known functions that are
//! instances of the modes without such vectors.

use super::{bytes, key};
use crate::{
    Error, Secret, des3,
    hash::Hash,
    hmac,
    kdf::{self, Mode, Number, Part, Prf},
    key_wrap,
};

fn counter(bytes: usize) -> Number {
    Number {
        bytes,
        little_endian: false,
    }
}

fn hmac_key(hex: &str) -> hmac::Key {
    hmac::Key::new(Secret::from(bytes(hex)))
}

/// The first 40 bytes, which is what each of the vectors has.
fn derived(prf: Prf<'_>, width: usize, parts: &[Part<'_>]) -> Vec<u8> {
    let segments = 40_usize.div_ceil(prf.len());
    let derived = kdf::sp800_108(prf, Mode::Counter(counter(width)), parts, segments).unwrap();
    derived.reveal()[..40].to_vec()
}

// CAVS 14.4, SP800-108 in counter mode; each time COUNT 30.

#[test]
fn a_counter_before_the_data_over_cmac() {
    let data = bytes(
        "24acb8e9227b180f2ccebea48051cbdbcd1be2bf94400d1e92945fe9b887585a\
         295f46c469036107697813a3e12c45ae2ffde9a940f8f8c181018a93",
    );
    let key = key("e91e0d06ab23a4e495bbcc430efddcaf");
    assert_eq!(
        derived(Prf::Aes(&key), 1, &[Part::Iteration, Part::Bytes(&data)]),
        bytes("e81ef2483729d4165aaa4866c17f26496e6c6924e2fe34f608efef0c35835f86df29a1e19ce166a8")
    );
    let data = bytes(
        "a0e43a297921765efe6c29fd9fe7aad071f4cc59c3944e77787bd334b690eb59\
         7bc2838e3fd3e246ff3490039192ab21149fbd54ed048e691327b733",
    );
    let key = Secret::from(bytes("fc62abe5fa96712f38e84d71cdffc2771bff91bada4df284"));
    let key = des3::Key::new(key).unwrap();
    assert_eq!(
        derived(Prf::Des3(&key), 3, &[Part::Iteration, Part::Bytes(&data)]),
        bytes("5f16eda444fe3bcff597a0a1fd8c5ce4bac753c6f6a1f7df90baafc189a7eaa4475d8d7078ea512a")
    );
}

#[test]
fn a_counter_after_the_data() {
    let data = bytes(
        "987418624c7d56458c679b1538ba82d7a1106eb3416da02113fd2200c06db676\
         614bfcee4c9f5526182fcfd1289922b540ae81daecaa0749c7773c7e",
    );
    let key = key("8757f1fa830bf289b8a1f436bbe1205f5763a6a9088a53c855d98d4523c23239");
    assert_eq!(
        derived(Prf::Aes(&key), 2, &[Part::Bytes(&data), Part::Iteration]),
        bytes("3a9e22b40dd57a4db1a436535c97490ae0e238a7ec0028d0e713c390fe497d80c237248a1ab91e57")
    );
}

#[test]
fn a_counter_in_the_middle_of_the_data() {
    let before = bytes(
        "5fad02cf5d1102ae0598cbe7e07e5792166786729ae1a2ec04bd589332eaba54\
         434e4b43547d76c6642cc1ad6395b97e654f",
    );
    let after = bytes("1e23eea7d64b315857cb");
    let key = hmac_key("96e17ae1275cb65e1c74d2b50fdd6a2a70b02cb7e1086270a79966661001cee1");
    let parts = [Part::Bytes(&before), Part::Iteration, Part::Bytes(&after)];
    assert_eq!(
        derived(Prf::Hmac(Hash::Sha256, &key), 3, &parts),
        bytes("6527f77a1f1d0c34059912fd459e51a8d41f7258e6ad0da52954ff2c35400eee37ed5fa92272f8e7")
    );
}

#[test]
fn hkdf_is_feedback_mode_with_a_counter() {
    // RFC 5869 §A.1: the key is the pseudo-random key, the fixed data `info`.
    let key = hmac_key("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    let info = bytes("f0f1f2f3f4f5f6f7f8f9");
    let parts = [
        Part::Iteration,
        Part::Bytes(&info),
        Part::Counter(counter(1)),
    ];
    let prf = Prf::Hmac(Hash::Sha256, &key);
    let output = kdf::sp800_108(prf, Mode::Feedback(&[]), &parts, 2).unwrap();
    let answer = bytes(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    assert!(output.reveal().starts_with(&answer));
}

#[test]
fn the_function_of_tls_is_double_pipeline_mode() {
    // The test vector of TLS 1.2's P_SHA256 that the working group's list agreed on.
    let key = hmac_key("9bbe436ba940f017b17652849a71db35");
    let seed = [
        &b"test label"[..],
        &bytes("a0ba9f936cda311827a6f796ffd5198c"),
    ]
    .concat();
    let parts = [Part::Iteration, Part::Bytes(&seed)];
    let prf = Prf::Hmac(Hash::Sha256, &key);
    let output = kdf::sp800_108(prf, Mode::DoublePipeline, &parts, 4).unwrap();
    let answer = bytes(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
         6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab\
         4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
         87347b66",
    );
    assert!(output.reveal().starts_with(&answer));
}

#[test]
fn numbers_are_written_as_their_shape_says() {
    let key = hmac_key("0b0b0b0b");
    let run = |parts: &[Part<'_>]| {
        let prf = Prf::Hmac(Hash::Sha256, &key);
        let derived = kdf::sp800_108(prf, Mode::Counter(counter(1)), parts, 1).unwrap();
        derived.reveal().to_vec()
    };
    let length = |bytes, little_endian| {
        let shape = Number {
            bytes,
            little_endian,
        };
        run(&[Part::Iteration, Part::Length(shape, 0x0001_0203)])
    };
    let written = |bytes: &[u8]| run(&[Part::Iteration, Part::Bytes(bytes)]);
    assert_eq!(length(2, false), written(&[2, 3]));
    assert_eq!(length(4, false), written(&[0, 1, 2, 3]));
    assert_eq!(length(4, true), written(&[3, 2, 1, 0]));
    assert_eq!(length(8, true), written(&[3, 2, 1, 0, 0, 0, 0, 0]));
}

#[test]
fn a_counter_never_comes_round() {
    let key = hmac_key("0b0b0b0b");
    let prf = Prf::Hmac(Hash::Sha256, &key);
    let run = |segments| {
        kdf::sp800_108(prf, Mode::Counter(counter(1)), &[Part::Iteration], segments).err()
    };
    assert_eq!(run(255), None);
    assert_eq!(run(256), Some(Error::Length));
}

#[test]
fn x963_over_every_hash_that_nist_has_tested() {
    // CAVS 12.0, ANS X9.63-2001: the first vector of 1,024 bits with shared information, cut.
    let vectors = [
        (
            Hash::Sha1,
            "fd17198b89ab39c4ab5d7cca363b82f9fd7e23c3984dc8a2",
            "856a53f3e36a26bbc5792879f307cce2",
            "6e5fad865cb4a51c95209b16df0cc490bc2c9064405c5bccd4ee4832a531fbe7",
        ),
        (
            Hash::Sha224,
            "da67a73072d521a8272c69023573012ddf9b46bff65b3900",
            "727997aed53e78f74b1d66743a4ea4d2",
            "dfc3126c5eebf9a58d89730e8d8ff7cc772592f28c10b349b437d9d068698a22",
        ),
        (
            Hash::Sha384,
            "c051fd22539c9de791d6c43a854b8f80a6bf70190050854a",
            "1317504aa34759bb4c931e3b78201945",
            "cf6a84434734ac6949e1d7976743277be789906908ad3ca3a8923da7f476abbe",
        ),
        (
            Hash::Sha512,
            "00aa5bb79b33e389fa58ceadc047197f14e73712f452caa9fc4c9adb369348b8\
             1507392f1a86ddfdb7c4ff8231c4bd0f44e44a1b55b1404747a9e2e753f55ef05a2d",
            "e3b5b4c1b0d5cf1d2b3a2f9937895d31",
            "4463f869f3cc18769b52264b0112b5858f7ad32a5a2d96d8cffabf7fa733633d",
        ),
    ];
    for (hash, secret, shared, answer) in vectors {
        let key = kdf::x963(hash, &bytes(secret), &bytes(shared), 32).unwrap();
        assert_eq!(key.reveal(), bytes(answer), "{hash:?}");
    }
}

#[test]
fn a_key_wrap_under_another_initial_value_is_another_one() {
    let kek = key("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    for len in [1, 7, 8, 9, 16, 20, 31] {
        let value = vec![5; len];
        let mut wrapped = vec![0; key_wrap::padded_len(len)];
        key_wrap::wrap_padded(&kek, b"ours", &value, &mut wrapped).unwrap();
        let unwrapped = key_wrap::unwrap_padded(&kek, b"ours", &wrapped).unwrap();
        assert_eq!(unwrapped.reveal(), value);
        let refused = key_wrap::unwrap_padded(&kek, &key_wrap::PADDED_IV, &wrapped);
        assert_eq!(refused.err(), Some(Error::Authentication));
        let refused = key_wrap::unwrap_padded(&kek, b"your", &wrapped);
        assert_eq!(refused.err(), Some(Error::Authentication));
    }
}

#[test]
fn the_library_and_the_composition_pad_a_wrapped_value_alike() {
    // RFC 5649 §6, both ways: the library's, and with an initial value that happens to be the same.
    let kek = key("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    let mut wrapped = [0; 16];
    let value = bytes("466f7250617369");
    key_wrap::wrap_padded(&kek, &key_wrap::PADDED_IV, &value, &mut wrapped).unwrap();
    assert_eq!(wrapped.to_vec(), bytes("afbeb0f07dfbf5419200f2ccb50bb24f"));
}

#[test]
fn a_made_triple_des_key_has_odd_parity() {
    for len in [des3::ONE_PART, des3::TWO_PARTS, des3::KEY_LEN] {
        let key = des3::Key::random(len).unwrap();
        let odd = |byte: &u8| byte.count_ones() % 2 == 1;
        assert_eq!(key.value().len(), len);
        assert!(key.value().reveal().iter().all(odd));
    }
    assert!(des3::Key::random(12).is_err());
}

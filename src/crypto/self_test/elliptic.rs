//! Elliptic curves: ECDSA and ECDH on each, for the library computes on each in another way, and
//! what belongs to curve25519.

use super::Test;
use crate::{
    Result,
    ec::{self, Curve},
    edwards::{self, Variant},
    hash::{self, Hash},
    montgomery,
    vector::hex,
};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "ECDSA",
        passes: ecdsa,
    },
    Test {
        name: "ECDH",
        passes: ecdh,
    },
    Test {
        name: "Ed25519",
        passes: ed25519,
    },
    Test {
        name: "X25519",
        passes: x25519,
    },
];

/// Wycheproof, for each curve the first test of ecdsa_…_p1363 whose message is "123400", and the
/// first one of ecdh_….
struct OnCurve {
    curve: Curve,
    hash: Hash,
    public: &'static [u8],
    signature: &'static [u8],
    private: &'static [u8],
    theirs: &'static [u8],
    shared: &'static [u8],
}

const MESSAGE: &[u8] = b"123400";

const CURVES: &[OnCurve] = &[
    OnCurve {
        curve: Curve::P224,
        hash: Hash::Sha224,
        public: &hex::<57>(concat!(
            "04eada93be10b2449e1e8bb58305d52008013c57107c1a20a317a6cba7eca672",
            "340c03d1d2e09663286691df55069fa25490c9dd9f9c0bb2b5",
        )),
        signature: &hex::<56>(concat!(
            "70049af31f8348673d56cece2b27e587a402f2a48f0b21a7911a480a2840bf24",
            "f6f66be287066b7cbf38788e1b7770b18fd1aa6a26d7c6dc",
        )),
        private: &hex::<28>("565577a49415ca761a0322ad54e4ad0ae7625174baf372c2816f5328"),
        theirs: &hex::<57>(concat!(
            "047d8ac211e1228eb094e285a957d9912e93deee433ed777440ae9fc719b01d0",
            "50dfbe653e72f39491be87fb1a2742daa6e0a2aada98bb1aca",
        )),
        shared: &hex::<28>("b8ecdb552d39228ee332bafe4886dbff272f7109edf933bc7542bd4f"),
    },
    OnCurve {
        curve: Curve::P256,
        hash: Hash::Sha256,
        public: &hex::<65>(concat!(
            "042927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c7328",
            "38c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e734151",
            "3e",
        )),
        signature: &hex::<64>(concat!(
            "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18",
            "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76",
        )),
        private: &hex::<32>("0612465c89a023ab17855b0a6bcebfd3febb53aef84138647b5352e02c10c346"),
        theirs: &hex::<65>(concat!(
            "0462d5bd3372af75fe85a040715d0f502428e07046868b0bfdfa61d731afe44f",
            "26ac333a93a9e70a81cd5a95b5bf8d13990eb741c8c38872b4a07d275a014e30",
            "cf",
        )),
        shared: &hex::<32>("53020d908b0219328b658b525f26780e3ae12bcd952bb25a93bc0895e1714285"),
    },
    OnCurve {
        curve: Curve::P384,
        hash: Hash::Sha384,
        public: &hex::<97>(concat!(
            "042da57dda1089276a543f9ffdac0bff0d976cad71eb7280e7d9bfd9fee4bdb2",
            "f20f47ff888274389772d98cc5752138aa4b6d054d69dcf3e25ec49df870715e",
            "34883b1836197d76f8ad962e78f6571bbc7407b0d6091f9e4d88f01427440617",
            "4f",
        )),
        signature: &hex::<96>(concat!(
            "12b30abef6b5476fe6b612ae557c0425661e26b44b1bfe19daf2ca28e3113083",
            "ba8e4ae4cc45a0320abd3394f1c548d71840da9fc1d2f8f8900cf485d5413b8c",
            "2574ee3a8d4ca03995ca30240e09513805bf6209b58ac7aa9cff54eecd82b9f1",
        )),
        private: &hex::<48>(concat!(
            "766e61425b2da9f846c09fc3564b93a6f8603b7392c785165bf20da948c49fd1",
            "fb1dee4edd64356b9f21c588b75dfd81",
        )),
        theirs: &hex::<97>(concat!(
            "04790a6e059ef9a5940163183d4a7809135d29791643fc43a2f17ee8bf677ab8",
            "4f791b64a6be15969ffa012dd9185d8796d9b954baa8a75e82df711b3b56eadf",
            "f6b0f668c3b26b4b1aeb308a1fcc1c680d329a6705025f1c98a0b5e5bfcb163c",
            "aa",
        )),
        shared: &hex::<48>(concat!(
            "6461defb95d996b24296f5a1832b34db05ed031114fbe7d98d098f93859866e4",
            "de1e229da71fef0c77fe49b249190135",
        )),
    },
    OnCurve {
        curve: Curve::P521,
        hash: Hash::Sha512,
        public: &hex::<133>(concat!(
            "04005c6457ec088d532f482093965ae53ccd07e556ed59e2af945cd8c7a95c1c",
            "644f8a56a8a8a3cd77392ddd861e8a924dac99c69069093bd52a52fa6c56004a",
            "074508007878d6d42e4b4dd1e9c0696cb3e19f63033c3db4e60d473259b3ebe0",
            "79aaf0a986ee6177f8217a78c68b813f7e149a4e56fd9562c07fed3d895942d7",
            "d101cb83f6",
        )),
        signature: &hex::<132>(concat!(
            "004e4223ee43e8cb89de3b1339ffc279e582f82c7ab0f71bbde43dbe374ac75f",
            "fbef29acdf8e70750b9a04f66fda48351de7bbfd515720b0ec5cd736f9b73bdf",
            "864501d74a2f6d95be8d4cb64f02d16d6b785a1246b4ebd206dc596818bb9532",
            "53245f5a27a24a1aae1e218fdccd8cd7d4990b666d4bf4902b84fdad123f941f",
            "e906d948",
        )),
        private: &hex::<66>(concat!(
            "01939982b529596ce77a94bc6efd03e92c21a849eb4f87b8f619d506efc9bb22",
            "e7c61640c90d598f795b64566dc6df43992ae34a1341d458574440a7371f611c",
            "7dcd",
        )),
        theirs: &hex::<133>(concat!(
            "040064da3e94733db536a74a0d8a5cb2265a31c54a1da6529a198377fbd38575",
            "d9d79769ca2bdf2d4c972642926d444891a652e7f492337251adf1613cf30779",
            "99b5ce00e04ad19cf9fd4722b0c824c069f70c3c0e7ebc5288940dfa92422152",
            "ae4a4f79183ced375afb54db1409ddf338b85bb6dbfc5950163346bb63a90a70",
            "c5aba098f7",
        )),
        shared: &hex::<66>(concat!(
            "01f1e410f2c6262bce6879a3f46dfb7dd11d30eeee9ab49852102e1892201dd1",
            "0f27266c2cf7cbccc7f6885099043dad80ff57f0df96acf283fb090de53df95f",
            "7d87",
        )),
    },
    OnCurve {
        curve: Curve::Secp256k1,
        hash: Hash::Sha256,
        public: &hex::<65>(concat!(
            "04b838ff44e5bc177bf21189d0766082fc9d843226887fc9760371100b7ee20a",
            "6ff0c9d75bfba7b31a6bca1974496eeb56de357071955d83c4b1badaa0b21832",
            "e9",
        )),
        signature: &hex::<64>(concat!(
            "813ef79ccefa9a56f7ba805f0e478584fe5f0dd5f567bc09b5123ccbc9832365",
            "900e75ad233fcc908509dbff5922647db37c21f4afd3203ae8dc4ae7794b0f87",
        )),
        private: &hex::<32>("f4b7ff7cccc98813a69fae3df222bfe3f4e28f764bf91b4a10d8096ce446b254"),
        theirs: &hex::<65>(concat!(
            "04d8096af8a11e0b80037e1ee68246b5dcbb0aeb1cf1244fd767db80f3fa27da",
            "2b396812ea1686e7472e9692eaf3e958e50e9500d3b4c77243db1f2acd67ba9c",
            "c4",
        )),
        shared: &hex::<32>("544dfae22af6af939042b1d85b71a1e49e9a5614123c4d6ad0c8af65baf87d65"),
    },
];

/// The curves of this build.
fn curves() -> impl Iterator<Item = &'static OnCurve> {
    let secp256k1 = |case: &&OnCurve| case.curve == Curve::Secp256k1;
    CURVES
        .iter()
        .filter(move |case| !(cfg!(feature = "fips") && secp256k1(case)))
}

/// A known signature verifies, and one that is made for another key; no other does.
fn ecdsa() -> Result<bool> {
    let mut passed = true;
    for case in curves() {
        let mut digest = [0; hash::MAX_LEN];
        case.hash.of(MESSAGE, &mut digest)?;
        let digest = digest.get(..case.hash.len()).unwrap_or_default();
        let public = ec::PublicKey::new(case.curve, case.public)?;
        let known = public.verify(digest, case.signature).is_ok();
        let other = public.verify(&[1; 20], case.signature).is_err();

        let private = ec::PrivateKey::new(case.curve, case.private)?;
        let mut signature = vec![0; case.signature.len()];
        private.sign(digest, &mut signature)?;
        let made = private.public()?.verify(digest, &signature).is_ok();
        passed &= known && other && made;
    }
    Ok(passed)
}

fn ecdh() -> Result<bool> {
    let mut passed = true;
    for case in curves() {
        let private = ec::PrivateKey::new(case.curve, case.private)?;
        passed &= private.agree(case.theirs)?.reveal() == case.shared;
    }
    Ok(passed)
}

/// RFC 8032 §7.1, test 3, and §7.3.
fn ed25519() -> Result<bool> {
    const SEED: [u8; 32] = hex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
    const SIGNATURE: [u8; 64] = hex(concat!(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ));
    const PH_SEED: [u8; 32] =
        hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    const PH_SIGNATURE: [u8; 64] = hex(concat!(
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
    ));
    let signs = |seed: &[u8], variant, message: &[u8], known: &[u8; 64]| {
        let key = edwards::PrivateKey::new(seed)?;
        let mut signature = [0; 64];
        key.sign(variant, message, &mut signature)?;
        let public = key.public()?;
        Ok(signature == *known
            && public.verify(variant, message, known).is_ok()
            && public.verify(variant, b"another", known).is_err())
    };
    Ok(signs(&SEED, Variant::Pure, &[0xaf, 0x82], &SIGNATURE)?
        && signs(&PH_SEED, Variant::Prehash(b""), b"abc", &PH_SIGNATURE)?)
}

/// RFC 7748 §6.1.
fn x25519() -> Result<bool> {
    const VALUE: [u8; 32] = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const PUBLIC: [u8; 32] =
        hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const SHARED: [u8; 32] =
        hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    let key = montgomery::PrivateKey::new(&VALUE)?;
    Ok(key.agree(&PUBLIC)?.reveal() == SHARED)
}

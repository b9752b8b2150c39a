//! Known-answer tests of every algorithm, run once a process before a key is touched: a library
//! built wrongly, or a machine that computes wrongly, must not make ciphertext that nobody can
//! open again.

mod elliptic;
mod pqc;
mod rsa;
mod symmetric;

use std::{sync::OnceLock, thread};

use crate::{
    Error, Result, Secret, aes, argon2id, gcm,
    hash::{self, Hash},
    hkdf_sha256, hmac,
    kdf::{self, Xof},
    random, seal,
    vector::{self, hex},
    xaes,
};

/// Runs the tests, or answers what they found when they ran.
pub fn run() -> Result<()> {
    static OUTCOME: OnceLock<Result<()>> = OnceLock::new();
    *OUTCOME.get_or_init(|| {
        seed();
        all().try_for_each(Test::run)
    })
}

/// Has the generator seeded, beside what the caller does meanwhile: for the first random byte of a
/// process AWS-LC measures the processor's jitter, which takes longer than all of the tests.
fn seed() {
    // Where there is no thread, the first who needs a random byte waits as long.
    let _ = thread::Builder::new()
        .name("seed".to_owned())
        .spawn(random::array::<1>);
}

/// Those that need random bytes come last.
fn all() -> impl Iterator<Item = &'static Test> {
    [
        MODULE,
        TESTS,
        symmetric::TESTS,
        RANDOM,
        rsa::TESTS,
        elliptic::TESTS,
        pqc::TESTS,
    ]
    .into_iter()
    .flatten()
}

struct Test {
    name: &'static str,
    /// Whether the answer is the known one.
    passes: fn() -> Result<bool>,
}

impl Test {
    fn run(&self) -> Result<()> {
        match (self.passes)() {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Error::SelfTest(self.name)),
        }
    }
}

/// The FIPS module is the one that runs, and its own tests pass.
const MODULE: &[Test] = &[
    #[cfg(feature = "fips")]
    Test {
        name: "the FIPS module",
        passes: || crate::native::library::self_test().map(|()| true),
    },
];

const TESTS: &[Test] = &[
    Test {
        name: "AES",
        passes: aes_blocks,
    },
    Test {
        name: "AES-CBC",
        passes: aes_cbc,
    },
    Test {
        name: "AES-CTR",
        passes: aes_ctr,
    },
    Test {
        name: "AES-GCM",
        passes: aes_gcm,
    },
    Test {
        name: "AES-GCM in parts",
        passes: aes_gcm_in_parts,
    },
    Test {
        name: "XAES-256-GCM",
        passes: xaes_gcm,
    },
    Test {
        name: "sealing",
        passes: sealing,
    },
    Test {
        name: "SHA",
        passes: digests,
    },
    Test {
        name: "SHAKE",
        passes: extendable,
    },
    Test {
        name: "HMAC",
        passes: codes,
    },
    Test {
        name: "HKDF",
        passes: derivation,
    },
    Test {
        name: "Argon2id",
        passes: argon2id::known_answer,
    },
];

const RANDOM: &[Test] = &[Test {
    name: "random",
    passes: random_differs,
}];

fn random_differs() -> Result<bool> {
    Ok(random::array::<32>()? != random::array::<32>()?)
}

fn aes_blocks() -> Result<bool> {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..]))?;
    let mut blocks = vector::BLOCKS;
    blocks
        .as_chunks_mut()
        .0
        .iter_mut()
        .try_for_each(|block| key.encrypt_block(block))?;
    let encrypted = blocks == vector::ECB_256;
    blocks
        .as_chunks_mut()
        .0
        .iter_mut()
        .try_for_each(|block| key.decrypt_block(block))?;
    Ok(encrypted && blocks == vector::BLOCKS)
}

fn aes_cbc() -> Result<bool> {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..]))?;
    let (mut encrypted, mut decrypted) = ([0; 64], [0; 64]);
    key.cbc_encrypt(&mut { vector::CBC_IV }, &vector::BLOCKS, &mut encrypted)?;
    key.cbc_decrypt(&mut { vector::CBC_IV }, &vector::CBC_256, &mut decrypted)?;
    Ok(encrypted == vector::CBC_256 && decrypted == vector::BLOCKS)
}

fn aes_ctr() -> Result<bool> {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..]))?;
    let mut encrypted = [0; 64];
    let mut counter = aes::Counter::new(128, vector::COUNTER)?;
    counter.apply(&key, &vector::BLOCKS, &mut encrypted)?;
    Ok(encrypted == vector::CTR_256)
}

fn aes_gcm() -> Result<bool> {
    use vector::{GCM_ADDITIONAL, GCM_CIPHERTEXT, GCM_IV, GCM_PLAINTEXT, GCM_TAG};
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..]))?;
    let (mut sealed, mut tag, mut opened) = ([0; 60], [0; 16], [0; 60]);
    gcm::seal(
        &key,
        &GCM_IV,
        &GCM_ADDITIONAL,
        &GCM_PLAINTEXT,
        &mut sealed,
        &mut tag,
    )?;
    gcm::open(
        &key,
        &GCM_IV,
        &GCM_ADDITIONAL,
        &GCM_CIPHERTEXT,
        &GCM_TAG,
        &mut opened,
    )?;
    let mut wrong_tag = GCM_TAG;
    wrong_tag[0] ^= 1;
    let wrong = gcm::open(
        &key,
        &GCM_IV,
        &GCM_ADDITIONAL,
        &sealed,
        &wrong_tag,
        &mut [0; 60],
    );
    Ok(sealed == GCM_CIPHERTEXT
        && tag == GCM_TAG
        && opened == GCM_PLAINTEXT
        && wrong == Err(Error::Authentication))
}

fn aes_gcm_in_parts() -> Result<bool> {
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..]))?;
    let mut encryption = gcm::Encryption::new(&key, &vector::GCM_IV, &vector::GCM_ADDITIONAL)?;
    let (mut sealed, mut tag) = ([0; 60], [0; 16]);
    let (input_head, input_tail) = vector::GCM_PLAINTEXT.split_at(17);
    let (head, tail) = sealed.split_at_mut(17);
    encryption.update(input_head, head)?;
    encryption.update(input_tail, tail)?;
    encryption.finish(&mut tag)?;
    Ok(sealed == vector::GCM_CIPHERTEXT && tag == vector::GCM_TAG)
}

fn xaes_gcm() -> Result<bool> {
    use vector::{XAES_ADDITIONAL, XAES_NONCE, XAES_PLAINTEXT, XAES_SEALED};
    let key = aes::Key::new(Secret::from(&vector::XAES_KEY[..]))?;
    let (mut sealed, mut opened) = ([0; 52], [0; 12]);
    xaes::seal_with(
        &key,
        &XAES_NONCE,
        &XAES_ADDITIONAL,
        &XAES_PLAINTEXT,
        &mut sealed,
    )?;
    xaes::open(&key, &XAES_ADDITIONAL, &sealed, &mut opened)?;
    Ok(sealed.starts_with(&XAES_NONCE)
        && sealed.ends_with(&XAES_SEALED)
        && opened == XAES_PLAINTEXT)
}

/// The other implementation of the same construction, on the library for records.
fn sealing() -> Result<bool> {
    let key = Secret::from(&vector::XAES_KEY[..]);
    let (purpose, plaintext) = (&vector::XAES_ADDITIONAL, &vector::XAES_PLAINTEXT);
    let sealed = seal::seal_with(&key, &vector::XAES_NONCE, purpose, plaintext)?;
    let opened = seal::open(&key, purpose, &sealed)?;
    Ok(sealed.ends_with(&vector::XAES_SEALED) && *opened == plaintext)
}

/// FIPS 180-4, the examples for the message `abc`.
const ABC: &[(Hash, &[u8])] = &[
    (
        Hash::Sha1,
        &hex::<20>("a9993e364706816aba3e25717850c26c9cd0d89d"),
    ),
    (
        Hash::Sha224,
        &hex::<28>("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    ),
    (
        Hash::Sha256,
        &hex::<32>("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ),
    (
        Hash::Sha384,
        &hex::<48>(concat!(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163",
            "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        )),
    ),
    (
        Hash::Sha512,
        &hex::<64>(concat!(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        )),
    ),
    (
        Hash::Sha512_224,
        &hex::<28>("4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
    ),
    (
        Hash::Sha512_256,
        &hex::<32>("53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    ),
    (
        Hash::Sha3_224,
        &hex::<28>("e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    ),
    (
        Hash::Sha3_256,
        &hex::<32>("3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ),
    (
        Hash::Sha3_384,
        &hex::<48>(concat!(
            "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b2",
            "98d88cea927ac7f539f1edf228376d25",
        )),
    ),
    (
        Hash::Sha3_512,
        &hex::<64>(concat!(
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e",
            "10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        )),
    ),
];

fn digests() -> Result<bool> {
    let mut passed = true;
    for (hash, answer) in ABC {
        let mut digest = [0; hash::MAX_LEN];
        hash.of(b"abc", &mut digest)?;
        passed &= digest.starts_with(answer);
    }
    Ok(passed)
}

/// NIST CAVP, SHAKE128ShortMsg and SHAKE256ShortMsg, the messages of 8 bits.
fn extendable() -> Result<bool> {
    let short = kdf::shake(Xof::Shake128, &[0x0e], 16)?;
    let long = kdf::shake(Xof::Shake256, &[0x0f], 32)?;
    Ok(
        short.reveal() == hex::<16>("fa996dafaa208d72287c23bc4ed4bfd5")
            && long.reveal()
                == hex::<32>("aabb07488ff9edd05d6a603b7791b60a16d45093608f1badc0c9cc9a9154f215"),
    )
}

/// RFC 2202 §3 and RFC 4231 §4.2, test case 1; of SHA-3 and SHA-512/t the same key and input, as in
/// NIST's list of HMAC object identifiers' test vectors.
const HI_THERE: &[(Hash, &[u8])] = &[
    (
        Hash::Sha1,
        &hex::<20>("b617318655057264e28bc0b6fb378c8ef146be00"),
    ),
    (
        Hash::Sha224,
        &hex::<28>("896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22"),
    ),
    (
        Hash::Sha256,
        &hex::<32>("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    ),
    (
        Hash::Sha384,
        &hex::<48>(concat!(
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec6",
            "82aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        )),
    ),
    (
        Hash::Sha512,
        &hex::<64>(concat!(
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde",
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        )),
    ),
    (
        Hash::Sha512_224,
        &hex::<28>("b244ba01307c0e7a8ccaad13b1067a4cf6b961fe0c6a20bda3d92039"),
    ),
    (
        Hash::Sha512_256,
        &hex::<32>("9f9126c3d9c3c330d760425ca8a217e31feae31bfe70196ff81642b868402eab"),
    ),
    (
        Hash::Sha3_224,
        &hex::<28>("3b16546bbc7be2706a031dcafd56373d9884367641d8c59af3c860f7"),
    ),
    (
        Hash::Sha3_256,
        &hex::<32>("ba85192310dffa96e2a3a40e69774351140bb7185e1202cdcc917589f95e16bb"),
    ),
    (
        Hash::Sha3_384,
        &hex::<48>(concat!(
            "68d2dcf7fd4ddd0a2240c8a437305f61fb7334cfb5d0226e1bc27dc10a2e723a",
            "20d370b47743130e26ac7e3d532886bd",
        )),
    ),
    (
        Hash::Sha3_512,
        &hex::<64>(concat!(
            "eb3fbd4b2eaab8f5c504bd3a41465aacec15770a7cabac531e482f860b5ec7ba",
            "47ccb2c6f2afce8f88d22b6dc61380f23a668fd3888bb80537c0a0b86407689e",
        )),
    ),
];

fn codes() -> Result<bool> {
    let mut passed = true;
    for (hash, answer) in HI_THERE {
        let key = hmac::Key::new(Secret::from(&vector::HMAC_KEY[..]));
        let mut code = [0; hash::MAX_LEN];
        key.code(*hash, &[&vector::HMAC_INPUT], &mut code)?;
        passed &= code.starts_with(answer);
    }
    Ok(passed)
}

/// RFC 5869 §A.3, cut to the length that is used here.
fn derivation() -> Result<bool> {
    const ANSWER: [u8; 32] =
        hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    let key = hkdf_sha256(&Secret::from(&[0x0b; 22][..]), b"");
    Ok(key.reveal() == ANSWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_gives_its_known_answer() {
        for test in all() {
            assert_eq!(test.run(), Ok(()), "{}", test.name);
        }
        assert_eq!(run(), Ok(()));
    }

    #[test]
    fn a_wrong_answer_names_its_algorithm() {
        let wrong = Test {
            name: "AES",
            passes: || Ok(false),
        };
        assert_eq!(wrong.run(), Err(Error::SelfTest("AES")));
        let broken = Test {
            name: "SHA",
            passes: || Err(Error::Library),
        };
        assert_eq!(broken.run(), Err(Error::SelfTest("SHA")));
    }
}

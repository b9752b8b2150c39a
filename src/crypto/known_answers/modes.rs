//! AES in its modes: SP 800-38A, the GCM specification's test cases, C2SP XAES-256-GCM.

use sha3::{
    Shake128,
    digest::{ExtendableOutput, Update, XofReader},
};

use super::{bytes, key};
use crate::{
    Error, Secret, aes,
    aes::Counter,
    gcm, vector,
    vector::{BLOCKS, COUNTER, GCM_ADDITIONAL, GCM_IV, GCM_PLAINTEXT, GCM_TAG},
    xaes,
};

/// Key of SP 800-38A appendix F, and the answers of ECB, CBC and CTR.
const SP_800_38A: [[&str; 4]; 2] = [
    [
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf\
         43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
         73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
         5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    ],
    [
        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef\
         ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
         571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94\
         1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    ],
];

#[test]
fn the_modes_of_sp_800_38a_agree_for_shorter_keys_too() {
    for [key_hex, ecb, cbc, ctr] in SP_800_38A {
        let key = key(key_hex);
        let mut blocks = BLOCKS;
        for block in blocks.as_chunks_mut().0 {
            key.encrypt_block(block).unwrap();
        }
        assert_eq!(blocks.to_vec(), bytes(ecb));

        let mut output = [0; 64];
        key.cbc_encrypt(&mut { vector::CBC_IV }, &BLOCKS, &mut output)
            .unwrap();
        assert_eq!(output.to_vec(), bytes(cbc));
        key.cbc_decrypt(&mut { vector::CBC_IV }, &bytes(cbc), &mut output)
            .unwrap();
        assert_eq!(output, BLOCKS);

        Counter::new(128, COUNTER)
            .unwrap()
            .apply(&key, &BLOCKS, &mut output)
            .unwrap();
        assert_eq!(output.to_vec(), bytes(ctr));
    }
}

#[test]
fn cbc_in_parts_goes_on_where_the_last_part_ended() {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..])).unwrap();
    let (mut iv, mut output) = (vector::CBC_IV, [0; 64]);
    key.cbc_encrypt(&mut iv, &BLOCKS[..16], &mut output[..16])
        .unwrap();
    key.cbc_encrypt(&mut iv, &BLOCKS[16..], &mut output[16..])
        .unwrap();
    assert_eq!(output, vector::CBC_256);
}

#[test]
fn cbc_refuses_what_is_not_whole_blocks() {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..])).unwrap();
    let refused = key.cbc_encrypt(&mut [0; 16], &[0; 17], &mut [0; 17]);
    assert_eq!(refused, Err(Error::Length));
    let refused = key.cbc_decrypt(&mut [0; 16], &[0; 16], &mut [0; 32]);
    assert_eq!(refused, Err(Error::Length));
}

#[test]
fn ctr_in_odd_parts_is_ctr_at_once() {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..])).unwrap();
    let mut counter = Counter::new(128, COUNTER).unwrap();
    let mut output = [0; 64];
    for (from, to) in [(0, 1), (1, 17), (17, 17), (17, 50), (50, 64)] {
        counter
            .apply(&key, &BLOCKS[from..to], &mut output[from..to])
            .unwrap();
    }
    assert_eq!(output, vector::CTR_256);
}

#[test]
fn a_counter_never_comes_round() {
    let key = aes::Key::new(Secret::from(&vector::KEY_256[..])).unwrap();
    let mut first = [0; 16];
    first[15] = 0xFE;
    let mut counter = Counter::new(8, first).unwrap();
    assert_eq!(
        counter.apply(&key, &[0; 33], &mut [0; 33]),
        Err(Error::CounterExhausted)
    );
    assert_eq!(counter.apply(&key, &[0; 31], &mut [0; 31]), Ok(()));
    assert_eq!(counter.apply(&key, &[0; 1], &mut [0; 1]), Ok(()));
    assert_eq!(
        counter.apply(&key, &[0; 1], &mut [0; 1]),
        Err(Error::CounterExhausted)
    );
}

#[test]
fn a_counter_has_1_to_128_bits() {
    for (bits, legal) in [
        (0, false),
        (1, true),
        (128, true),
        (129, false),
        (u32::MAX, false),
    ] {
        assert_eq!(Counter::new(bits, [0; 16]).is_ok(), legal, "{bits}");
    }
}

/// Key, nonce, ciphertext and tag of the GCM specification's test cases 4, 5, 6 and 10.
const GCM: [[&str; 4]; 4] = [
    [
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
        "5bc94fbc3221a5db94fae95ae7121a47",
    ],
    [
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbad",
        "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c7423\
         73806900e49f24b22b097544d4896b424989b5e1ebac0f07c23f4598",
        "3612d2e79e3b0785561be14aaca2fccb",
    ],
    [
        "feffe9928665731c6d6a8f9467308308",
        "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728\
         c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b",
        "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7\
         01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",
        "619cc5aefffe0bfa462af43c1699d050",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c",
        "cafebabefacedbaddecaf888",
        "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c\
         7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710",
        "2519498e80f1478f37ba55bd6d27618c",
    ],
];

#[test]
fn gcm_agrees_for_all_key_and_nonce_lengths_at_once_and_in_parts() {
    for [key_hex, nonce, ciphertext, tag] in GCM {
        let (key, nonce) = (key(key_hex), bytes(nonce));
        let (ciphertext, tag) = (bytes(ciphertext), bytes(tag));
        let (mut output, mut output_tag) = ([0; 60], [0; 16]);
        gcm::seal(
            &key,
            &nonce,
            &GCM_ADDITIONAL,
            &GCM_PLAINTEXT,
            &mut output,
            &mut output_tag,
        )
        .unwrap();
        assert_eq!(
            (output.to_vec(), output_tag.to_vec()),
            (ciphertext.clone(), tag.clone())
        );
        gcm::open(
            &key,
            &nonce,
            &GCM_ADDITIONAL,
            &ciphertext,
            &tag,
            &mut output,
        )
        .unwrap();
        assert_eq!(output, GCM_PLAINTEXT);

        let mut encryption = gcm::Encryption::new(&key, &nonce, &GCM_ADDITIONAL).unwrap();
        for (input, output) in GCM_PLAINTEXT.chunks(7).zip(output.chunks_mut(7)) {
            encryption.update(input, output).unwrap();
        }
        encryption.finish(&mut output_tag).unwrap();
        assert_eq!((output.to_vec(), output_tag.to_vec()), (ciphertext, tag));
    }
}

#[test]
fn a_short_tag_is_the_beginning_of_the_whole_one() {
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..])).unwrap();
    for len in [4, 8, 12, 13, 14, 15, 16] {
        let (mut output, mut tag) = ([0; 60], vec![0; len]);
        gcm::seal(
            &key,
            &GCM_IV,
            &GCM_ADDITIONAL,
            &GCM_PLAINTEXT,
            &mut output,
            &mut tag,
        )
        .unwrap();
        assert_eq!(tag, &GCM_TAG[..len]);
        let mut plaintext = [0; 60];
        gcm::open(
            &key,
            &GCM_IV,
            &GCM_ADDITIONAL,
            &output,
            &tag,
            &mut plaintext,
        )
        .unwrap();
        assert_eq!(plaintext, GCM_PLAINTEXT);
        tag[len - 1] ^= 1;
        let refused = gcm::open(
            &key,
            &GCM_IV,
            &GCM_ADDITIONAL,
            &output,
            &tag,
            &mut plaintext,
        );
        assert_eq!(refused, Err(Error::Authentication));
        let mut encryption = gcm::Encryption::new(&key, &GCM_IV, &GCM_ADDITIONAL).unwrap();
        encryption.update(&GCM_PLAINTEXT, &mut output).unwrap();
        encryption.finish(&mut tag).unwrap();
        assert_eq!(tag, &GCM_TAG[..len]);
    }
}

#[test]
fn gcm_refuses_tags_and_nonces_that_the_standard_does_not_have() {
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..])).unwrap();
    for len in [0, 1, 3, 5, 11, 17] {
        let refused = gcm::seal(&key, &GCM_IV, b"", b"", &mut [], &mut vec![0; len]);
        assert_eq!(refused, Err(Error::Length), "{len}");
    }
    assert_eq!(
        gcm::seal(&key, b"", b"", b"", &mut [], &mut [0; 16]),
        Err(Error::Length)
    );
    assert!(gcm::Encryption::new(&key, b"", b"").is_err());
}

#[test]
fn a_wrong_tag_leaves_no_plaintext() {
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..])).unwrap();
    let mut output = [0xAA; 60];
    let refused = gcm::open(
        &key,
        &GCM_IV,
        &GCM_ADDITIONAL,
        &vector::GCM_CIPHERTEXT,
        &[0; 16],
        &mut output,
    );
    assert_eq!(refused, Err(Error::Authentication));
    assert_eq!(output, [0; 60]);
}

#[test]
fn threads_share_one_prepared_key() {
    let key = aes::Key::new(Secret::from(&vector::GCM_KEY[..])).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let (mut output, mut tag) = ([0; 60], [0; 16]);
                    let (additional, input) = (&GCM_ADDITIONAL, &GCM_PLAINTEXT);
                    gcm::seal(&key, &GCM_IV, additional, input, &mut output, &mut tag).unwrap();
                    assert_eq!((output, tag), (vector::GCM_CIPHERTEXT, GCM_TAG));
                }
            });
        }
    });
}

#[test]
fn xaes_agrees_with_the_first_vector_of_c2sp() {
    let key = aes::Key::new(Secret::from(&[1; 32][..])).unwrap();
    let mut sealed = [0; 52];
    xaes::seal_with(
        &key,
        &vector::XAES_NONCE,
        b"",
        &vector::XAES_PLAINTEXT,
        &mut sealed,
    )
    .unwrap();
    let answer = bytes("ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
    assert_eq!(&sealed[24..], answer);
}

#[test]
fn xaes_agrees_with_the_10_000_random_messages_of_c2sp() {
    let mut input = Shake128::default().finalize_xof();
    let mut ciphertexts = Shake128::default();
    for _ in 0..10_000 {
        let mut draw = |len: usize| {
            let mut bytes = vec![0; len];
            input.read(&mut bytes);
            bytes
        };
        let key = aes::Key::new(Secret::from(draw(32))).unwrap();
        let nonce: [u8; 24] = draw(24).try_into().unwrap();
        let len = draw(1)[0];
        let plaintext = draw(len.into());
        let len = draw(1)[0];
        let additional = draw(len.into());

        let mut sealed = vec![0; plaintext.len() + xaes::OVERHEAD];
        xaes::seal_with(&key, &nonce, &additional, &plaintext, &mut sealed).unwrap();
        let mut opened = vec![0; plaintext.len()];
        xaes::open(&key, &additional, &sealed, &mut opened).unwrap();
        assert_eq!(opened, plaintext);
        ciphertexts.update(&sealed[24..]);
    }
    let mut digest = [0; 32];
    ciphertexts.finalize_xof().read(&mut digest);
    let answer = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939";
    assert_eq!(hex::encode(digest), answer);
}

#[test]
fn xaes_refuses_altered_short_and_misplaced_messages() {
    let key = aes::Key::new(Secret::from(&[1; 32][..])).unwrap();
    let mut sealed = [0; 45];
    xaes::seal(&key, b"here", b"hello", &mut sealed).unwrap();
    let mut output = [0; 5];
    xaes::open(&key, b"here", &sealed, &mut output).unwrap();
    assert_eq!(&output, b"hello");
    assert_eq!(
        xaes::open(&key, b"there", &sealed, &mut output),
        Err(Error::Authentication)
    );
    assert_eq!(
        xaes::open(&key, b"here", &sealed[..39], &mut []),
        Err(Error::Length)
    );
    for place in 0..sealed.len() {
        let mut altered = sealed;
        altered[place] ^= 1;
        let refused = xaes::open(&key, b"here", &altered, &mut output);
        assert_eq!(refused, Err(Error::Authentication), "{place}");
    }
}

#[test]
fn xaes_takes_only_keys_of_256_bits() {
    let key = aes::Key::new(Secret::from(&[1; 16][..])).unwrap();
    assert_eq!(xaes::seal(&key, b"", b"", &mut [0; 40]), Err(Error::Length));
}

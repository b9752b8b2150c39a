//! RSA keys: what a template may leave out, and what is no key.

use crate::{
    Error,
    known_answers::bytes,
    rsa::{Component, GENERATED_BITS_MIN, GENERATED_EXPONENT_MIN, Parts, PrivateKey, PublicKey},
    vector::rsa::{
        COEFFICIENT, EXPONENT_1, EXPONENT_2, MODULUS, PRIME_1, PRIME_2, PRIVATE_EXPONENT,
    },
};

const COMPONENTS: [(Component, &str); 8] = [
    (Component::Modulus, MODULUS),
    (Component::PublicExponent, "010001"),
    (Component::PrivateExponent, PRIVATE_EXPONENT),
    (Component::Prime1, PRIME_1),
    (Component::Prime2, PRIME_2),
    (Component::Exponent1, EXPONENT_1),
    (Component::Exponent2, EXPONENT_2),
    (Component::Coefficient, COEFFICIENT),
];

fn assert_whole(key: &PrivateKey) {
    for (component, expected) in COMPONENTS {
        let number = key.component(component).unwrap();
        assert_eq!(hex::encode(number.reveal()), expected, "{component:?}");
    }
}

#[test]
fn a_private_key_is_made_from_n_e_and_d_alone() {
    let key = PrivateKey::new(&Parts {
        modulus: &bytes(MODULUS),
        public_exponent: &[1, 0, 1],
        private_exponent: &bytes(PRIVATE_EXPONENT),
        ..Parts::default()
    });
    assert_whole(&key.unwrap());
}

#[test]
fn a_private_key_survives_pkcs8() {
    let [n, d, p, q] = [MODULUS, PRIVATE_EXPONENT, PRIME_1, PRIME_2].map(bytes);
    let [dp, dq, qi] = [EXPONENT_1, EXPONENT_2, COEFFICIENT].map(bytes);
    let parts = Parts {
        modulus: &n,
        public_exponent: &[0, 1, 0, 1],
        private_exponent: &d,
        primes: Some([&p, &q]),
        exponents: Some([&dp, &dq]),
        coefficient: Some(&qi),
    };
    let key = PrivateKey::new(&parts).unwrap();
    let again = PrivateKey::from_pkcs8(key.pkcs8().unwrap().reveal()).unwrap();
    assert_whole(&again);
    let public = PublicKey::from_info(&again.public().unwrap().info().unwrap()).unwrap();
    assert_eq!((public.modulus(), public.bits()), (n.as_slice(), 2048));
    assert_eq!(public.exponent().unwrap(), [1, 0, 1]);
}

#[test]
fn numbers_that_do_not_belong_together_are_no_key() {
    let [n, d, p, q] = [MODULUS, PRIVATE_EXPONENT, PRIME_1, PRIME_2].map(bytes);
    let right = Parts {
        modulus: &n,
        public_exponent: &[1, 0, 1],
        private_exponent: &d,
        primes: Some([&p, &q]),
        ..Parts::default()
    };
    assert!(PrivateKey::new(&right).is_ok());
    let wrong = [
        Parts {
            public_exponent: &[3],
            ..right
        },
        Parts {
            private_exponent: &p,
            ..right
        },
        Parts {
            primes: Some([&p, &p]),
            ..right
        },
        Parts {
            primes: Some([&[1], &n]),
            ..right
        },
        Parts {
            exponents: Some([&p, &q]),
            ..right
        },
        Parts {
            coefficient: Some(&p),
            ..right
        },
        Parts {
            coefficient: Some(&[]),
            ..right
        },
        Parts {
            private_exponent: &p,
            primes: None,
            ..right
        },
        Parts {
            private_exponent: &[],
            primes: None,
            ..right
        },
        Parts {
            private_exponent: &[1],
            primes: None,
            ..right
        },
    ];
    for (index, parts) in wrong.iter().enumerate() {
        assert!(PrivateKey::new(parts).is_err(), "{index}");
    }
}

#[test]
fn a_modulus_or_exponent_that_is_not_legal_is_no_key() {
    let n = bytes(MODULUS);
    let below = (GENERATED_EXPONENT_MIN - 2).to_be_bytes();
    assert_eq!(PrivateKey::generate(2048, &below).err(), Some(Error::Range));
    for exponent in [
        &[][..],
        &[0],
        &[1],
        &[2],
        &[1, 0, 0],
        &[2, 0, 0, 0, 1],
        &[1; 9],
    ] {
        assert!(PublicKey::new(&n, exponent).is_err(), "{exponent:?}");
        assert!(
            PrivateKey::generate(2048, exponent).is_err(),
            "{exponent:?}"
        );
    }
    let mut even = n.clone();
    even[255] &= 0xfe;
    assert!(PublicKey::new(&even, &[3]).is_err());
    assert!(PublicKey::new(&[], &[3]).is_err());
    assert!(PublicKey::new(&[0xff; 63], &[3]).is_err());
    assert!(PublicKey::new(&[0xff; 64], &[3]).is_ok());
    assert!(PublicKey::new(&[0xff; 1025], &[3]).is_err());
    for bits in [0, 512, 1000, 2049, 8192, usize::MAX] {
        let refused = PrivateKey::generate(bits, &[1, 0, 1]).err();
        assert_eq!(refused, Some(Error::Length), "{bits}");
    }
}

#[test]
fn a_generated_key_has_the_length_and_exponent_that_were_asked_for() {
    let least = GENERATED_EXPONENT_MIN.to_be_bytes();
    let least = least
        .split_at(least.iter().take_while(|byte| **byte == 0).count())
        .1;
    for (bits, exponent) in [(GENERATED_BITS_MIN, least), (2048, &[1, 0, 0x0f])] {
        let key = PrivateKey::generate(bits, exponent).unwrap();
        assert_eq!(key.bits(), bits);
        assert_eq!(key.public().unwrap().exponent().unwrap(), exponent);
    }
}

#[test]
fn what_follows_a_key_or_is_another_ones_is_refused() {
    let key = PrivateKey::generate(GENERATED_BITS_MIN, &[1, 0, 1]).unwrap();
    let mut pkcs8 = key.pkcs8().unwrap().reveal().to_vec();
    let mut info = key.public().unwrap().info().unwrap();
    assert!(PublicKey::from_info(&pkcs8).is_err());
    assert!(PrivateKey::from_pkcs8(&info).is_err());
    pkcs8.push(0);
    info.push(0);
    assert!(PublicKey::from_info(&info).is_err());
    assert!(PrivateKey::from_pkcs8(&pkcs8).is_err());
}

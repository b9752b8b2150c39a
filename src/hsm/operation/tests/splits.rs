//! Any split of an input into parts gives what the whole gives, for every mechanism of the table
//! with a secret key or none that takes parts: empty parts, and length queries in between,
//! included.

use std::sync::Arc;

use token::{KeyType, ParameterShape, parameter_shape};

use super::*;
use crate::mechanism::{KeyClass, Material, Row, vectors::secret_key};

/// Numbers that are the same in every run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }

    /// `input` in random parts, some of them empty.
    fn parts<'a>(&mut self, mut input: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::new();
        while !input.is_empty() {
            let longest = [1, 17, 64][self.below(3)];
            let (part, rest) = input.split_at(self.below(longest + 1).min(input.len()));
            parts.push(part);
            input = rest;
        }
        parts
    }
}

/// One mechanism with parameters for an input of a length, and a key of the first type it takes.
struct Case {
    row: &'static Row,
    key: Option<(KeyType, Arc<Material>)>,
}

impl Case {
    fn of(row: &'static Row) -> Option<Self> {
        let key = match &row.key {
            None => None,
            Some(rule) if rule.class == KeyClass::Secret => {
                let key_type = *rule.types.first()?;
                let bits = [256, 192, 512, 128]
                    .into_iter()
                    .find(|bits| (rule.min_bits..=rule.max_bits).contains(bits))?;
                // Of odd parity, as a DES key must be.
                let value = [0x01, 0x02, 0x04, 0x07, 0x08, 0x0B, 0x0D, 0x0E].repeat(8);
                // Eight bytes after eight others, no two alike: a DES key has three different parts.
                let places = 0..usize::try_from(bits / 8).unwrap();
                let value: Vec<u8> = places
                    .map(|place| value[place] ^ (place / 8 * 0x30).to_le_bytes()[0])
                    .collect();
                Some((key_type, Arc::new(secret_key(key_type.0, &value))))
            }
            Some(_) => return None,
        };
        Some(Self { row, key })
    }

    fn parameters(&self, input_len: usize) -> Parameters {
        match parameter_shape(self.row.id) {
            ParameterShape::Iv(len) => Parameters::Iv(vec![0xA5; len]),
            ParameterShape::AnyIv => Parameters::Iv(vec![0xA5; 12]),
            ParameterShape::Counter => Parameters::Counter {
                counter_bits: 64,
                block: [0xA5; 16],
            },
            ParameterShape::Gcm => gcm(128),
            ParameterShape::Ccm => Parameters::Ccm {
                data_len: input_len as u64,
                nonce: vec![1; 12],
                additional: vec![2; 3],
                mac_len: 16,
            },
            ParameterShape::MacLength => Parameters::MacLength(8),
            _ => Parameters::None,
        }
    }

    fn start(&self, operation: Operation, input_len: usize) -> Result<Operations> {
        let attributes = self.key.as_ref().map(|(key_type, _)| usable(key_type.0));
        let material = self.key.as_ref().map(|(_, material)| material.clone());
        let key = attributes.as_ref().zip(material);
        let key = key.map(|(attributes, material)| Key::new(attributes, material));
        let mechanism = Mechanism {
            id: self.row.id,
            parameters: self.parameters(input_len),
        };
        let mut operations = Operations::default();
        operations.start(operation, mechanism, key)?;
        Ok(operations)
    }

    fn whole(&self, operation: Operation, input: &[u8], data_len: usize) -> Result<Vec<u8>> {
        let mut output = vec![0; input.len() + 200];
        let mut operations = self.start(operation, data_len)?;
        let produced = operations.transform(operation, input, Some(&mut output))?;
        Ok(given(produced, output))
    }

    /// The same in parts; `None` where the mechanism takes none.
    fn in_parts(
        &self,
        operation: Operation,
        input: &[u8],
        data_len: usize,
        numbers: &mut Numbers,
    ) -> Option<Vec<u8>> {
        let mut operations = self.start(operation, data_len).unwrap();
        let gives = matches!(operation, Encrypt | Decrypt);
        let mut all = Vec::new();
        for part in numbers.parts(input) {
            if !gives {
                match operations.absorb(operation, part) {
                    Err(error) if error.reason == Reason::OperationNotInitialized => return None,
                    done => done.unwrap(),
                }
                continue;
            }
            let needed = match operations.update(operation, part, None) {
                Err(error) if error.reason == Reason::OperationNotInitialized => return None,
                asked => match asked.unwrap() {
                    Produced::Needed(len) => len,
                    Produced::Written(_) => panic!("a length query writes nothing"),
                },
            };
            if needed > 0 {
                let short = operations.update(operation, part, Some(&mut vec![0; needed - 1]));
                // A part that gives nothing yet: what was told is more than it needs.
                if short.as_ref().unwrap() == &Produced::Written(0) {
                    continue;
                }
                assert_eq!(short.unwrap(), Produced::Needed(needed));
            }
            let mut output = vec![0; needed];
            let produced = operations.update(operation, part, Some(&mut output));
            all.extend(given(produced.unwrap(), output));
        }
        let Produced::Needed(needed) = operations.produce(operation, None).ok()? else {
            panic!("a length query writes nothing");
        };
        let mut output = vec![0; needed];
        let produced = operations.produce(operation, Some(&mut output));
        all.extend(given(produced.unwrap(), output));
        assert!(!operations.places.of(operation).is_active());
        Some(all)
    }

    /// Whether the parts of `input` have `signature`; `None` where the mechanism takes none.
    fn check_parts(&self, input: &[u8], signature: &[u8], numbers: &mut Numbers) -> Option<()> {
        let mut operations = self.start(Verify, input.len()).unwrap();
        for part in numbers.parts(input) {
            match operations.absorb(Verify, part) {
                Err(error) if error.reason == Reason::OperationNotInitialized => return None,
                done => done.unwrap(),
            }
        }
        operations.check(Verify, None, signature).unwrap();
        Some(())
    }

    fn run(&self, numbers: &mut Numbers) {
        let name = self.row.name;
        for operation in [Encrypt, Digest, Sign] {
            // A new nonce for each message: what comes out differs, and parts are not taken.
            let repeats = self.row.id != MechanismId::XAES_256_GCM
                && self.row.id != MechanismId::CLOUDHSM_AES_GCM;
            if !repeats || self.row.work(operation).is_none() {
                continue;
            }
            for len in [0, 1, 15, 16, 17, 48, 64, 100, 160] {
                let input = numbers.bytes(len);
                // Of a length that the mechanism does not take.
                let Ok(whole) = self.whole(operation, &input, len) else {
                    continue;
                };
                for _ in 0..4 {
                    if let Some(parts) = self.in_parts(operation, &input, len, numbers) {
                        assert_eq!(parts, whole, "{name} {operation:?} {len}");
                    }
                    if operation == Encrypt && self.row.decrypt.is_some() {
                        let opened = self.in_parts(Decrypt, &whole, len, numbers);
                        assert!(opened.is_none_or(|opened| opened == input), "{name} {len}");
                    }
                    if operation == Sign && self.row.verify.is_some() {
                        self.check_parts(&input, &whole, numbers);
                    }
                }
            }
        }
    }
}

fn given(produced: Produced, mut output: Vec<u8>) -> Vec<u8> {
    match produced {
        Produced::Written(len) => output.truncate(len),
        Produced::Needed(len) => panic!("{len}"),
    }
    output
}

#[test]
fn any_split_into_parts_gives_what_the_whole_gives() {
    let mut numbers = Numbers(0x5EED);
    let mut cases = 0;
    for case in crate::mechanism::rows().filter_map(Case::of) {
        case.run(&mut numbers);
        cases += 1;
    }
    assert!(cases > 20, "{cases}");
}

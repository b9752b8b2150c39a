//! The caller's memory at its worst: misaligned, overlapping, too short, too long.

use std::ptr;

use cryptoki_sys::*;
use tests::{Token, call, everywhere, ok};

/// Bytes whose address is not that of a number or structure.
struct Misaligned(Vec<u8>);

impl Misaligned {
    fn new(bytes: usize) -> Self {
        Self(vec![0; bytes + 16])
    }

    fn pointer<T>(&mut self) -> *mut T {
        let first = self.0.as_mut_ptr();
        let offset = first.align_offset(16) + 1;
        first.wrapping_add(offset).cast()
    }

    fn holding<T: Copy>(value: T) -> Self {
        let mut memory = Self::new(size_of::<T>());
        // SAFETY: there is room for a `T`.
        unsafe { memory.pointer::<T>().write_unaligned(value) };
        memory
    }

    fn value<T: Copy>(&mut self) -> T {
        // SAFETY: there is a `T`.
        unsafe { self.pointer::<T>().read_unaligned() }
    }
}

#[test]
fn misaligned_structures_and_results_are_read_and_written() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let mut length = Misaligned::holding::<CK_ULONG>(16);
        let attribute = |kind, value: *mut u8, length| CK_ATTRIBUTE {
            type_: kind,
            pValue: value.cast(),
            ulValueLen: length,
        };
        let mut template = Misaligned::holding([attribute(CKA_VALUE_LEN, length.pointer(), 8)]);
        let mut mechanism = Misaligned::holding(tests::mechanism(CKM_AES_KEY_GEN, &mut []));
        let mut key = Misaligned::new(8);
        ok!(
            token.module,
            C_GenerateKey(
                session.handle,
                mechanism.pointer(),
                template.pointer(),
                1,
                key.pointer()
            )
        );
        let mut asked = Misaligned::holding([attribute(CKA_VALUE_LEN, length.pointer(), 8)]);
        length.0.fill(0);
        ok!(
            token.module,
            C_GetAttributeValue(session.handle, key.value(), asked.pointer(), 1)
        );
        assert_eq!(length.value::<CK_ULONG>(), 16);
        let mut information = Misaligned::new(size_of::<CK_TOKEN_INFO>());
        ok!(
            token.module,
            C_GetTokenInfo(token.slot, information.pointer())
        );
        let label = information.value::<CK_TOKEN_INFO>().label;
        assert_eq!(&label, format!("{:32}", "test").as_bytes());
    });
}

#[test]
fn a_message_is_encrypted_in_place_and_with_any_overlap() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        let message = [7_u8; 100];
        session.start_encrypting(key);
        let expected = session.encrypt(&message).unwrap();
        for offset in [0_usize, 1, 50, 99] {
            for forward in [true, false] {
                let mut buffer = [0_u8; 300];
                let (from, to) = if forward { (0, offset) } else { (offset, 0) };
                buffer[from..from + 100].copy_from_slice(&message);
                assert_eq!(session.start_encrypting(key), CKR_OK);
                let first = buffer.as_mut_ptr();
                let mut length = 112;
                ok!(
                    token.module,
                    C_Encrypt(
                        session.handle,
                        first.wrapping_add(from),
                        100,
                        first.wrapping_add(to),
                        &raw mut length
                    )
                );
                assert_eq!(&buffer[to..to + 112], expected, "{offset} {forward}");
            }
        }
    });
}

#[test]
fn a_short_buffer_gets_the_length_and_not_a_byte() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        session.start_encrypting(key);
        let (mut message, mut buffer) = ([1_u8; 20], [0xee_u8; 64]);
        for room in [0, 1, 16, 31] {
            let mut length = room;
            let (data, output) = (message.as_mut_ptr(), buffer.as_mut_ptr());
            assert_eq!(
                call!(
                    token.module,
                    C_Encrypt(session.handle, data, 20, output, &raw mut length)
                ),
                CKR_BUFFER_TOO_SMALL
            );
            assert!((32..=64).contains(&length), "{length}");
            assert_eq!(buffer, [0xee; 64]);
        }
        assert_eq!(session.encrypt(&message).unwrap().len(), 32);
    });
}

#[test]
fn a_length_of_all_ones_is_a_large_buffer() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        session.start_encrypting(key);
        let (mut message, mut buffer, mut length) = ([1_u8; 20], [0_u8; 32], CK_ULONG::MAX);
        let (data, output) = (message.as_mut_ptr(), buffer.as_mut_ptr());
        ok!(
            token.module,
            C_Encrypt(session.handle, data, 20, output, &raw mut length)
        );
        assert_eq!(length, 32);
    });
}

#[test]
fn an_input_of_all_memory_is_refused_and_ends_the_operation() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "key").unwrap();
        let mut buffer = [0_u8; 64];
        for (data, count) in [
            (buffer.as_mut_ptr(), CK_ULONG::MAX),
            (buffer.as_mut_ptr(), CK_ULONG::MAX / 2),
            (ptr::null_mut(), 1),
        ] {
            assert_eq!(session.start_encrypting(key), CKR_OK);
            let mut length = 64;
            let output = buffer.as_mut_ptr();
            let answer = call!(
                token.module,
                C_Encrypt(session.handle, data, count, output, &raw mut length)
            );
            assert!(
                matches!(answer, CKR_DATA_LEN_RANGE | CKR_ARGUMENTS_BAD),
                "0x{answer:x}"
            );
            assert_eq!(
                session.encrypt(b"after"),
                Err(CKR_OPERATION_NOT_INITIALIZED)
            );
        }
    });
}

#[test]
fn lists_follow_the_same_rules() {
    everywhere(|| {
        let token = Token::make();
        let mut count = 0;
        ok!(
            token.module,
            C_GetMechanismList(token.slot, ptr::null_mut(), &raw mut count)
        );
        let mut list = vec![0; count as usize];
        let mut short = 1;
        assert_eq!(
            call!(
                token.module,
                C_GetMechanismList(token.slot, list.as_mut_ptr(), &raw mut short)
            ),
            CKR_BUFFER_TOO_SMALL
        );
        assert_eq!((short, list[0]), (count, 0));
        ok!(
            token.module,
            C_GetMechanismList(token.slot, list.as_mut_ptr(), &raw mut count)
        );
        assert!(list.contains(&CKM_AES_GCM) && list.contains(&CKM_SHA256));
        let mut information = CK_MECHANISM_INFO::default();
        ok!(
            token.module,
            C_GetMechanismInfo(token.slot, CKM_AES_GCM, &raw mut information)
        );
        assert_eq!(
            (information.ulMinKeySize, information.ulMaxKeySize),
            (16, 32)
        );
        assert_eq!(
            call!(
                token.module,
                C_GetMechanismInfo(token.slot, 0xbad, &raw mut information)
            ),
            CKR_MECHANISM_INVALID
        );
    });
}

#[test]
fn random_bytes_fill_a_buffer_of_any_length() {
    everywhere(|| {
        let token = Token::make();
        let session = token.session();
        for length in [0_usize, 1, 31, 4096, 3 << 20] {
            let mut buffer = vec![0_u8; length + 1];
            let (first, count) = (buffer.as_mut_ptr(), length as CK_ULONG);
            ok!(token.module, C_GenerateRandom(session.handle, first, count));
            assert_eq!(buffer[length], 0);
            let zeros = buffer.iter().filter(|byte| **byte == 0).count();
            assert!(zeros <= 8 + length / 100, "{zeros} zeros of {length}");
        }
    });
}

#[test]
fn attributes_that_do_not_fit_are_told_beside_those_that_do() {
    everywhere(|| {
        let token = Token::make();
        let session = token.logged_in();
        let key = session.generate(false, "a label").unwrap();
        let (mut class, mut label, mut value) = (0 as CK_ULONG, [0_u8; 3], [0_u8; 32]);
        let attribute = |type_, value: *mut u8, length| CK_ATTRIBUTE {
            type_,
            pValue: value.cast(),
            ulValueLen: length,
        };
        let mut template = [
            attribute(CKA_LABEL, label.as_mut_ptr(), 3),
            attribute(CKA_CLASS, (&raw mut class).cast(), 8),
            attribute(CKA_MODULUS, value.as_mut_ptr(), 32),
            attribute(CKA_LABEL, ptr::null_mut(), 0),
        ];
        let answer = call!(
            token.module,
            C_GetAttributeValue(session.handle, key, template.as_mut_ptr(), 4)
        );
        assert!(
            matches!(answer, CKR_BUFFER_TOO_SMALL | CKR_ATTRIBUTE_TYPE_INVALID),
            "{answer:x}"
        );
        assert_eq!((class, label), (CKO_SECRET_KEY, [0; 3]));
        let lengths = template.map(|attribute| attribute.ulValueLen);
        assert_eq!(lengths, [CK_ULONG::MAX, 8, CK_ULONG::MAX, 7]);
    });
}

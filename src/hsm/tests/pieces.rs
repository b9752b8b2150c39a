//! Pieces of protected keys: none is made that could be guessed, since all pieces are the key.
#![allow(clippy::unwrap_used, reason = "tests say what they expect")]

mod support;

use support::*;
use token::{
    Attribute, AttributeType as A, KdfPart, MechanismId, ObjectHandle, Parameters, Reason,
    SessionHandle, Template,
};

const CKM_AES_CBC: u64 = 0x1082;
const CKM_AES_CMAC: u64 = 0x108A;
const CKM_AES_KEY_WRAP: u64 = 0x2109;
const CKM_CONCATENATE_BASE_AND_DATA: u64 = 0x362;
const CKM_CONCATENATE_DATA_AND_BASE: u64 = 0x363;
const CKM_EXTRACT_KEY_FROM_KEY: u64 = 0x365;
const CKM_GENERIC_SECRET_KEY_GEN: u64 = 0x350;
const CKM_SP800_108_FEEDBACK_KDF: u64 = 0x3AD;
const CKM_XOR_BASE_AND_DATA: u64 = 0x364;

/// A secret of 32 bytes to derive from.
fn base(app: &App, session: SessionHandle, is_open: bool) -> ObjectHandle {
    let attributes = vec![
        number(A::VALUE_LEN, 32),
        flag(A::DERIVE, true),
        flag(A::SENSITIVE, !is_open),
        flag(A::EXTRACTABLE, is_open),
    ];
    app.make(session, &mechanism(CKM_GENERIC_SECRET_KEY_GEN), attributes)
        .unwrap()
}

fn of_len(len: u64) -> Vec<Attribute> {
    vec![number(A::VALUE_LEN, len)]
}

#[test]
fn a_piece_of_a_protected_key_that_could_be_guessed_is_not_made() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let (closed, open) = (base(&app, session, false), base(&app, session, true));
    let data = |len| Parameters::Data(vec![7; len]);
    let pieces = [
        (CKM_EXTRACT_KEY_FROM_KEY, Parameters::Bit(8), 1),
        (CKM_EXTRACT_KEY_FROM_KEY, Parameters::Bit(8), 15),
        (CKM_CONCATENATE_BASE_AND_DATA, data(4), 1),
        (CKM_CONCATENATE_DATA_AND_BASE, data(31), 32),
        (CKM_XOR_BASE_AND_DATA, data(32), 31),
        (CKM_XOR_BASE_AND_DATA, data(1), 1),
    ];
    let is_there = |id: u64| app.has(id, CKF_DERIVE);
    for (id, parameters, len) in pieces.into_iter().filter(|(id, ..)| is_there(*id)) {
        let asked = with(id, parameters);
        let refused = app.derive(session, &asked, closed, of_len(len));
        assert_eq!(reason(refused), Reason::TemplateInconsistent, "{asked:?}");
        app.derive(session, &asked, open, of_len(len)).unwrap();
    }
    let wholes = [
        (CKM_EXTRACT_KEY_FROM_KEY, Parameters::Bit(8), 16),
        (CKM_CONCATENATE_DATA_AND_BASE, data(31), 63),
        (CKM_XOR_BASE_AND_DATA, data(32), 32),
    ];
    for (id, parameters, len) in wholes.into_iter().filter(|(id, ..)| is_there(*id)) {
        let asked = with(id, parameters);
        app.derive(session, &asked, closed, of_len(len)).unwrap();
    }
}

#[test]
fn a_function_of_a_protected_key_among_its_data_protects_its_result() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let known = vec![number(A::VALUE_LEN, 32), flag(A::DERIVE, true)];
    let known = app
        .make(session, &mechanism(CKM_AES_KEY_GEN), known)
        .unwrap();
    let function = |key| {
        let counted = KdfPart::Iteration {
            bits: 0,
            little_endian: false,
        };
        let parameters = Parameters::Kdf108 {
            prf: MechanismId(CKM_AES_CMAC),
            parts: vec![counted, KdfPart::Key(key)],
            iv: vec![],
        };
        with(CKM_SP800_108_FEEDBACK_KDF, parameters)
    };
    let readable = || {
        let mut attributes = of_len(16);
        attributes.extend([flag(A::SENSITIVE, false), flag(A::EXTRACTABLE, true)]);
        attributes
    };
    let (closed, open) = (base(&app, session, false), base(&app, session, true));
    let refused = app.derive(session, &function(closed), known, readable());
    assert_eq!(reason(refused), Reason::TemplateInconsistent);
    app.derive(session, &function(open), known, readable())
        .unwrap();
    app.derive(session, &function(closed), known, of_len(16))
        .unwrap();
}

#[test]
fn only_padding_is_cut_off_a_key_that_comes_back() {
    let world = World::new();
    let app = world.app();
    let session = app.session("user");
    let wrapping = vec![number(A::VALUE_LEN, 32)];
    let wrapping = app
        .make(session, &mechanism(CKM_AES_KEY_GEN), wrapping)
        .unwrap();
    let open = vec![
        number(A::CLASS, CKO_SECRET_KEY),
        number(A::KEY_TYPE, CKK_GENERIC_SECRET),
        flag(A::EXTRACTABLE, true),
        // Not a random one, of which 1 in 256 ends in a byte that could be padding.
        value(&[7; 32]),
    ];
    let open = app.create(session, Template(open)).unwrap();
    let cbc = with(CKM_AES_CBC, Parameters::Iv(vec![1; 16]));
    for asked in [cbc, mechanism(CKM_AES_KEY_WRAP)] {
        let wrapped = app.wrap(session, &asked, wrapping, open).unwrap();
        for len in [1, 16, 31] {
            let mut piece = of_len(len);
            piece.extend([
                number(A::CLASS, CKO_SECRET_KEY),
                number(A::KEY_TYPE, CKK_GENERIC_SECRET),
            ]);
            let refused = app.unwrap(session, &asked, wrapping, &wrapped, piece);
            assert_eq!(reason(refused), Reason::WrappedKeyLenRange, "{len}");
        }
    }
}

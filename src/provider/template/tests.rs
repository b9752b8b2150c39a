//! Templates, from C and back.

use std::ptr;

use cryptoki_sys::*;

use super::*;

fn attribute<T: ?Sized>(kind: CK_ATTRIBUTE_TYPE, value: &mut T) -> CK_ATTRIBUTE {
    let length = size_of_val(value) as CK_ULONG;
    CK_ATTRIBUTE {
        type_: kind,
        pValue: ptr::from_mut(value).cast(),
        ulValueLen: length,
    }
}

fn array(attributes: &mut [CK_ATTRIBUTE]) -> Array<CK_ATTRIBUTE> {
    // SAFETY: the slice lives until the test's end.
    unsafe { Array::claim(attributes.as_mut_ptr(), attributes.len() as CK_ULONG) }
}

fn reason(result: Result<Template>) -> Reason {
    match result {
        Err(Error::Hsm(error)) => error.reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_take_the_shape_of_their_row() {
    let (mut class, mut token, mut label) = (CKO_SECRET_KEY, CK_TRUE, *b"name");
    let mut template = [
        attribute(CKA_CLASS, &mut class),
        attribute(CKA_TOKEN, &mut token),
        attribute(CKA_LABEL, &mut label),
    ];
    let Template(attributes) = read(&array(&mut template)).unwrap();
    assert!(matches!(attributes[0].value, Value::Number(CKO_SECRET_KEY)));
    assert!(matches!(attributes[1].value, Value::Flag(true)));
    assert!(matches!(&attributes[2].value, Value::Bytes(label) if label == b"name"));
}

#[test]
fn a_value_of_the_wrong_length_is_refused() {
    let mut wide = 1_u16;
    for kind in [
        CKA_CLASS,
        CKA_TOKEN,
        CKA_START_DATE,
        CKA_ALLOWED_MECHANISMS,
        CKA_WRAP_TEMPLATE,
    ] {
        let mut template = [attribute(kind, &mut wide)];
        assert_eq!(
            reason(read(&array(&mut template))),
            Reason::AttributeValueInvalid,
            "{kind:x}"
        );
    }
}

#[test]
fn a_missing_value_and_an_unavailable_length_are_refused() {
    for length in [1, UNAVAILABLE] {
        let mut template = [CK_ATTRIBUTE {
            type_: CKA_LABEL,
            pValue: ptr::null_mut(),
            ulValueLen: length,
        }];
        assert_eq!(
            reason(read(&array(&mut template))),
            Reason::AttributeValueInvalid
        );
    }
}

#[test]
fn a_number_in_the_place_of_a_value_is_refused() {
    const NUMBER: CK_VOID_PTR = ptr::without_provenance_mut(70);
    for kind in [
        CKA_CLASS,
        CKA_LABEL,
        CKA_VALUE,
        CKA_ALLOWED_MECHANISMS,
        CKA_WRAP_TEMPLATE,
    ] {
        let mut template = [CK_ATTRIBUTE {
            type_: kind,
            pValue: NUMBER,
            ulValueLen: 48,
        }];
        assert_eq!(
            reason(read(&array(&mut template))),
            Reason::AttributeValueInvalid,
            "{kind:x}"
        );
        let mut answers = Answers::to(&array(&mut template)).unwrap();
        answers.take(&Told::Bytes(&[1]));
        assert!(answers.end().is_err());
    }
}

#[test]
fn a_template_in_a_template_is_read_and_one_in_that_is_refused() {
    let mut class = CKO_SECRET_KEY;
    let mut inner = [attribute(CKA_CLASS, &mut class)];
    let mut outer = [attribute(CKA_WRAP_TEMPLATE, &mut inner)];
    let Template(attributes) = read(&array(&mut outer)).unwrap();
    assert!(matches!(&attributes[0].value, Value::Template(Template(inner)) if inner.len() == 1));
    let mut outermost = [attribute(CKA_UNWRAP_TEMPLATE, &mut outer)];
    assert_eq!(
        reason(read(&array(&mut outermost))),
        Reason::AttributeValueInvalid
    );
}

#[test]
fn the_values_in_a_template_in_a_template_are_together_no_longer_than_one_value() {
    for (beyond, read) in [(0, true), (1, false)] {
        let mut class = CKO_SECRET_KEY;
        let mut label = vec![0_u8; limits::ATTRIBUTE_BYTES - size_of_val(&class) + beyond];
        let mut inner = [
            attribute(CKA_CLASS, &mut class),
            attribute(CKA_LABEL, label.as_mut_slice()),
        ];
        let mut outer = [attribute(CKA_WRAP_TEMPLATE, &mut inner)];
        assert_eq!(super::read(&array(&mut outer)).is_ok(), read);
    }
}

#[test]
fn what_can_be_told_is_told_beside_what_cannot() {
    let (mut label, mut small, mut value) = ([0_u8; 8], [0_u8; 1], [0_u8; 32]);
    let mut template = [
        attribute(CKA_VALUE, &mut value),
        attribute(CKA_LABEL, &mut label),
        attribute(CKA_ID, &mut small),
        attribute(CKA_MODULUS, &mut value),
        CK_ATTRIBUTE {
            type_: CKA_ID,
            pValue: ptr::null_mut(),
            ulValueLen: 0,
        },
        CK_ATTRIBUTE {
            type_: CKA_VALUE,
            pValue: ptr::null_mut(),
            ulValueLen: UNAVAILABLE,
        },
    ];
    let rooms = with_asked(&array(&mut template), |asked| {
        Ok(asked.iter().map(|asked| asked.room).collect::<Vec<_>>())
    });
    assert_eq!(rooms.unwrap(), [32, 8, 1, 32, 0, 0]);
    let id = || Told::Value(Value::Bytes(b"id".to_vec()));
    let mut answers = Answers::to(&array(&mut template)).unwrap();
    for told in [
        Told::Sensitive,
        Told::Bytes(b"name"),
        id(),
        Told::Unknown,
        id(),
        Told::Length(16),
    ] {
        answers.take(&told);
    }
    let answer = answers.end();
    assert!(matches!(answer, Err(Error::Hsm(error)) if error.reason == Reason::AttributeSensitive));
    let lengths = template.map(|attribute| attribute.ulValueLen);
    assert_eq!(lengths, [UNAVAILABLE, 4, UNAVAILABLE, UNAVAILABLE, 2, 16]);
    assert_eq!(&label[..4], b"name");
}

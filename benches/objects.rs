//! Many objects on one token: making them, and finding one of them.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use cryptoki_sys::*;
use serde::{Deserialize, Serialize};
use tests::Attributes;

use crate::{
    keys::{self, Kind},
    rate::{self, Rate, Until},
    token::Token,
    worker::{Outcome, done},
};

/// What an object is found by; each has its own.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum By {
    /// `CKA_ID`.
    Id,
    /// `CKA_LABEL`.
    Label,
}

impl By {
    fn template(self, number: usize) -> Attributes {
        match self {
            Self::Id => Attributes::new().bytes(CKA_ID, &id(number)),
            Self::Label => Attributes::new().bytes(CKA_LABEL, label(number).as_bytes()),
        }
    }
}

/// Makes so many AES keys on the token.
pub(crate) fn fill(token: &Token, objects: usize, threads: usize) {
    let next = AtomicUsize::new(0);
    let maker = || {
        let session = token.session();
        loop {
            let number = next.fetch_add(1, Relaxed);
            if number >= objects {
                break;
            }
            let template = Attributes::new()
                .flag(CKA_TOKEN, true)
                .bytes(CKA_ID, &id(number))
                .bytes(CKA_LABEL, label(number).as_bytes());
            keys::generate(&token.module, session, Kind::Aes, template).expect("an object");
        }
        done!(token.module, C_CloseSession(session)).expect("closed");
    };
    thread::scope(|scope| {
        (0..threads).for_each(|_| {
            scope.spawn(maker);
        });
    });
}

/// How often a second one thread finds one of so many.
pub(crate) fn find(token: &Token, by: By, objects: usize, until: Until) -> Option<Rate> {
    // A step that has no common divisor with a power of ten: all objects have their turn.
    const STEP: usize = 7_919;
    rate::measure(1, until, &[0], || {
        let (session, mut number) = (token.session(), 0);
        Some(Box::new(move || {
            number = (number + STEP) % objects;
            let found = find_one(token, session, by.template(number));
            assert_eq!(found, Ok(()), "object {number}");
        }))
    })
}

fn find_one(token: &Token, session: CK_SESSION_HANDLE, mut template: Attributes) -> Outcome {
    let (module, count, first) = (&token.module, template.count(), template.pointer());
    let (mut found, mut number) = ([0; 2], 0);
    done!(module, C_FindObjectsInit(session, first, count))?;
    done!(
        module,
        C_FindObjects(session, found.as_mut_ptr(), 2, &raw mut number)
    )?;
    assert_eq!(number, 1, "an id and a label are those of one object");
    done!(module, C_FindObjectsFinal(session))
}

fn id(number: usize) -> [u8; 8] {
    (number as u64).to_be_bytes()
}

fn label(number: usize) -> String {
    format!("object {number}")
}

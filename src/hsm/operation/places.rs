//! A place for each kind of operation. A place is a pointer: most sessions have one operation at a
//! time, and many are opened.

use token::Operation;

use super::machine::Place;

macro_rules! places {
    ($($kind:ident $place:ident,)*) => {
        /// The places of a session.
        #[derive(Default)]
        pub(super) struct Places {
            $($place: Place,)*
        }

        impl Places {
            /// Where `operation` is when it is active.
            pub(super) fn of(&mut self, operation: Operation) -> &mut Place {
                match operation {
                    $(Operation::$kind => &mut self.$place,)*
                }
            }

            /// Two places at once.
            pub(super) fn all(&mut self) -> [&mut Place; Operation::ALL.len()] {
                [$(&mut self.$place,)*]
            }
        }
    };
}

places! {
    Encrypt encrypt,
    Decrypt decrypt,
    Digest digest,
    Sign sign,
    Verify verify,
    SignRecover sign_recover,
    VerifyRecover verify_recover,
    MessageEncrypt message_encrypt,
    MessageDecrypt message_decrypt,
    MessageSign message_sign,
    MessageVerify message_verify,
}

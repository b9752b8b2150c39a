//! What verbs are alike in how long their answers take: who waits for one goes by those before it.

use token::Operation;

use super::{Reach, Verb};

/// A kind of work that hsmd is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Work(usize);

impl Work {
    /// What belongs to no operation and makes nothing.
    pub(crate) const OTHER: Self = Self(Operation::ALL.len());
    /// A search.
    const SEARCH: Self = Self(Self::OTHER.0 + 1);
    /// Making, changing and destroying objects.
    const OBJECT: Self = Self(Self::OTHER.0 + 2);
    /// Making a pair of keys.
    const PAIR: Self = Self(Self::OTHER.0 + 3);
    /// How many kinds there are.
    pub(crate) const COUNT: usize = Self::OTHER.0 + 4;

    /// Work of an operation.
    pub(crate) const fn of(operation: Operation) -> Self {
        // The kinds are numbered in the order of `Operation::ALL`.
        Self(operation as usize)
    }

    /// Its number, below `COUNT`.
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

impl Verb<'_> {
    /// What is asked for; none if the answer may take its time, as a password is hashed, primes are
    /// searched for, somebody is waited for, or clusters come and go. Nobody looks out for that, and it
    /// goes over the socket: a slot would be busy meanwhile, and keep others from looking out for theirs.
    pub(crate) fn work(&self) -> Option<Work> {
        if let Some((_, operation)) = self.goes_on_with() {
            return Some(Work::of(operation));
        }
        let work = match self {
            Self::Login(..) | Self::SlotEvent(..) | Self::End => return None,
            Self::Generate(_, _, mechanism, _) | Self::GeneratePair(_, _, mechanism, ..)
                if mechanism.get().id.makes_slowly() =>
            {
                return None;
            }
            Self::Start(_, operation, ..)
            | Self::UpdateBoth(_, operation, ..)
            | Self::Message { operation, .. }
            | Self::MessageBegin(_, operation, ..)
            | Self::MessageNext { operation, .. } => Work::of(*operation),
            Self::MessageCheck(..) | Self::MessageCheckNext(..) => {
                Work::of(Operation::MessageVerify)
            }
            Self::Find(..) | Self::FindStart(..) | Self::FindNext(..) => Work::SEARCH,
            Self::GeneratePair(..) => Work::PAIR,
            Self::Create(..)
            | Self::Copy(..)
            | Self::Destroy(..)
            | Self::SetAttributes(..)
            | Self::Generate(..)
            | Self::Wrap { .. }
            | Self::Unwrap { .. }
            | Self::Derive { .. }
            | Self::Encapsulate { .. }
            | Self::Decapsulate { .. } => Work::OBJECT,
            verb if verb.reach() == Reach::Home => return None,
            _ => Work::OTHER,
        };
        Some(work)
    }
}

#[cfg(test)]
mod tests {
    use token::{Mechanism, MechanismId, Parameters, SessionHandle, Template};

    use super::*;
    use crate::message::Held;

    /// Whether the making of a key, and of a pair, by this mechanism is looked out for.
    fn is_looked_out_for(id: u64) -> [bool; 2] {
        let request = crate::Requests::new().begin().request();
        let mechanism = Mechanism {
            id: MechanismId(id),
            parameters: Parameters::None,
        };
        let none = Template::default();
        let template = || Held::Lent(&none);
        let mechanism = || Held::Lent(&mechanism);
        let session = SessionHandle(1);
        let key = Verb::Generate(request, session, mechanism(), template());
        let pair = Verb::GeneratePair(request, session, mechanism(), template(), template());
        [key, pair].map(|verb| verb.work().is_some())
    }

    #[test]
    fn nobody_looks_out_for_primes_or_passwords_and_who_waits_for_a_point_does() {
        let (rsa, x9_31, password) = (0x0000, 0x000A, 0x03B0);
        for slow in [rsa, x9_31, password] {
            assert_eq!(is_looked_out_for(slow), [false; 2], "{slow:#x}");
        }
        let (ec, aes) = (0x1040, 0x1080);
        for fast in [ec, aes] {
            assert_eq!(is_looked_out_for(fast), [true; 2], "{fast:#x}");
        }
    }
}

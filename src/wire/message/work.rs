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
    /// What is asked for; none if the answer may take its time, as a password is hashed, somebody is
    /// waited for, or clusters come and go. Nobody looks out for that, and it goes over the socket.
    pub(crate) fn work(&self) -> Option<Work> {
        if let Some((_, operation)) = self.goes_on_with() {
            return Some(Work::of(operation));
        }
        let work = match self {
            Self::Login(..) | Self::SlotEvent(..) | Self::End => return None,
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

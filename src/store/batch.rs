//! What a commit does, and what it answers.

/// The id of a commit: the application that asks for it (16 bytes) and its request number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommitId {
    /// The application.
    pub application: [u8; 16],
    /// The number of its request.
    pub number: u64,
}

/// A change: applied as a whole, if every condition holds.
#[derive(Default)]
pub struct Batch {
    /// What must hold when the batch is applied; else [`crate::Error::Conflict`].
    pub expect: Vec<(Vec<u8>, Condition)>,
    /// Records to write; `None` deletes.
    pub write: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Keys without a value that are to be there (true) or not. Nobody looks whether they are already,
    /// and they are not counted: for what can be told from other records.
    pub index: Vec<(Vec<u8>, bool)>,
    /// Entries for the log: numbered and chained by the store, in the same commit.
    pub append: Vec<Vec<u8>>,
    /// What a repeated commit with the same id answers.
    pub answer: Vec<u8>,
    /// Commits of this application with smaller numbers need not be remembered any more; if its own is
    /// smaller, neither this one.
    pub settled: u64,
    /// Applications that have ended: nothing of theirs is remembered any more.
    pub forget: Vec<[u8; 16]>,
    /// Whether the change may use the disk's reserve.
    pub urgency: Urgency,
}

impl Batch {
    /// The bytes that it writes.
    pub fn len(&self) -> usize {
        let records = self
            .write
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        records
            .chain(self.index.iter().map(|(key, _)| key.len()))
            .chain(self.append.iter().map(Vec::len))
            .sum::<usize>()
            + self.answer.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.write.is_empty()
            && self.index.is_empty()
            && self.append.is_empty()
            && self.forget.is_empty()
    }
}

/// What a record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no such record.
    Absent,
    /// There is one.
    Present,
    /// There is one with exactly this value.
    Equals(Vec<u8>),
}

/// What a change may use when the disk is almost full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Not the reserve: refused while the disk is full.
    #[default]
    Normal,
    /// The reserve too: logins, their failures, deletions.
    Reserve,
}

/// What a commit answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// [`Batch::answer`]: of this commit, or of the one it repeats.
    pub answer: Vec<u8>,
    /// Whether it repeated one and changed nothing.
    pub repeated: bool,
}

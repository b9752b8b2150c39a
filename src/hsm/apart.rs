//! References that do not count together: what many sessions share has one count, in one cache line,
//! and threads that use it at the same time would take turns at that line.

use std::{ops::Deref, sync::Arc};

/// A session's own reference to what is shared: its clones count apart from everybody else's.
pub(crate) struct Apart<T>(Arc<Shared<T>>);

/// What a session has one of.
struct Shared<T>(Arc<T>);

impl<T> From<Arc<T>> for Apart<T> {
    fn from(shared: Arc<T>) -> Self {
        Self(Arc::new(Shared(shared)))
    }
}

impl<T> Clone for Apart<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let Shared(shared) = &*self.0;
        shared
    }
}

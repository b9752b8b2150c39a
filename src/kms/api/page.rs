//! Lists in pages: a marker is the name of the last entry of the page before, in hexadecimal.

use aws::{Error, Result, Validation};

use crate::errors::INVALID_MARKER;

/// Which part of a list is wanted.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) limit: usize,
    /// The name after which it starts.
    pub(super) after: Option<String>,
}

/// A part of a list.
pub(super) struct Cut<T> {
    pub(super) entries: Vec<T>,
    pub(super) next_marker: Option<String>,
}

impl Page {
    /// The page that a request describes; at most `most` entries.
    pub(super) fn new(
        limit: Option<i64>,
        marker: Option<&str>,
        default: usize,
        most: i64,
    ) -> Result<Self> {
        let mut check = Validation::new();
        check.number("limit", limit, 1..=most);
        check.length("marker", marker, 1..=1024);
        check.finish()?;
        let invalid = || Error::new(INVALID_MARKER, "The marker is not one of this list.");
        let name = |marker: &str| {
            let bytes = hex::decode(marker).map_err(|_| invalid())?;
            String::from_utf8(bytes).map_err(|_| invalid())
        };
        let after = marker.map(name).transpose()?;
        let limit = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(default);
        Ok(Self { limit, after })
    }

    /// That the marker names nothing that could be in the list.
    pub(super) fn foreign_marker() -> Error {
        Error::new(INVALID_MARKER, "The marker is not one of this list.")
    }

    /// How many entries to look for: one more tells whether the list goes on.
    pub(super) fn reach(&self) -> usize {
        self.limit + 1
    }

    /// The page out of as many entries as [`Page::reach`] says.
    pub(super) fn cut<T>(&self, mut entries: Vec<T>, name: impl Fn(&T) -> String) -> Cut<T> {
        let more = entries.len() > self.limit;
        entries.truncate(self.limit);
        let last = entries.last().filter(|_| more);
        let next_marker = last.map(|entry| hex::encode(name(entry)));
        Cut {
            entries,
            next_marker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_of_a_page_leads_to_the_next() {
        let page = Page::new(Some(2), None, 100, 1000).unwrap();
        let cut = page.cut(vec!["a", "b", "c"], |entry| (*entry).to_owned());
        assert_eq!(cut.entries, ["a", "b"]);
        let next = Page::new(Some(2), cut.next_marker.as_deref(), 100, 1000).unwrap();
        assert_eq!(next.after.as_deref(), Some("b"));
        assert!(
            next.cut(vec!["c"], |entry| (*entry).to_owned())
                .next_marker
                .is_none()
        );
    }

    #[test]
    fn a_marker_that_was_never_given_is_refused() {
        for marker in ["zz", "f", "ff"] {
            assert_eq!(
                Page::new(None, Some(marker), 1, 1).unwrap_err().kind,
                INVALID_MARKER
            );
        }
    }
}

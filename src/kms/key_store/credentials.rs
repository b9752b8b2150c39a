//! kmsuser's password: what is stored of it, and its rotation, which a crash at any point leaves
//! in a state from which the next login finds its way.

use aws::Result;
use zeroize::Zeroizing;

use super::{ConnectionErrorCode as Code, Password};
use crate::{
    errors, faults,
    records::{Change, Records, at, keyspace},
};

/// Where the HSMs' side of a login happens.
pub(crate) trait Account {
    /// Logs kmsuser in.
    fn log_in(&self, password: &Password) -> std::result::Result<(), Code>;

    /// Changes the password of kmsuser, who is logged in.
    fn change(&self, old: &Password, new: &Password) -> std::result::Result<(), Code>;
}

/// What is stored.
pub(crate) struct Credentials {
    /// The password that the cluster has, or had before a change that was interrupted.
    pub(crate) current: Password,
    /// The password that the cluster has after such a change.
    pub(crate) next: Option<Password>,
    /// Whether the next login shall change it.
    pub(crate) due: bool,
}

impl Credentials {
    /// The customer's own password: changed as soon as it is used.
    pub(crate) fn given(password: Password) -> Self {
        Self {
            current: password,
            next: None,
            due: true,
        }
    }

    /// Where the credentials of a store stand.
    pub(crate) fn key(store: &str) -> Vec<u8> {
        at(keyspace::CREDENTIALS, &[store.as_bytes()])
    }

    pub(crate) fn read(records: &Records, store: &str) -> Result<Self> {
        let bytes = records.read_bytes(&Self::key(store))?;
        bytes.and_then(|bytes| Self::decode(&bytes)).ok_or_else(|| {
            errors::internal(format!(
                "The credentials of '{store}' are missing: set its password."
            ))
        })
    }

    pub(crate) fn put<'a>(&self, change: Change<'a>, store: &str) -> Change<'a> {
        change.put_bytes(Self::key(store), &self.encode())
    }

    /// Logs in, and changes the password if that is due or was begun.
    ///
    /// {current, next} stands in the records before the HSMs hear of `next`. So after a crash one of
    /// both is right: `current` is tried first, and `next`, once made, is the one that a change goes
    /// on with, since the HSMs may have it already or get it late.
    pub(crate) fn log_in(
        mut self,
        records: &Records,
        store: &str,
        account: &dyn Account,
    ) -> std::result::Result<(), Code> {
        let first = account.log_in(&self.current);
        match (first, self.next.take()) {
            (Ok(()), next) => {
                if self.due || next.is_some() {
                    self.rotate(records, store, account, next)?;
                }
                Ok(())
            }
            (Err(Code::InvalidCredentials), Some(next)) => {
                account.log_in(&next)?;
                log::info!(
                    "{store}: the change of kmsuser's password that was interrupted is complete"
                );
                self.settle(records, store, next)
            }
            (Err(code), _) => Err(code),
        }
    }

    fn rotate(
        mut self,
        records: &Records,
        store: &str,
        account: &dyn Account,
        next: Option<Password>,
    ) -> std::result::Result<(), Code> {
        let next = match next {
            Some(next) => next,
            None => Password::random().map_err(|_| Code::InternalError)?,
        };
        self.next = Some(next);
        self.store(records, store)?;
        faults::reach(faults::ROTATION_STORED);
        let Some(next) = self.next.take() else {
            return Err(Code::InternalError);
        };
        account.change(&self.current, &next)?;
        faults::reach(faults::ROTATION_CHANGED);
        self.settle(records, store, next)
    }

    fn settle(
        self,
        records: &Records,
        store: &str,
        current: Password,
    ) -> std::result::Result<(), Code> {
        Self {
            current,
            next: None,
            due: false,
        }
        .store(records, store)
    }

    fn store(&self, records: &Records, store: &str) -> std::result::Result<(), Code> {
        self.put(records.change(), store).commit().map_err(|error| {
            log::error!("{store}: kmsuser's password cannot be stored: {error}");
            Code::InternalError
        })
    }

    /// due (1) ‖ length of current (1) ‖ current ‖ next, which is empty if there is none.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (current, next) = (
            self.current.reveal(),
            self.next.as_ref().map_or("", Password::reveal),
        );
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 + current.len() + next.len()));
        bytes.push(u8::from(self.due));
        bytes.push(u8::try_from(current.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(current.as_bytes());
        bytes.extend_from_slice(next.as_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([due, len], rest) = bytes.split_first_chunk::<2>()?;
        let (current, next) = rest.split_at_checked(usize::from(*len))?;
        let text = |bytes| std::str::from_utf8(bytes).ok().map(Password::new);
        let next = if next.is_empty() {
            None
        } else {
            Some(text(next)?)
        };
        Some(Self {
            current: text(current)?,
            next,
            due: *due == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, sync::Arc};

    use super::*;

    /// A cluster with one user, which can lose power before or after it changes a password.
    struct Cluster {
        password: RefCell<String>,
        crash: Option<Crash>,
        wrong: RefCell<usize>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Crash {
        BeforeChange,
        AfterChange,
    }

    impl Account for Cluster {
        fn log_in(&self, password: &Password) -> std::result::Result<(), Code> {
            if *self.password.borrow() == password.reveal() {
                return Ok(());
            }
            *self.wrong.borrow_mut() += 1;
            Err(Code::InvalidCredentials)
        }

        fn change(&self, old: &Password, new: &Password) -> std::result::Result<(), Code> {
            assert_eq!(*self.password.borrow(), old.reveal());
            if self.crash == Some(Crash::BeforeChange) {
                return Err(Code::NetworkErrors);
            }
            *self.password.borrow_mut() = new.reveal().to_owned();
            match self.crash {
                Some(_) => Err(Code::NetworkErrors),
                None => Ok(()),
            }
        }
    }

    fn records() -> Arc<Records> {
        let store = store::memory::MemoryStore::new();
        Arc::new(Records::new(store, &crypto::Secret::random(32).unwrap()))
    }

    fn cluster(crash: Option<Crash>) -> Cluster {
        Cluster {
            password: RefCell::new("kmsPswd".into()),
            crash,
            wrong: RefCell::default(),
        }
    }

    fn log_in(records: &Records, cluster: &Cluster) -> std::result::Result<(), Code> {
        Credentials::read(records, "cks-1")
            .unwrap()
            .log_in(records, "cks-1", cluster)
    }

    fn begin(records: &Records) {
        let given = Credentials::given(Password::new("kmsPswd"));
        given.put(records.change(), "cks-1").commit().unwrap();
    }

    #[test]
    fn the_first_login_replaces_the_customers_password_and_the_second_does_not() {
        let (records, cluster) = (records(), cluster(None));
        begin(&records);
        log_in(&records, &cluster).unwrap();
        let rotated = cluster.password.borrow().clone();
        assert_ne!(rotated, "kmsPswd");
        log_in(&records, &cluster).unwrap();
        assert_eq!(*cluster.password.borrow(), rotated);
    }

    #[test]
    fn a_crash_on_either_side_of_the_change_is_survived() {
        for (crash, wrong) in [(Crash::BeforeChange, 0), (Crash::AfterChange, 1)] {
            let (records, mut cluster) = (records(), cluster(Some(crash)));
            begin(&records);
            log_in(&records, &cluster).unwrap_err();
            cluster.crash = None;
            log_in(&records, &cluster).unwrap();
            let stored = Credentials::read(&records, "cks-1").unwrap();
            assert_eq!(stored.current.reveal(), *cluster.password.borrow());
            assert!(stored.next.is_none() && !stored.due);
            assert_eq!(
                *cluster.wrong.borrow(),
                wrong,
                "a crash costs one wrong password at most"
            );
        }
    }

    #[test]
    fn crashes_in_a_row_do_not_lose_the_password() {
        let (records, mut cluster) = (records(), cluster(Some(Crash::BeforeChange)));
        begin(&records);
        for crash in [Crash::BeforeChange, Crash::BeforeChange, Crash::AfterChange] {
            cluster.crash = Some(crash);
            log_in(&records, &cluster).unwrap_err();
        }
        cluster.crash = None;
        log_in(&records, &cluster).unwrap();
    }

    #[test]
    fn a_password_that_was_never_right_is_tried_once() {
        let (records, cluster) = (records(), cluster(None));
        *cluster.password.borrow_mut() = "other".into();
        begin(&records);
        assert_eq!(log_in(&records, &cluster), Err(Code::InvalidCredentials));
        assert_eq!(*cluster.wrong.borrow(), 1);
    }
}

//! What a store on a disk holds when its process was killed: its files are copied while it is open.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
    sync::Arc,
};

use crate::{Batch, CommitId, Error, RECORD_BYTES, Store, journal::GROUP_BYTES, sled::SledStore};

/// What a kill at this moment would leave of `folder`.
fn killed(folder: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    left
}

fn id(number: u64) -> Option<CommitId> {
    Some(CommitId {
        application: [7; 16],
        number,
    })
}

fn key(number: u64) -> Vec<u8> {
    [&b"x"[..], &number.to_be_bytes()].concat()
}

/// Commits one record of `bytes`, with a log entry, as the request of this number.
fn commit(store: &Arc<dyn Store>, number: u64, bytes: usize) {
    try_commit(store, number, bytes).unwrap();
}

fn try_commit(store: &Arc<dyn Store>, number: u64, bytes: usize) -> Result<(), Error> {
    let batch = Batch {
        write: vec![(key(number), Some(vec![1; bytes]))],
        append: vec![number.to_be_bytes().to_vec()],
        answer: b"answer".to_vec(),
        settled: number,
        ..Batch::default()
    };
    store.commit(id(number), batch).map(drop)
}

/// That `store` has the records, the log and the answer of the requests from 0 to before `end`.
fn has(store: &Arc<dyn Store>, end: u64) {
    assert!((0..end).all(|number| store.get(&key(number)).unwrap().is_some()));
    assert_eq!(store.count(b'x').unwrap(), end);
    assert_eq!(store.found(b'x').unwrap(), end);
    let numbers = (0..end).map(|number| number.to_be_bytes().to_vec());
    let log = store.log(0, usize::MAX).unwrap().into_iter();
    assert!(log.map(|(_, entry)| entry).eq(numbers));
    assert_eq!(store.log_head().unwrap().entries, end);
    let again = store.commit(id(end - 1), Batch::default()).unwrap();
    assert!(again.repeated);
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap();
    let mut end = 0;
    // Few changes, that only the journal has, and then so many that it begins anew between.
    for (commits, bytes) in [(3, 100), (90, RECORD_BYTES - 9), (5, 100)] {
        for _ in 0..commits {
            commit(&store, end, bytes);
            end += 1;
        }
        let left = killed(folder.path());
        let opened = SledStore::open(left.path()).unwrap();
        has(&opened, end);
        commit(&opened, end, 100);
        // And killed once more, with what was read from the journal before.
        has(
            &SledStore::open(killed(left.path()).path()).unwrap(),
            end + 1,
        );
    }
    drop(store);
    has(&SledStore::open(folder.path()).unwrap(), end);
}

#[test]
fn what_was_answered_is_there_after_the_tree_could_not_be_written() {
    const FOLDER: &str = "STRONGROOM_TEST_FOLDER";
    const RECORD: usize = 9_000;
    const MANY: u64 = 100_000;
    if let Some(folder) = env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        let store = SledStore::open(&folder.join("store")).unwrap();
        // The journal has room for all of them in turn, and the tree has not.
        let answered = (0..MANY).take_while(|number| try_commit(&store, *number, RECORD).is_ok());
        let answered = answered.count().to_string();
        return fs::write(folder.join("answered"), answered).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    // No file grows beyond 16 MiB; who writes more is told so, and not killed.
    let limited = "trap '' XFSZ; ulimit -f 32768; exec \"$@\"";
    let name = "crashes::what_was_answered_is_there_after_the_tree_could_not_be_written";
    let run = Command::new("sh")
        .args(["-c", limited, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let answered = fs::read_to_string(folder.path().join("answered")).unwrap();
    let answered = answered.parse().unwrap();
    // More than the journal alone has room for: the tree was there to be written, and to fail.
    let in_journal = (GROUP_BYTES / RECORD) as u64;
    assert!((in_journal + 1..MANY).contains(&answered), "{answered}");
    has(
        &SledStore::open(&folder.path().join("store")).unwrap(),
        answered,
    );
}

#[test]
fn commits_that_are_more_than_the_journal_has_room_for_are_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap();
    commit(&store, 0, 100);
    std::thread::scope(|scope| {
        // Which of them become one group is luck; that all of them are there is not.
        for thread in 0..8_u8 {
            let store = &store;
            scope.spawn(move || {
                let records =
                    (0..17).map(|n| (vec![b'y', thread, n], Some(vec![0; RECORD_BYTES - 3])));
                let write = records.collect();
                let batch = Batch {
                    write,
                    ..Batch::default()
                };
                store.commit(None, batch).unwrap();
            });
        }
    });
    let left = killed(folder.path());
    let opened = SledStore::open(left.path()).unwrap();
    assert_eq!(opened.scan(b"y", None, 1000).unwrap().len(), 8 * 17);
    has(&opened, 1);
}

#[test]
fn a_scan_sees_what_only_the_journal_has() {
    let folder = tempfile::tempdir().unwrap();
    let write = |keys: &[(&str, Option<&str>)]| {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let write = keys
            .iter()
            .map(|(key, value)| (bytes(key), value.map(bytes)));
        let write = write.collect();
        let store = SledStore::open(folder.path()).unwrap();
        let batch = Batch {
            write,
            ..Batch::default()
        };
        store.commit(None, batch).unwrap();
        store
    };
    let all = ["w", "xa", "xb", "xc", "xd", "xe", "y"].map(|key| (key, Some("old")));
    drop(write(&all));
    // The first are in the database now, and these are not.
    let store = write(&[
        ("xb", None),
        ("xbb", Some("new")),
        ("xc", Some("new")),
        ("xf", Some("new")),
    ]);
    let scan = |store: &Arc<dyn Store>, after: Option<&str>, limit| {
        let found = store.scan(b"x", after.map(str::as_bytes), limit).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let found = found
            .into_iter()
            .map(|(k, v)| format!("{}={}", text(k), text(v)));
        found.collect::<Vec<_>>().join(" ")
    };
    let everything = "xa=old xbb=new xc=new xd=old xe=old xf=new";
    assert_eq!(scan(&store, None, 10), everything);
    assert_eq!(scan(&store, None, 1), "xa=old");
    assert_eq!(scan(&store, Some("xa"), 2), "xbb=new xc=new");
    assert_eq!(scan(&store, Some("xe"), 2), "xf=new");
    drop(store);
    let store = SledStore::open(folder.path()).unwrap();
    assert_eq!(scan(&store, None, 10), everything);
}

#[test]
fn a_group_that_was_being_written_is_there_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path()).unwrap();
    (0..3).for_each(|number| commit(&store, number, 100));
    let left = killed(folder.path());
    let journal = left.path().join("journal");
    let bytes = fs::read(&journal).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let file = File::options().write(true).open(journal).unwrap();
    file.write_all_at(&[!bytes[last]], last as u64).unwrap();
    // Unless the database had it already, as it has what nobody has followed for a while.
    let opened = SledStore::open(left.path()).unwrap();
    let end = opened.log_head().unwrap().entries;
    assert!([2, 3].contains(&end), "{end}");
    has(&opened, end);
}

#[test]
fn a_database_without_its_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    commit(&SledStore::open(folder.path()).unwrap(), 0, 100);
    fs::remove_file(folder.path().join("journal")).unwrap();
    let refused = SledStore::open(folder.path()).map(drop);
    assert!(matches!(refused, Err(Error::Damaged(_))), "{refused:?}");
}

//! What is shared arrives whole, is fixed in its length, and says when all is calm.

use super::*;

#[test]
fn a_view_sees_what_changes_and_cannot_be_written() {
    let board = Board::new().unwrap();
    let file = board.file().try_clone_to_owned().unwrap();
    let view = View::open(&file).unwrap();
    let before = view.changes();
    board.change();
    assert_eq!(view.changes(), before + 1);
    assert!(Mapping::new(&file, BOARD_BYTES, ProtFlags::READ | ProtFlags::WRITE).is_err());
    assert!(rustix::io::pwrite(&file, &[1], 0).is_err());
    assert!(rustix::fs::ftruncate(&file, 0).is_err());
}

#[test]
fn a_forked_child_does_not_have_it() {
    let (shared, _file) = Shared::new(64).unwrap();
    // Other tests map memory at the same time, of which not all has been said yet.
    let ours = format!("{:x}-", shared.0.base.as_ptr().addr());
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut ours = maps.lines().skip_while(|line| !line.starts_with(&ours));
    assert!(ours.next().unwrap().contains("memfd:strongroom-slot"));
    let flags = ours.find(|line| line.starts_with("VmFlags")).unwrap();
    assert!(flags.contains(" dc") && flags.contains(" dd"), "{flags}");
}

#[test]
fn a_file_that_could_be_cut_is_not_mapped() {
    let file = make("test", BOARD_BYTES).unwrap();
    assert!(View::open(&file).is_err());
    let short = make("test", BOARD_BYTES / 2).unwrap();
    rustix::fs::fcntl_add_seals(&short, FIXED).unwrap();
    assert!(View::open(&short).is_err());
}

#[test]
fn nothing_beside_the_bytes_is_reached() {
    let (shared, file) = Shared::new(64).unwrap();
    let other = Shared::open(&file, 64).unwrap();
    assert!(shared.write(60, b"last"));
    let mut last = [0; 4];
    assert!(other.read(60, &mut last));
    assert_eq!(&last, b"last");
    assert!(!shared.write(61, b"over") && !shared.read(usize::MAX, &mut last));
    shared.word(1).store(7, Ordering::SeqCst);
    assert_eq!(other.word(1).load(Ordering::SeqCst), 7);
    shared.erase(64);
    assert!(other.read(60, &mut last) && last == [0; 4]);
    assert!(Shared::open(&file, 63).is_err());
}

#[test]
fn a_copy_from_and_to_any_place_is_whole_and_leaves_its_neighbours_alone() {
    let (shared, _file) = Shared::new(700).unwrap();
    let bytes: Vec<u8> = (0..600)
        .map(|n| u8::try_from(n % 250 + 1).unwrap())
        .collect();
    for offset in 0..10 {
        for len in (0..40).chain(250..260).chain(590..600) {
            shared.erase(700);
            assert!(shared.write(offset, &bytes[..len]));
            let mut all = [9; 700];
            assert!(shared.read(0, &mut all));
            let expected = [
                &vec![0; offset],
                &bytes[..len],
                &vec![0; 700 - offset - len],
            ];
            assert_eq!(all.as_slice(), expected.concat());
            let mut copy = vec![9; len];
            assert!(shared.read(offset, &mut copy) && copy == bytes[..len]);
        }
    }
}

#[test]
fn what_is_given_back_holds_no_memory_though_a_peer_keeps_it() {
    let (shared, file) = Shared::new(1 << 20).unwrap();
    let _peer = Shared::open(&file, 1 << 20).unwrap();
    let blocks = || rustix::fs::fstat(&file).unwrap().st_blocks;
    shared.write(0, &vec![7; 1 << 20]);
    assert!(blocks() >= 1 << 11);
    shared.give_back();
    assert_eq!(blocks(), 0);
}

#[test]
fn nobody_spins_when_more_pairs_are_busy_than_cores_can_run() {
    let board = Board::new().unwrap();
    let view = View::open(&board.file().try_clone_to_owned().unwrap()).unwrap();
    assert!(view.is_calm());
    (0..=board.pairs).for_each(|_| board.begin());
    assert!(!view.is_calm() && !board.is_calm());
    board.end();
    assert!(view.is_calm() && board.is_calm());
}

#[test]
fn when_all_have_gone_it_is_calm_whoever_was_last() {
    let board = Board::new().unwrap();
    for _ in 0..200 {
        std::thread::scope(|scope| {
            for _ in 0..board.pairs + 2 {
                scope.spawn(|| {
                    (0..50).for_each(|_| {
                        board.begin();
                        board.end();
                    });
                });
            }
        });
        assert_eq!(board.mapping.word(CALM).load(Ordering::SeqCst), 1);
    }
}

//! Lines in files: none is lost and none is torn, whatever happens to the file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Rotated, Rotation, write};

static MADE: AtomicU32 = AtomicU32::new(0);

/// A directory that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sidegate-audit-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    fn open(&self, max_bytes: u64, keep: u32) -> Rotated {
        Rotated::open(&self.file(), Rotation { max_bytes, keep }).unwrap()
    }

    /// What the file of that number holds; nothing if it is not there.
    fn text(&self, number: u32) -> String {
        let name = if number == 0 { "audit.jsonl".to_owned() } else { format!("audit.jsonl.{number}") };
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }

    fn names(&self) -> Vec<String> {
        let all = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = all.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn lines_are_appended_to_what_is_there() {
    let folder = Folder::new();
    fs::write(folder.file(), "one\n").unwrap();
    folder.open(100, 2).append(b"two\nthree\n").unwrap();
    assert_eq!(folder.text(0), "one\ntwo\nthree\n");
    assert_eq!(folder.names(), ["audit.jsonl"]);
}

#[test]
fn a_full_file_is_renamed_and_so_many_are_kept() {
    let folder = Folder::new();
    let mut file = folder.open(8, 2);
    for number in 1..=9 {
        file.append(format!("n{number}\n").as_bytes()).unwrap();
    }
    // Two lines of three bytes fit.
    assert_eq!([0, 1, 2].map(|n| folder.text(n)), ["n9\n", "n7\nn8\n", "n5\nn6\n"]);
    assert_eq!(folder.names().len(), 3);
}

#[test]
fn many_lines_at_once_are_parted_between_lines() {
    let folder = Folder::new();
    let all: String = (0..50).map(|n| format!("line {n}\n")).collect();
    folder.open(30, 100).append(all.as_bytes()).unwrap();
    let count = u32::try_from(folder.names().len()).unwrap();
    let read: String = (0..count).rev().map(|number| folder.text(number)).collect();
    assert_eq!(read, all, "in order, none missing");
    for number in 0..count {
        let text = folder.text(number);
        assert!(text.len() <= 30 && text.ends_with('\n'), "{text:?}");
    }
}

#[test]
fn a_line_longer_than_a_file_has_one_of_its_own() {
    let folder = Folder::new();
    folder.open(8, 3).append(b"a\na very long line\nb\n").unwrap();
    assert_eq!([0, 1, 2].map(|n| folder.text(n)), ["b\n", "a very long line\n", "a\n"]);
}

#[test]
fn where_none_is_kept_a_full_file_goes() {
    let folder = Folder::new();
    folder.open(8, 0).append(b"n1\nn2\nn3\n").unwrap();
    assert_eq!((folder.text(0).as_str(), folder.names().len()), ("n3\n", 1));
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew_and_nothing_goes_to_the_old_one() {
    let folder = Folder::new();
    let mut file = folder.open(1000, 2);
    file.append(b"one\n").unwrap();
    fs::rename(folder.file(), folder.0.join("moved")).unwrap();
    file.append(b"two\n").unwrap();
    // Moved, and another one put in its place, as logrotate's `create` does.
    fs::rename(folder.file(), folder.0.join("moved too")).unwrap();
    fs::write(folder.file(), "").unwrap();
    file.append(b"three\n").unwrap();
    let read = |name: &str| fs::read_to_string(folder.0.join(name)).unwrap();
    assert_eq!([read("moved"), read("moved too"), folder.text(0)], ["one\n", "two\n", "three\n"]);
}

#[test]
fn a_file_that_was_truncated_is_written_from_its_beginning() {
    let folder = Folder::new();
    let mut file = folder.open(12, 1);
    file.append(b"one\ntwo\n").unwrap();
    fs::OpenOptions::new().write(true).open(folder.file()).unwrap().set_len(0).unwrap();
    file.append(b"three\nfour\n").unwrap();
    assert_eq!((folder.text(0).as_str(), folder.names().len()), ("three\nfour\n", 1), "it is counted anew too");
}

#[test]
fn a_line_that_an_earlier_life_left_unfinished_spoils_no_other() {
    let folder = Folder::new();
    fs::write(folder.file(), "one\nhal").unwrap();
    folder.open(100, 1).append(b"two\n").unwrap();
    assert_eq!(folder.text(0), "one\nhal\ntwo\n");
}

#[test]
fn a_device_is_written_to_and_never_renamed() {
    let mut null = Rotated::open(Path::new("/dev/null"), Rotation { max_bytes: 1, keep: 1 }).unwrap();
    null.append(b"one\ntwo\n").unwrap();
    let mut full = Rotated::open(Path::new("/dev/full"), Rotation { max_bytes: 1, keep: 1 }).unwrap();
    let unwritten = full.append(b"one\ntwo\nthree\n").unwrap_err();
    assert_eq!((unwritten.lines, unwritten.error.kind()), (3, io::ErrorKind::StorageFull));
}

#[test]
fn a_file_that_cannot_be_begun_anew_costs_its_lines_and_comes_back() {
    let folder = Folder::new();
    let mut file = folder.open(1000, 1);
    let away = folder.0.with_extension("away");
    fs::rename(&folder.0, &away).unwrap();
    assert_eq!(file.append(b"one\ntwo\n").unwrap_err().lines, 2);
    fs::rename(&away, &folder.0).unwrap();
    file.append(b"three\n").unwrap();
    assert_eq!(folder.text(0), "three\n");
}

/// Takes so many bytes, and no more.
struct Room(usize, Vec<u8>);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A little at a time, as a slow disk does.
        let some = bytes.len().min(self.0).min(4);
        if some == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= some;
        self.1.extend_from_slice(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn of_a_write_that_breaks_off_the_whole_lines_count() {
    let lines = b"first\nsecond\nthird\n";
    for (room, kept) in [(0, 0), (5, 0), (6, 6), (12, 6), (13, 13), (18, 13)] {
        let mut into = Room(room, Vec::new());
        let (whole, error) = write(&mut into, lines).unwrap_err();
        assert_eq!((whole, error.kind()), (kept, io::ErrorKind::StorageFull), "{room}");
    }
    let mut into = Room(lines.len(), Vec::new());
    write(&mut into, lines).unwrap();
    assert_eq!(into.1, lines);
}

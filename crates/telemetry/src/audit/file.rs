//! A file that whole lines are appended to, which is bounded: full, it is renamed and a new one begun, and of the
//! renamed ones so many are kept.
//!
//! It looks at its path before it writes: a file that somebody else moved away or replaced is let go of and the path
//! opened anew, and one that was truncated is written from its beginning. So logrotate works with it, with or without
//! `copytruncate`, and no signal is needed. What is no regular file, a device or a pipe, is only written to. Nothing is
//! synced: what the system has taken is written. One program writes to a file.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// How a file is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes of a file at most; a line that is longer has one of its own.
    pub max_bytes: u64,
    /// Full files that are kept: `FILE.1` is the newest.
    pub keep: u32,
}

/// Lines that could not be written.
#[derive(Debug)]
pub(super) struct Unwritten {
    pub(super) lines: u64,
    pub(super) error: io::Error,
}

/// The file.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    rotation: Rotation,
    file: File,
}

impl Rotated {
    /// Opens `path` for appending; a line that an earlier life left unfinished is ended.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), rotation, file: open(path)? })
    }

    /// Appends whole lines, beginning a new file wherever the next one finds no room.
    ///
    /// # Errors
    /// [`Unwritten`]: how many lines from the end of `lines` are not in any file.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        let mut rest = lines;
        while !rest.is_empty() {
            let written = self.append_some(rest).map_err(|(kept, error)| {
                let lost = rest.get(kept..).unwrap_or_default();
                Unwritten { lines: count(lost), error }
            })?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Appends the lines that have room in one file; their bytes.
    ///
    /// # Errors
    /// How many bytes of whole lines are written nevertheless, and why not more.
    fn append_some(&mut self, lines: &[u8]) -> Result<usize, (usize, io::Error)> {
        let there = self.follow().map_err(|error| (0, error))?;
        if !there.is_file() {
            return write(&mut self.file, lines).map(|()| lines.len());
        }
        let room = self.rotation.max_bytes.saturating_sub(there.len());
        let mut fits = whole(lines, usize::try_from(room).unwrap_or(usize::MAX));
        let mut before = there.len();
        if fits == 0 && before > 0 {
            self.rotate().map_err(|error| (0, error))?;
            before = 0;
            fits = whole(lines, usize::try_from(self.rotation.max_bytes).unwrap_or(usize::MAX));
        }
        let end = if fits == 0 { first(lines) } else { fits };
        let part = lines.get(..end).unwrap_or(lines);
        write(&mut self.file, part).map(|()| part.len()).map_err(|(kept, error)| {
            // The beginning of a line is taken back, as far as that can be done.
            let _ = self.file.set_len(before + kept as u64);
            (kept, error)
        })
    }

    /// What is at the path, opened anew if it is not the file that was written last.
    fn follow(&mut self) -> io::Result<Metadata> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) if there.ino() == ours.ino() && there.dev() == ours.dev() => return Ok(there),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.file = open(&self.path)?;
        self.file.metadata()
    }

    /// Renames the full file, and those before it, and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        if self.rotation.keep == 0 {
            fs::remove_file(&self.path)?;
        }
        for number in (0..self.rotation.keep).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if number == 0 || error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = open(&self.path)?;
        Ok(())
    }

    /// `FILE.3`; the file itself for 0.
    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let there = file.metadata()?;
    if there.is_file() && there.len() > 0 {
        let mut last = [0];
        let read = File::open(path).and_then(|to_read| to_read.read_at(&mut last, there.len() - 1));
        if read.is_ok_and(|read| read == 1) && last != *b"\n" {
            (&file).write_all(b"\n")?;
        }
    }
    Ok(file)
}

/// Writes all of `lines`.
///
/// # Errors
/// How many bytes of whole lines are written nevertheless, and why not more.
pub(super) fn write(into: &mut impl Write, lines: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
        let error = match into.write(rest) {
            Ok(0) => ErrorKind::WriteZero.into(),
            Ok(some) => {
                written += some;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        return Err((whole(lines, written), error));
    }
    Ok(())
}

/// Bytes of the whole lines among the first `most` bytes.
fn whole(lines: &[u8], most: usize) -> usize {
    let within = lines.get(..most).unwrap_or(lines);
    within.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Bytes of the first line.
fn first(lines: &[u8]) -> usize {
    lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1)
}

pub(super) fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

//! Which files there are, and their text, within bounds.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::LARGEST_FILE;
use crate::problem::Problem;

/// Files below one directory.
const MOST_FILES: usize = 2000;
/// Directories inside directories.
const DEEPEST: usize = 8;

/// What tells that a file may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    modified: Option<SystemTime>,
    size: u64,
}

/// A file.
pub(super) struct FoundFile {
    pub(super) full: PathBuf,
    pub(super) stat: Stat,
}

/// What is below a directory, by the path that is shown.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: BTreeMap<Arc<str>, FoundFile>,
    pub(super) problems: Vec<Problem>,
}

/// Finds every `*.yaml` and `*.yml` below `directory`, but for hidden ones.
pub(super) fn walk(directory: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    list(directory, DEEPEST, &mut found)?;
    Ok(found)
}

fn list(directory: &Path, deeper: usize, found: &mut Found) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        // Followed, because mounted ConfigMaps are links; one that leads nowhere is as good as not there.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if hidden {
            continue;
        }
        let shown: Arc<str> = path.display().to_string().into();
        let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if metadata.is_dir() {
            let result = deeper.checked_sub(1).map(|deeper| list(&path, deeper, found));
            match result {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(error),
                None => found.problems.push(Problem::at(shown, 0, format!("lies deeper than {DEEPEST} directories"))),
            }
        } else if yaml && found.files.len() >= MOST_FILES {
            found.problems.push(Problem::at(shown, 0, format!("is one of more than {MOST_FILES} files; not read")));
        } else if yaml {
            let stat = Stat { modified: metadata.modified().ok(), size: metadata.len() };
            found.files.insert(shown, FoundFile { full: path, stat });
        }
    }
    Ok(())
}

/// The text of a file, or why it is not taken. It may hold keys and is overwritten when dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let too_large = || format!("is larger than {LARGEST_FILE} bytes; its last good objects stay");
    let file = fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8; its last good objects stay".to_owned())?;
    Ok(Zeroizing::new(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()))
}

//! Objects from files that are named one by one and read a single time, for whoever asks once and goes.
//!
//! The same reader and the same order as of a watched directory, so that an answer about files is the answer of a
//! control plane that is given them. Nothing is kept from earlier looks, because there are none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{self, Read};
use super::walk;
use super::{FileState, Files, LARGEST_FILE, Listing, Unreadable, listing};
use crate::problem::Problem;

/// What is piped in is shown as this file.
const PIPED: &str = "stdin";

impl Files {
    /// Reads each of `paths`, a file of any name or a directory of `*.yaml` and `*.yml`, and `piped` as one more file.
    ///
    /// # Errors
    /// [`Unreadable::Path`] when one of them is not there or may not be read.
    pub fn once(paths: &[PathBuf], piped: Option<&str>) -> Result<Self, Unreadable> {
        let mut files = Self {
            directory: PathBuf::new(),
            files: BTreeMap::new(),
            outside: Vec::new(),
            generations: BTreeMap::new(),
            listing: Listing::default(),
            unreadable: false,
        };
        for path in paths {
            files.add(path).map_err(|error| Unreadable::Path(path.display().to_string(), error.to_string()))?;
        }
        if let Some(text) = piped {
            let name: Arc<str> = PIPED.into();
            let state = match text.len() as u64 > LARGEST_FILE {
                true => FileState::broken(&name, format!("is larger than {LARGEST_FILE} bytes")),
                false => FileState::of(document::read(&name, text)),
            };
            files.files.insert(name, state);
        }
        files.listing = listing::list(&files.files, &files.outside, &mut files.generations);
        Ok(files)
    }

    fn add(&mut self, path: &Path) -> std::io::Result<()> {
        if std::fs::metadata(path)?.is_dir() {
            let found = walk::walk(path)?;
            self.outside.extend(found.problems);
            for (shown, file) in found.files {
                let state = FileState::at(&shown, &file.full);
                self.files.insert(shown, state);
            }
        } else {
            std::fs::File::open(path)?;
            let shown: Arc<str> = path.display().to_string().into();
            let state = FileState::at(&shown, path);
            self.files.insert(shown, state);
        }
        Ok(())
    }
}

impl FileState {
    fn at(shown: &Arc<str>, path: &Path) -> Self {
        match walk::read(path) {
            Ok(text) => Self::of(document::read(shown, &text)),
            Err(reason) => Self::broken(shown, reason),
        }
    }

    fn of(read: Read) -> Self {
        Self { objects: read.objects, problems: read.problems, ..Self::default() }
    }

    fn broken(shown: &Arc<str>, reason: String) -> Self {
        Self { problems: vec![Problem::at(shown.clone(), 0, reason)], ..Self::default() }
    }
}

#[cfg(test)]
mod tests;

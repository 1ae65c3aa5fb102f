//! Objects from a directory: every `*.yaml` and `*.yml` below it, read again when it changes.
//!
//! One bad document is refused alone, and the last good version of its object stays. What vanishes (an object from a
//! file, or a file) is believed only when two looks in a row agree, because editors truncate and rename while they
//! save. This type reads the disk and blocks; its owner decides on which thread and how often.

mod document;
mod line;
mod listing;
mod once;
mod walk;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, Time};
use sidegate_crds::{AIPolicy, AIProvider};
use thiserror::Error;

use crate::index::{self, Index};
use crate::problem::{Kind, ObjectName, Place, Problem};
use document::Loaded;
use walk::{Found, Stat};

pub use document::Object;

/// Bytes that a file may have.
pub const LARGEST_FILE: u64 = 1024 * 1024;

/// A directory that nothing can be read from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is not there, is no directory, or may not be read.
    #[error("cannot read the directory {0}: {1}; name one that holds the YAML that kubectl would apply")]
    Directory(String, String),
    /// Not one object in it.
    #[error("the directory {0} holds no object that can be read{1}; put the YAML there that kubectl would apply")]
    Nothing(String, String),
    /// A file or directory that was named is not there or may not be read.
    #[error("cannot read {0}: {1}")]
    Path(String, String),
}

/// A directory of objects.
pub struct Files {
    directory: PathBuf,
    files: BTreeMap<Arc<str>, FileState>,
    /// Problems of the last look that belong to no file's content.
    outside: Vec<Problem>,
    generations: BTreeMap<ObjectName, (i64, Object)>,
    listing: Listing,
    /// The last look failed, and its problem stands in the listing.
    unreadable: bool,
}

/// What is known of one file.
#[derive(Default)]
struct FileState {
    stat: Option<Stat>,
    digest: Vec<u8>,
    objects: Vec<Loaded>,
    problems: Vec<Problem>,
    /// Something vanished since the last look, and the next one has to confirm it.
    unsettled: bool,
    /// It changed in the last look, and is read once more whatever its times say: a clock may tick too slowly to tell
    /// one write from the next.
    fresh: bool,
}

/// Every object of the directory, as they stand now.
#[derive(Default)]
pub struct Listing {
    /// The objects in their order: by file, then by position.
    pub objects: Vec<(ObjectName, Object)>,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
    places: BTreeMap<ObjectName, Placed>,
}

/// Where an object stands.
struct Placed {
    file: Arc<str>,
    line: usize,
    text: Arc<str>,
}

impl Files {
    /// Reads `directory` for the first time.
    ///
    /// # Errors
    /// [`Unreadable`] when not one object can be read from it.
    pub fn open(directory: &Path) -> Result<Self, Unreadable> {
        let mut files = Self {
            directory: directory.to_owned(),
            files: BTreeMap::new(),
            outside: Vec::new(),
            generations: BTreeMap::new(),
            listing: Listing::default(),
            unreadable: false,
        };
        let shown = directory.display().to_string();
        let found = walk::walk(directory).map_err(|e| Unreadable::Directory(shown.clone(), e.to_string()))?;
        files.take(found, true);
        if files.listing.objects.is_empty() {
            let first = files.listing.problems.first().map(|p| format!(" ({p})")).unwrap_or_default();
            return Err(Unreadable::Nothing(shown, first));
        }
        Ok(files)
    }

    /// Every object as of the last look.
    #[must_use]
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Brings `index` to what the directory says. Objects get what a server would have given them: an identity made of
    /// kind, namespace and name, a generation, and an age by their order.
    pub fn apply_to(&self, index: &mut Index) {
        for kind in Kind::ALL {
            index.retain(kind, &|name| self.listing.places.contains_key(name));
        }
        for (order, (name, object)) in self.listing.objects.iter().enumerate() {
            let metadata = self.metadata(name, order);
            // Most objects are as they were, and to see that is cheaper than to check them again.
            if index.is_in_force(name, &metadata) {
                continue;
            }
            match object {
                Object::Provider(spec) => {
                    index.apply_provider(AIProvider { metadata, spec: (**spec).clone(), status: None })
                }
                Object::Policy(spec) => {
                    index.apply_policy(&AIPolicy { metadata, spec: (**spec).clone(), status: None })
                }
                Object::Secret(secret) => index.apply_secret_by(secret.clone(), index::authors(&metadata)),
                Object::ConfigMap(data) => index.apply_config_map(&name.namespace, &name.name, data.clone()),
                Object::Namespace(labels) => index.apply_namespace(&name.name, labels.clone()),
            }
        }
    }

    fn metadata(&self, name: &ObjectName, order: usize) -> ObjectMeta {
        let age = Timestamp::from_nanosecond(i128::try_from(order).unwrap_or(i128::MAX)).unwrap_or(Timestamp::MAX);
        ObjectMeta {
            name: Some(name.name.to_string()),
            namespace: Some(name.namespace.to_string()),
            uid: Some(name.to_string()),
            generation: self.generations.get(name).map(|(generation, _)| *generation),
            creation_timestamp: Some(Time(age)),
            managed_fields: Some(vec![ManagedFieldsEntry {
                manager: Some("file".to_owned()),
                ..ManagedFieldsEntry::default()
            }]),
            ..ObjectMeta::default()
        }
    }

    /// Looks again, and says whether anything is different. `settled`: what has vanished is gone, without a second
    /// look.
    pub fn look(&mut self, settled: bool) -> bool {
        match walk::walk(&self.directory) {
            Ok(found) => self.take(found, settled),
            Err(error) => {
                let place = self.directory.display().to_string();
                let reason = format!("cannot be read ({error}); everything stays as it was");
                let new = !std::mem::replace(&mut self.unreadable, true);
                if new {
                    self.listing.problems.push(Problem::at(place, 0, reason));
                }
                new
            }
        }
    }

    /// Whether the last look saw the directory, so that what is not there is meant not to be.
    #[must_use]
    pub fn readable(&self) -> bool {
        !self.unreadable
    }

    fn take(&mut self, found: Found, settled: bool) -> bool {
        let mut different = self.outside != found.problems;
        self.outside = found.problems;
        for (path, file) in &found.files {
            let state = self.files.entry(path.clone()).or_default();
            if state.stat.as_ref() != Some(&file.stat) || state.unsettled || state.fresh {
                different |= state.read(path, &file.full, file.stat, settled);
            }
        }
        let gone: Vec<Arc<str>> = self.files.keys().filter(|path| !found.files.contains_key(*path)).cloned().collect();
        for path in gone {
            let state = self.files.entry(path.clone()).or_default();
            if state.stat.take().is_none() || settled {
                self.files.remove(&path);
                different = true;
            }
        }
        different |= std::mem::take(&mut self.unreadable);
        if different {
            self.listing = listing::list(&self.files, &self.outside, &mut self.generations);
        }
        different
    }
}

impl FileState {
    /// Reads the file again, and says whether anything is different.
    fn read(&mut self, path: &Arc<str>, full: &Path, stat: Stat, settled: bool) -> bool {
        let text = match walk::read(full) {
            Ok(text) => text,
            Err(reason) => {
                let problems = vec![Problem::at(path.clone(), 0, reason)];
                // Looked at again every time, until it can be read.
                self.stat = None;
                let different = self.problems != problems;
                self.problems = problems;
                return different;
            }
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref().to_vec();
        self.stat = Some(stat);
        let confirmed = self.digest == digest;
        self.fresh = !confirmed;
        if confirmed && !self.unsettled {
            return false;
        }
        let read = document::read(path, &text);
        let mut objects = read.objects;
        let vanished = std::mem::take(&mut self.objects).into_iter().filter(|old| !read.named.contains(&old.name));
        let settled = settled || confirmed;
        let (kept, vanished): (Vec<Loaded>, Vec<Loaded>) =
            vanished.partition(|old| read.unnamed_broken || read.broken.contains(&old.name));
        objects.extend(kept);
        self.unsettled = !settled && !vanished.is_empty();
        if !settled {
            objects.extend(vanished);
        }
        objects.sort_by_key(|o| o.line);
        self.objects = objects;
        self.problems = read.problems;
        self.digest = digest;
        true
    }
}

impl Listing {
    /// The problem with the file and line of its object and field, where its object stands in a file.
    #[must_use]
    pub fn locate(&self, mut problem: Problem) -> Problem {
        if problem.place.is_none()
            && let Some(placed) = problem.object.as_ref().and_then(|o| self.places.get(o))
        {
            let line = placed.line + line::of_field(&placed.text, &problem.field);
            problem.place = Some(Place { file: placed.file.clone(), line });
        }
        problem
    }
}

#[cfg(test)]
mod tests;

//! What is known of one kind: the pure step from what a watch says to what the index is told.
//!
//! Time never runs backwards here. A list that is older than what was seen is refused whole, and an older version of
//! an object never replaces a newer one. A list is one change: what it does not name is gone, and nothing else is,
//! so nobody ever sees an empty cluster between two full ones.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use thiserror::Error;

use super::objects::{Mark, Seen, Taken, number};
use crate::index::Index;
use crate::problem::ObjectName;

/// A list from before what is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the list is of resource version {listed}, and {known} has been seen: an API server that is behind")]
pub(super) struct Older {
    listed: u64,
    known: u64,
}

/// One thing that the index has to be told.
pub(super) enum Change {
    /// An object is there, or there anew.
    Put(ObjectName, Taken),
    /// An object is not there any more.
    Gone(ObjectName),
    /// An object is there and does not decode: its last good version stays.
    Undecodable(ObjectName, Box<ObjectMeta>, String),
}

impl Change {
    /// Tells the index.
    pub(super) fn apply_to(self, index: &mut Index) {
        match self {
            Self::Put(name, taken) => taken.apply_to(&name, index),
            Self::Gone(name) => index.delete(&name),
            Self::Undecodable(name, metadata, reason) => {
                let why = vec![sidegate_crds::Invalid { field: "spec".to_owned(), message: reason }];
                index.refuse(name, &metadata, why);
            }
        }
    }
}

/// Every object of one kind, by version.
#[derive(Default)]
pub(super) struct Known {
    marks: BTreeMap<ObjectName, Mark>,
    undecodable: BTreeSet<ObjectName>,
    /// The newest resource version that was seen; 0 before the first.
    version: u64,
}

impl Known {
    /// Objects that are there.
    pub(super) fn count(&self) -> usize {
        self.marks.len()
    }

    /// Those that do not decode.
    pub(super) fn undecodable(&self) -> &BTreeSet<ObjectName> {
        &self.undecodable
    }

    /// A whole list at `version`.
    pub(super) fn listed(&mut self, seen: Vec<Seen>, version: &str) -> Result<Vec<Change>, Older> {
        let version = number(version);
        if version > 0 && version < self.version {
            return Err(Older { listed: version, known: self.version });
        }
        self.version = self.version.max(version);
        let listed: BTreeSet<ObjectName> = seen.iter().map(|seen| seen.name.clone()).collect();
        let gone: Vec<ObjectName> = self.marks.keys().filter(|name| !listed.contains(name)).cloned().collect();
        let mut changes: Vec<Change> = gone.into_iter().map(|name| self.forget(name)).collect();
        changes.extend(seen.into_iter().filter_map(|seen| self.take(seen)));
        Ok(changes)
    }

    /// An object was made or changed.
    pub(super) fn applied(&mut self, seen: Seen) -> Option<Change> {
        if self.is_old(&seen) {
            return None;
        }
        self.version = self.version.max(seen.mark.version);
        self.take(seen)
    }

    /// An object was deleted.
    pub(super) fn deleted(&mut self, seen: &Seen) -> Option<Change> {
        if self.is_old(seen) {
            return None;
        }
        self.version = self.version.max(seen.mark.version);
        Some(self.forget(seen.name.clone()))
    }

    /// Nothing happened up to `version`.
    pub(super) fn passed(&mut self, version: &str) {
        self.version = self.version.max(number(version));
    }

    /// A watch tells events in their order, so one from before what was seen is an echo.
    fn is_old(&self, seen: &Seen) -> bool {
        seen.mark.version > 0 && seen.mark.version < self.version
    }

    fn take(&mut self, seen: Seen) -> Option<Change> {
        let known = self.marks.get(&seen.name);
        if known.is_some_and(|known| known.is_after(&seen.mark)) {
            return None;
        }
        if known == Some(&seen.mark) && seen.mark.version > 0 {
            return None;
        }
        self.marks.insert(seen.name.clone(), seen.mark);
        Some(match seen.taken {
            Ok(taken) => {
                self.undecodable.remove(&seen.name);
                Change::Put(seen.name, taken)
            }
            Err(reason) => {
                self.undecodable.insert(seen.name.clone());
                Change::Undecodable(seen.name, seen.metadata, reason)
            }
        })
    }

    fn forget(&mut self, name: ObjectName) -> Change {
        self.marks.remove(&name);
        self.undecodable.remove(&name);
        Change::Gone(name)
    }
}

impl Mark {
    /// Whether this is a later version than `other`.
    fn is_after(&self, other: &Self) -> bool {
        let later = self.version > other.version && other.version > 0;
        later || (self.uid == other.uid && self.generation > other.generation)
    }
}

#[cfg(test)]
mod tests;

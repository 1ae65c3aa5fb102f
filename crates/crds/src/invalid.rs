//! What is wrong with an object, by field, and the collector that finds all of it in one pass.

use std::fmt::Display;

use thiserror::Error;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// Path of the field, for example `spec.credentials[a].weight`.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// What is said of a name that is there twice.
pub(crate) const UNIQUE: &str = "names must be unique in this list";

/// Collects what is wrong, so that an author sees all of it at once.
#[derive(Default)]
pub(crate) struct Report {
    found: Vec<Invalid>,
}

impl Report {
    pub(crate) fn refuse(&mut self, field: impl Display, message: impl Display) {
        self.found.push(Invalid { field: field.to_string(), message: message.to_string() });
    }

    /// Refuses unless `holds`.
    pub(crate) fn check(&mut self, holds: bool, field: impl Display, message: impl Display) {
        if !holds {
            self.refuse(field, message);
        }
    }

    /// The value, or a note of why there is none.
    pub(crate) fn take<T>(&mut self, field: impl Display, result: Result<T, impl Display>) -> Option<T> {
        result.map_err(|message| self.refuse(field, message)).ok()
    }

    /// A number within bounds, both included.
    pub(crate) fn bounded(&mut self, field: impl Display, value: i64, low: i64, high: i64) -> u64 {
        self.check((low..=high).contains(&value), field, format!("must be from {low} to {high}"));
        u64::try_from(value).unwrap_or(0)
    }

    /// Refuses a list with more than `most` entries.
    pub(crate) fn at_most<T>(&mut self, field: impl Display, list: &[T], most: usize) {
        self.check(list.len() <= most, field, format!("has {} entries; at most {most} are allowed", list.len()));
    }

    /// Refuses a name that an earlier entry of the same list has.
    pub(crate) fn unique<'a>(&mut self, list: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            self.check(seen.insert(name), format!("{list}[{name}]"), UNIQUE);
        }
    }

    /// The accepted value, if nothing was refused.
    pub(crate) fn end<T>(self, value: Option<T>) -> Result<T, Vec<Invalid>> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.found),
        }
    }
}

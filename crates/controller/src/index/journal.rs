//! What happened to objects, in its order: which version came, was refused or went, who wrote it, and what differs.
//!
//! The specification of each object is kept as text for the comparison, and of a Secret nothing at all: its older
//! version is at hand when the newer one comes. Nothing here holds, or is made from, the value of a key. Who is told,
//! and whether anybody is, is not known here.

mod differences;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde::Serialize;
use sidegate_crds::Invalid;
use sidegate_telemetry::{Author, ChangeKind};

use super::Index;
use crate::problem::{Kind, ObjectName};
use crate::secret::Secret;

/// Texts of a list that are kept.
const MOST_TEXTS: usize = 16;

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub what: ChangeKind,
    /// To which object.
    pub name: ObjectName,
    /// Its identity; empty for a Secret.
    pub uid: Arc<str>,
    /// The generation that is spoken of; none for a Secret.
    pub generation: Option<i64>,
    /// The generation that stays in force after a refusal.
    pub in_force: Option<i64>,
    /// Who wrote this version, as far as that can be told.
    pub author: Option<Author>,
    /// Paths of what differs from the version in force before, the first few.
    pub fields: Vec<String>,
    /// How many more there are.
    pub more_fields: u64,
    /// Why it was refused, by field.
    pub refusals: Vec<String>,
}

/// What is known of each object, and what happened since somebody asked.
#[derive(Default)]
pub(super) struct Journal {
    known: BTreeMap<ObjectName, Known>,
    changes: Vec<Change>,
    /// What comes from now on is a change; what came before was there.
    follows: bool,
}

/// One object.
struct Known {
    uid: Arc<str>,
    generation: Option<i64>,
    in_force: Option<i64>,
    /// That generation was not refused.
    accepted: bool,
    /// The specification in force, as JSON.
    spec: Option<Box<str>>,
    /// Everybody who wrote it, each with the last time.
    authors: Vec<Author>,
    /// Who wrote this version.
    author: Option<Author>,
}

impl Index {
    /// From now on what comes is a change: everything that is there was taken.
    pub fn follow_changes(&mut self) {
        self.journal.follows = true;
    }

    /// What happened since the last question.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.journal.changes)
    }

    /// The providers and policies that are there, refused ones among them.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectName> {
        self.journal.known.keys().filter(|name| name.kind != Kind::Secret).cloned().collect()
    }

    /// A provider or policy as it was found.
    #[must_use]
    pub fn found(&self, name: &ObjectName) -> Option<Change> {
        let known = self.journal.known.get(name)?;
        let refused = self.refused.get(name).map(|refused| told(&refused.why)).unwrap_or_default();
        let what = if refused.is_empty() { ChangeKind::Found } else { ChangeKind::Refused };
        let in_force = known.in_force.filter(|_| what == ChangeKind::Refused);
        Some(Change { in_force, refusals: refused, ..known.change(what, name) })
    }
}

impl Journal {
    /// A version is in force.
    pub(super) fn accepted(&mut self, name: &ObjectName, metadata: &ObjectMeta, spec: &impl Serialize) {
        let Some((known, what)) = self.take(name, metadata, true) else { return };
        // A specification came as JSON, or as YAML that could have been JSON.
        let text = serde_json::to_string(spec).unwrap_or_default();
        let mut change = known.change(what, name);
        if let Some(before) = known.spec.take().filter(|_| what == ChangeKind::Changed) {
            let mut fields = differences::between(&before, &text);
            change.more_fields = fields.len().saturating_sub(MOST_TEXTS) as u64;
            fields.truncate(MOST_TEXTS);
            change.fields = fields;
        }
        known.spec = Some(text.into());
        self.note(change);
    }

    /// A version was refused.
    pub(super) fn refused(&mut self, name: &ObjectName, metadata: &ObjectMeta, why: &[Invalid]) {
        let Some((known, _)) = self.take(name, metadata, false) else { return };
        let in_force = known.in_force;
        let change = Change { in_force, refusals: told(why), ..known.change(ChangeKind::Refused, name) };
        self.note(change);
    }

    /// A Secret came, in the place of an older version.
    pub(super) fn secret(&mut self, before: Option<&Secret>, after: &Secret, authors: Vec<Author>) {
        let name = ObjectName::new(Kind::Secret, after.namespace.clone(), after.name.clone());
        let known = self.known.entry(name.clone()).or_insert_with(Known::nothing);
        known.wrote(authors);
        let mut fields = before.map(|before| before.differences(after)).unwrap_or_default();
        let (what, more_fields) = match before {
            Some(_) if fields.is_empty() => return,
            Some(_) => (ChangeKind::Changed, fields.len().saturating_sub(MOST_TEXTS) as u64),
            None => (ChangeKind::Found, 0),
        };
        fields.truncate(MOST_TEXTS);
        let change = Change { fields, more_fields, ..known.change(what, &name) };
        self.note(change);
    }

    /// An object is gone.
    pub(super) fn deleted(&mut self, name: &ObjectName) {
        if let Some(known) = self.known.remove(name) {
            // Whoever wrote it last is not who deleted it.
            self.note(Change { author: None, ..known.change(ChangeKind::Deleted, name) });
        }
    }

    /// An object is of no interest any more.
    pub(super) fn forget(&mut self, name: &ObjectName) {
        self.known.remove(name);
    }

    /// Takes the newest version of a provider or policy; none if nothing is new about it.
    fn take(&mut self, name: &ObjectName, metadata: &ObjectMeta, accepted: bool) -> Option<(&mut Known, ChangeKind)> {
        let uid = metadata.uid.as_deref().unwrap_or_default();
        if self.known.get(name).is_some_and(|known| *known.uid != *uid) {
            self.deleted(name);
        }
        let what = if self.known.contains_key(name) { ChangeKind::Changed } else { ChangeKind::Created };
        let known = self.known.entry(name.clone()).or_insert_with(Known::nothing);
        let generation = metadata.generation.unwrap_or(0);
        let same = known.generation == Some(generation) && known.accepted == accepted;
        known.uid = uid.into();
        (known.generation, known.accepted) = (Some(generation), accepted);
        known.wrote(authors(metadata));
        if same {
            return None;
        }
        if accepted {
            known.in_force = Some(generation);
        }
        Some((known, what))
    }

    fn note(&mut self, change: Change) {
        if self.follows {
            self.changes.push(change);
        }
    }
}

impl Known {
    fn nothing() -> Self {
        let (generation, in_force, spec, author) = (None, None, None, None);
        Self { uid: Arc::default(), generation, in_force, accepted: false, spec, authors: Vec::new(), author }
    }

    /// Takes who wrote it: whoever was not there with that time before, else the last.
    fn wrote(&mut self, authors: Vec<Author>) {
        let new = authors.iter().filter(|author| !self.authors.contains(author)).max_by_key(|author| author.at);
        let last = || authors.iter().max_by_key(|author| author.at);
        self.author = new.or_else(last).cloned();
        self.authors = authors;
    }

    fn change(&self, what: ChangeKind, name: &ObjectName) -> Change {
        Change {
            what,
            name: name.clone(),
            uid: self.uid.clone(),
            generation: self.generation,
            in_force: None,
            author: self.author.clone(),
            fields: Vec::new(),
            more_fields: 0,
            refusals: Vec::new(),
        }
    }
}

fn told(why: &[Invalid]) -> Vec<String> {
    why.iter().take(MOST_TEXTS).map(ToString::to_string).collect()
}

/// Everybody who wrote an object, as its metadata says.
#[must_use]
pub fn authors(metadata: &ObjectMeta) -> Vec<Author> {
    let author = |entry: &ManagedFieldsEntry| Author {
        manager: entry.manager.as_deref().unwrap_or_default().into(),
        operation: entry.operation.as_deref().unwrap_or_default().into(),
        at: entry.time.as_ref().map(|time| time.0),
    };
    metadata.managed_fields.iter().flatten().filter(|entry| entry.subresource.is_none()).map(author).collect()
}

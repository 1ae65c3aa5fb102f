//! One change of an object that policy is made from, as the control plane saw it: plain data, like the record of a call.
//!
//! It holds names, paths and times, never the value of a field and never a key, by construction. Reasons of a refusal are
//! the words that the object's status says too.

use std::sync::Arc;

use jiff::Timestamp;

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was there, in force, when its teller began to look: made or changed while nobody told.
    Found,
    /// It is new and in force.
    Created,
    /// It was changed, and the change is in force.
    Changed,
    /// It was changed, or is new, and that was refused.
    Refused,
    /// It is gone.
    Deleted,
    /// Every sidecar that it selects enforces it.
    Programmed,
}

impl ChangeKind {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Found, Self::Created, Self::Changed, Self::Refused, Self::Deleted, Self::Programmed];

    /// The word in audit lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Deleted => "deleted",
            Self::Programmed => "programmed",
        }
    }
}

/// Who wrote an object: a field manager, as Kubernetes keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Its name, as it calls itself.
    pub manager: Arc<str>,
    /// `Apply` or `Update`; empty where nobody says.
    pub operation: Arc<str>,
    /// When it wrote, to the second.
    pub at: Option<Timestamp>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    /// What happened.
    pub change: ChangeKind,
    /// When the control plane saw it happen.
    pub time: Timestamp,
    /// Kind of the object.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its identity; empty where its source has none.
    pub uid: Arc<str>,
    /// The generation that is spoken of; none for kinds without.
    pub generation: Option<i64>,
    /// The generation that is in force after a refusal; none if there is none.
    pub in_force: Option<i64>,
    /// Who wrote it; none where that is not known, as for a deletion.
    pub author: Option<Author>,
    /// Paths of what differs from the version before, the first few.
    pub fields: Vec<String>,
    /// How many more there are.
    pub more_fields: u64,
    /// Why it was refused, with the field.
    pub refusals: Vec<String>,
    /// When it was accepted, told once it is programmed.
    pub accepted: Option<Timestamp>,
    /// How many sidecars enforce it.
    pub sidecars: Option<u64>,
}

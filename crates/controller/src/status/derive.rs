//! From what the index and the sidecars say of an object to its status. Pure: the time is handed in.
//!
//! Everything is said of the newest generation. Where that was refused and an older one stays in force, the messages
//! say so. No value of a key can get here: the index tells names and states.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sidegate_crds::{
    AIPolicyStatus, AIProviderStatus, Conflict, CredentialState, CredentialStatus, Invalid, ObjectRef, SidecarCounts,
};

use super::acks::{Acks, Roll};
use super::condition::{Finding, Reason, Type, conditions};
use super::rejected::Names;
use crate::index::{CredentialStanding, KeyState, Overruled, Standing};
use crate::problem::{Kind, ObjectName};

/// Conflicts that a status tells.
const MOST_CONFLICTS: usize = 16;
/// Refusals, references and conflicts that a message tells.
const MOST_TOLD: usize = 4;

/// All that is known of one object.
pub struct Known<'a> {
    name: &'a ObjectName,
    standing: &'a Standing,
    /// What sidecars say of the newest generation, nothing if it is not in force.
    newest: Acks,
    /// What they say of the generation in force.
    in_force: Acks,
    /// The keys as they were last told, by name.
    marks: Option<&'a Marks>,
    /// The keys that the provider turns down.
    rejected: Names,
}

/// What tells the values of keys apart, by name.
pub type Marks = BTreeMap<Arc<str>, Arc<str>>;

impl<'a> Known<'a> {
    /// What the index (`standing`) and the sidecars (`roll`) say of `name`.
    #[must_use]
    pub fn new(name: &'a ObjectName, standing: &'a Standing, roll: &Roll) -> Self {
        // Sidecars may stay connected for a moment after their pods are gone.
        let bounded = |acks: Acks| {
            let programmed = acks.programmed.min(standing.selected);
            Acks { programmed, rejected: acks.rejected.min(standing.selected - programmed), ..acks }
        };
        let in_force = standing.in_force.map(|generation| bounded(roll.acks(name, generation))).unwrap_or_default();
        let newest = if accepted(standing) { in_force.clone() } else { Acks::default() };
        let rejected = roll.rejected().names(name, standing);
        Self { name, standing, newest, in_force, marks: None, rejected }
    }

    /// What it is said of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.name.kind
    }

    /// The same, knowing which values the last status spoke of.
    #[must_use]
    pub fn after(self, marks: Option<&'a Marks>) -> Self {
        Self { marks, ..self }
    }

    /// The same, with these keys for those that the provider turns down.
    #[must_use]
    pub fn rejecting(self, rejected: Names) -> Self {
        Self { rejected, ..self }
    }

    /// The status of an AIProvider; `before` is its last one.
    #[must_use]
    pub fn provider(&self, before: &AIProviderStatus, now: Timestamp) -> AIProviderStatus {
        let findings = vec![self.accepted(), self.resolved(), self.programmed()];
        let generation = self.standing.generation;
        AIProviderStatus {
            observed_generation: Some(generation),
            credentials: self.standing.credentials.iter().map(|c| self.credential(c, before, now)).collect(),
            sidecars: Some(self.counts()),
            conditions: conditions(findings, generation, &before.conditions, now),
        }
    }

    /// The status of an AIPolicy; `before` is its last one.
    #[must_use]
    pub fn policy(&self, before: &AIPolicyStatus, now: Timestamp) -> AIPolicyStatus {
        let findings = vec![self.accepted(), self.resolved(), self.conflicted(), self.programmed()];
        let generation = self.standing.generation;
        AIPolicyStatus {
            observed_generation: Some(generation),
            sidecars: Some(self.counts()),
            conflicts: self.standing.conflicts.iter().take(MOST_CONFLICTS).map(conflict).collect(),
            conditions: conditions(findings, generation, &before.conditions, now),
        }
    }

    fn counts(&self) -> SidecarCounts {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        SidecarCounts {
            selected: count(self.standing.selected),
            programmed: count(self.newest.programmed),
            rejected: count(self.newest.rejected),
        }
    }

    fn credential(&self, found: &CredentialStanding, before: &AIProviderStatus, now: Timestamp) -> CredentialStatus {
        let state = match found.state {
            KeyState::Ready if self.rejected.contains(&found.name) => CredentialState::Rejected,
            KeyState::Ready => CredentialState::Ready,
            KeyState::Missing => CredentialState::Missing,
            KeyState::Invalid => CredentialState::Invalid,
        };
        let rotated = self.marks.and_then(|marks| marks.get(&found.name)).is_some_and(|mark| *mark != found.mark);
        let same = before.credentials.iter().find(|c| *c.name == *found.name && c.state == state && !rotated);
        let changed_at = same.and_then(|c| c.changed_at.clone()).or(Some(Time(now)));
        CredentialStatus { name: found.name.to_string(), state, changed_at }
    }

    fn accepted(&self) -> Finding {
        let (name, generation) = (shown(self.name), self.standing.generation);
        if accepted(self.standing) {
            let message = format!("{name} is valid and in force at generation {generation}");
            return Finding::new(Type::Accepted, Some(true), Reason::Accepted, message);
        }
        let stays = match self.standing.in_force {
            Some(last) => format!("generation {last} is still in force"),
            None => "nothing of it is in force".to_owned(),
        };
        let message =
            format!("{name} is refused at generation {generation}, {stays}: {}", told(&self.standing.refusals));
        Finding::new(Type::Accepted, Some(false), Reason::Invalid, message)
    }

    fn resolved(&self) -> Finding {
        let Some(in_force) = self.standing.in_force else {
            let message = format!("{} is not in force, so its references are not looked at", shown(self.name));
            return Finding::new(Type::ResolvedRefs, None, Reason::NotAccepted, message);
        };
        let of = if accepted(self.standing) { String::new() } else { format!(" of generation {in_force}, in force,") };
        if self.standing.unresolved.is_empty() {
            let what = match self.rejected.iter().map(|name| &**name).collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => "to what can be used".to_owned(),
                names => format!("somewhere, but the provider turns down the key of {names}"),
            };
            let message = format!("every reference{of} of {} leads {what}", shown(self.name));
            return Finding::new(Type::ResolvedRefs, Some(true), Reason::ReferencesResolved, message);
        }
        let message =
            format!("references{of} of {} lead nowhere: {}", shown(self.name), told(&self.standing.unresolved));
        Finding::new(Type::ResolvedRefs, Some(false), Reason::ReferencesUnresolved, message)
    }

    fn conflicted(&self) -> Finding {
        let conflicts = &self.standing.conflicts;
        if conflicts.is_empty() {
            let message = format!("nothing of {} is left without effect by a higher rank", shown(self.name));
            return Finding::new(Type::Conflicted, Some(false), Reason::NoConflicts, message);
        }
        let message = some(conflicts.iter().map(overruled), conflicts.len());
        let routes = conflicts.iter().any(|c| c.why == Overruled::Covered);
        let reason = if routes { Reason::RoutesConflicted } else { Reason::TelemetryConflicted };
        Finding::new(Type::Conflicted, Some(true), reason, message)
    }

    fn programmed(&self) -> Finding {
        let Standing { generation, in_force, selected, .. } = self.standing;
        let found = |holds, reason, message| Finding::new(Type::Programmed, Some(holds), reason, message);
        if !accepted(self.standing) {
            let message = match in_force {
                Some(last) => format!(
                    "generation {generation} is not accepted; {} of {selected} sidecars at generation {last}",
                    self.in_force.programmed
                ),
                None => format!("generation {generation} is not accepted, and no other is in force"),
            };
            return found(false, Reason::NotAccepted, message);
        }
        if *selected == 0 {
            return found(false, Reason::NoSidecars, format!("{} selects no sidecar", shown(self.name)));
        }
        let Acks { programmed, rejected, refusal } = &self.newest;
        let message = format!("{programmed} of {selected} sidecars at generation {generation}");
        match refusal {
            _ if programmed >= selected => found(true, Reason::Programmed, message),
            Some(refused) if *rejected > 0 => {
                let why = format!("{message}; {rejected} refused it, {} because: {}", refused.sidecar, refused.reason);
                found(false, Reason::RejectedBySidecars, why)
            }
            _ if *programmed == 0 => found(false, Reason::Pending, message),
            _ => found(false, Reason::PartiallyProgrammed, message),
        }
    }
}

fn accepted(standing: &Standing) -> bool {
    standing.refusals.is_empty() && standing.in_force == Some(standing.generation)
}

fn conflict(found: &crate::index::Conflict) -> Conflict {
    let winner = &found.winner;
    Conflict {
        field: found.field.to_string(),
        winner: ObjectRef {
            kind: winner.kind.as_str().to_owned(),
            namespace: winner.namespace.to_string(),
            name: winner.name.to_string(),
        },
    }
}

/// Which field has no effect where, and why.
fn overruled(conflict: &crate::index::Conflict) -> String {
    let crate::index::Conflict { field, winner_field, why, .. } = conflict;
    let winner = format!("{winner_field} of {}", shown(&conflict.winner));
    match why {
        Overruled::Covered => {
            format!("{field} never matches where {winner} ranks higher and has all of its matches")
        }
        Overruled::Outranked => format!("{field} has no effect where {winner} comes before it"),
        Overruled::Withheld => format!("{field} captures nothing where {winner} withholds content"),
        Overruled::Crowded => {
            format!("{field} is left out where as many attributes as may be told come before it, up to {winner}")
        }
    }
}

fn told(found: &[Invalid]) -> String {
    some(found.iter().map(ToString::to_string), found.len())
}

/// The first few of `all`, and how many more there are.
fn some(all: impl Iterator<Item = String>, count: usize) -> String {
    let mut words = all.take(MOST_TOLD).collect::<Vec<_>>().join("; ");
    if count > MOST_TOLD {
        words.push_str(&format!("; and {} more", count - MOST_TOLD));
    }
    words
}

/// `AIPolicy shop/checkout`
fn shown(name: &ObjectName) -> String {
    format!("{} {}/{}", name.kind.as_str(), name.namespace, name.name)
}

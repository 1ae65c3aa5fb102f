//! How one object stands: what its status tells of it, but for what only the sidecars know.

use std::collections::BTreeSet;
use std::sync::Arc;

use sidegate_crds::{AcceptedCredential, Invalid, Origin};

use super::keys::NoKey;
use super::subjects::Group;
use super::{Index, Name, ProviderEntry};
use crate::problem::{Kind, ObjectName};

/// A class of callers: those at whom the same objects meet. A number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(super) u64);

/// How one provider or policy stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Identity of the newest version that was applied.
    pub uid: Arc<str>,
    /// Generation of the newest version that was applied, whether it was accepted or not.
    pub generation: i64,
    /// Generation of the version in force: the same, or that of the last good one; none if there never was one.
    pub in_force: Option<i64>,
    /// Why the newest version was refused, by field; empty when it was accepted.
    pub refusals: Vec<Invalid>,
    /// References of the version in force that lead nowhere: field and reason.
    pub unresolved: Vec<Invalid>,
    /// Keys that a provider names: whether each can be had. Empty for policies.
    pub credentials: Vec<CredentialStanding>,
    /// Routes of a policy that never match for some of those it selects.
    pub conflicts: Vec<Conflict>,
    /// The classes that it is in.
    pub classes: BTreeSet<ClassId>,
    /// Pods that it selects; where no pods are known, the connected sidecars.
    pub selected: usize,
}

/// One key that a provider names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialStanding {
    /// Its name in the provider's list.
    pub name: Arc<str>,
    /// Where it stands.
    pub state: KeyState,
    /// Why it cannot be had, without the value; empty if it can.
    pub reason: String,
    /// Differs when the value does, and tells nothing about it; empty if it cannot be had, another in another process.
    pub mark: Arc<str>,
}

/// Whether a key can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is there.
    Ready,
    /// There is no such Secret, or no such key in it.
    Missing,
    /// It is there and cannot be used: no key at all, or bound to other hosts.
    Invalid,
}

/// Something that another object takes the effect of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conflict {
    /// The object that loses.
    pub object: ObjectName,
    /// Its field, for example `spec.routes[fast]`.
    pub field: Arc<str>,
    /// The object that wins.
    pub winner: ObjectName,
    /// Its field.
    pub winner_field: Arc<str>,
    /// What it does to the other.
    pub why: Overruled,
}

/// What the winner of a conflict does to the loser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Overruled {
    /// A route: whatever it matches is matched before it.
    Covered,
    /// Telemetry: an object that names the caller as closely says it first.
    Outranked,
    /// Content of calls: the winner withholds it.
    Withheld,
    /// An attribute: there are as many before it as may be told.
    Crowded,
}

/// The newest version of an object, when it was refused.
#[derive(PartialEq)]
pub(super) struct Refused {
    pub(super) uid: Arc<str>,
    pub(super) generation: i64,
    pub(super) why: Vec<Invalid>,
}

impl Index {
    /// How a provider or policy stands; `None` if it is of another kind, or not there.
    pub fn standing(&mut self, name: &ObjectName) -> Option<Standing> {
        let key: Name = (name.namespace.clone(), name.name.clone());
        let mut standing = match name.kind {
            Kind::AiProvider => self.providers.get(&key).map(|entry| self.of_provider(entry)),
            Kind::AiPolicy => self
                .policies
                .get(&key)
                .map(|policy| Standing { unresolved: self.unresolved_of_policy(policy), ..of_origin(&policy.origin) }),
            _ => return None,
        };
        if let Some(refused) = self.refused.get(name) {
            let standing = standing.get_or_insert_default();
            standing.uid = refused.uid.clone();
            standing.generation = refused.generation;
            standing.refusals.clone_from(&refused.why);
        }
        let mut standing = standing?;
        self.among_classes(name, &mut standing);
        Some(standing)
    }

    fn of_provider(&self, entry: &ProviderEntry) -> Standing {
        let credential = |credential: &AcceptedCredential| {
            let (state, reason, mark) = match self.key(&entry.accepted, &credential.secret) {
                Ok(value) => (KeyState::Ready, String::new(), self.mark(&value)),
                Err(NoKey::Missing(why)) => (KeyState::Missing, why, Arc::default()),
                Err(NoKey::Invalid(why)) => (KeyState::Invalid, why, Arc::default()),
            };
            CredentialStanding { name: credential.name.clone(), state, reason, mark }
        };
        Standing {
            unresolved: self.unresolved_of_provider(entry),
            credentials: entry.accepted.credentials.iter().map(credential).collect(),
            ..of_origin(&entry.accepted.origin)
        }
    }

    /// Adds what the classes that an object is in say of it.
    fn among_classes(&mut self, name: &ObjectName, standing: &mut Standing) {
        let key: Name = (name.namespace.clone(), name.name.clone());
        standing.classes = match name.kind {
            Kind::AiProvider => self.classes.with_provider(&key),
            _ => self.classes.with_policy(&key),
        };
        let mut conflicts = BTreeSet::new();
        for class in &standing.classes {
            if let Some(entry) = self.classes.all.get(class) {
                let groups = entry.groups.iter().filter_map(|id| self.subjects.group(*id));
                standing.selected += groups.map(Group::size).sum::<usize>();
            }
            if name.kind == Kind::AiPolicy
                && let Some(effective) = self.effective_of(*class)
            {
                conflicts.extend(effective.conflicts.iter().filter(|c| c.object == *name).cloned());
            }
        }
        standing.conflicts = conflicts.into_iter().collect();
    }
}

fn of_origin(origin: &Origin) -> Standing {
    let (uid, generation) = (origin.uid.clone(), origin.generation);
    Standing { uid, generation, in_force: Some(generation), ..Standing::default() }
}

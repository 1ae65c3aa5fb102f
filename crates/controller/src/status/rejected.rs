//! Which keys a status calls rejected: those that their provider turns down at one connected sidecar or more, as far as
//! they are still the keys in force. Pure.
//!
//! A sidecar tells a key by the mark that this replica gave it, so that a rotated one is another one at once. Marks
//! mean nothing to other replicas; these tell names alone, of keys that are in force as they see it. Since they may be a
//! moment behind, their word on a key that has just been rotated waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::acks::Roll;
use crate::control::{RejectedKey, Seated};
use crate::index::{CredentialStanding, KeyState, Standing};
use crate::problem::ObjectName;

/// A key stays rejected for so long after the last sidecar said so: one whose stream has ended is back within it, and
/// a key that is turned down now and then is no news each time.
const LINGERS: Duration = Duration::from_secs(10);
/// After a rotation, other replicas may still speak of the key before: for as long as one may take to write anew.
const BEHIND: Duration = Duration::from_secs(20);

/// Names of credentials.
pub type Names = BTreeSet<Arc<str>>;

/// What is said of keys that are turned down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rejections {
    /// By sidecars of this replica, with marks of this process.
    here: BTreeSet<RejectedKey>,
    /// By other replicas, or for them: by provider.
    elsewhere: BTreeMap<ObjectName, Names>,
}

impl Rejections {
    pub(super) fn of(seated: &[Seated]) -> Self {
        // Many sidecars that say the same cost a comparison each.
        let mut told: Vec<&[RejectedKey]> = seated.iter().map(|one| &*one.rejects).filter(|r| !r.is_empty()).collect();
        told.sort_unstable();
        told.dedup();
        Self { here: told.into_iter().flatten().cloned().collect(), elsewhere: BTreeMap::new() }
    }

    /// The same for other replicas: names alone, of those keys that are in force.
    pub(super) fn for_others(&self, standing: impl Fn(&ObjectName) -> Option<Standing>) -> Self {
        let providers: BTreeSet<&ObjectName> = self.here.iter().map(|key| &key.provider).collect();
        let of = |name: &ObjectName| {
            let credentials = standing(name)?.credentials;
            let down = credentials.iter().filter(|c| self.is_here(name, c)).map(|c| c.name.clone());
            Some((name.clone(), down.collect::<Names>())).filter(|(_, names)| !names.is_empty())
        };
        Self::by_others(providers.into_iter().filter_map(of).collect())
    }

    /// What another replica tells, by provider.
    pub(super) fn by_others(elsewhere: BTreeMap<ObjectName, Names>) -> Self {
        Self { here: BTreeSet::new(), elsewhere }
    }

    /// What another replica is told.
    pub(super) fn to_others(&self) -> &BTreeMap<ObjectName, Names> {
        &self.elsewhere
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        self.here.extend(other.here.iter().cloned());
        for (provider, names) in &other.elsewhere {
            self.elsewhere.entry(provider.clone()).or_default().extend(names.iter().cloned());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty() && self.elsewhere.is_empty()
    }

    /// Whether a sidecar of this replica says it of the key in force.
    fn is_here(&self, provider: &ObjectName, found: &CredentialStanding) -> bool {
        let CredentialStanding { name, state, mark, .. } = found;
        let key = || RejectedKey { provider: provider.clone(), credential: name.clone(), mark: mark.clone() };
        *state == KeyState::Ready && !self.here.is_empty() && self.here.contains(&key())
    }

    /// Whether another replica says it of the key of that name.
    fn is_elsewhere(&self, provider: &ObjectName, found: &CredentialStanding) -> bool {
        found.state == KeyState::Ready && self.elsewhere.get(provider).is_some_and(|names| names.contains(&found.name))
    }

    /// The keys of `provider` that are turned down at this moment, whoever says so.
    pub(super) fn names(&self, provider: &ObjectName, standing: &Standing) -> Names {
        let down = |c: &&CredentialStanding| self.is_here(provider, c) || self.is_elsewhere(provider, c);
        standing.credentials.iter().filter(down).map(|c| c.name.clone()).collect()
    }
}

/// What was heard of the keys of one provider, over time.
#[derive(Debug, Default)]
pub struct Heard(BTreeMap<Arc<str>, Key>);

#[derive(Debug)]
struct Key {
    mark: Arc<str>,
    /// When it took the place of another one; none if it was there first.
    rotated: Option<Instant>,
    /// When it was last said to be turned down.
    said: Option<Instant>,
}

impl Heard {
    /// Takes what is said `now`. The keys that are called rejected, and when to look again without any news.
    pub fn take(
        &mut self,
        provider: &ObjectName,
        standing: &Standing,
        roll: &Roll,
        now: Instant,
    ) -> (Names, Option<Instant>) {
        self.0.retain(|name, _| standing.credentials.iter().any(|c| c.name == *name));
        let (mut names, mut look) = (Names::new(), None);
        for found in &standing.credentials {
            let key = self.0.entry(found.name.clone());
            let key = key.or_insert_with(|| Key { mark: found.mark.clone(), rotated: None, said: None });
            if key.mark != found.mark {
                *key = Key { mark: found.mark.clone(), rotated: Some(now), said: None };
            }
            let (rejected, again) = key.take(roll.rejected(), (provider, found), now);
            if rejected {
                names.insert(found.name.clone());
            }
            look = [look, again].into_iter().flatten().min();
        }
        (names, look)
    }
}

impl Key {
    fn take(
        &mut self,
        told: &Rejections,
        (provider, found): (&ObjectName, &CredentialStanding),
        now: Instant,
    ) -> (bool, Option<Instant>) {
        let waits = self.rotated.map(|at| at + BEHIND).filter(|until| now < *until);
        let elsewhere = told.is_elsewhere(provider, found);
        if told.is_here(provider, found) || (elsewhere && waits.is_none()) {
            self.said = Some(now);
            return (true, None);
        }
        let until = self.said.map(|at| at + LINGERS).filter(|until| now < *until && found.state == KeyState::Ready);
        (until.is_some(), until.or(waits.filter(|_| elsewhere)))
    }
}

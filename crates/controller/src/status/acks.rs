//! What the connected sidecars say of each object, by its generation.

mod text;

use std::collections::HashMap;
use std::sync::Arc;

use super::rejected::Rejections;
use crate::control::{Contents, Seated};
use crate::index::Standing;
use crate::problem::{Kind, ObjectName};

/// What sidecars say of one generation of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acks {
    /// Sidecars that enforce it.
    pub programmed: usize,
    /// Sidecars that refused it, and took nothing since.
    pub rejected: usize,
    /// One of those that refused it, and its words.
    pub refusal: Option<Refused>,
}

/// A sidecar that refused something, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// `namespace/pod`
    pub sidecar: String,
    /// In its own words, on one line.
    pub reason: Arc<str>,
}

/// What all connected sidecars say.
#[derive(Debug, Default)]
pub struct Roll {
    acks: HashMap<(ObjectName, i64), Acks>,
    rejected: Rejections,
}

/// Sidecars that say the same.
struct Alike {
    holds: Arc<Contents>,
    refuses: Arc<Contents>,
    /// Keys were refused: what the policy says of providers cannot all be done.
    without_keys: bool,
    count: usize,
    refusal: Option<Refused>,
}

impl Roll {
    /// Asks all of `seated`. Costs work for each sidecar and for each distinct policy, not for both together.
    #[must_use]
    pub fn of(seated: &[Seated]) -> Self {
        let mut groups: HashMap<_, Alike> = HashMap::new();
        for one in seated {
            let refuses = one.refusal.as_ref().map(|r| r.of.clone()).unwrap_or_default();
            let without_keys = one.refusal.as_ref().is_some_and(|r| r.of.is_empty());
            // No contents at all are the same whoever allocated them.
            let refused = if refuses.is_empty() { std::ptr::null() } else { Arc::as_ptr(&refuses) };
            let group = groups.entry((Arc::as_ptr(&one.holds), refused, without_keys)).or_insert_with(|| Alike {
                holds: one.holds.clone(),
                refuses,
                without_keys,
                count: 0,
                refusal: None,
            });
            group.count += 1;
            let refusal = one.refusal.as_ref().map(|r| Refused {
                sidecar: format!("{}/{}", one.caller.namespace, one.caller.pod),
                reason: r.reason.clone(),
            });
            group.refusal = first(group.refusal.take(), refusal);
        }
        let mut roll = Self { acks: HashMap::new(), rejected: Rejections::of(seated) };
        for group in groups.into_values() {
            roll.add(&group);
        }
        roll
    }

    /// What they say of `generation` of an object.
    #[must_use]
    pub fn acks(&self, name: &ObjectName, generation: i64) -> Acks {
        self.acks.get(&(name.clone(), generation)).cloned().unwrap_or_default()
    }

    /// Whether nobody says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.acks.is_empty() && self.rejected.is_empty()
    }

    /// Adds what the sidecars of another replica say.
    pub fn add_all(&mut self, other: &Self) {
        self.rejected.add_all(&other.rejected);
        for (key, theirs) in &other.acks {
            let acks = self.acks.entry(key.clone()).or_default();
            acks.programmed += theirs.programmed;
            acks.rejected += theirs.rejected;
            acks.refusal = first(acks.refusal.take(), theirs.refusal.clone());
        }
    }

    /// Which keys their providers turn down.
    pub(super) fn rejected(&self) -> &Rejections {
        &self.rejected
    }

    /// The same for other replicas, by how the objects stand in this one.
    #[must_use]
    pub fn for_others(self, standing: impl Fn(&ObjectName) -> Option<Standing>) -> Self {
        Self { rejected: self.rejected.for_others(standing), ..self }
    }

    /// The same as text, in `most` bytes; what does not fit is left out.
    #[must_use]
    pub fn to_text(&self, most: usize) -> String {
        text::write(&self.acks, self.rejected.to_others(), most)
    }

    /// What [`Self::to_text`] wrote; what cannot be read counts for nothing.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (acks, elsewhere) = text::read(text);
        Self { acks, rejected: Rejections::by_others(elsewhere) }
    }

    fn add(&mut self, group: &Alike) {
        for (name, generation) in group.holds.iter() {
            let acks = self.acks.entry((name.clone(), *generation)).or_default();
            if group.without_keys && name.kind == Kind::AiProvider {
                acks.rejected += group.count;
                acks.refusal = first(acks.refusal.take(), group.refusal.clone());
            } else {
                acks.programmed += group.count;
            }
        }
        for (name, generation) in group.refuses.iter() {
            // A policy that is refused because of another object may hold what is in force already.
            if group.holds.get(name) != Some(generation) {
                let acks = self.acks.entry((name.clone(), *generation)).or_default();
                acks.rejected += group.count;
                acks.refusal = first(acks.refusal.take(), group.refusal.clone());
            }
        }
    }
}

/// The one that sorts first, so that the same sidecars always give the same words.
fn first(one: Option<Refused>, other: Option<Refused>) -> Option<Refused> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

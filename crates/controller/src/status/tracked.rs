//! What the writer knows of one object: what stands there, what it wrote, what it told, and when it may write again.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Deserialize;
use serde_json::Value;
use sidegate_crds::{CredentialState, CredentialStatus, SidecarCounts};
use tokio::time::Instant;

use super::announce::{Announced, Announcement};
use super::derive::Marks;
use super::due::{Allowance, Doubt, Due};
use super::rejected::Heard;
use super::shown::Shown;
use crate::index::Standing;

/// A status to be written.
pub(super) struct Status {
    pub(super) value: Value,
    pub(super) conditions: Vec<Condition>,
    /// The keys that it speaks of.
    pub(super) credentials: Vec<CredentialStatus>,
    pub(super) marks: Marks,
}

/// The keys of an object as they stand.
pub(super) fn marks(standing: &Standing) -> Marks {
    standing.credentials.iter().map(|key| (key.name.clone(), key.mark.clone())).collect()
}

/// The parts that both kinds of status have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Common {
    observed_generation: Option<i64>,
    sidecars: Option<SidecarCounts>,
    credentials: Vec<CredentialStatus>,
    conditions: Vec<Condition>,
}

/// What is on its way.
struct Sent {
    words: Arc<str>,
    announced: Announced,
    marks: Marks,
}

/// One object.
pub(super) struct Tracked {
    pub(super) shown: Shown,
    /// The status that was written last: what others make of it does not count.
    ours: Option<Arc<str>>,
    /// The status that is being written, and what will have been told with it.
    sent: Option<Sent>,
    /// The keys that the status speaks of; those found first are those that a predecessor spoke of.
    marks: Option<Marks>,
    announced: Announced,
    allowance: Allowance,
    pub(super) due: Due,
    pub(super) unresolved: Doubt,
    /// What is heard of keys that are turned down.
    pub(super) heard: Heard,
    /// The list that it was last seen in.
    pub(super) list: u64,
    pub(super) writing: bool,
}

impl Tracked {
    /// An object that is new to this writer. What its conditions say has been told.
    pub(super) fn new(shown: Shown, list: u64) -> Self {
        let common: Common = serde_json::from_str(&shown.status).unwrap_or_default();
        Self {
            shown,
            ours: None,
            sent: None,
            marks: None,
            announced: Announced::by(&common.conditions, &common.credentials),
            allowance: Allowance::default(),
            due: Due::default(),
            unresolved: Doubt::default(),
            heard: Heard::default(),
            list,
            writing: false,
        }
    }

    /// Takes what the watch shows, unless it is older than what is known.
    pub(super) fn see(&mut self, shown: Shown, list: u64) {
        self.list = list;
        let number = |version: &str| version.parse::<u64>().unwrap_or(u64::MAX);
        if number(&shown.version) >= number(&self.shown.version) {
            self.shown = shown;
        }
    }

    /// Up to which generation the status that stands there was told, and whether that is on its way to its sidecars.
    pub(super) fn told(&self) -> Option<(i64, bool)> {
        let common: Common = serde_json::from_str(&self.shown.status).unwrap_or_default();
        let generation = common.observed_generation?;
        let holds = |of: &str| common.conditions.iter().any(|c| c.type_ == of && c.status == "True");
        Some((generation, holds("Accepted") && !holds("Programmed")))
    }

    /// The status that the next one follows.
    pub(super) fn before(&self) -> &str {
        self.ours.as_deref().unwrap_or(&self.shown.status)
    }

    /// The keys that it speaks of.
    pub(super) fn marks(&self) -> Option<&Marks> {
        self.marks.as_ref()
    }

    /// Takes the keys as they stand: a predecessor, who cannot tell which they were, spoke of these.
    pub(super) fn found(&mut self, standing: &Standing) {
        self.marks.get_or_insert_with(|| marks(standing));
    }

    /// Whether what stands there says more of the sidecars of the same generation.
    pub(super) fn says_more(&self, counts: Option<SidecarCounts>, generation: Option<i64>) -> bool {
        let common: Common = serde_json::from_str(&self.shown.status).unwrap_or_default();
        let programmed = |counts: Option<SidecarCounts>| counts.map_or(0, |counts| counts.programmed);
        common.observed_generation == generation && programmed(common.sidecars) > programmed(counts)
    }

    /// Whether what stands there calls a key rejected that would be ready by now.
    pub(super) fn rejects_more(&self, keys: &[CredentialStatus]) -> bool {
        let common: Common = serde_json::from_str(&self.shown.status).unwrap_or_default();
        let is = |keys: &[CredentialStatus], name: &str, state| keys.iter().any(|k| k.name == name && k.state == state);
        let rejected = common.credentials.iter().filter(|k| k.state == CredentialState::Rejected);
        rejected.map(|k| &k.name).any(|name| is(keys, name, CredentialState::Ready))
    }

    /// A status is about to be sent; the events that go with it.
    pub(super) fn write(&mut self, words: Arc<str>, status: &Status, now: Instant) -> Vec<Announcement> {
        let mut announced = self.announced.clone();
        let mut events = announced.news(&status.conditions, &status.credentials);
        events.retain(|_| self.allowance.take(now));
        self.sent = Some(Sent { words, announced, marks: status.marks.clone() });
        self.due.began(now);
        self.writing = true;
        events
    }

    /// It was written, and this stands there now; whether that is what was sent.
    pub(super) fn written(&mut self, shown: Shown) -> bool {
        let Some(Sent { words, announced, marks }) = self.sent.take() else { return true };
        let same = shown.status == words;
        (self.ours, self.announced, self.marks) = (Some(words), announced, Some(marks));
        self.see(shown, self.list);
        if same {
            self.due.succeeded();
        }
        same
    }

    /// It was not written.
    pub(super) fn unwritten(&mut self) {
        self.sent = None;
    }
}

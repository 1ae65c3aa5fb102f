//! The effective policy of one caller: everything that a call is decided by, with the source of each value.
//!
//! A snapshot is immutable and shared; a call loads it once. Counting is not here: a [`Limit`] is a number,
//! its bucket lives elsewhere under the limit's [`LimitId`], so that an edit never refills it.

use std::sync::Arc;
use std::time::Duration;

use crate::glob::Glob;
use crate::meta::{Meta, Rank};
use crate::provider::Provider;
use crate::telemetry::{AttributeValue, Telemetry};

/// Whether an object acts, or only tells what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// It acts.
    #[default]
    Enforce,
    /// It is evaluated beside the plan and changes nothing.
    DryRun,
}

/// The models that one object allows, or denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelList {
    /// Names and patterns; an empty list of allowed models allows nothing.
    pub globs: Vec<Glob>,
    /// The object's standing.
    pub rank: Rank,
    /// Whether it acts.
    pub mode: Mode,
    /// Where it came from.
    pub meta: Meta,
}

/// A header that a call must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Lower-case name.
    pub name: Arc<str>,
    /// The exact value.
    pub value: Arc<str>,
}

/// One way to match a route; all parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Match {
    /// Asked models; empty means any.
    pub models: Vec<Glob>,
    /// Headers; empty means none are needed.
    pub headers: Vec<HeaderMatch>,
}

/// The provider of a target, as far as it could be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderSlot {
    /// Index into [`Snapshot::providers`].
    At(usize),
    /// No provider of that name.
    Missing {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// The provider does not serve this caller.
    NotAccessible {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
}

/// One place that a route may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The provider.
    pub provider: ProviderSlot,
    /// The model to ask it for; none means the one that was asked for.
    pub model: Option<Arc<str>>,
    /// Share among the targets of the same priority; 0 is drained.
    pub weight: u32,
    /// Lower first.
    pub priority: u8,
}

/// Where calls for some models go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Name, unique within its object.
    pub name: Arc<str>,
    /// One of these must match.
    pub matches: Vec<Match>,
    /// Where it leads.
    pub targets: Vec<Target>,
    /// The object's standing.
    pub rank: Rank,
    /// Whether it acts.
    pub mode: Mode,
    /// Where it came from.
    pub meta: Meta,
}

/// Identifies the bucket of a limit over every edit of it: the object's UID and the limit's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitId {
    /// `metadata.uid` of the object; from files a stand-in made of kind, namespace and name.
    pub object: Arc<str>,
    /// Name of the limit.
    pub name: Arc<str>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calls.
    Requests,
    /// Prompt tokens.
    InputTokens,
    /// Generated tokens.
    OutputTokens,
    /// Both.
    TotalTokens,
    /// Calls that are not settled yet.
    ConcurrentRequests,
}

impl Unit {
    /// The field's name in an `AIPolicy`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "inputTokens",
            Self::OutputTokens => "outputTokens",
            Self::TotalTokens => "totalTokens",
            Self::ConcurrentRequests => "concurrentRequests",
        }
    }

    /// Whether it counts tokens, which are reserved by a bound and settled by usage.
    #[must_use]
    pub fn is_tokens(self) -> bool {
        matches!(self, Self::InputTokens | Self::OutputTokens | Self::TotalTokens)
    }
}

/// A limit of each pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which bucket it counts in.
    pub id: LimitId,
    /// What it counts.
    pub unit: Unit,
    /// The full amount; at least 1.
    pub amount: u64,
    /// Time in which an empty bucket fills evenly; not used for concurrent requests.
    pub window: Duration,
    /// Whether it acts. A dry run counts in a bucket of its own.
    pub mode: Mode,
    /// Where it came from.
    pub meta: Meta,
}

/// The effective policy of one caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Digest of the content, in hexadecimal.
    pub version: Arc<str>,
    /// Version of the price list.
    pub price_version: Arc<str>,
    /// Providers that this caller may use or that a route names: the caller's own namespace first, then the
    /// oldest, then by name.
    pub providers: Vec<Provider>,
    /// Every list of allowed models: a call must be in all of them.
    pub allow: Vec<ModelList>,
    /// Every list of denied models: a call must be in none of them.
    pub deny: Vec<ModelList>,
    /// Routes, highest rank first; the first that matches wins.
    pub routes: Vec<Route>,
    /// Limits; all of them count.
    pub limits: Vec<Limit>,
    /// What is told of calls.
    pub telemetry: Telemetry,
    /// Some list, route or limit is in dry run; set by [`Snapshot::sealed`].
    pub dry_run: bool,
}

impl Snapshot {
    /// Lower-case names of the headers that some rule or attribute looks at, each once.
    #[must_use]
    pub fn header_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let matched = self.routes.iter().flat_map(|r| &r.matches).flat_map(|m| &m.headers).map(|h| &h.name);
        let told = self.telemetry.attributes.iter().filter_map(|a| match &a.value {
            AttributeValue::Header(name) => Some(name),
            AttributeValue::Known(_) => None,
        });
        for name in matched.chain(told) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// The snapshot with what follows from its parts filled in. Whoever builds one ends with this.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let dry = |mode: Mode| mode == Mode::DryRun;
        self.dry_run = self.allow.iter().chain(&self.deny).any(|l| dry(l.mode))
            || self.routes.iter().any(|r| dry(r.mode))
            || self.limits.iter().any(|l| dry(l.mode));
        self
    }
}

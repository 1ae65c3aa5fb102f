//! An effective policy as a value, and how it is made from a snapshot.

use serde::Serialize;
use sidegate_controller::Problem;
use sidegate_policy::{Match, ModelList, ProviderSlot, Snapshot};

use super::provider::{self, Provider};
use super::telemetry::Telemetry;
use crate::objects::Gathered;
use crate::source::{self, Source};
use crate::words::{self, Who};

/// The effective policy of one caller.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whose it is.
    pub caller: Who,
    /// Digest of its content, as sidecars and status have it.
    pub version: String,
    /// The price list that it was made with.
    pub price_version: String,
    /// Providers that the caller may use, the first of its dialect without a route.
    pub providers: Vec<Provider>,
    /// Lists of allowed models: a call must be in all of them.
    pub allow: Vec<List>,
    /// Lists of denied models: a call must be in none of them.
    pub deny: Vec<List>,
    /// Routes, highest rank first; the first that matches wins.
    pub routes: Vec<Route>,
    /// Limits; all of them count.
    pub limits: Vec<Limit>,
    /// What is told of calls.
    pub telemetry: Telemetry,
    /// What has no effect here, because others come before it.
    pub conflicts: Vec<Conflict>,
    /// Whoever asks may read everything that decides.
    pub complete: bool,
    /// What is missing from this answer, and what is assumed in it.
    pub notes: Vec<String>,
}

/// A list of models.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// Names and patterns.
    pub models: Vec<String>,
    /// Which pods its object selects.
    pub selects: &'static str,
    /// Whether it acts.
    pub mode: &'static str,
    /// Where it came from.
    pub source: Source,
}

/// A route.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// One of these must match.
    pub matches: Vec<Matches>,
    /// Where it leads.
    pub targets: Vec<Target>,
    /// Which pods its object selects.
    pub selects: &'static str,
    /// Whether it acts.
    pub mode: &'static str,
    /// Where it came from.
    pub source: Source,
}

/// One way to match.
#[derive(Debug, Clone, Serialize)]
pub struct Matches {
    /// Asked models; none means any.
    pub models: Vec<String>,
    /// Headers, as `name: value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Where it came from.
    pub source: Source,
}

/// One place that a route leads to.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// `namespace/name` of the provider.
    pub provider: String,
    /// `usable`, `missing` or `not_accessible`.
    pub state: &'static str,
    /// The model to ask it for; none means the asked one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Lower first.
    pub priority: u8,
    /// Share within its priority.
    pub weight: u32,
    /// Where it came from.
    pub source: Source,
}

/// A limit.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// The field that sets the amount.
    pub unit: &'static str,
    /// The full amount.
    pub amount: u64,
    /// Time in which an empty bucket fills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Whether it acts.
    pub mode: &'static str,
    /// Where it came from.
    pub source: Source,
}

/// Something that has no effect.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Its object.
    pub object: String,
    /// Its field.
    pub field: String,
    /// The object that wins.
    pub winner: String,
    /// Its field.
    pub winner_field: String,
    /// Why, as a sentence.
    pub reason: String,
}

/// The effective policy of the caller.
pub fn effective(mut gathered: Gathered) -> Policy {
    let effective = gathered.index.effective(&gathered.caller);
    let snapshot = &effective.snapshot.snapshot;
    Policy {
        caller: Who::from(&gathered.caller),
        version: effective.snapshot.version.to_string(),
        price_version: snapshot.price_version.to_string(),
        providers: provider::all(snapshot, &effective.keys.keys, &gathered.specs),
        allow: snapshot.allow.iter().map(list).collect(),
        deny: snapshot.deny.iter().map(list).collect(),
        routes: snapshot.routes.iter().map(|r| route(snapshot, r)).collect(),
        limits: snapshot.limits.iter().map(limit).collect(),
        telemetry: Telemetry::of(&snapshot.telemetry),
        conflicts: effective.conflicts.iter().map(conflict).collect(),
        complete: !gathered.notes.hidden,
        notes: gathered.notes.lines,
    }
}

fn list(list: &ModelList) -> List {
    List {
        models: list.globs.iter().map(ToString::to_string).collect(),
        selects: source::closeness(list.rank),
        mode: source::mode(list.mode),
        source: Source::from(&list.meta),
    }
}

fn route(snapshot: &Snapshot, route: &sidegate_policy::Route) -> Route {
    let source = Source::from(&route.meta);
    let matches = |(at, m): (usize, &Match)| Matches {
        models: m.models.iter().map(ToString::to_string).collect(),
        headers: m.headers.iter().map(|h| format!("{}: {}", h.name, h.value)).collect(),
        source: source.inside(&format!(".matches[{at}]")),
    };
    let target = |(at, t): (usize, &sidegate_policy::Target)| {
        let (provider, state) = match &t.provider {
            ProviderSlot::At(index) => {
                (snapshot.providers.get(*index).map(|p| p.key.to_string()).unwrap_or_default(), "usable")
            }
            ProviderSlot::Missing { namespace, name } => (format!("{namespace}/{name}"), "missing"),
            ProviderSlot::NotAccessible { namespace, name } => (format!("{namespace}/{name}"), "not_accessible"),
        };
        Target {
            provider,
            state,
            model: t.model.as_deref().map(str::to_owned),
            priority: t.priority,
            weight: t.weight,
            source: source.inside(&format!(".targets[{at}]")),
        }
    };
    Route {
        name: route.name.to_string(),
        matches: route.matches.iter().enumerate().map(matches).collect(),
        targets: route.targets.iter().enumerate().map(target).collect(),
        selects: source::closeness(route.rank),
        mode: source::mode(route.mode),
        source: source.clone(),
    }
}

fn limit(limit: &sidegate_policy::Limit) -> Limit {
    let concurrent = limit.unit == sidegate_policy::Unit::ConcurrentRequests;
    Limit {
        name: limit.id.name.to_string(),
        unit: limit.unit.as_str(),
        amount: limit.amount,
        window: (!concurrent).then(|| words::duration(limit.window)),
        mode: source::mode(limit.mode),
        source: Source::from(&limit.meta),
    }
}

fn conflict(conflict: &sidegate_controller::Conflict) -> Conflict {
    Conflict {
        object: conflict.object.to_string(),
        field: conflict.field.to_string(),
        winner: conflict.winner.to_string(),
        winner_field: conflict.winner_field.to_string(),
        reason: Problem::from(conflict).reason,
    }
}

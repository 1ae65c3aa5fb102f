//! Routes: what they match, and targets by name, which the index resolves.

use std::sync::Arc;

use sidegate_policy::{Glob, HeaderMatch, Match};

use super::{HeaderSpec, MatchSpec, RouteSpec, TargetSpec};
use crate::formats;
use crate::invalid::Report;

const MOST_ROUTES: usize = 32;
const MOST_MATCHES: usize = 8;
const MOST_TARGETS: usize = 16;
const MOST_HEADERS: usize = 8;
/// Globs in one list.
pub(super) const MOST_GLOBS: usize = 64;

/// Where calls for some models go, before its providers are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteDraft {
    /// Name in the object's list.
    pub name: Arc<str>,
    /// One of these must match.
    pub matches: Vec<Match>,
    /// Where it leads.
    pub targets: Vec<TargetDraft>,
}

/// One place that a route leads to, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetDraft {
    /// Namespace of the provider.
    pub namespace: Arc<str>,
    /// Name of the provider.
    pub provider: Arc<str>,
    /// The model to ask it for; none means the one that was asked for.
    pub model: Option<Arc<str>>,
    /// Share within its priority; 0 is drained.
    pub weight: u32,
    /// Lower first.
    pub priority: u8,
}

pub(super) fn read(list: &[RouteSpec], own_namespace: &Arc<str>, report: &mut Report) -> Vec<RouteDraft> {
    report.at_most("spec.routes", list, MOST_ROUTES);
    report.unique("spec.routes", list.iter().map(|r| r.name.as_str()));
    let mut routes = Vec::with_capacity(list.len());
    for route in list {
        let field = format!("spec.routes[{}]", route.name);
        report.take(format!("{field}.name"), formats::entry_name(&route.name));
        let matches = format!("{field}.matches");
        report.check(!route.matches.is_empty(), &matches, format!("must have 1 to {MOST_MATCHES} entries"));
        report.at_most(&matches, &route.matches, MOST_MATCHES);
        let targets = format!("{field}.targets");
        report.at_most(&targets, &route.targets, MOST_TARGETS);
        let live = route.targets.iter().any(|t| t.weight > 0);
        report.check(live, &targets, super::SOME_WEIGHT);
        let read_match = |(at, m)| read_match(m, &format!("{matches}[{at}]"), report);
        let read_matches = route.matches.iter().enumerate().map(read_match).collect();
        let read_target = |(at, t)| read_target(t, own_namespace, &format!("{targets}[{at}]"), report);
        let read_targets = route.targets.iter().enumerate().map(read_target).collect();
        routes.push(RouteDraft { name: route.name.as_str().into(), matches: read_matches, targets: read_targets });
    }
    routes
}

/// The globs of a list.
pub(super) fn read_globs(list: &[String], field: &str, report: &mut Report) -> Vec<Glob> {
    report.at_most(field, list, MOST_GLOBS);
    let mut globs = Vec::with_capacity(list.len());
    for (at, text) in list.iter().enumerate() {
        globs.extend(report.take(format!("{field}[{at}]"), formats::glob(text)));
    }
    globs
}

fn read_match(m: &MatchSpec, field: &str, report: &mut Report) -> Match {
    report.at_most(format!("{field}.headers"), &m.headers, MOST_HEADERS);
    let models = read_globs(&m.models, &format!("{field}.models"), report);
    let mut header = |(at, h): (usize, &HeaderSpec)| {
        report.take(format!("{field}.headers[{at}].name"), formats::header_name(&h.name));
        report.take(format!("{field}.headers[{at}].value"), formats::header_value(&h.value));
        HeaderMatch { name: h.name.to_ascii_lowercase().into(), value: h.value.as_str().into() }
    };
    Match { models, headers: m.headers.iter().enumerate().map(&mut header).collect() }
}

fn read_target(t: &TargetSpec, own_namespace: &Arc<str>, field: &str, report: &mut Report) -> TargetDraft {
    report.take(format!("{field}.provider"), formats::object_name(&t.provider));
    if let Some(namespace) = &t.namespace {
        report.take(format!("{field}.namespace"), formats::label(namespace));
    }
    if let Some(model) = &t.model {
        report.take(format!("{field}.model"), formats::model(model));
    }
    let weight = report.bounded(format!("{field}.weight"), t.weight, 0, 1_000_000);
    let priority = report.bounded(format!("{field}.priority"), t.priority, 0, 100);
    TargetDraft {
        namespace: t.namespace.as_deref().map_or_else(|| own_namespace.clone(), Arc::from),
        provider: t.provider.as_str().into(),
        model: t.model.as_deref().map(Arc::from),
        weight: u32::try_from(weight).unwrap_or(u32::MAX),
        priority: u8::try_from(priority).unwrap_or(u8::MAX),
    }
}

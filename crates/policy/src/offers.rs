//! The models that a caller may use, by name: for the models lists, and for refusals that help.
//!
//! A name is offered if a call for it would get a plan: the lists and the decision cannot disagree. Without a
//! route a call goes to the default provider, so that the names that only another one knows are not offered.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::call::{Bounds, Call, Conversation, Dialect, Fallbacks, Operation, Streaming};
use crate::caller::Caller;
use crate::decide::{Conditions, would_go};
use crate::glob::Glob;
use crate::plan::Rule;
use crate::provider::Provider;
use crate::snapshot::{Mode, Snapshot};

/// Names considered at most, so that a list stays a list.
const MAX_NAMES: usize = 4096;

/// A model that a caller may use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The name to ask for.
    pub name: Arc<str>,
    /// `namespace/name` of the provider that a call would go to first.
    pub provider: Arc<str>,
}

/// The models that `caller` may use in `dialect`, by name.
///
/// Considered are the literal names in routes' matches, the providers' model entries and the priced models;
/// globs mean those of these names that they match. Routes that ask for a header do not count.
#[must_use]
pub fn offers(snapshot: &Snapshot, dialect: Dialect, caller: &Caller, conditions: &Conditions<'_>) -> Vec<Offer> {
    let mut of_default: Option<BTreeSet<&Arc<str>>> = None;
    let mut offers = Vec::new();
    for name in known_names(snapshot, dialect) {
        let Some(plan) = would_go(snapshot, &generation(dialect, name.clone()), caller, conditions) else {
            continue;
        };
        let Some(provider) = plan.candidates.first().and_then(|c| snapshot.providers.get(c.provider)) else {
            continue;
        };
        // Without a route it is the same provider for every name.
        let known = plan.rule != Rule::Accessible
            || of_default.get_or_insert_with(|| provider_names(provider).collect()).contains(&name);
        if known {
            offers.push(Offer { name, provider: provider.key.clone() });
        }
    }
    offers
}

/// Names that would work instead, for a refusal: routes' names before the rest, which are many.
#[must_use]
pub fn names_that_work(snapshot: &Snapshot, call: &Call, caller: &Caller, conditions: &Conditions<'_>) -> Vec<String> {
    if call.model.is_empty() {
        return Vec::new();
    }
    let offered = offers(snapshot, call.dialect, caller, conditions);
    let routed: BTreeSet<&Arc<str>> = route_names(snapshot).collect();
    let entered: BTreeSet<&Arc<str>> = snapshot.providers.iter().flat_map(entry_names).collect();
    let closeness = |name: &Arc<str>| (!routed.contains(name), !entered.contains(name));
    let mut names: Vec<Arc<str>> = offered.into_iter().map(|o| o.name).collect();
    names.sort_by(|a, b| closeness(a).cmp(&closeness(b)).then_with(|| a.cmp(b)));
    names.into_iter().map(|n| n.to_string()).collect()
}

/// Names that a call without headers is routed by: a name of a route in dry run, or of one that asks for a
/// header, would go to the default provider, which knows nothing of it.
fn route_names(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<str>> {
    let acting = snapshot.routes.iter().filter(|r| r.mode == Mode::Enforce);
    let matches = acting.flat_map(|r| &r.matches).filter(|m| m.headers.is_empty());
    matches.flat_map(|m| &m.models).filter_map(Glob::literal)
}

fn entry_names(provider: &Provider) -> impl Iterator<Item = &Arc<str>> {
    provider.models.iter().filter_map(|m| m.name.literal())
}

fn provider_names(provider: &Provider) -> impl Iterator<Item = &Arc<str>> {
    entry_names(provider).chain(provider.prices.iter().map(|rule| &rule.model))
}

fn known_names(snapshot: &Snapshot, dialect: Dialect) -> BTreeSet<Arc<str>> {
    let speaking = snapshot.providers.iter().filter(|p| p.dialect == dialect);
    let of_providers = speaking.flat_map(provider_names);
    route_names(snapshot).chain(of_providers).take(MAX_NAMES).cloned().collect()
}

/// A call for `model` as an SDK would make it.
fn generation(dialect: Dialect, model: Arc<str>) -> Call {
    let operation = match dialect {
        Dialect::OpenAi => Operation::ChatCompletions,
        Dialect::Anthropic => Operation::Messages,
        Dialect::Gemini => Operation::GenerateContent,
    };
    Call {
        dialect,
        operation,
        model,
        fallbacks: Fallbacks::default(),
        streaming: Streaming::No,
        asked_usage: false,
        bounds: Bounds::default(),
        conversation: Conversation::default(),
        headers: Vec::new(),
    }
}

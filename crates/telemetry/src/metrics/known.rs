//! The model names that a policy knows: only these become labels.

use std::collections::HashSet;
use std::sync::Arc;

use sidegate_policy::{Glob, ModelMatch, Provider, ProviderSlot, Snapshot};

/// Names kept at most, so that a long price list stays cheap.
const MAX_NAMES: usize = 8192;

/// The literal names in routes' matches and targets, in providers' entries and in their price lists.
pub(super) fn names(snapshot: &Snapshot) -> HashSet<Arc<str>> {
    let mut names = HashSet::new();
    for route in &snapshot.routes {
        names.extend(route.matches.iter().flat_map(|m| &m.models).filter_map(Glob::literal).cloned());
        names.extend(route.targets.iter().filter_map(|t| t.model.clone()));
    }
    for provider in &snapshot.providers {
        of_provider(provider, &mut names);
    }
    names
}

/// Provider and model of the routes' targets, where a route says both.
pub(super) fn places(snapshot: &Snapshot) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
    snapshot.routes.iter().flat_map(|route| &route.targets).filter_map(|target| match &target.provider {
        ProviderSlot::At(at) => Some((&snapshot.providers.get(*at)?.key, target.model.as_ref()?)),
        _ => None,
    })
}

fn of_provider(provider: &Provider, names: &mut HashSet<Arc<str>>) {
    names.extend(provider.models.iter().filter_map(|m| m.name.literal()).cloned());
    for rule in provider.prices.iter() {
        if names.len() >= MAX_NAMES {
            return;
        }
        names.insert(rule.model.clone());
        literals(&rule.matches, names);
    }
}

/// The whole names in a matcher: dated versions stand beside the name that they are listed under.
fn literals(matcher: &ModelMatch, names: &mut HashSet<Arc<str>>) {
    match matcher {
        ModelMatch::Equals(name) => {
            names.insert(name.clone());
        }
        ModelMatch::Any(any) => any.iter().for_each(|m| literals(m, names)),
        ModelMatch::StartsWith(_)
        | ModelMatch::EndsWith(_)
        | ModelMatch::Contains(_)
        | ModelMatch::Digits { .. }
        | ModelMatch::All(_)
        | ModelMatch::Not(_) => {}
    }
}

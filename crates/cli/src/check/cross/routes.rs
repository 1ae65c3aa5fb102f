//! Routes: whether a call can reach them, and whether their targets can be used.

use sidegate_controller::{Conflict, Problem, Severity};
use sidegate_policy::{Glob, Match, Meta, Mode, ModelList, ProviderSlot, Route, Snapshot, Target};

use super::Findings;
use crate::check::globs::overlap;

/// Looks at every route of one caller. `conflicts` are those that never match.
pub fn look(snapshot: &Snapshot, conflicts: &[Conflict], namespace: &str, findings: &mut Findings) {
    for route in &snapshot.routes {
        let names = names(snapshot, route);
        let reached = names.iter().any(|(_, _, closed)| closed.is_none());
        if reached {
            for (matches, model, closed) in &names {
                let why = closed.clone().map(|why| (Severity::Warning, why));
                findings.note(&route.meta, &format!(".matches[{matches}].models[{model}]"), why);
            }
        }
        let targets: Vec<Option<(Severity, String)>> =
            route.targets.iter().map(|target| unusable(snapshot, route, target, namespace)).collect();
        let closed = (!reached).then(|| names.into_iter().find_map(|(_, _, closed)| closed)).flatten();
        let why = match closed {
            Some(why) => Some((Severity::Error, format!("no call can reach it: {why}"))),
            None if targets.iter().all(Option::is_some) && !route.targets.iter().all(missing) => {
                Some((Severity::Error, "leads nowhere: none of its targets can be used".to_owned()))
            }
            None => shadowed(route, conflicts).map(|why| (Severity::Warning, why)),
        };
        findings.note(&route.meta, "", why);
        for (at, (_, why)) in route.targets.iter().zip(targets).enumerate().filter(|(_, (t, _))| !missing(t)) {
            findings.note(&route.meta, &format!(".targets[{at}]"), why);
        }
    }
}

/// A provider that does not exist is told by itself.
fn missing(target: &Target) -> bool {
    matches!(target.provider, ProviderSlot::Missing { .. })
}

fn shadowed(route: &Route, conflicts: &[Conflict]) -> Option<String> {
    let Meta { namespace, name, field, .. } = &route.meta;
    let of = |c: &&Conflict| c.field == *field && c.object.namespace == *namespace && c.object.name == *name;
    conflicts.iter().find(of).map(|conflict| Problem::from(conflict).reason)
}

/// Every name that a route matches, by position, and why it can never be asked for. A match without models matches
/// any name and has no entry of its own; one is made for it where nothing at all may be asked for.
fn names(snapshot: &Snapshot, route: &Route) -> Vec<(usize, usize, Option<String>)> {
    let of_match = |(at, one): (usize, &Match)| {
        let any = [Glob::Any];
        let models = if one.models.is_empty() { &any[..] } else { &one.models };
        models.iter().enumerate().map(|(model, glob)| (at, model, closed(snapshot, glob))).collect::<Vec<_>>()
    };
    route.matches.iter().enumerate().flat_map(of_match).collect()
}

/// Why no name that the pattern means can be asked for.
fn closed(snapshot: &Snapshot, asked: &Glob) -> Option<String> {
    let acts = |list: &&ModelList| list.mode == Mode::Enforce;
    if let Some(list) = snapshot.deny.iter().filter(acts).find(|list| list.globs.iter().any(|glob| glob.covers(asked)))
    {
        return Some(format!("{asked} is denied by {}", list.meta));
    }
    let mut allow = snapshot.allow.iter().filter(acts);
    let list = allow.find(|list| !list.globs.iter().any(|glob| overlap(glob, asked)))?;
    Some(format!("{asked} is not allowed by {}", list.meta))
}

/// Why a target can never be used.
fn unusable(snapshot: &Snapshot, route: &Route, target: &Target, namespace: &str) -> Option<(Severity, String)> {
    match &target.provider {
        ProviderSlot::Missing { namespace, name } => {
            return Some((Severity::Error, format!("there is no AIProvider {name} in namespace {namespace}")));
        }
        ProviderSlot::NotAccessible { namespace: of, name } => {
            let reason = format!("AIProvider {of}/{name} does not serve pods of {namespace}: see its spec.access");
            return Some((Severity::Error, reason));
        }
        ProviderSlot::At(index) => {
            let provider = snapshot.providers.get(*index)?;
            if !provider.credentials.is_empty() && provider.credentials.iter().all(|c| c.weight == 0) {
                return Some((Severity::Warning, format!("every credential of {} has weight 0", provider.key)));
            }
        }
    }
    if target.weight == 0 {
        return Some((Severity::Warning, "has weight 0: it is never used".to_owned()));
    }
    let model = target.model.as_ref()?;
    let names = |list: &ModelList| list.globs.iter().any(|glob| glob.matches(model));
    if let Some(list) = snapshot.deny.iter().find(|list| list.mode == Mode::Enforce && names(list)) {
        return Some((Severity::Warning, format!("is never used: {model} is denied by {}", list.meta)));
    }
    let bounding = |list: &&ModelList| list.mode == Mode::Enforce && list.rank.bounds(route.rank);
    let list = snapshot.allow.iter().filter(bounding).find(|list| !names(list))?;
    Some((Severity::Warning, format!("is never used: {model} is not allowed by {}", list.meta)))
}

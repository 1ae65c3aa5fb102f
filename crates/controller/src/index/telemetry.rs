//! What is told of a class's calls: one object's word on traces, the least of content, the attributes of all.
//!
//! Objects come highest rank first. One in dry run says nothing here: what is told is no decision, and so there is
//! nothing to hold it against. What a closer object overrides is meant to be; what loses among equals is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sidegate_crds::{AcceptedPolicy, AttributeSource};
use sidegate_policy::{Attribute, AttributeValue, Content, Meta, Mode, ObjectKind, Specificity, Telemetry, Traces};

use super::standing::{Conflict, Overruled};
use crate::problem::{Kind, ObjectName};

/// Labels of a pod that attributes name, with their values.
pub(super) type ToldLabels = BTreeMap<Arc<str>, Arc<str>>;

/// A policy that says something, and how closely it names the caller.
type Said<'a> = (&'a AcceptedPolicy, Specificity);

/// The labels that a policy's attributes name.
pub(super) fn labels_named(policy: &AcceptedPolicy) -> BTreeSet<&Arc<str>> {
    let all = policy.telemetry.attributes.iter().filter(|_| policy.mode == Mode::Enforce);
    all.filter_map(|attribute| match &attribute.source {
        AttributeSource::Label(label) => Some(label),
        AttributeSource::Header(_) => None,
    })
    .collect()
}

/// Those of a pod's `labels` that `policy` names, as they are told.
pub(super) fn labels_told(policy: &AcceptedPolicy, labels: &BTreeMap<String, String>) -> ToldLabels {
    let value = |label: &str| labels.get(label).and_then(|value| Attribute::told(value));
    labels_named(policy).into_iter().filter_map(|label| Some((label.clone(), Arc::from(value(label)?)))).collect()
}

/// What `policies`, highest rank first, say together of a pod with these `labels`, and what of it has no effect.
pub(super) fn merge<'a>(policies: impl Iterator<Item = Said<'a>>, labels: &ToldLabels) -> (Telemetry, Vec<Conflict>) {
    let said: Vec<Said<'_>> = policies.filter(|(policy, _)| policy.mode == Mode::Enforce).collect();
    let mut conflicts = Vec::new();
    let telemetry = Telemetry {
        traces: traces(&said, &mut conflicts),
        content: content(&said, &mut conflicts),
        attributes: attributes(&said, labels, &mut conflicts),
    };
    (telemetry, conflicts)
}

/// The whole of the closest.
fn traces(said: &[Said<'_>], conflicts: &mut Vec<Conflict>) -> Traces {
    let meta = |policy: &AcceptedPolicy| meta(policy, "spec.telemetry.traces");
    let mut all =
        said.iter().filter_map(|(policy, closeness)| Some((policy, closeness, policy.telemetry.traces.as_ref()?)));
    let Some((policy, closest, traces)) = all.next() else { return Traces::default() };
    let winner = meta(policy);
    for (policy, ..) in all.filter(|(_, closeness, _)| *closeness == closest) {
        conflicts.push(conflict(&meta(policy), &winner, Overruled::Outranked));
    }
    Traces { meta: Some(winner), ..traces.clone() }
}

/// The least: nothing if one object says so, else as little as one of them allows.
fn content(said: &[Said<'_>], conflicts: &mut Vec<Conflict>) -> Content {
    let all = || said.iter().filter_map(|(policy, _)| Some((policy, policy.telemetry.content.as_ref()?)));
    let meta = |policy: &AcceptedPolicy| meta(policy, "spec.telemetry.content");
    let withholding = all().find(|(_, content)| !content.capture);
    let least = withholding.or_else(|| all().min_by_key(|(_, content)| content.max_bytes));
    let Some((policy, content)) = least else { return Content::default() };
    let winner = meta(policy);
    if withholding.is_some() {
        for (policy, _) in all().filter(|(_, content)| content.capture) {
            conflicts.push(conflict(&meta(policy), &winner, Overruled::Withheld));
        }
    }
    Content { meta: Some(winner), ..content.clone() }
}

/// All of them; of one name that of the closest object, whether or not the call or the pod has a value for it.
fn attributes(said: &[Said<'_>], labels: &ToldLabels, conflicts: &mut Vec<Conflict>) -> Vec<Attribute> {
    let mut named: BTreeMap<&str, (Specificity, Meta)> = BTreeMap::new();
    let mut told: Vec<Attribute> = Vec::new();
    for (policy, closeness) in said {
        for draft in &policy.telemetry.attributes {
            let meta = meta(policy, &format!("spec.telemetry.attributes[{}]", draft.name));
            if let Some((first, winner)) = named.get(&*draft.name) {
                if first == closeness {
                    conflicts.push(conflict(&meta, winner, Overruled::Outranked));
                }
                continue;
            }
            named.insert(&draft.name, (*closeness, meta.clone()));
            let value = match &draft.source {
                AttributeSource::Header(name) => AttributeValue::Header(name.clone()),
                AttributeSource::Label(label) => match labels.get(label) {
                    Some(value) => AttributeValue::Known(value.clone()),
                    None => continue,
                },
            };
            match told.last().filter(|_| told.len() >= Telemetry::MOST_ATTRIBUTES) {
                Some(last) => conflicts.push(conflict(&meta, &last.meta, Overruled::Crowded)),
                None => told.push(Attribute { name: draft.name.clone(), value, meta }),
            }
        }
    }
    told
}

fn meta(policy: &AcceptedPolicy, field: &str) -> Meta {
    policy.origin.meta(ObjectKind::AiPolicy, field)
}

fn conflict(loser: &Meta, winner: &Meta, why: Overruled) -> Conflict {
    let object = |meta: &Meta| ObjectName::new(Kind::AiPolicy, meta.namespace.clone(), meta.name.clone());
    Conflict {
        object: object(loser),
        field: loser.field.clone(),
        winner: object(winner),
        winner_field: winner.field.clone(),
        why,
    }
}

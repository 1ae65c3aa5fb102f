//! What only shows when objects meet: routes that no call reaches, routes before others, targets that are denied or
//! closed, weights, list entries and telemetry without effect.
//!
//! Something is told only if it is so for every caller that the objects tell apart: a route that gives way to another
//! one for some pods alone does what it is for.

mod lists;
mod routes;
mod telemetry;

use std::collections::{BTreeMap, BTreeSet};

use sidegate_controller::source::files::{Listing, Object};
use sidegate_controller::{Index, Kind, ObjectName, Problem, Severity};
use sidegate_policy::Meta;

use super::callers::{self, Callers};

/// Pairs of routes held against each other over all callers, so that a check has an end: a few seconds of work.
const MOST_PAIRS: usize = 200_000_000;

/// What was seen of one field: for how many callers it counts, and why it has no effect for some.
#[derive(Default)]
struct Seen {
    callers: usize,
    without_effect: usize,
    why: Option<(Severity, String)>,
}

/// Fields by object and path.
#[derive(Default)]
struct Findings(BTreeMap<(ObjectName, String), Seen>);

impl Findings {
    /// Notes that `field` counts for one more caller, and what takes its effect there.
    fn note(&mut self, meta: &Meta, more: &str, why: Option<(Severity, String)>) {
        let object = ObjectName::new(Kind::AiPolicy, meta.namespace.clone(), meta.name.clone());
        self.note_of(object, format!("{}{more}", meta.field), why);
    }

    /// The same, of a field of an object of which nothing else is in the policy of the caller.
    fn note_of(&mut self, object: ObjectName, field: String, why: Option<(Severity, String)>) {
        let seen = self.0.entry((object, field)).or_default();
        seen.callers += 1;
        if why.is_some() {
            seen.without_effect += 1;
            seen.why = seen.why.take().or(why);
        }
    }

    fn problems(self) -> impl Iterator<Item = Problem> {
        let always = self.0.into_iter().filter(|(_, seen)| seen.without_effect == seen.callers);
        always.filter_map(|((object, field), seen)| {
            let (severity, reason) = seen.why?;
            Some(Problem { severity, ..Problem::of(object, field, reason) })
        })
    }
}

/// What is wrong between the objects of `listing`, which `index` holds.
pub fn problems(listing: &Listing, mut index: Index, control_namespace: &str) -> Vec<Problem> {
    let callers = Callers::of(&listing.objects, control_namespace, &mut index);
    let mut findings = Findings::default();
    let (mut seen, mut cut) = (BTreeSet::new(), callers.cut);
    let mut pairs = pairs_of_one(listing, control_namespace);
    for caller in callers.iter() {
        if pairs > MOST_PAIRS {
            cut = true;
            break;
        }
        let effective = index.effective(&caller);
        if !seen.insert(effective.snapshot.version.clone()) {
            continue;
        }
        let snapshot = &effective.snapshot.snapshot;
        pairs += snapshot.routes.len().pow(2);
        routes::look(snapshot, &effective.conflicts, &caller.namespace, &mut findings);
        lists::look(snapshot, &mut findings);
        telemetry::look(&snapshot.telemetry, &effective.conflicts, &mut findings);
    }
    let mut found: Vec<Problem> = findings.problems().collect();
    found.extend(drained(listing));
    let none =
        |name: ObjectName| Problem::of(name, "spec", "selects no pod: its selector contradicts itself").warning();
    found.extend(callers.selecting_none.into_iter().map(none));
    if cut {
        let reason = format!(
            "more than {} kinds of caller, or too many routes for one of them: what shows when objects meet was looked \
             at for a part of them",
            callers::MOST
        );
        found.push(Problem { severity: Severity::Warning, ..Problem::at("-", 0, reason) });
    }
    found
}

/// Pairs of routes that may meet at one caller: those of the control plane's namespace and of one other.
fn pairs_of_one(listing: &Listing, control_namespace: &str) -> usize {
    let mut routes: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, object) in &listing.objects {
        if let Object::Policy(spec) = object {
            *routes.entry(&name.namespace).or_default() += spec.routes.len();
        }
    }
    let everywhere = routes.remove(control_namespace).unwrap_or(0);
    (everywhere + routes.into_values().max().unwrap_or(0)).pow(2)
}

/// Credentials that are never used because of their weight.
fn drained(listing: &Listing) -> Vec<Problem> {
    let mut found = Vec::new();
    for (name, object) in &listing.objects {
        let Object::Provider(spec) = object else { continue };
        for credential in spec.credentials.iter().filter(|credential| credential.weight == 0) {
            let field = format!("spec.credentials[{}].weight", credential.name);
            found.push(Problem::of(name.clone(), field, "is 0: the credential is never used").warning());
        }
        if !spec.credentials.is_empty() && spec.credentials.iter().all(|credential| credential.weight == 0) {
            let reason = "every weight is 0: no call can be made to this provider";
            found.push(Problem::of(name.clone(), "spec.credentials", reason));
        }
    }
    found
}

//! The decision about one call, as a pure function.
//!
//! No IO, no clock, no chance of its own: what is out is a view, the draw is a number. That is why a
//! decision can be replayed to explain it. Allowing, routing and ordering happen here; whether there is room
//! for the call under its limits is asked afterwards, because asking takes.

mod candidates;
mod order;
mod refuse;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::call::Call;
use crate::caller::Caller;
use crate::offers::names_that_work;
use crate::plan::{DryRun, LeftOut, Lost, LostBecause, Pin, Plan, Rule};
use crate::refusal::{Class, Refusal};
use crate::snapshot::{Match, Mode, Snapshot};
use crate::suspension::Suspensions;

/// Names shown in a refusal, so that it stays a sentence.
const NAMES_SHOWN: usize = 10;

/// What is known of the moment: a read-only view.
#[derive(Debug, Clone, Copy)]
pub struct Conditions<'a> {
    /// Since the start of the process.
    pub now: Duration,
    /// For each provider of the snapshot, for each of its credentials: whether its value is here.
    pub keys: &'a [Vec<bool>],
    /// Circuits that are out.
    pub suspensions: &'a Suspensions,
    /// Where an earlier turn of the conversation went.
    pub pin: Option<&'a Pin>,
}

/// Decides where `call` goes, or that it does not.
///
/// `draw` is uniform over all of `u64`: it spreads new conversations by weight, over targets and over
/// credentials.
///
/// # Errors
/// A [`Refusal`] that names the rule: a denied or unknown model, or a rule none of whose targets can be used.
pub fn decide(
    snapshot: &Snapshot,
    call: &Call,
    caller: &Caller,
    conditions: &Conditions<'_>,
    draw: u64,
) -> Result<Plan, Refusal> {
    let question = Question { snapshot, call, caller, conditions, draw };
    let mut outcome = question.answer(false);
    match &mut outcome {
        Ok(plan) if snapshot.dry_run => plan.dry_run = Some(difference(snapshot, plan, &question.answer(true))),
        Err(refusal) if refusal.class == Class::ModelNotAllowed => refusal.message.push_str(&question.hint()),
        _ => {}
    }
    outcome
}

/// Whether a call for the model would get a plan, without the trouble of a helpful refusal.
pub(crate) fn would_go(snapshot: &Snapshot, call: &Call, caller: &Caller, conditions: &Conditions<'_>) -> Option<Plan> {
    Question { snapshot, call, caller, conditions, draw: 0 }.answer(false).ok()
}

/// What was weighed for a call, whatever came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weighing {
    /// Index of the route that the call goes by; none where it goes to the accessible provider.
    pub winner: Option<usize>,
    /// Routes that name the model and did not win.
    pub lost: Vec<Lost>,
    /// Targets of the winning rule that cannot be used.
    pub left_out: Vec<LeftOut>,
}

/// What [`decide`] weighs once the lists let the model pass: for whoever explains a refusal, which carries none of it.
#[must_use]
pub fn weigh(snapshot: &Snapshot, call: &Call, caller: &Caller, conditions: &Conditions<'_>) -> Weighing {
    let question = Question { snapshot, call, caller, conditions, draw: 0 };
    let (winner, lost) = question.route(false);
    let mut left_out = Vec::new();
    match winner.and_then(|index| snapshot.routes.get(index)) {
        Some(route) => question.of_route(route, false, &mut left_out),
        None => question.accessible(false, &mut left_out),
    };
    Weighing { winner, lost, left_out }
}

/// What was weighed for a call that [`decide`] refused; none if a list forbade the model before anything was.
#[must_use]
pub fn weigh_refused(
    snapshot: &Snapshot,
    call: &Call,
    caller: &Caller,
    conditions: &Conditions<'_>,
) -> Option<Weighing> {
    Question { snapshot, call, caller, conditions, draw: 0 }.check_lists(false).ok()?;
    Some(weigh(snapshot, call, caller, conditions))
}

/// What would have been different.
fn difference(snapshot: &Snapshot, plan: &Plan, told: &Result<Plan, Refusal>) -> DryRun {
    match told {
        Err(refusal) => DryRun::Refused { class: refusal.class, rule: refusal.rule.clone() },
        Ok(other) if other.rule == plan.rule => DryRun::Same,
        Ok(other) => DryRun::Routed {
            rule: match other.rule {
                Rule::Route(index) => snapshot.routes.get(index).map(|r| r.meta.clone()),
                Rule::Accessible => None,
            },
        },
    }
}

/// Whether an object of that mode takes part.
fn acts(mode: Mode, with_dry_run: bool) -> bool {
    with_dry_run || mode == Mode::Enforce
}

/// Everything that one decision looks at.
#[derive(Clone, Copy)]
struct Question<'a> {
    snapshot: &'a Snapshot,
    call: &'a Call,
    caller: &'a Caller,
    conditions: &'a Conditions<'a>,
    draw: u64,
}

impl Question<'_> {
    fn answer(&self, with_dry_run: bool) -> Result<Plan, Refusal> {
        self.check_lists(with_dry_run)?;
        let (winner, lost) = self.route(with_dry_run);
        let mut left_out = Vec::new();
        let found = match winner.and_then(|index| self.snapshot.routes.get(index)) {
            Some(route) => self.of_route(route, with_dry_run, &mut left_out),
            None => self.accessible(with_dry_run, &mut left_out),
        };
        let found = self.in_service(found, &mut left_out);
        if found.is_empty() {
            return Err(self.nothing_left(winner, &left_out));
        }
        let (candidates, pinned) = self.order(found);
        let rule = winner.map_or(Rule::Accessible, Rule::Route);
        Ok(Plan { rule, candidates, lost, left_out, pinned, dry_run: None })
    }

    /// The first route that matches, and those that name the model and lost.
    fn route(&self, with_dry_run: bool) -> (Option<usize>, Vec<Lost>) {
        let (mut winner, mut lost) = (None, Vec::new());
        for (route, rule) in self.snapshot.routes.iter().enumerate().filter(|(_, r)| acts(r.mode, with_dry_run)) {
            let mut named = rule.matches.iter().filter(|m| self.names_model(m)).peekable();
            if named.peek().is_none() {
                continue;
            }
            if !named.any(|m| self.has_headers(m)) {
                lost.push(Lost { route, why: LostBecause::HeaderMissing });
            } else if winner.is_none() {
                winner = Some(route);
            } else {
                lost.push(Lost { route, why: LostBecause::Outranked });
            }
        }
        (winner, lost)
    }

    /// A sentence with the names that would work; empty if none would.
    fn hint(&self) -> String {
        let names = names_that_work(self.snapshot, self.call, self.caller, self.conditions);
        let shown = names.get(..names.len().min(NAMES_SHOWN)).unwrap_or_default();
        match shown {
            [] => String::new(),
            _ if names.len() > NAMES_SHOWN => format!(" Models that would work: {}, ….", shown.join(", ")),
            _ => format!(" Models that would work: {}.", shown.join(", ")),
        }
    }

    fn names_model(&self, entry: &Match) -> bool {
        entry.models.is_empty() || entry.models.iter().any(|g| g.matches(&self.call.model))
    }

    fn has_headers(&self, entry: &Match) -> bool {
        entry.headers.iter().all(|h| self.call.header(&h.name) == Some(&*h.value))
    }
}

//! What was decided about a call, told without the snapshot that it was decided by: a record outlives it.

use std::sync::Arc;

use sidegate_policy::decide::Weighing;
use sidegate_policy::{DryRun, LeftOut, Lost, LostBecause, Meta, Plan, Rule, Snapshot};

/// The rule that a call went by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleName {
    /// A route of a policy.
    Route {
        /// Its name.
        name: Arc<str>,
        /// Where it came from.
        meta: Meta,
    },
    /// No route: the accessible provider of the caller's dialect.
    Accessible,
}

/// A route that names the model and did not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRoute {
    /// Where it came from.
    pub meta: Meta,
    /// Why it lost.
    pub why: LostBecause,
}

/// A place that the call could have gone to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// `namespace/name` of the provider.
    pub provider: Arc<str>,
    /// The model to ask for.
    pub model: Arc<str>,
    /// Places of a lower priority are finished first.
    pub priority: u8,
    /// Its circuit was out, as all others' were.
    pub suspended: bool,
}

/// What was decided and what was weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rule that won.
    pub rule: RuleName,
    /// An earlier turn of the conversation put the first target first.
    pub pinned: bool,
    /// Where it could go, in the order to try; nothing where there was no choice.
    pub considered: Vec<Considered>,
    /// Routes that did not win.
    pub lost: Vec<LostRoute>,
    /// Targets that could not be used.
    pub left_out: Vec<LeftOut>,
    /// What objects in dry run would have done; none where there are none.
    pub dry_run: Option<DryRun>,
}

impl Decision {
    /// What a record keeps of a plan.
    #[must_use]
    pub fn of(snapshot: &Snapshot, plan: &Plan) -> Self {
        let winner = match plan.rule {
            Rule::Route(index) => Some(index),
            Rule::Accessible => None,
        };
        Self {
            rule: rule(snapshot, winner),
            pinned: plan.pinned,
            considered: considered(snapshot, plan),
            lost: lost(snapshot, &plan.lost),
            left_out: plan.left_out.clone(),
            dry_run: plan.dry_run.clone(),
        }
    }

    /// What a record keeps of a call that found no place to go.
    #[must_use]
    pub fn of_refused(snapshot: &Snapshot, weighing: &Weighing) -> Self {
        Self {
            rule: rule(snapshot, weighing.winner),
            pinned: false,
            considered: Vec::new(),
            lost: lost(snapshot, &weighing.lost),
            left_out: weighing.left_out.clone(),
            dry_run: None,
        }
    }

    /// Bytes that it keeps from others.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>()
            + size_of_val(self.considered.as_slice())
            + size_of_val(self.lost.as_slice())
            + size_of_val(self.left_out.as_slice())
    }
}

fn rule(snapshot: &Snapshot, winner: Option<usize>) -> RuleName {
    let route = winner.and_then(|index| snapshot.routes.get(index));
    route.map_or(RuleName::Accessible, |r| RuleName::Route { name: r.name.clone(), meta: r.meta.clone() })
}

fn lost(snapshot: &Snapshot, lost: &[Lost]) -> Vec<LostRoute> {
    let told = |l: &Lost| Some(LostRoute { meta: snapshot.routes.get(l.route)?.meta.clone(), why: l.why });
    lost.iter().filter_map(told).collect()
}

/// The plan's candidates, where there are several: most calls have one place to go, and pay nothing for being told it.
fn considered(snapshot: &Snapshot, plan: &Plan) -> Vec<Considered> {
    if plan.candidates.len() < 2 {
        return Vec::new();
    }
    let told = plan.candidates.iter().filter_map(|candidate| {
        Some(Considered {
            provider: snapshot.providers.get(candidate.provider)?.key.clone(),
            model: candidate.model.clone(),
            priority: candidate.priority,
            suspended: candidate.suspended,
        })
    });
    told.collect()
}

/// Why a route lost, in the word of records.
pub(crate) fn lost_because(why: LostBecause) -> &'static str {
    match why {
        LostBecause::Outranked => "outranked",
        LostBecause::HeaderMissing => "header_missing",
    }
}

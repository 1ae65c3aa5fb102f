//! Routes that can never match, because routes of higher rank match all that they would; and how that, and whatever else
//! is without effect, is told as a problem.

use sidegate_policy::{Match, Meta, Mode, Route};

use super::{Conflict, Overruled};
use crate::problem::{Kind, ObjectName, Problem};

/// The routes that are covered whole by enforced routes before them, each with the first that covers a part of it.
pub(super) fn find(routes: &[Route]) -> Vec<Conflict> {
    let mut found = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let before = || routes.iter().take(at).filter(|r| r.mode == Mode::Enforce);
        let winner_of = |m: &Match| before().find(|r| r.matches.iter().any(|higher| covers(higher, m)));
        let winners: Option<Vec<&Route>> = route.matches.iter().map(winner_of).collect();
        if let Some(winner) = winners.as_ref().and_then(|w| w.first()) {
            found.push(Conflict {
                object: policy(&route.meta),
                field: route.meta.field.clone(),
                winner: policy(&winner.meta),
                winner_field: winner.meta.field.clone(),
                why: Overruled::Covered,
            });
        }
    }
    found
}

fn policy(meta: &Meta) -> ObjectName {
    ObjectName::new(Kind::AiPolicy, meta.namespace.clone(), meta.name.clone())
}

impl From<&Conflict> for Problem {
    fn from(conflict: &Conflict) -> Self {
        let Conflict { object, field, winner, winner_field, why } = conflict;
        let reason = match why {
            Overruled::Covered => format!("never matches: {winner} {winner_field} has all of its matches before it"),
            Overruled::Outranked => format!("has no effect: {winner} {winner_field} comes before it"),
            Overruled::Withheld => format!("captures nothing: {winner} {winner_field} withholds content"),
            Overruled::Crowded => {
                format!("is left out: as many attributes as may be told come before it, up to {winner} {winner_field}")
            }
        };
        Self::of(object.clone(), &**field, reason).warning()
    }
}

/// Whether every call that `lower` matches is matched by `higher` too.
fn covers(higher: &Match, lower: &Match) -> bool {
    let models = higher.models.is_empty()
        || (!lower.models.is_empty() && lower.models.iter().all(|l| higher.models.iter().any(|h| h.covers(l))));
    models && higher.headers.iter().all(|h| lower.headers.contains(h))
}

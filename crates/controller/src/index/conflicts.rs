//! Routes that can never match, because routes of higher rank match all that they would.

use sidegate_policy::{Match, Mode, Route};

use crate::problem::{Kind, ObjectName, Problem};

/// The routes that are covered whole by enforced routes before them, each with the first that covers a part of it.
pub(super) fn find(routes: &[Route]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let before = || routes.iter().take(at).filter(|r| r.mode == Mode::Enforce);
        let winner_of = |m: &Match| before().find(|r| r.matches.iter().any(|higher| covers(higher, m)));
        let winners: Option<Vec<&Route>> = route.matches.iter().map(winner_of).collect();
        if let Some(winner) = winners.as_ref().and_then(|w| w.first()) {
            let object = ObjectName::new(Kind::AiPolicy, route.meta.namespace.clone(), route.meta.name.clone());
            let reason = format!("never matches: {} has all of its matches before it", winner.meta);
            found.push(Problem::of(object, &*route.meta.field, reason).warning());
        }
    }
    found
}

/// Whether every call that `lower` matches is matched by `higher` too.
fn covers(higher: &Match, lower: &Match) -> bool {
    let models = higher.models.is_empty()
        || (!lower.models.is_empty() && lower.models.iter().all(|l| higher.models.iter().any(|h| h.covers(l))));
    models && higher.headers.iter().all(|h| lower.headers.contains(h))
}

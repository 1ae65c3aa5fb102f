//! From a decision to its explanation: the plan with every name and source written out.

mod limits;
mod targets;

use std::time::Duration;

use sidegate_controller::Effective;
use sidegate_policy::offers::names_that_work;
use sidegate_policy::{
    Attribute, Call, Caller, Conditions, DryRun, Lost, LostBecause, Mode, ModelList, Plan, Refusal, Route, Rule,
    Snapshot, Suspensions, decide, weigh,
};

use super::answer;
use crate::objects::Gathered;
use crate::source::{self, Source};
use crate::words::Who;

/// Names of models that are offered at most.
const MOST_NAMES: usize = 50;

/// Everything that one explanation looks at.
struct Case<'a> {
    snapshot: &'a Snapshot,
    call: &'a Call,
    caller: &'a Caller,
    conditions: Conditions<'a>,
}

/// Explains `call`.
pub fn explain(mut gathered: Gathered, call: &Call) -> answer::Explanation {
    let effective = gathered.index.effective(&gathered.caller);
    let keys = keys(&effective);
    let suspensions = Suspensions::default();
    let conditions = Conditions { now: Duration::ZERO, keys: &keys, suspensions: &suspensions, pin: None };
    let case = Case { snapshot: &effective.snapshot.snapshot, call, caller: &gathered.caller, conditions };
    let decided = decide(case.snapshot, call, case.caller, &case.conditions, 0);
    let mut explanation = answer::Explanation {
        caller: Who::from(case.caller),
        call: asked(call),
        policy_version: effective.snapshot.version.to_string(),
        outcome: if decided.is_ok() { "go" } else { "refused" },
        refusal: None,
        rule: None,
        targets: Vec::new(),
        left_out: Vec::new(),
        lost: Vec::new(),
        lists: case.lists(),
        limits: Vec::new(),
        attributes: case.attributes(),
        dry_run: None,
        complete: !gathered.notes.hidden,
        notes: gathered.notes.lines,
    };
    match decided {
        Ok(plan) => case.fill(&mut explanation, &plan),
        Err(refusal) => case.fill_refused(&mut explanation, refusal),
    }
    explanation
}

/// For each provider, for each of its credentials: whether its value is there.
fn keys(effective: &Effective) -> Vec<Vec<bool>> {
    let snapshot = &effective.snapshot.snapshot;
    let there: std::collections::BTreeSet<(&str, &str, &str)> =
        effective.keys.keys.iter().map(|key| (&*key.namespace, &*key.provider, &*key.name)).collect();
    let of = |provider: &sidegate_policy::Provider| {
        let here = |c: &sidegate_policy::Credential| there.contains(&(&*provider.namespace, &*provider.name, &*c.name));
        provider.credentials.iter().map(here).collect()
    };
    snapshot.providers.iter().map(of).collect()
}

fn asked(call: &Call) -> answer::Asked {
    answer::Asked {
        model: call.model.to_string(),
        dialect: call.dialect.as_str(),
        operation: call.operation.as_str(),
        headers: call.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
    }
}

impl Case<'_> {
    fn fill(&self, explanation: &mut answer::Explanation, plan: &Plan) {
        let route = match plan.rule {
            Rule::Route(index) => self.snapshot.routes.get(index),
            Rule::Accessible => None,
        };
        explanation.rule = route.map(|route| Source::from(&route.meta));
        explanation.targets = self.targets(route, plan);
        explanation.left_out = self.left_out(route, &plan.left_out);
        explanation.lost = self.lost(route, &plan.lost);
        explanation.limits = self.limits(plan);
        explanation.dry_run = plan.dry_run.as_ref().map(dry_run);
    }

    fn fill_refused(&self, explanation: &mut answer::Explanation, refusal: Refusal) {
        let mut names = names_that_work(self.snapshot, self.call, self.caller, &self.conditions);
        names.truncate(MOST_NAMES);
        explanation.refusal = Some(answer::Told {
            class: refusal.class.as_str(),
            reason: refusal.reason.map(|reason| reason.as_str()),
            message: refusal.message,
            rule: refusal.rule.as_ref().map(Source::from),
            models_that_work: names,
        });
        // A model that a list forbids is never routed.
        if explanation.lists.iter().any(|list| !list.passes && list.mode == source::mode(Mode::Enforce)) {
            return;
        }
        let weighing = weigh(self.snapshot, self.call, self.caller, &self.conditions);
        let route = weighing.winner.and_then(|index| self.snapshot.routes.get(index));
        explanation.rule = route.map(|route| Source::from(&route.meta));
        explanation.left_out = self.left_out(route, &weighing.left_out);
        explanation.lost = self.lost(route, &weighing.lost);
    }

    fn lists(&self) -> Vec<answer::List> {
        let of = |kind: &'static str, list: &ModelList| {
            let entry = list.globs.iter().find(|glob| glob.matches(&self.call.model));
            answer::List {
                kind,
                mode: source::mode(list.mode),
                passes: entry.is_some() == (kind == "allow"),
                entry: entry.map(ToString::to_string),
                source: Source::from(&list.meta),
            }
        };
        let denied = self.snapshot.deny.iter().map(|list| of("deny", list));
        denied.chain(self.snapshot.allow.iter().map(|list| of("allow", list))).collect()
    }

    fn attributes(&self) -> Vec<answer::Attribute> {
        let of = |attribute: &Attribute| {
            let value = attribute.value_of(self.call)?.into();
            Some(answer::Attribute { name: attribute.name.to_string(), value, source: Source::from(&attribute.meta) })
        };
        self.snapshot.telemetry.attributes.iter().filter_map(of).collect()
    }

    fn lost(&self, winner: Option<&Route>, lost: &[Lost]) -> Vec<answer::Lost> {
        let of = |lost: &Lost| {
            let route = self.snapshot.routes.get(lost.route)?;
            let (why, reason) = match lost.why {
                LostBecause::Outranked => ("outranked", outranked(winner, route)),
                LostBecause::HeaderMissing => ("header_missing", self.header_missing(route)),
            };
            Some(answer::Lost { why, reason, source: Source::from(&route.meta) })
        };
        lost.iter().filter_map(of).collect()
    }

    /// The headers of each match that names the model; the call lacks one of each.
    fn header_missing(&self, route: &Route) -> String {
        let named =
            |m: &&sidegate_policy::Match| m.models.is_empty() || m.models.iter().any(|g| g.matches(&self.call.model));
        let lacking = |m: &sidegate_policy::Match| {
            let lacks = m.headers.iter().filter(|h| self.call.header(&h.name) != Some(&*h.value));
            lacks.map(|h| format!("{}: {}", h.name, h.value)).collect::<Vec<_>>().join(" and ")
        };
        let wanted: Vec<String> = route.matches.iter().filter(named).map(lacking).collect();
        format!("the call lacks the header {}", wanted.join(", or "))
    }
}

/// What puts the winner before the loser.
fn outranked(winner: Option<&Route>, loser: &Route) -> String {
    let Some(winner) = winner else { return "another rule comes first".to_owned() };
    let (first, second) = (Source::from(&winner.meta), Source::from(&loser.meta));
    if first.same_object(&second) {
        "comes after the winner in the same object".to_owned()
    } else if winner.rank.specificity != loser.rank.specificity {
        format!(
            "selects {}, while the winner selects {}",
            source::closeness(loser.rank),
            source::closeness(winner.rank)
        )
    } else {
        "selects as closely as the winner, which is older, or of the same age and first by name".to_owned()
    }
}

fn dry_run(told: &DryRun) -> answer::DryRun {
    match told {
        DryRun::Same => answer::DryRun { outcome: "same", class: None, rule: None },
        DryRun::Refused { class, rule } => {
            answer::DryRun { outcome: "refused", class: Some(class.as_str()), rule: rule.as_ref().map(Source::from) }
        }
        DryRun::Routed { rule } => {
            answer::DryRun { outcome: "routed", class: None, rule: rule.as_ref().map(Source::from) }
        }
    }
}

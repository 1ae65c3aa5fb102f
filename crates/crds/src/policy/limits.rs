//! Limits: exactly one unit, a window unless it counts what is going on, and the pod as the only dimension.

use std::sync::Arc;
use std::time::Duration;

use kube::core::Rule;
use sidegate_policy::Unit;

use super::LimitSpec;
use crate::formats;
use crate::invalid::Report;

const MOST_LIMITS: usize = 32;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// A quintillion: more than is ever used, and far from the bounds of the type.
pub(super) const HIGHEST_AMOUNT: i64 = 1_000_000_000_000_000_000;

const ONE_UNIT: &str = "must set exactly one of requests, inputTokens, outputTokens, totalTokens, concurrentRequests";
const PER_POD: &str =
    "must be [{type: Pod}]: without it all pods would share one bucket, and shared limits do not exist yet";
const EACH_ONCE: &str = "must name each dimension once";
const WINDOW_GIVEN: &str = "must be given, from 1s to 24h";
const WINDOW_NOT_GIVEN: &str = "must not be given with concurrentRequests, which count what is going on now";
const WINDOW_BOUNDS: &str = "must be from 1s to 24h";

/// A limit of each pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitDraft {
    /// Name in the object's list.
    pub name: Arc<str>,
    /// What it counts.
    pub unit: Unit,
    /// The full amount.
    pub amount: u64,
    /// Time in which an empty bucket fills; zero for concurrent requests.
    pub window: Duration,
}

pub(super) fn read(list: &[LimitSpec], report: &mut Report) -> Vec<LimitDraft> {
    report.at_most("spec.limits", list, MOST_LIMITS);
    report.unique("spec.limits", list.iter().map(|l| l.name.as_str()));
    list.iter().filter_map(|limit| read_one(limit, report)).collect()
}

fn read_one(limit: &LimitSpec, report: &mut Report) -> Option<LimitDraft> {
    let field = format!("spec.limits[{}]", limit.name);
    report.take(format!("{field}.name"), formats::entry_name(&limit.name));
    match limit.per.len() {
        0 => report.refuse(format!("{field}.per"), PER_POD),
        1 => {}
        _ => report.refuse(format!("{field}.per"), EACH_ONCE),
    }
    let set: Vec<(Unit, i64)> = [
        (Unit::Requests, limit.requests),
        (Unit::InputTokens, limit.input_tokens),
        (Unit::OutputTokens, limit.output_tokens),
        (Unit::TotalTokens, limit.total_tokens),
        (Unit::ConcurrentRequests, limit.concurrent_requests),
    ]
    .into_iter()
    .filter_map(|(unit, amount)| amount.map(|a| (unit, a)))
    .collect();
    let [(unit, amount)] = set[..] else {
        report.refuse(&field, ONE_UNIT);
        return None;
    };
    let amount = report.bounded(format!("{field}.{}", unit.as_str()), amount, 1, HIGHEST_AMOUNT);
    let window = read_window(limit, unit, &field, report);
    Some(LimitDraft { name: limit.name.as_str().into(), unit, amount, window })
}

fn read_window(limit: &LimitSpec, unit: Unit, field: &str, report: &mut Report) -> Duration {
    let field = format!("{field}.window");
    let counts_now = unit == Unit::ConcurrentRequests;
    let Some(text) = &limit.window else {
        report.check(counts_now, &field, WINDOW_GIVEN);
        return Duration::ZERO;
    };
    report.check(!counts_now, &field, WINDOW_NOT_GIVEN);
    let window = report.take(&field, formats::duration(text)).unwrap_or(SHORTEST_WINDOW);
    report.check((SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&window), &field, WINDOW_BOUNDS);
    window
}

pub(super) fn one_unit() -> Rule {
    let units = ["requests", "inputTokens", "outputTokens", "totalTokens", "concurrentRequests"];
    let given = units.map(|unit| format!("has(self.{unit})")).join(", ");
    Rule::new(format!("[{given}].exists_one(given, given)")).message(ONE_UNIT)
}

pub(super) fn window_given() -> Rule {
    Rule::new("has(self.window) || has(self.concurrentRequests)").message(WINDOW_GIVEN).field_path(".window")
}

pub(super) fn window_not_given() -> Rule {
    Rule::new("!has(self.window) || !has(self.concurrentRequests)").message(WINDOW_NOT_GIVEN).field_path(".window")
}

/// Another form than a duration's is refused by its own rule.
pub(super) fn window_bounds() -> Rule {
    let bounds = "duration(self) >= duration('1s') && duration(self) <= duration('24h')";
    Rule::new(format!("!{} || ({bounds})", formats::DURATION.of("self"))).message(WINDOW_BOUNDS)
}

pub(super) fn per_pod() -> Rule {
    Rule::new("has(self.per) && self.per.size() > 0").message(PER_POD).field_path(".per")
}

pub(super) fn each_once() -> Rule {
    Rule::new("self.all(a, self.exists_one(b, a.type == b.type))").message(EACH_ONCE)
}

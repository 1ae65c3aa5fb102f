//! Limits: exactly one unit, a window unless it counts what is going on, and the pod as the only dimension.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::Unit;

use super::LimitSpec;
use crate::formats;
use crate::invalid::Report;

const MOST_LIMITS: usize = 32;
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// A quintillion: more than is ever used, and far from the bounds of the type.
const HIGHEST_AMOUNT: i64 = 1_000_000_000_000_000_000;

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
        0 => report.refuse(
            format!("{field}.per"),
            "must be [{type: Pod}]: without it all pods would share one bucket, and shared limits do not exist yet",
        ),
        1 => {}
        _ => report.refuse(format!("{field}.per"), "must name each dimension once"),
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
        let message = "must set exactly one of requests, inputTokens, outputTokens, totalTokens, concurrentRequests";
        report.refuse(&field, message);
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
        report.check(counts_now, &field, "must be given, from 1s to 24h");
        return Duration::ZERO;
    };
    report.check(!counts_now, &field, "must not be given with concurrentRequests, which count what is going on now");
    let window = report.take(&field, formats::duration(text)).unwrap_or(SHORTEST_WINDOW);
    report.check((SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&window), &field, "must be from 1s to 24h");
    window
}

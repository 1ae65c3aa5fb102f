//! What is remembered of calls, and for how long.

use std::sync::Arc;
use std::time::Duration;

use sidegate_policy::{Caller, Class, Cost, Dialect, Fault, Glob, Nanos, Reason, Usage};
use sidegate_telemetry::record::{Content, Detail};
use sidegate_telemetry::{AttemptRecord, CallRecord, Outcome, RequestId, UsageSource};

use super::{Filter, Key, Missed, OTHER, Recent, Watch};

const START: Duration = Duration::ZERO;

fn id(number: u128) -> String {
    RequestId::new(number).to_string()
}

fn attempt(provider: &str, model: &str) -> AttemptRecord {
    AttemptRecord {
        provider: provider.into(),
        dialect: Dialect::OpenAi,
        credential: "a".into(),
        model: model.into(),
        host: "h".into(),
        port: 443,
        status: Some(200),
        class: None,
        reason: None,
        abandoned: false,
        started: Duration::ZERO,
        duration: Duration::from_millis(1),
        time_to_first_event: None,
        sent: true,
        usage: Some(Usage { input_total: 10, output_total: 3, ..Usage::default() }),
        usage_source: UsageSource::Provider,
        cost: Cost::Priced(Nanos(7)),
        price_version: "p".into(),
        upstream_request_id: None,
    }
}

/// An answered call of `model` with one attempt.
fn call(number: u128, model: &str) -> Box<CallRecord> {
    let caller = Arc::new(Caller::default());
    let mut record = Box::new(CallRecord::new(RequestId::new(number), jiff::Timestamp::UNIX_EPOCH, caller));
    record.model = model.into();
    record.outcome = Outcome::Answered;
    record.attempts.push(attempt("ns/p", model));
    record
}

fn failed(number: u128, model: &str) -> Box<CallRecord> {
    let fault = Fault::gateway(Class::UpstreamTimeout, Reason::Panic, "slow");
    let mut record = call(number, model);
    record.outcome = Outcome::Failed(Box::new(fault));
    record
}

fn watch(id: u64, filter: Filter) -> Watch {
    Watch { id, until: Duration::from_secs(15), per_second: 100, filter }
}

fn models(glob: &str) -> Filter {
    Filter { models: vec![Glob::parse(glob).unwrap()], outcomes: Vec::new() }
}

fn outcomes(word: &str) -> Filter {
    Filter { models: Vec::new(), outcomes: vec![word.into()] }
}

/// The numbers of the calls that wait, each with its watches.
fn waiting(recent: &Recent) -> Vec<(String, Vec<u64>)> {
    std::iter::from_fn(|| recent.next_watched()).map(|w| (w.record.request_id.to_string(), w.watches)).collect()
}

#[test]
fn the_last_calls_are_remembered_and_troubled_ones_longer() {
    let recent = Recent::default();
    recent.push(failed(1, "m"), START);
    (2..=200).for_each(|n| recent.push(call(n, "m"), START));
    assert!(recent.recall(&id(200)).is_some() && recent.recall(&id(73)).is_some());
    assert!(recent.recall(&id(72)).is_none(), "128 are kept");
    assert!(recent.recall(&id(1)).is_some(), "it failed");
    (201..=500).for_each(|n| recent.push(failed(n, "m"), START));
    assert!(recent.recall(&id(1)).is_none() && recent.recall(&id(244)).is_none());
    assert!(recent.recall(&id(245)).is_some(), "128 troubled ones are kept, and the last 128 of all");
}

#[test]
fn what_is_remembered_is_bounded_in_bytes() {
    let recent = Recent::default();
    for number in 1..=100 {
        let mut record = call(number, "m");
        record.attributes.push(("note".into(), "x".repeat(10_000).into()));
        recent.push(record, START);
    }
    let kept = (1..=100).filter(|n| recent.recall(&id(*n)).is_some()).count();
    assert!((20..=25).contains(&kept), "{kept} of 10 KB in 256 KiB");
}

#[test]
fn nothing_of_prompts_and_answers_is_remembered_or_watched() {
    let recent = Recent::default();
    recent.watch(watch(1, Filter::default()));
    let content = Some(Box::new(Content { input: "canary".into(), ..Content::default() }));
    let mut record = call(1, "m");
    record.detail = Some(Box::new(Detail { content, ..Detail::default() }));
    recent.push(record, START);
    assert_eq!(recent.recall(&id(1)).unwrap().detail, None);
    assert_eq!(recent.next_watched().unwrap().record.detail, None);
}

#[test]
fn all_of_them_are_listed_newest_first() {
    let recent = Recent::default();
    assert_eq!(recent.all(), b"[]");
    (1..=3).for_each(|n| recent.push(call(n, "m"), START));
    let listed: serde_json::Value = serde_json::from_slice(&recent.all()).unwrap();
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c["call"]["attributes"]["sidegate.request_id"].as_str())
        .collect();
    assert_eq!(ids, [id(3), id(2), id(1)]);
}

#[test]
fn sums_are_of_what_ended_alike_and_begin_anew_when_they_are_taken() {
    let recent = Recent::default();
    recent.push(call(1, "m"), START);
    recent.push(call(2, "m"), START);
    recent.push(failed(3, "m"), START);
    let mut moved = call(4, "m");
    moved.attempts.insert(0, AttemptRecord { cost: Cost::Unknown, usage: None, ..attempt("ns/first", "m") });
    recent.push(moved, START);
    let sums = recent.take_sums(START);
    let key = |outcome, class| Key { model: "m".into(), provider: "ns/p".into(), served: "m".into(), outcome, class };
    assert_eq!(sums.len(), 2, "{sums:?}");
    let (good, bad) = (&sums[0], &sums[1]);
    assert_eq!((&good.key, good.calls, good.attempts), (&key("answered", None), 3, 4));
    assert_eq!((good.input_tokens, good.output_tokens, good.cost), (30, 9, Nanos(21)));
    assert_eq!((good.fallbacks, good.unpriced), (1, 1));
    assert_eq!((&bad.key, bad.calls), (&key("failed", Some(Class::UpstreamTimeout)), 1));
    assert!(recent.take_sums(START).is_empty());
}

#[test]
fn sums_that_nobody_takes_are_of_the_last_half_a_minute_at_most() {
    let (recent, at) = (Recent::default(), Duration::from_secs);
    let calls = |now| recent.take_sums(now).iter().map(|sum| sum.calls).sum::<u64>();
    (0..100).for_each(|n| recent.push(call(u128::from(n), "m"), at(n)));
    assert_eq!(calls(at(99)), 10, "they began anew at 90 s");
    recent.push(call(100, "m"), at(100));
    assert_eq!(calls(at(129)), 1);
    recent.push(call(101, "m"), at(200));
    assert_eq!(calls(at(230)), 0, "what was told too late is not told");
    recent.push(call(102, "m"), at(231));
    assert_eq!(calls(at(231)), 1);
}

#[test]
fn models_without_end_are_summed_as_other_and_no_call_is_lost() {
    let recent = Recent::default();
    (0..1_000).for_each(|n| recent.push(call(n, &format!("m{n}")), START));
    recent.push(failed(1_000, "one-more"), START);
    let sums = recent.take_sums(START);
    assert_eq!(sums.len(), 50);
    assert_eq!(sums.iter().map(|sum| sum.calls).sum::<u64>(), 1_001);
    let others: Vec<(u64, &str)> =
        sums.iter().filter(|s| *s.key.model == *OTHER).map(|s| (s.calls, s.key.outcome)).collect();
    assert_eq!(others, [(952, "answered"), (1, "failed")]);
}

#[test]
fn a_watch_gets_the_calls_that_it_wants() {
    let recent = Recent::default();
    recent.push(call(1, "gpt-4o"), START);
    for (id, filter) in [
        (1, Filter::default()),
        (2, models("gpt-*")),
        (3, outcomes("error")),
        (4, outcomes("upstream_timeout")),
        (5, Filter { outcomes: outcomes("answered").outcomes, ..models("*-mini") }),
    ] {
        recent.watch(watch(id, filter));
    }
    recent.push(call(2, "gpt-4o"), START);
    recent.push(failed(3, "claude"), START);
    let mut served = call(4, "fast");
    served.attempts[0].model = "gpt-4o-mini".into();
    recent.push(served, START);
    let wanted = [(id(2), vec![1, 2]), (id(3), vec![1, 3, 4]), (id(4), vec![1, 2, 5])];
    assert_eq!(waiting(&recent), wanted);
}

#[test]
fn a_watch_ends_with_its_lease_and_goes_on_when_it_is_asked_for_again() {
    let recent = Recent::default();
    recent.watch(watch(1, Filter::default()));
    recent.watch(Watch { until: Duration::from_secs(30), ..watch(2, Filter::default()) });
    recent.push(call(1, "m"), Duration::from_secs(14));
    recent.push(call(2, "m"), Duration::from_secs(15));
    assert_eq!(waiting(&recent), [(id(1), vec![1, 2]), (id(2), vec![2])]);
    recent.watch(Watch { until: Duration::from_secs(40), ..watch(2, Filter::default()) });
    assert!(recent.take_missed(Duration::from_secs(31)).is_empty() && recent.is_watched());
    recent.push(call(3, "m"), Duration::from_secs(32));
    assert!(recent.take_missed(Duration::from_secs(40)).is_empty() && !recent.is_watched());
    recent.push(call(4, "m"), Duration::from_secs(41));
    assert!(waiting(&recent).is_empty(), "what waits for nobody is not kept");
    recent.watch(Watch { until: Duration::from_secs(60), ..watch(3, Filter::default()) });
    recent.unwatch(3);
    assert!(!recent.is_watched());
}

#[test]
fn a_watch_costs_no_more_than_its_pace_and_is_told_what_it_misses() {
    let recent = Recent::default();
    recent.watch(Watch { per_second: 3, ..watch(1, Filter::default()) });
    for number in 0..10 {
        recent.push(call(number, "m"), Duration::from_millis(100 * number as u64));
    }
    assert_eq!(waiting(&recent).len(), 3);
    recent.push(call(10, "m"), Duration::from_millis(1_100));
    assert_eq!(waiting(&recent).len(), 1);
    assert_eq!(recent.take_missed(Duration::from_secs(2)), [Missed { watch: 1, calls: 7 }]);
    assert!(recent.take_missed(Duration::from_secs(2)).is_empty());
}

#[test]
fn calls_that_nobody_fetches_make_room_for_newer_ones_and_are_counted() {
    let recent = Recent::default();
    recent.watch(Watch { per_second: 1_000, ..watch(1, Filter::default()) });
    (0..300).for_each(|n| recent.push(call(n, "m"), START));
    let kept = waiting(&recent);
    assert_eq!((kept.len(), kept[0].0.clone()), (256, id(44)));
    assert_eq!(recent.take_missed(START), [Missed { watch: 1, calls: 44 }]);
}

#[test]
fn so_many_watch_and_no_more() {
    let recent = Recent::default();
    (1..=20).for_each(|id| recent.watch(watch(id, Filter::default())));
    recent.push(call(1, "m"), START);
    assert_eq!(waiting(&recent), [(id(1), (1..=16).collect::<Vec<u64>>())]);
    recent.unwatch_all();
    assert!(!recent.is_watched());
}

//! What telling a call costs: measurements, run by hand on a quiet machine.
//!
//! `make bench-parts`

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sidegate_policy::{Glob, Match, Mode, Rank, Route, Snapshot, Specificity, Traces};

use crate::audit::{AuditQueue, Format};
use crate::metrics::Metrics;
use crate::sampling::{AtEnd, at_head};
use crate::spans::SpanQueue;
use crate::testing::{caller, meta, record};

const ROUNDS: u32 = 200_000;

/// The least of several runs: what it costs when nothing disturbs.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn each(mut work: impl FnMut()) -> Duration {
    let run = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed() / ROUNDS
    };
    (0..7).map(|_| run(&mut work)).min().unwrap()
}

fn knowing() -> Metrics {
    let route = Route {
        name: "fast".into(),
        matches: vec![Match { models: vec![Glob::parse("gpt-4o-mini").unwrap()], headers: Vec::new() }],
        targets: Vec::new(),
        rank: Rank { platform: true, specificity: Specificity::Cluster },
        mode: Mode::Enforce,
        meta: meta("spec.routes[fast]"),
    };
    let metrics = Metrics::new(&caller());
    metrics.policy(&Snapshot { routes: vec![route], ..Snapshot::default() }, Timestamp::UNIX_EPOCH);
    metrics
}

#[test]
#[ignore = "a measurement"]
fn the_audit_line_of_one_attempt() {
    let (queue, record, mut lines, mut pushed) = (AuditQueue::new(Format::Json, 1 << 26), record(), Vec::new(), 0_u32);
    let cost = each(|| {
        queue.push(black_box(&record));
        pushed += 1;
        if pushed % 1000 == 0 {
            lines.clear();
            queue.drain(&mut lines);
        }
    });
    println!("audit line: {cost:?}, {} bytes", lines.len() / 1000);
    assert!(cost <= Duration::from_micros(1), "{cost:?}");
}

#[test]
#[ignore = "a measurement"]
fn the_counters_of_one_call() {
    let (metrics, record) = (knowing(), record());
    let cost = each(|| metrics.observe(black_box(&record)));
    println!("observe, streamed call: {cost:?}");
    assert!(cost <= Duration::from_nanos(600), "{cost:?}");
    let mut unknown = record.clone();
    unknown.attempts[0].model = "made-up".into();
    println!("observe, unknown model: {:?}", each(|| metrics.observe(black_box(&unknown))));
    println!("stripped header: {:?}", each(|| metrics.stripped(black_box("authorization"))));
    let mut text = String::new();
    println!("exposition: {:?}", {
        #[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
        let start = Instant::now();
        metrics.encode(&mut text);
        start.elapsed()
    });
}

#[test]
#[ignore = "a measurement"]
fn what_traces_add_to_a_call() {
    let (traces, mut record) = (Traces::default(), record());
    record.trace = None;
    let head = each(|| _ = black_box(at_head(black_box(&traces), black_box(&record))));
    let end = AtEnd::of(&traces);
    let end = each(|| _ = black_box(end.takes(black_box(&record), false)));
    let context = each(|| _ = black_box(black_box(&record).attempt_context(0).to_header()));
    let queue = SpanQueue::default();
    let push = each(|| {
        queue.push(black_box(&record));
        if let Some(batch) = queue.take_full() {
            queue.give_back(batch.bytes);
        }
    });
    let full = SpanQueue::new(6_000);
    (0..4).for_each(|_| full.push(&record));
    assert!(full.dropped() > 0 && full.bytes() > 0, "{} bytes", full.bytes());
    let dead = each(|| full.push(black_box(&record)));
    println!("at the head: {head:?}, at the end: {end:?}, context: {context:?}, sampled: {push:?}, no room: {dead:?}");
    assert!(head + end <= Duration::from_nanos(60), "{head:?} {end:?}");
}

#[test]
#[ignore = "a measurement"]
fn a_copy_and_the_spans_of_a_record() {
    let record = record();
    println!("clone: {:?}", each(|| drop(black_box(record.clone()))));
    println!("spans as JSON: {:?}", each(|| drop(black_box(crate::span::to_json(&record)))));
}

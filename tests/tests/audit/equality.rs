//! One sum of money, three ways to it; and what limits count does not depend on whether anybody is told.

use std::time::Duration;

use serde_json::Value;
use sidegate_policy::{Dialect, Limit, Snapshot, Unit};
use sidegate_telemetry::{AuditQueue, Format};
use sidegate_testkit::sim::{Answers, Entry, Fault, Rule};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message};
use sidegate_tests::policy::{ladder, limit, provider};
use sidegate_tests::stage::Setting;
use std::sync::Arc;

/// Two providers of OpenAI's dialect in a row, and one of each other.
fn providers() -> Snapshot {
    let mut policy = ladder(&[1, 1]);
    policy.providers.push(provider("anthropic", Dialect::Anthropic, 1));
    policy.providers.push(provider("gemini", Dialect::Gemini, 1));
    policy.sealed()
}

/// So many tokens in the run's hour, of which it takes most.
fn tokens() -> Limit {
    limit("tokens", Unit::TotalTokens, 4_000_000, Duration::from_secs(3_600))
}

/// A mixed run: dialects, streams, fallbacks, repeats, refusals, errors. The statuses of its answers.
async fn run(stage: &mut Stage) -> Vec<u16> {
    let status = |status| Fault::Status { status, headers: Vec::new(), body: None, code: None };
    let mut answers = Vec::new();
    for round in 0..12_u64 {
        stage.sim.set_answers(Answers {
            cached: round % 3,
            cache_write: 0,
            reasoning: 7 * round,
            ..Answers::default()
        });
        if round % 4 == 1 {
            stage.fail("first", 1 + round % 2, status(if round % 8 == 1 { 500 } else { 429 }));
        }
        if round % 6 == 5 {
            stage.sim.add_faults(vec![Rule::times(1, status(400))]);
        }
        for request in [
            chat("m", ""),
            chat("m", r#","stream":true"#),
            chat("m", r#","stream":true,"stream_options":{"include_usage":true}"#),
            message("claude-haiku-4-5", ""),
            message("claude-haiku-4-5", r#","stream":true"#),
            generate("gemini-2.5-flash", "generateContent"),
            generate("gemini-2.5-flash", "streamGenerateContent?alt=sse"),
            chat("", ""),
        ] {
            answers.push(stage.call(request).await.status.as_u16());
        }
    }
    stage.settled().await;
    answers
}

/// What a request costs by the tests' price, in nano-dollars.
fn price(entry: &Entry) -> u64 {
    (entry.prompt_tokens - entry.cached_tokens) * 150 + entry.cached_tokens * 75 + entry.output_tokens * 600
}

fn sum_of(stage: &Stage, metric: &str) -> u64 {
    let mut text = String::new();
    stage.sidecar.metrics.encode(&mut text);
    let values = text.lines().filter(|line| line.starts_with(metric));
    values.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(start_paused = true)]
async fn ot4_audit_lines_metrics_and_the_providers_bill_are_one_sum() {
    let mut stage = Stage::with(providers());
    let answers = run(&mut stage).await;
    let distinct: std::collections::BTreeSet<u16> = answers.iter().copied().collect();
    assert!(distinct.len() >= 2, "a mixed run: {distinct:?}");
    let bill: u64 = stage.sim.bill().entries().iter().map(price).sum();
    let lines = stage.audit();
    assert_eq!((lines.len(), stage.sidecar.audit.dropped()), (answers.len(), 0));
    let cost = |of: &Value| of["cost_nanodollars"].as_u64().unwrap_or(0);
    assert_eq!(lines.iter().map(cost).sum::<u64>(), bill, "calls");
    let attempts = lines.iter().flat_map(|line| line["attempts"].as_array().into_iter().flatten());
    assert_eq!(attempts.map(cost).sum::<u64>(), bill, "attempts");
    assert_eq!(sum_of(&stage, "sidegate_cost_nanodollars_total{"), bill, "metrics");
    let unknown = lines.iter().filter(|line| line["cost"] == "unknown").count();
    assert_eq!(unknown, 0, "nothing of it is unknown");
    assert!(bill > 1_000_000 && lines.iter().any(|line| line["attempts"].as_array().is_some_and(|a| a.len() > 1)));
}

#[tokio::test(start_paused = true)]
async fn ot4_what_limits_count_is_the_same_whether_or_not_anybody_is_told() {
    let mut left = Vec::new();
    for capacity in [64 << 20, 0] {
        let mut policy = providers();
        policy.limits = vec![tokens(), limit("calls", Unit::Requests, 80, Duration::from_secs(3_600))];
        let audit = Arc::new(AuditQueue::new(Format::Json, capacity));
        let mut stage = Stage::set(Setting { audit, ..Setting::default() }, policy.sealed());
        let answers = run(&mut stage).await;
        let refused = answers.iter().filter(|status| **status == 429).count();
        assert!(refused > 0, "the limit on calls is reached");
        assert_eq!(stage.sidecar.audit.dropped() > 0, capacity == 0);
        let armed = stage.sidecar.armed.load_full();
        let limits = armed.map(|armed| armed.snapshot.limits.clone()).unwrap_or_default();
        let room = stage.sidecar.book().tightest(&limits, stage.sidecar.clock.now());
        let remaining = [room.requests, room.tokens].map(|room| room.map(|room| room.remaining));
        assert!(remaining[1].is_some_and(|tokens| tokens < 4_000_000), "{remaining:?}");
        left.push((answers, remaining));
    }
    assert_eq!(left[0], left[1]);
}

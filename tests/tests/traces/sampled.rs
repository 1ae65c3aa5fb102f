//! Which calls arrive.

use std::time::Duration;

use sidegate_policy::{Always, Ratio};
use sidegate_testkit::sink::told;
use sidegate_tests::client::{chat, with};
use sidegate_tests::policy::{ladder, list};

use super::{Traced, all, spans, status};

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00";

#[tokio::test]
async fn a_callers_decision_is_followed_and_failures_are_told_all_the_same() {
    let mut policy = all(ladder(&[1]));
    policy.deny = vec![list(&["other"])];
    policy.telemetry.traces.always.first = false;
    let (mut traced, sink) = Traced::with_sink(policy).await;
    assert_eq!(traced.stage.call(with(chat("m", ""), "traceparent", UNSAMPLED)).await.status, 200);
    assert_eq!(traced.stage.call(with(chat("other", ""), "traceparent", UNSAMPLED)).await.status, 403);
    assert_eq!(traced.stage.call(with(chat("m", ""), "traceparent", SAMPLED)).await.status, 200);
    let spans = spans(&sink, 3).await;
    let outcomes: Vec<_> = spans.iter().filter_map(|s| told(&s.attributes, "sidegate.outcome")).collect();
    assert_eq!(outcomes, ["refused", "answered"], "the good call of an unsampled caller is not told");
    let callers = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();
    assert!(spans.iter().filter(|s| s.kind == 2).all(|s| s.parent_span_id == callers));
    traced.end().await;
}

#[tokio::test]
async fn without_a_share_the_first_call_failures_and_slow_ones_are_told() {
    let mut policy = ladder(&[1]);
    policy.telemetry.traces.ratio = Ratio::NONE;
    policy.telemetry.traces.slow_over = Duration::from_millis(300);
    let (mut traced, sink) = Traced::with_sink(policy).await;
    for _ in 0..3 {
        assert_eq!(traced.stage.call(chat("m", "")).await.status, 200);
    }
    traced.stage.spend_repeats();
    traced.stage.fail("first", 1, status(500));
    assert_eq!(traced.stage.call(chat("m", "")).await.status, 500);
    traced.stage.fail("first", 1, sidegate_testkit::sim::Fault::Delay { ms: 400 });
    assert_eq!(traced.stage.call(chat("m", "")).await.status, 200);
    let spans = spans(&sink, 6).await;
    let calls: Vec<_> = spans.iter().filter_map(|s| told(&s.attributes, "http.response.status_code")).collect();
    assert_eq!(calls, ["200", "200", "500", "500", "200", "200"], "each with its attempt");
    traced.end().await;
}

#[tokio::test]
async fn what_policy_does_not_want_is_not_told() {
    let mut policy = ladder(&[1]);
    policy.telemetry.traces.ratio = Ratio::NONE;
    policy.telemetry.traces.always = Always::default();
    let (mut traced, sink) = Traced::with_sink(policy).await;
    traced.stage.call(chat("m", "")).await;
    traced.stage.call(chat("other", "")).await;
    traced.end().await;
    assert_eq!(sink.asked(), 0);
}

#[tokio::test]
async fn a_share_is_taken_by_trace_id() {
    let mut policy = ladder(&[1]);
    policy.telemetry.traces.ratio = Ratio::of_billion(500_000_000).unwrap();
    policy.telemetry.traces.always.first = false;
    let (mut traced, sink) = Traced::with_sink(policy).await;
    let mut expected = Vec::new();
    for _ in 0..64 {
        let answer = traced.stage.call(chat("m", "")).await;
        let id = u128::from_str_radix(answer.header("x-sidegate-request-id"), 16).unwrap();
        if id as u64 >> 63 == 0 {
            expected.push(id.to_be_bytes().to_vec());
        }
    }
    assert!((16..48).contains(&expected.len()), "{}", expected.len());
    traced.end().await;
    let mut told: Vec<_> = sink.spans().into_iter().filter(|s| s.kind == 2).map(|s| s.trace_id).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

//! Limits on tokens: reserved by a bound, settled by usage, below zero and paying back.

use std::time::Duration;

use http_body_util::BodyExt;
use sidegate_policy::Unit;
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::{Answer, chat};
use sidegate_tests::policy::limit;
use tokio::time::sleep;

use super::{a_minute, under};

/// What the last request was billed: prompt and output.
fn billed(stage: &Stage) -> (u64, u64) {
    let last = stage.sim.bill().entries().pop();
    last.map(|e| (e.prompt_tokens, e.output_tokens)).unwrap_or_default()
}

fn left(answer: &Answer) -> u64 {
    answer.header("x-ratelimit-remaining-tokens").parse().unwrap_or(u64::MAX)
}

#[tokio::test(start_paused = true)]
async fn a_call_is_settled_by_what_it_used() {
    for (unit, used) in [
        (Unit::TotalTokens, (|b: (u64, u64)| b.0 + b.1) as fn((u64, u64)) -> u64),
        (Unit::InputTokens, |b| b.0),
        (Unit::OutputTokens, |b| b.1),
    ] {
        let mut stage = under(vec![a_minute("tpm", unit, 1_000_000)]);
        let probe = r#","max_tokens":100"#;
        let first = stage.call(chat("m", probe)).await;
        assert_eq!(first.header("x-ratelimit-limit-tokens"), "1000000");
        let held = 1_000_000 - left(&first);
        assert!(held >= used(billed(&stage)), "{unit:?}: the bound holds");
        let second = stage.call(chat("m", probe)).await;
        assert_eq!(left(&first) - left(&second), used(billed(&stage)), "{unit:?}: only what was used stays taken");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_reserved_is_taken_while_the_call_runs() {
    let mut stage = under(vec![a_minute("tpm", Unit::OutputTokens, 150)]);
    stage.fail("first", 1, Fault::Pace { ms: 10 });
    let stream = stage.send(chat("m", r#","max_tokens":100,"stream":true"#)).await;
    let refused = stage.call(chat("m", r#","max_tokens":100"#)).await;
    assert_eq!((refused.status.as_u16(), refused.class()), (429, "rate_limited"));
    assert!(Answer::read(stream).await.complete);
    assert_eq!(stage.call(chat("m", r#","max_tokens":100"#)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_is_larger_than_the_bucket_is_cut_to_it() {
    let mut stage = under(vec![a_minute("tpm", Unit::TotalTokens, 50)]);
    assert_eq!(stage.call(chat("m", "")).await.status, 200, "without max_tokens it could be 16,384");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_goes_below_zero_and_pays_back() {
    let mut stage = under(vec![a_minute("tpm", Unit::OutputTokens, 600)]);
    stage.fail("first", 1, Fault::Overbill { output: 1_200 });
    assert_eq!(stage.call(chat("m", r#","max_tokens":100"#)).await.status, 200);
    let (_, used) = billed(&stage);
    assert!(used > 1_200);
    let refused = stage.call(chat("m", r#","max_tokens":10"#)).await;
    assert_eq!(refused.status, 429);
    // 10 tokens a second; 10 more than there are have to be there.
    let wait = used - 600 + 10;
    let told: u64 = refused.header("retry-after").parse().unwrap_or(0);
    assert_eq!(told, wait.div_ceil(10));
    sleep(Duration::from_secs(told - 1)).await;
    assert_eq!(stage.call(chat("m", r#","max_tokens":10"#)).await.status, 429);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(stage.call(chat("m", r#","max_tokens":10"#)).await.status, 200);
    let line = stage.audit().remove(0);
    assert_eq!(line["anomalies"][0], "usage_above_bound");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_failed_gives_its_tokens_back() {
    let mut stage = under(vec![a_minute("tpm", Unit::OutputTokens, 150)]);
    stage.fail("first", 1, Fault::Status { status: 400, headers: Vec::new(), body: None, code: None });
    assert_eq!(stage.call(chat("m", r#","max_tokens":100"#)).await.status, 400);
    assert_eq!(stage.call(chat("m", r#","max_tokens":100"#)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_reserves_for_itself() {
    let mut stage = under(vec![a_minute("tpm", Unit::OutputTokens, 150)]);
    stage.fail("first", 1, Fault::Status { status: 503, headers: Vec::new(), body: None, code: None });
    let answer = stage.call(chat("m", r#","max_tokens":100"#)).await;
    assert_eq!(answer.status, 200, "the failed one had given back before the next reserved: {}", answer.text());
    assert_eq!(stage.trail().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_stream_takes_what_was_seen_of_it() {
    let day = Duration::from_secs(24 * 3_600);
    let mut stage = under(vec![limit("tpd", Unit::OutputTokens, 1_000, day)]);
    stage.fail("first", 1, Fault::Pace { ms: 1_000 });
    let mut client = stage.client().await;
    let call = client.send(chat("m", r#","max_tokens":900,"stream":true"#)).await;
    let mut stream = call.unwrap_or_else(|e| panic!("{e}"));
    for _ in 0..3 {
        assert!(stream.body_mut().frame().await.is_some_and(|f| f.is_ok()));
    }
    client.leave();
    assert_eq!(stage.line().await["usage_source"], "estimated");
    let next = stage.call(chat("m", r#","max_tokens":900"#)).await;
    assert_eq!(next.status, 200, "neither all of the bound nor nothing: {}", next.text());
    assert!(left(&next) < 100, "something was taken: {}", left(&next));
}

#[tokio::test(start_paused = true)]
async fn counting_tokens_takes_none() {
    let mut stage = under(vec![a_minute("tpm", Unit::OutputTokens, 150)]);
    let body = r#"{"model":"m","input":"hello"}"#;
    for _ in 0..5 {
        assert_eq!(stage.call(sidegate_tests::client::post("/v1/responses/input_tokens", body)).await.status, 200);
    }
    assert_eq!(stage.call(chat("m", r#","max_tokens":150"#)).await.status, 200);
}

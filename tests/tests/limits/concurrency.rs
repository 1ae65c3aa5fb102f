//! Limits on calls at once: the place is given back at every exit.

use std::time::Duration;

use http_body_util::BodyExt;
use sidegate_policy::{Class, Limit, Reason, Unit};
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::{Answer, chat};
use sidegate_tests::memory::Road;
use tokio::time::timeout;

use super::{a_minute, under};

fn one_at_once() -> Vec<Limit> {
    vec![a_minute("inflight", Unit::ConcurrentRequests, 1)]
}

/// The one place is free again.
async fn is_free(stage: &mut Stage) {
    stage.settled().await;
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_second_call_at_once_is_refused() {
    let mut stage = under(one_at_once());
    stage.fail("first", 1, Fault::Pace { ms: 100 });
    let running = stage.send(chat("m", r#","stream":true"#)).await;
    let refused = stage.call(chat("m", "")).await;
    assert_eq!((refused.status.as_u16(), refused.class()), (429, "rate_limited"));
    assert_eq!(refused.header("retry-after"), "", "nobody knows when the other call ends");
    assert!(Answer::read(running).await.complete);
    is_free(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_and_an_error_give_the_place_back() {
    let mut stage = under(one_at_once());
    is_free(&mut stage).await;
    for status in [400, 500, 429, 401] {
        stage.sim.clear_faults();
        stage.fail("first", 9, Fault::Status { status, headers: Vec::new(), body: None, code: None });
        assert_ne!(stage.call(chat("m", "")).await.status, 200);
        stage.sim.clear_faults();
        is_free(&mut stage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_gives_the_place_back() {
    let mut stage = under(one_at_once());
    stage.fail("first", 1, Fault::Cut { after_event: Some(2), at_byte: None, reset: false });
    assert!(!stage.call(chat("m", r#","stream":true"#)).await.complete);
    is_free(&mut stage).await;
    stage.fail("first", 1, Fault::Stall { after_event: Some(2), ping_ms: None });
    assert!(!stage.call(chat("m", r#","stream":true"#)).await.complete);
    is_free(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_cannot_be_reached_gives_the_place_back() {
    let mut stage = under(one_at_once());
    let fault = sidegate_policy::Fault::provider(Class::ProviderTransient, Reason::ConnectFailed, "no way");
    stage.memory.set(Road::Closed(fault));
    assert_eq!(stage.call(chat("m", "")).await.status, 502);
    stage.memory.set(Road::Open);
    is_free(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_gives_the_place_back() {
    let mut stage = under(one_at_once());
    stage.fail("first", 1, Fault::Delay { ms: 60_000 });
    let mut client = stage.client().await;
    assert!(timeout(Duration::from_secs(1), client.send(chat("m", ""))).await.is_err());
    client.leave();
    is_free(&mut stage).await;
    stage.fail("first", 1, Fault::Pace { ms: 1_000 });
    let mut client = stage.client().await;
    let stream = client.send(chat("m", r#","stream":true"#)).await;
    assert!(stream.unwrap_or_else(|e| panic!("{e}")).body_mut().frame().await.is_some());
    client.leave();
    is_free(&mut stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_gives_the_place_back() {
    let mut limits = one_at_once();
    limits.push(a_minute("output", Unit::OutputTokens, 100));
    let mut stage = under(limits);
    stage.fail("first", 1, Fault::Overbill { output: 150 });
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    for _ in 0..3 {
        let refused = stage.call(chat("m", "")).await;
        assert!(refused.text().contains("output"), "the tokens are missing, not the place: {}", refused.text());
    }
    stage.settled().await;
    tokio::time::sleep(super::MINUTE * 3).await;
    is_free(&mut stage).await;
}

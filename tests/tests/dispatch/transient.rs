//! What may pass: the same target once more after a back-off, if the retry budget allows it, then the next.

use std::time::Duration;

use sidegate_policy::{Snapshot, Timeouts};
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::{ladder, spread};
use tokio::time::Instant;

fn status(status: u16) -> Fault {
    Fault::Status { status, headers: Vec::new(), body: None, code: None }
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_once_more_and_then_left_for_the_next() {
    for code in [408, 500, 502, 503, 504, 529] {
        let mut stage = Stage::with(ladder(&[1, 1]));
        stage.fail("first", 9, status(code));
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stage.trail(), [format!("first/a {code}"), format!("first/a {code}"), "second/a 200".to_owned()]);
        assert_eq!(answer.header("x-sidegate-attempts"), "3");
        let bill = stage.sim.bill().entries();
        let back_off = bill[1].at_ms - bill[0].at_ms;
        assert!((250..5_000).contains(&back_off), "{back_off} ms");
        assert!(bill[2].at_ms - bill[1].at_ms < 10, "moving on does not wait");
        assert_eq!(stage.line().await["attempts"][0]["class"], "provider_transient");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_recovers_is_not_left() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 1, status(503));
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.trail(), ["first/a 503", "first/a 200"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_before_its_head_is_transient() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 9, Fault::Cut { after_event: None, at_byte: None, reset: false });
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.trail(), ["first/a 0", "first/a 0", "second/a 200"]);
    let line = stage.line().await;
    assert_eq!(line["attempts"][0]["reason"], "connection_lost");
    assert_eq!(line["attempts"][0]["usage_source"], "estimated", "the provider may bill what it has read");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_stays_silent_is_asked_once_more_and_left_for_the_next() {
    let mut stage = Stage::with(quick(ladder(&[1, 1])));
    stage.fail("first", 9, Fault::Stall { after_event: None, ping_ms: None });
    let began = Instant::now();
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    let took = began.elapsed();
    assert!((Duration::from_secs(40)..Duration::from_secs(41)).contains(&took), "{took:?}");
    assert_eq!(stage.trail(), ["first/a 0", "first/a 0", "second/a 200"]);
    assert_eq!(stage.line().await["attempts"][0]["reason"], "response_timeout");
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_primarys_answer_is_told() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    let own = r#"{"error":{"message":"first is unwell","type":"server_error"}}"#;
    stage.fail("first", 9, Fault::Status { status: 500, headers: Vec::new(), body: Some(own.into()), code: None });
    stage.fail("second", 9, status(503));
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text(), own);
    assert_eq!(answer.header("x-should-retry"), "false", "the sidecar has tried all there is");
    assert_eq!(answer.header("x-sidegate-attempts"), "4");
    assert_eq!(stage.trail().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_at_most_four_attempts() {
    let mut stage = Stage::with(ladder(&[1, 1, 1, 1, 1]));
    for name in ["first", "second", "third", "fourth"] {
        stage.fail(name, 9, status(429));
    }
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(stage.trail(), ["first/a 429", "second/a 429", "third/a 429", "fourth/a 429"]);
}

#[tokio::test(start_paused = true)]
async fn a_priority_is_finished_before_the_next_begins() {
    for seed in 0..8 {
        let mut policy = ladder(&[1, 1, 1]);
        for (target, priority) in policy.routes[0].targets.iter_mut().zip([1, 0, 0]) {
            target.priority = priority;
        }
        let mut stage = Stage::set(sidegate_tests::stage::Setting { seed, ..Default::default() }, policy);
        for name in ["second", "third"] {
            stage.fail(name, 9, status(429));
        }
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
        let mut trail = stage.trail();
        trail[..2].sort();
        assert_eq!(trail, ["second/a 429", "third/a 429", "first/a 200"]);
    }
}

#[tokio::test(start_paused = true)]
async fn repeats_are_at_most_a_fifth_of_the_calls_and_a_floor() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 10_000, status(500));
    for _ in 0..100 {
        assert_eq!(stage.call(chat("m", "")).await.status, 500);
    }
    let sent = stage.trail().len();
    assert!((103..=123).contains(&sent), "100 calls made {sent} requests");
}

#[tokio::test(start_paused = true)]
async fn moving_on_costs_nothing_of_the_retry_budget() {
    let mut stage = Stage::with(spread(&[1, 1]));
    stage.fail("first", 10_000, status(429));
    for _ in 0..40 {
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
    }
}

/// 20 s for an answer.
fn quick(mut policy: Snapshot) -> Snapshot {
    for provider in &mut policy.providers {
        provider.timeouts = Timeouts { response: Duration::from_secs(20), ..Timeouts::default() };
    }
    policy
}

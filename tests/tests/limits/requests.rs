//! Limits on requests: a bucket that refills evenly, and an edit that forgives nothing.

use std::time::Duration;

use sidegate_policy::Unit;
use sidegate_testkit::sim::Fault;
use sidegate_tests::client::{chat, post};
use tokio::time::sleep;

use super::{a_minute, policy, under};

#[tokio::test(start_paused = true)]
async fn the_amount_goes_at_once_and_then_as_it_refills() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 3)]);
    for _ in 0..3 {
        assert_eq!(stage.call(chat("m", "")).await.status, 200);
    }
    let refused = stage.call(chat("m", "")).await;
    assert_eq!((refused.status.as_u16(), refused.class()), (429, "rate_limited"));
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(refused.header("x-should-retry"), "true", "waiting helps");
    sleep(Duration::from_millis(19_900)).await;
    assert_eq!(stage.call(chat("m", "")).await.status, 429, "a little too early");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.call(chat("m", "")).await.status, 200, "the time that was told is true");
    assert_eq!(stage.call(chat("m", "")).await.status, 429);
    assert_eq!(stage.sim.bill().entries().len(), 4, "a refused call is not sent");
}

#[tokio::test(start_paused = true)]
async fn the_headers_tell_what_is_left() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 6), a_minute("wide", Unit::Requests, 600)]);
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "6", "of the tightest");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "5");
    assert_eq!(answer.header("x-ratelimit-reset-requests"), "10s");
    assert_eq!(answer.header("x-ratelimit-limit-tokens"), "", "nothing counts tokens");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_what_is_left_too() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 2)]);
    stage.call(chat("m", "")).await;
    stage.call(chat("m", "")).await;
    sleep(Duration::from_millis(500)).await;
    let refused = stage.call(chat("m", "")).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-ratelimit-limit-requests"), "2");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert_eq!(refused.header("x-ratelimit-reset-requests"), "59.5s");
}

#[tokio::test(start_paused = true)]
async fn several_attempts_of_a_call_are_one_request() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 2)]);
    stage.fail("first", 1, Fault::Status { status: 500, headers: Vec::new(), body: None, code: None });
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.header("x-sidegate-attempts"), "2");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_wrong_in_itself_takes_nothing() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 1)]);
    for _ in 0..5 {
        assert_eq!(stage.call(post("/v1/chat/completions", "{")).await.status, 400);
    }
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn models_lists_take_nothing() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 1)]);
    for _ in 0..5 {
        let mut list = post("/v1/models", "");
        *list.method_mut() = http::Method::GET;
        assert_eq!(stage.call(list).await.status, 200);
    }
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn all_or_none_a_refused_call_takes_nothing_of_the_other_limits() {
    let mut stage = under(vec![a_minute("wide", Unit::Requests, 10), a_minute("burst", Unit::Requests, 1)]);
    stage.call(chat("m", "")).await;
    for _ in 0..20 {
        assert_eq!(stage.call(chat("m", "")).await.status, 429);
    }
    sleep(Duration::from_secs(60)).await;
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 200, "the wide one was not emptied by refusals");
}

#[tokio::test(start_paused = true)]
async fn an_edit_forgives_nothing() {
    let mut stage = under(vec![a_minute("burst", Unit::Requests, 3)]);
    for _ in 0..3 {
        stage.call(chat("m", "")).await;
    }
    stage.arm(policy(vec![a_minute("burst", Unit::Requests, 4)]));
    assert_eq!(stage.call(chat("m", "")).await.status, 200, "one more than before");
    assert_eq!(stage.call(chat("m", "")).await.status, 429);
    stage.arm(policy(Vec::new()));
    stage.arm(policy(vec![a_minute("burst", Unit::Requests, 4)]));
    assert_eq!(stage.call(chat("m", "")).await.status, 429, "also not by taking it away and adding it again");
}

//! Refused or failed before the request was sent: the next target at once, the same again only if it is the last.

use std::time::Duration;

use sidegate_policy::{Class, Fault, Reason};
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::memory::Road;
use sidegate_tests::policy::ladder;
use tokio::time::Instant;

fn closed(reason: Reason) -> Road {
    Road::Closed(Fault::provider(Class::ProviderTransient, reason, "no way there"))
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_reached_is_left_at_once_for_the_next() {
    for reason in [Reason::DnsFailed, Reason::ConnectFailed, Reason::TlsUntrusted] {
        let mut stage = Stage::with(ladder(&[1, 1]));
        stage.memory.set_for("first.test", closed(reason));
        let began = Instant::now();
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(stage.trail(), ["second/a 200"]);
        assert!(began.elapsed() < Duration::from_millis(10), "nothing was waited for");
        let line = stage.line().await;
        assert_eq!(line["attempts"][0]["sent"], false);
        assert_eq!(line["attempts"][0]["reason"], reason.as_str());
        assert_eq!(line["attempts"][0]["cost_nanodollars"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_one_that_cannot_be_reached_is_tried_once_more() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.memory.set(closed(Reason::ConnectFailed));
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.class(), "provider_transient");
    assert_eq!(answer.json()["error"]["sidegate"]["reason"], "connect_failed");
    assert_eq!(answer.json()["error"]["sidegate"]["source"], "provider");
    assert_eq!(stage.trail(), [""; 0]);
    let line = stage.line().await;
    assert_eq!(line["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(line["cost"], serde_json::Value::Null, "nothing was sent, nothing costs");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_comes_is_given_up_in_time() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.memory.set_for("first.test", Road::Hole);
    let began = Instant::now();
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 200);
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(5)..Duration::from_millis(5_100)).contains(&took),
        "timeouts.connect is 5 s: {took:?}"
    );
    assert_eq!(stage.line().await["attempts"][0]["reason"], "connect_timeout");
}

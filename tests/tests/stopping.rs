//! A sidecar that goes: connections that wait are closed, calls that run may end, and callers may still leave.

use std::net::SocketAddr;
use std::time::Duration;

use sidegate_testkit::sim::{Answers, Outcome};
use sidegate_tests::Stage;
use sidegate_tests::policy::ladder;
use sidegate_tests::raw::{Raw, body, chat};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(1);

/// A sidecar that answers with so many events, and the client whose stream has begun.
async fn streaming(events: usize) -> (Stage, SocketAddr, Raw) {
    let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
    stage.sim.set_answers(Answers { pause_ms: 20, events: Some(events), ..Answers::default() });
    let mut raw = Raw::connect(at).await;
    raw.send(chat("", &body("hello", r#","stream":true"#))).await;
    assert!(raw.until(|text| text.contains("w1 ")).await, "{}", raw.text());
    (stage, at, raw)
}

#[tokio::test]
async fn a_connection_that_waits_is_closed_at_once() {
    let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
    let mut raw = Raw::connect(at).await;
    raw.send(chat("", &body("hello", ""))).await;
    assert!(raw.until(|text| text.contains("chat.completion")).await, "{}", raw.text());
    stage.stop();
    assert!(raw.closes_within(SOON).await, "{}", raw.text());
}

#[tokio::test]
async fn a_stream_under_way_comes_to_its_end_and_then_its_connection_closes() {
    let (stage, at, mut raw) = streaming(30).await;
    stage.stop();
    assert!(raw.closes_within(5 * SOON).await, "{}", raw.text());
    assert!(raw.text().contains("data: [DONE]"), "{}", raw.text());
    assert_eq!(stage.line().await["outcome"], "answered");
    assert!(tokio::net::TcpStream::connect(at).await.is_err(), "nothing new is taken");
}

#[tokio::test]
async fn a_caller_that_leaves_meanwhile_is_noticed() {
    let (stage, _, raw) = streaming(10_000).await;
    stage.stop();
    // The connection has heard of it before its client leaves.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.sidecar.open_calls(), 1, "a call that runs goes on");
    raw.reset();
    let bill = timeout(SOON, stage.sim.bill().settled(1)).await.unwrap_or_else(|_| panic!("upstream goes on"));
    assert_eq!(bill[0].outcome, Outcome::ClientGone);
    assert_eq!(stage.line().await["outcome"], "client_cancelled");
}

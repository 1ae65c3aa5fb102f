//! A client that stops reading (CD5).

use std::time::Duration;

use http_body_util::BodyExt;
use sidegate_proxy::listen::socket::WRITE_STALL;
use sidegate_testkit::sim::{Answers, Outcome};
use sidegate_tests::Stage;
use sidegate_tests::client::chat as call;
use sidegate_tests::policy::ladder;
use sidegate_tests::raw::{Raw, body, chat};
use tokio::time::{advance, pause, resume, sleep, timeout};

/// A stream of some 10 MB.
fn endless() -> Answers {
    Answers { text: Some(("w".repeat(8_000) + " ").repeat(1_200)), ..Answers::default() }
}

#[tokio::test(start_paused = true)]
async fn cd5_upstream_waits_for_a_client_that_does_not_read() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.sim.set_answers(endless());
    let mut client = stage.client().await;
    let stream = client.send(call("m", r#","stream":true"#)).await;
    let mut stream = stream.unwrap_or_else(|e| panic!("{e}"));
    assert!(stream.body_mut().frame().await.is_some());
    sleep(Duration::from_secs(30)).await;
    client.leave();
    let bill = stage.sim.bill().settled(1).await;
    // Two pipes of 64 KiB, hyper's buffers at both ends of each, and one event more.
    assert!(bill[0].bytes_sent < 768 * 1024, "{} bytes went ahead of a client that took one event", bill[0].bytes_sent);
    assert_eq!(stage.line().await["outcome"], "client_cancelled");
}

#[tokio::test]
async fn cd5_a_client_that_never_reads_is_given_up() {
    let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
    stage.sim.set_answers(endless());
    let mut raw = Raw::connect_narrow(at).await;
    raw.send(chat("", &body("hello", r#","stream":true"#))).await;
    drop(stage.sim.bill().when(|seen| !seen.is_empty()).await);
    // Until the kernel's buffers are full; then the stall is waited for by the clock alone.
    sleep(Duration::from_millis(700)).await;
    assert_eq!(stage.sidecar.open_calls(), 1, "it is still held by the full window");
    pause();
    advance(WRITE_STALL + Duration::from_secs(1)).await;
    resume();
    let bill = timeout(Duration::from_secs(2), stage.sim.bill().settled(1)).await;
    let bill = bill.unwrap_or_else(|_| panic!("it is waited for without end"));
    assert_eq!(bill[0].outcome, Outcome::ClientGone);
    let line = stage.line().await;
    assert_ne!(line["outcome"], "answered");
    drop(raw);
}

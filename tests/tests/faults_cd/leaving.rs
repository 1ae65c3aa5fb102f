//! A client that leaves while it sends, waits or reads (CD1 to CD4), over real sockets on both sides.

#![expect(clippy::panic, reason = "what helps a test may fail it")]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use sidegate_testkit::sim::{Answers, Entry, Fault, Outcome, Rule};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat as call, post};
use sidegate_tests::policy::ladder;
use sidegate_tests::raw::{Raw, SOON, body, chat};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// A departure is seen upstream within this time.
const AT_ONCE: Duration = Duration::from_millis(250);

/// How a client leaves.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    /// With a FIN, and then reads no more.
    Close,
    /// With an RST.
    Reset,
    /// With a FIN of its sending side only, still reading.
    HalfClose,
}

const WAYS: [Leaves; 3] = [Leaves::Close, Leaves::Reset, Leaves::HalfClose];

/// Leaves, and waits until the simulator has noticed: its entry, and how long that took.
async fn leave(stage: &Stage, mut raw: Raw, way: Leaves) -> (Entry, Duration) {
    let left = Instant::now();
    let kept = match way {
        Leaves::Close => {
            drop(raw);
            None
        }
        Leaves::Reset => {
            raw.reset();
            None
        }
        Leaves::HalfClose => {
            raw.finish().await;
            Some(raw)
        }
    };
    let sim = stage.sim.clone();
    let bill = timeout(SOON, sim.bill().settled(1)).await.unwrap_or_else(|_| panic!("{way:?}: upstream goes on"));
    drop(kept);
    (bill[0].clone(), left.elapsed())
}

#[tokio::test]
async fn cd1_a_client_that_leaves_while_it_sends_has_sent_nothing() {
    let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
    for way in [Leaves::Close, Leaves::Reset] {
        let mut raw = Raw::connect(at).await;
        raw.send("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n{\"model\":")
            .await;
        while stage.sidecar.open_calls() == 0 {
            tokio::task::yield_now().await;
        }
        if matches!(way, Leaves::Reset) {
            raw.reset()
        } else {
            drop(raw)
        }
        let line = stage.line().await;
        assert_eq!(
            (&line["outcome"], &line["attempts"]),
            (&"client_cancelled".into(), &Value::Null),
            "{way:?}: {line}"
        );
    }
    assert!(stage.sim.bill().entries().is_empty());
}

#[tokio::test]
async fn cd2_a_client_that_leaves_while_it_waits_cancels_upstream() {
    for way in WAYS {
        for more in ["", r#","stream":true"#] {
            let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
            stage.sim.add_faults(vec![Rule::always(Fault::Delay { ms: 60_000 })]);
            let mut raw = Raw::connect(at).await;
            raw.send(chat("", &body("hello", more))).await;
            drop(stage.sim.bill().when(|seen| seen.iter().any(|e| e.body_bytes > 0)).await);
            let (entry, took) = leave(&stage, raw, way).await;
            assert!(took <= AT_ONCE, "{way:?}{more}: {took:?}");
            assert_eq!(entry.outcome, Outcome::ClientGone);
            let line = stage.line().await;
            assert_eq!(line["outcome"], "client_cancelled");
            assert_eq!(line["attempts"][0]["usage_source"], "estimated");
            assert!(line["cost_nanodollars"].as_u64() > Some(0), "{line}");
        }
    }
}

#[tokio::test]
async fn cd2_also_with_more_bytes_waiting_behind_the_call() {
    for behind in ["POST /v1/chat/comp".to_owned(), chat("", &body("second", ""))] {
        let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
        stage.sim.add_faults(vec![Rule::always(Fault::Delay { ms: 60_000 })]);
        let mut raw = Raw::connect(at).await;
        raw.send(chat("", &body("hello", "")) + &behind).await;
        drop(stage.sim.bill().when(|seen| seen.iter().any(|e| e.body_bytes > 0)).await);
        let (entry, took) = leave(&stage, raw, Leaves::Close).await;
        assert!(took <= AT_ONCE, "{took:?}");
        assert_eq!(entry.outcome, Outcome::ClientGone);
        stage.settled().await;
        assert_eq!(stage.sim.bill().entries().len(), 1, "what stood behind it is not sent any more");
    }
}

#[tokio::test]
async fn cd3_a_client_that_leaves_in_the_middle_cancels_upstream_and_pays_for_what_it_saw() {
    for way in WAYS {
        let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
        stage.sim.set_answers(Answers { pause_ms: 20, events: Some(1_000), ..Answers::default() });
        let mut raw = Raw::connect(at).await;
        raw.send(chat("", &body("hello", r#","stream":true"#))).await;
        assert!(raw.until(|text| text.contains("w3 ")).await, "{}", raw.text());
        let (entry, took) = leave(&stage, raw, way).await;
        assert!(took <= AT_ONCE, "{way:?}: {took:?}");
        assert_eq!(entry.outcome, Outcome::ClientGone);
        let line = stage.line().await;
        assert_eq!(line["outcome"], "client_cancelled");
        assert_eq!(line["usage_source"], "estimated");
        assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
    }
}

async fn h2(at: SocketAddr) -> (http2::SendRequest<Full<Bytes>>, tokio::task::JoinSet<()>) {
    let stream = TcpStream::connect(at).await.unwrap_or_else(|e| panic!("{e}"));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.unwrap_or_else(|e| panic!("{e}"));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    (sender, tasks)
}

fn over_h2(more: &str) -> http::Request<Full<Bytes>> {
    let mut request = post("/v1/chat/completions", body("hello", more));
    *request.uri_mut() = "http://localhost/v1/chat/completions".parse().unwrap_or_default();
    request.headers_mut().remove("host");
    request
}

#[tokio::test]
async fn cd3_a_reset_stream_or_a_lost_connection_over_http2_does_too() {
    for (whole_connection, more) in [(false, ""), (true, ""), (false, r#","stream":true"#), (true, r#","stream":true"#)]
    {
        let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
        let pace = if more.is_empty() { Fault::Delay { ms: 60_000 } } else { Fault::Pace { ms: 100 } };
        stage.sim.add_faults(vec![Rule::always(pace)]);
        let (mut sender, mut tasks) = h2(at).await;
        let mut asked = Box::pin(sender.send_request(over_h2(more)));
        let answer = timeout(Duration::from_millis(200), asked.as_mut()).await;
        drop(stage.sim.bill().when(|seen| seen.iter().any(|e| e.body_bytes > 0)).await);
        let left = Instant::now();
        if whole_connection {
            tasks.abort_all();
        }
        drop((asked, answer));
        let bill = timeout(SOON, stage.sim.bill().settled(1)).await.unwrap_or_else(|_| panic!("upstream goes on"));
        assert!(left.elapsed() <= AT_ONCE, "{whole_connection}{more}: {:?}", left.elapsed());
        assert_eq!(bill[0].outcome, Outcome::ClientGone);
        assert_eq!(stage.line().await["outcome"], "client_cancelled");
        drop(tasks);
    }
}

#[tokio::test]
async fn cd4_half_a_close_over_http2_ends_the_request_and_not_the_answer() {
    let (stage, at) = Stage::on_sockets(ladder(&[1])).await;
    stage.sim.set_answers(Answers { pause_ms: 2, ..Answers::default() });
    let (mut sender, tasks) = h2(at).await;
    // The request's stream is half closed as soon as its body is sent.
    let answer = sender.send_request(over_h2(r#","stream":true"#)).await.unwrap_or_else(|e| panic!("{e}"));
    let text = sidegate_tests::client::whole(answer.into_body()).await;
    assert!(text.ends_with(b"data: [DONE]\n\n"));
    assert_eq!(stage.line().await["outcome"], "answered");
    drop(tasks);
}

#[tokio::test(start_paused = true)]
async fn cd4_half_a_close_over_http1_is_a_client_that_left() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 1, Fault::Pace { ms: 100 });
    let mut client = stage.client().await;
    let stream = client.send(call("m", r#","stream":true"#)).await;
    assert!(stream.unwrap_or_else(|e| panic!("{e}")).body_mut().frame().await.is_some());
    client.leave();
    let bill = stage.sim.bill().settled(1).await;
    assert_eq!(bill[0].outcome, Outcome::ClientGone);
    assert_eq!(stage.line().await["outcome"], "client_cancelled");
}

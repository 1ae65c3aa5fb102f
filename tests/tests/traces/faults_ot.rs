//! A tracing back-end that is dead, slow or hostile costs a call nothing.

use std::time::Duration;

use sidegate_testkit::sink::{Mood, Sink, told};
use sidegate_tests::client::chat;
use sidegate_tests::plane::within;
use sidegate_tests::policy::ladder;
use tokio::time::Instant;

use super::{SOON, Traced, all, spans, status, url};

#[tokio::test]
async fn ot1_a_back_end_that_takes_nothing_costs_no_call_anything_and_memory_is_bounded() {
    let sink = Sink::start().await.unwrap();
    let nobody = "http://127.0.0.1:1";
    let hole = "http://192.0.2.1:4317";
    for (mood, to) in [
        (Mood::Good, nobody),
        (Mood::Good, hole),
        (Mood::Stall, &url(&sink)),
        (Mood::Status(429), &url(&sink)),
        (Mood::Status(503), &url(&sink)),
        (Mood::Endless, &url(&sink)),
    ] {
        sink.set(mood.clone());
        for protocol in ["grpc", "http/protobuf"] {
            let mut traced = Traced::under(all(ladder(&[1])), &["--otlp-endpoint", to, "--otlp-protocol", protocol]);
            let queue = traced.stage.sidecar.spans.clone().unwrap();
            let mut connection = traced.stage.connect().await;
            let mut slowest = Duration::ZERO;
            for _ in 0..300 {
                let began = Instant::now();
                let answer = connection.send_request(chat("m", "")).await.unwrap();
                assert_eq!(answer.status(), 200);
                sidegate_tests::client::whole(answer.into_body()).await;
                slowest = slowest.max(began.elapsed());
            }
            assert!(slowest < Duration::from_secs(2), "{mood:?} {protocol}: {slowest:?}");
            assert!(queue.bytes() <= 2 << 20, "{} bytes", queue.bytes());
            // Whoever answers 200 has taken them, whatever it goes on to say.
            let taken = matches!((&mood, protocol), (Mood::Endless, "http/protobuf"));
            assert!(taken || traced.stage.metric("sidegate_spans_exported_total") == 0, "{mood:?} {protocol}");
        }
    }
}

#[tokio::test]
async fn ot1_what_finds_no_room_is_counted() {
    let mut traced = Traced::under(all(ladder(&[1])), &["--otlp-endpoint", "http://127.0.0.1:1"]);
    let queue = traced.stage.sidecar.spans.clone().unwrap();
    let mut connection = traced.stage.connect().await;
    for _ in 0..20_000 {
        let answer = connection.send_request(chat("m", "")).await.unwrap();
        sidegate_tests::client::whole(answer.into_body()).await;
        if queue.dropped() > 0 {
            break;
        }
    }
    assert!(queue.dropped() > 0 && queue.bytes() <= 2 << 20, "{} bytes", queue.bytes());
    traced.stage.settled().await;
    // At most what a batch holds has left the queue.
    assert!(queue.bytes() > 1 << 20, "{} bytes", queue.bytes());
}

#[tokio::test]
async fn ot1_what_is_turned_down_for_good_is_counted_and_not_sent_again() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    sink.set(Mood::Status(400));
    traced.stage.call(chat("m", "")).await;
    let failed = r#"sidegate_spans_dropped_total{reason="failed"}"#;
    within(SOON, "the count", || traced.stage.metric(failed) == 2).await;
    assert_eq!(sink.asked(), 1);
}

#[tokio::test]
async fn ot1_a_back_end_that_says_when_is_asked_again_then() {
    for protocol in ["grpc", "http/protobuf"] {
        let sink = Sink::start().await.unwrap();
        let flags = ["--otlp-endpoint", &url(&sink), "--otlp-protocol", protocol];
        let mut traced = Traced::under(all(ladder(&[1])), &flags);
        sink.set(Mood::Later(429, 3));
        let called = Instant::now();
        traced.stage.call(chat("m", "")).await;
        within(SOON, "a question", || sink.asked() == 1).await;
        sink.set(Mood::Good);
        assert_eq!(spans(&sink, 2).await.len(), 2, "{protocol}");
        // Without a word of it the first wait is a second at most.
        assert!(called.elapsed() >= Duration::from_secs(3), "{protocol}: {:?}", called.elapsed());
    }
}

#[tokio::test]
async fn ot1_an_answer_that_cannot_be_read_ends_a_batch_and_not_the_sender() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    sink.set(Mood::Garbled);
    traced.stage.call(chat("m", "")).await;
    let failed = r#"sidegate_spans_dropped_total{reason="failed"}"#;
    within(SOON, "the count", || traced.stage.metric(failed) == 2).await;
    sink.set(Mood::Good);
    traced.stage.call(chat("m", "")).await;
    assert_eq!(spans(&sink, 2).await.len(), 2);
}

#[tokio::test]
async fn ot1_what_is_too_much_for_a_back_end_is_counted_and_not_sent_again() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    sink.set(Mood::Status(429));
    traced.stage.call(chat("m", "")).await;
    let failed = r#"sidegate_spans_dropped_total{reason="failed"}"#;
    within(SOON, "the count", || traced.stage.metric(failed) == 2).await;
    assert_eq!(sink.asked(), 1, "gRPC's code alone does not say that it passes");
}

#[tokio::test]
async fn ot5_attempts_and_calls_are_both_counted_and_tied_together() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1, 1]))).await;
    traced.stage.spend_repeats();
    traced.stage.fail("first", 2, status(503));
    for _ in 0..3 {
        assert_eq!(traced.stage.call(chat("m", "")).await.status, 200);
    }
    let spans = spans(&sink, 8).await;
    let (calls, attempts): (Vec<_>, Vec<_>) = spans.iter().partition(|s| s.kind == 2);
    let counted: u64 =
        calls.iter().map(|s| told(&s.attributes, "sidegate.attempts").unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!((calls.len() as u64, attempts.len() as u64), (3, counted));
    assert_eq!(counted, traced.stage.sim.bill().entries().len() as u64);
    for attempt in attempts {
        let of: Vec<_> = calls.iter().filter(|c| c.span_id == attempt.parent_span_id).collect();
        assert_eq!(of.len(), 1, "each attempt is of one call");
        assert_eq!(of[0].trace_id, attempt.trace_id);
    }
}

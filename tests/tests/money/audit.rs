//! One audit line a call, whatever happens to it.

use std::collections::HashSet;
use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use sidegate_testkit::sim::{Fault, Rule};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, post};
use tokio::time::timeout;

use super::{three, ways};

/// Everything that can go wrong with an answer, and nothing.
fn faults() -> Vec<Option<Fault>> {
    let status = |status| Fault::Status { status, headers: Vec::new(), body: None, code: None };
    let cut = |after_event, at_byte| Fault::Cut { after_event, at_byte, reset: false };
    vec![
        None,
        Some(status(400)),
        Some(status(401)),
        Some(status(429)),
        Some(status(500)),
        Some(cut(None, None)),
        Some(cut(Some(0), None)),
        Some(cut(Some(2), None)),
        Some(cut(None, Some(100))),
        Some(Fault::Stall { after_event: None, ping_ms: None }),
        Some(Fault::Stall { after_event: Some(1), ping_ms: None }),
        Some(Fault::Stall { after_event: Some(1), ping_ms: Some(60_000) }),
        Some(Fault::ErrorBody {}),
        Some(Fault::ErrorEvent { after_event: 1 }),
        Some(Fault::GarbageEvent { after_event: 1 }),
        Some(Fault::HugeEvent { bytes: 200_000, after_event: 1 }),
        Some(Fault::EmptyChoices {}),
        Some(Fault::Html {}),
        Some(Fault::Gzip { corrupt: true }),
        Some(Fault::Redirect { status: 302, location: "http://elsewhere.test/".into() }),
        Some(Fault::Trickle { bytes: 3, pause_ms: 0 }),
        Some(Fault::ContentLength { delta: 10 }),
        Some(Fault::ContentLength { delta: -10 }),
        Some(Fault::Trailing { text: None, hold: true }),
        Some(Fault::Raw { text: "no HTTP\r\n\r\n".into() }),
        Some(Fault::Raw { text: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".into() }),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_the_provider_does_there_is_one_line() {
    for fault in faults() {
        for (name, request) in ways() {
            let mut stage = three();
            if let Some(fault) = &fault {
                stage.sim.add_faults(vec![Rule::always(fault.clone())]);
            }
            let answer = stage.call(request).await;
            let line = stage.line().await;
            assert_eq!(line["request_id"], answer.header("x-sidegate-request-id"), "{name}, {fault:?}");
            assert_eq!(stage.sidecar.audit.dropped(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whenever_the_caller_leaves_there_is_one_line() {
    for (name, request) in ways() {
        for frames in [None, Some(0), Some(1), Some(3), Some(1_000)] {
            let mut stage = three();
            stage.sim.add_faults(vec![Rule::always(Fault::Pace { ms: 10 })]);
            if frames.is_none() {
                stage.sim.clear_faults();
                stage.sim.add_faults(vec![Rule::always(Fault::Delay { ms: 60_000 })]);
            }
            let mut client = stage.client().await;
            let answer = timeout(Duration::from_secs(1), client.send(request.clone())).await;
            if let (Ok(Ok(mut answer)), Some(frames)) = (answer, frames) {
                for _ in 0..frames {
                    if answer.body_mut().frame().await.is_none() {
                        break;
                    }
                }
            }
            client.leave();
            let line = stage.line().await;
            let outcome = line["outcome"].as_str().unwrap_or_default();
            assert!(["answered", "client_cancelled"].contains(&outcome), "{name}, {frames:?}: {line}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_or_refused_here_has_a_line_too() {
    let mut list = post("/v1/models", "");
    *list.method_mut() = Method::GET;
    for (request, outcome) in [
        (list, "answered"),
        (post("/v1/nowhere", "{}"), "refused"),
        (post("/v1/chat/completions", "{"), "refused"),
        (chat("", ""), "refused"),
    ] {
        let mut stage = Stage::simple();
        let answer = stage.call(request).await;
        let line = stage.line().await;
        assert_eq!(line["outcome"], outcome, "{}", answer.text());
        assert_eq!(line["attempts"], serde_json::Value::Null);
        assert_eq!(line["cost"], serde_json::Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_have_as_many_lines_and_each_its_own() {
    let mut stage = Stage::simple();
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(stage.client().await);
    }
    let calls = clients.iter_mut().map(|client| client.send(chat("gpt-4o", "")));
    let answers = futures_util::future::join_all(calls).await;
    for answer in answers.into_iter().flatten() {
        sidegate_tests::Answer::read(answer).await;
    }
    stage.settled().await;
    let lines = stage.audit();
    let ids: HashSet<_> = lines.iter().filter_map(|line| line["request_id"].as_str()).collect();
    assert_eq!((lines.len(), ids.len()), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn no_key_and_no_prompt_is_in_a_line() {
    let mut stage = Stage::simple();
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"canary-of-the-prompt"}]}"#;
    stage.call(post("/v1/chat/completions", body)).await;
    let line = stage.line().await.to_string();
    for canary in ["canary-of-the-prompt", "app-canary-key", "sim-key-a"] {
        assert!(!line.contains(canary), "{line}");
    }
}

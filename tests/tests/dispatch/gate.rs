//! The gate: what is held back until it proves to be an answer, and what happens after the first byte.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use sidegate_policy::Dialect;
use sidegate_testkit::sim::{Fault, Outcome};
use sidegate_tests::Stage;
use sidegate_tests::client::{Answer, chat, generate, message, with};
use sidegate_tests::policy::{ladder, provider, snapshot};
use tokio::time::Instant;

/// Everything that is an error although its status says success.
fn errors_in_success() -> [Fault; 3] {
    [Fault::ErrorBody {}, Fault::Html {}, Fault::ErrorEvent { after_event: 0 }]
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_200_moves_before_the_caller_sees_a_byte() {
    for fault in errors_in_success() {
        let mut stage = Stage::with(ladder(&[1, 1]));
        stage.fail("first", 9, fault.clone());
        let answer = stage.call(chat("m", r#","stream":true"#)).await;
        assert_eq!(answer.status, 200, "{fault:?}");
        assert!(answer.complete);
        assert_eq!(answer.events().last(), Some(&"[DONE]"), "{fault:?}: {}", answer.text());
        assert_eq!(stage.trail().last().map(String::as_str), Some("second/a 200"), "{fault:?}");
        assert_eq!(stage.line().await["attempts"][0]["reason"], "error_in_success", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_whole_200_moves_too() {
    for fault in [Fault::ErrorBody {}, Fault::Html {}] {
        let mut stage = Stage::with(ladder(&[1, 1]));
        stage.fail("first", 9, fault);
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.json()["object"], "chat.completion");
        assert_eq!(stage.trail().last().map(String::as_str), Some("second/a 200"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_dialects_error_as_the_first_event_is_one() {
    for (dialect, request) in [
        (Dialect::OpenAi, chat("m", r#","stream":true"#)),
        (Dialect::Anthropic, message("m", r#","stream":true"#)),
        (Dialect::Gemini, generate("m", "streamGenerateContent?alt=sse")),
    ] {
        let mut stage = Stage::with(snapshot(vec![provider("first", dialect, 1)]));
        stage.fail("first", 1, Fault::ErrorEvent { after_event: 0 });
        let answer = stage.call(request).await;
        assert!(answer.complete, "{dialect:?}: {}", answer.text());
        assert_eq!(stage.trail().len(), 2, "{dialect:?}: {}", answer.text());
        assert_eq!(stage.line().await["outcome"], "answered", "{dialect:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_error_in_a_200_is_passed_on_and_counted_as_one() {
    let mut stage = Stage::with(ladder(&[1]));
    stage.fail("first", 9, Fault::ErrorBody {});
    let answer = stage.call(chat("m", "")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["error"].is_object(), "the body is still passed on: {}", answer.text());
    let line = stage.line().await;
    let attempts = line["attempts"].as_array().cloned().unwrap_or_default();
    assert!(attempts.iter().all(|a| a["class"] == "provider_transient"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn after_the_first_event_nothing_moves() {
    for fault in
        [Fault::ErrorEvent { after_event: 2 }, Fault::Cut { after_event: Some(2), at_byte: None, reset: false }]
    {
        let mut stage = Stage::with(ladder(&[2, 1]));
        stage.fail("first", 9, fault.clone());
        let answer = stage.call(chat("m", r#","stream":true"#)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(stage.trail().len(), 1, "{fault:?} was moved after the first byte");
        assert!(!answer.text().contains("[DONE]"), "{fault:?}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_opens_a_stream_is_held_back() {
    const PACE: Duration = Duration::from_millis(1_000);
    let mut stage = Stage::with(ladder(&[1, 1]));
    let paced = with(chat("m", r#","stream":true"#), "x-stainless-lang", "rust");
    stage.fail("first", 9, Fault::Pace { ms: 1_000 });
    let began = Instant::now();
    let mut response = stage.send(paced).await;
    assert_eq!(response.status(), StatusCode::OK);
    let first = response.body_mut().frame().await;
    assert!(first.is_some_and(|f| f.is_ok()));
    // The role comes first and says nothing yet; the text comes one pace later.
    assert!(began.elapsed() < PACE + Duration::from_millis(10), "the first text is here and so is told");
    assert!(Answer::read(response).await.complete);
    assert!(began.elapsed() >= 2 * PACE, "the rest came later");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_it_waits_for_the_head_cancels_upstream() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 9, Fault::Delay { ms: 60_000 });
    for body in ["", r#","stream":true"#] {
        stage.sim.bill().clear();
        let mut client = stage.client().await;
        let call = client.send(chat("m", body));
        let (sim, asked) = (stage.sim.clone(), tokio::time::timeout(Duration::from_secs(1), call).await);
        assert!(asked.is_err(), "it is still waiting");
        client.leave();
        let left = Instant::now();
        let bill = sim.bill().settled(1).await;
        assert!(left.elapsed() <= Duration::from_millis(250), "{:?}", left.elapsed());
        assert_eq!((bill.len(), bill[0].outcome), (1, Outcome::ClientGone), "and nothing else is tried");
        let line = stage.line().await;
        assert_eq!(line["outcome"], "client_cancelled");
        assert_eq!(line["attempts"][0]["usage_source"], "estimated");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_during_a_back_off_ends_the_call() {
    let mut stage = Stage::with(ladder(&[1]));
    let headers = vec![("retry-after".to_owned(), "9".to_owned())];
    stage.fail("first", 9, Fault::Status { status: 429, headers, body: None, code: None });
    let mut client = stage.client().await;
    let waiting = tokio::time::timeout(Duration::from_secs(2), client.send(chat("m", ""))).await;
    assert!(waiting.is_err());
    client.leave();
    let line = stage.line().await;
    assert_eq!(line["outcome"], "client_cancelled");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(stage.trail().len(), 1, "nothing is sent for a caller that has left");
}

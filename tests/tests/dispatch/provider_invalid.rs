//! Errors that are the caller's to see: passed on as they are, and neither repeated nor moved.

use sidegate_policy::{Snapshot, Unit};
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::chat;
use sidegate_tests::policy::{ladder, limit};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn other_errors_pass_as_they_are() {
    for status in [400, 404, 409, 413, 422] {
        let own = format!(r#"{{"error":{{"message":"no: {status}","type":"invalid_request_error","code":null}}}}"#);
        let headers = vec![("x-request-id".to_owned(), "req_theirs".to_owned())];
        let mut stage = Stage::with(ladder(&[2, 1]));
        stage.fail("first", 9, Fault::Status { status, headers, body: Some(own.clone()), code: None });
        let answer = stage.call(chat("m", "")).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, own.as_str()));
        assert_eq!(answer.header("x-request-id"), "req_theirs");
        assert_eq!(answer.class(), "", "it is the provider's error, not ours");
        assert_eq!(stage.trail().len(), 1);
        let line = stage.line().await;
        assert_eq!((line["outcome"].as_str(), line["status"].as_u64()), (Some("answered"), Some(u64::from(status))));
        assert_eq!(line["cost_nanodollars"], 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_or_declined_passes_as_it_is() {
    for code in ["context_length_exceeded", "content_filter"] {
        let mut stage = Stage::with(ladder(&[2, 1]));
        stage.fail("first", 9, Fault::Status { status: 400, headers: Vec::new(), body: None, code: Some(code.into()) });
        let answer = stage.call(chat("m", "")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"]["code"], code);
        assert_eq!(stage.trail().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_caller_take_nothing_out() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 40, Fault::Status { status: 400, headers: Vec::new(), body: None, code: None });
    for _ in 0..40 {
        stage.call(chat("m", "")).await;
    }
    stage.call(chat("m", "")).await;
    let trail = stage.trail();
    assert!(trail.iter().all(|hit| hit.starts_with("first/")), "{trail:?}");
}

#[tokio::test(start_paused = true)]
async fn our_own_refusal_is_neither_repeated_nor_moved() {
    let limits = vec![limit("burst", Unit::Requests, 1, Duration::from_secs(60))];
    let mut stage = Stage::with(Snapshot { limits, ..ladder(&[2, 1]) }.sealed());
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    assert_eq!(stage.call(chat("m", "")).await.class(), "rate_limited");
    assert_eq!(stage.trail().len(), 1);
}

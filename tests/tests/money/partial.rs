//! Calls of which not all is known: estimated, never nothing, and they say so.

use http_body_util::BodyExt;
use serde_json::Value;
use sidegate_testkit::sim::{Fault, Outcome};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, message};
use sidegate_tests::policy::ladder;

use super::{cost, price, three};

#[tokio::test(start_paused = true)]
async fn a_cut_stream_is_estimated_and_says_so() {
    let mut stage = three();
    stage.fail("openai", 1, Fault::Cut { after_event: Some(3), at_byte: None, reset: false });
    assert!(!stage.call(chat("gpt-4o", r#","stream":true"#)).await.complete);
    let line = stage.line().await;
    assert_eq!((&line["outcome"], &line["class"]), (&"failed".into(), &"truncated".into()));
    assert_eq!(line["usage_source"], "estimated");
    assert!(line["output_tokens"].as_u64() > Some(0), "{line}");
    assert!(cost(&line) > Some(0), "{line}");
}

#[tokio::test(start_paused = true)]
async fn what_the_beginning_of_a_stream_told_is_kept() {
    let mut stage = three();
    stage.fail("anthropic", 1, Fault::Cut { after_event: Some(4), at_byte: None, reset: false });
    assert!(!stage.call(message("claude-haiku-4-5", r#","stream":true"#)).await.complete);
    let (line, entry) = (stage.line().await, stage.sim.bill().entries().remove(0));
    assert_eq!(line["input_tokens"].as_u64(), Some(entry.prompt_tokens), "as message_start had it");
    assert_eq!(line["usage_source"], "estimated", "the output is not known");
    assert!(line["output_tokens"].as_u64() >= Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_caller_leaves_is_estimated() {
    let mut stage = three();
    stage.fail("anthropic", 1, Fault::Pace { ms: 100 });
    let mut client = stage.client().await;
    let stream = client.send(message("claude-haiku-4-5", r#","stream":true"#)).await;
    let mut stream = stream.unwrap_or_else(|e| panic!("{e}"));
    for _ in 0..4 {
        assert!(stream.body_mut().frame().await.is_some_and(|f| f.is_ok()));
    }
    client.leave();
    let line = stage.line().await;
    let entry = stage.sim.bill().settled(1).await.remove(0);
    assert_eq!(entry.outcome, Outcome::ClientGone);
    assert_eq!(line["outcome"], "client_cancelled");
    assert_eq!(line["input_tokens"].as_u64(), Some(entry.prompt_tokens));
    assert_eq!(line["usage_source"], "estimated");
}

#[tokio::test(start_paused = true)]
async fn usage_that_is_missing_at_a_good_end_is_estimated() {
    let mut stage = three();
    let spoilt = sidegate_testkit::sim::fault::UsageAs::Missing;
    stage.fail("openai", 2, Fault::Usage { spoilt });
    for more in ["", r#","stream":true"#] {
        assert!(stage.call(chat("gpt-4o", more)).await.complete);
        let line = stage.line().await;
        assert_eq!((&line["outcome"], &line["usage_source"]), (&"answered".into(), &"estimated".into()), "{line}");
        assert_eq!(line["anomalies"][0], "usage_missing");
        assert!(cost(&line) > Some(0));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_fallback_both_attempts_are_in_the_books() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 9, Fault::Cut { after_event: None, at_byte: None, reset: false });
    assert_eq!(stage.call(chat("m", "")).await.status, 200);
    let (line, bill) = (stage.line().await, stage.sim.bill().entries());
    let attempts = line["attempts"].as_array().cloned().unwrap_or_default();
    assert_eq!(attempts.len(), 3);
    for lost in &attempts[..2] {
        assert_eq!((&lost["usage_source"], &lost["sent"]), (&"estimated".into(), &Value::Bool(true)));
        assert!(cost(lost) > Some(0), "the provider may bill what it had read: {lost}");
    }
    assert_eq!(cost(&attempts[2]), Some(price(&bill[2])));
    assert_eq!(cost(&line), attempts.iter().map(cost).sum(), "the call costs all of them");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_after_a_plain_error_costs_its_answer_only() {
    let mut stage = Stage::with(ladder(&[1, 1]));
    stage.fail("first", 9, Fault::Status { status: 500, headers: Vec::new(), body: None, code: None });
    stage.call(chat("m", "")).await;
    let bill = stage.sim.bill().entries();
    assert_eq!(cost(&stage.line().await), bill.last().map(price));
}

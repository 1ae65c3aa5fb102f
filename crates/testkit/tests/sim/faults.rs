//! Faults on demand.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::{Value, json};
use sidegate_testkit::sim::{Dialect, Fault, Match, Outcome, Rule, SimConfig, Simulator};
use tokio::time::{Instant, timeout};

use crate::talk::{Ask, Heard, connect, post, talk};

fn ask(stream: bool) -> Ask {
    let messages = json!([{"role": "user", "content": "Say hello to me"}]);
    let options = json!({"include_usage": stream});
    let body = json!({
        "model": "gpt-4o", "stream": stream, "messages": messages, "stream_options": options,
    });
    post("/v1/chat/completions", &body)
}

fn sim() -> Simulator {
    Simulator::new(SimConfig::default())
}

async fn with(stream: bool, fault: &Value) -> Heard {
    talk(&sim(), ask(stream).header("x-sim-fault", &fault.to_string())).await
}

#[tokio::test(start_paused = true)]
async fn a_status_speaks_the_providers_error_and_brings_its_headers() {
    let fault = json!({"kind": "status", "status": 429, "headers": [["retry-after", "7"]]});
    let heard = with(true, &fault).await;
    assert_eq!(heard.status, 429);
    assert_eq!(heard.headers["retry-after"], "7");
    assert_eq!(heard.json()["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_costs_nothing() {
    let sim = sim();
    talk(&sim, ask(false).header("x-sim-fault", r#"{"kind":"status","status":500}"#)).await;
    let entry = &sim.bill().settled(1).await[0];
    assert_eq!((entry.prompt_tokens, entry.output_tokens), (0, 0));
    assert_eq!((entry.outcome, entry.fault.as_deref()), (Outcome::Error, Some("status")));
}

#[tokio::test(start_paused = true)]
async fn a_rule_counts_the_requests_that_it_covers() {
    let sim = sim();
    let openai = Match { provider: Some(Dialect::OpenAi), ..Match::default() };
    let other = Match { model: Some("gpt-5".to_owned()), ..Match::default() };
    let fault = Fault::ErrorBody {};
    let rules =
        vec![Rule::always(Fault::Html {}).matching(other), Rule { skip: 1, ..Rule::times(2, fault).matching(openai) }];
    assert!(sim.add_faults(rules));
    let mut failed = Vec::new();
    for _ in 0..4 {
        failed.push(talk(&sim, ask(false)).await.json().get("error").is_some());
    }
    assert_eq!(failed, [false, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn a_delay_holds_the_head_back_and_a_pace_the_events() {
    let started = Instant::now();
    let fault = json!([{"kind": "delay", "ms": 5000}, {"kind": "pace", "ms": 100}]);
    let heard = with(true, &fault).await;
    assert_eq!(heard.events().len(), 10);
    // Nine pauses between ten events.
    assert_eq!(started.elapsed().as_millis(), 5000 + 900);
}

#[tokio::test(start_paused = true)]
async fn a_cut_ends_the_connection_after_the_event() {
    let sim = sim();
    let fault = r#"{"kind": "cut", "after_event": 3}"#;
    let heard = talk(&sim, ask(true).header("x-sim-fault", fault)).await;
    assert_eq!((heard.events().len(), heard.ended), (3, false));
    let entry = &sim.bill().settled(1).await[0];
    assert_eq!((entry.outcome, entry.output_tokens), (Outcome::Cut, 2));
}

#[tokio::test(start_paused = true)]
async fn a_cut_ends_the_body_at_the_byte() {
    for stream in [true, false] {
        let heard = with(stream, &json!({"kind": "cut", "at_byte": 40})).await;
        assert_eq!((heard.body.len(), heard.ended), (40, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_before_the_head_leaves_no_answer() {
    let sim = sim();
    let mut line = connect(&sim).await;
    let ask = ask(false).header("x-sim-fault", "cut");
    assert!(line.sender.send_request(ask.request).await.is_err());
    assert_eq!(sim.bill().settled(1).await[0].status, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stall_sends_nothing_more_and_sees_the_client_go() {
    let sim = sim();
    let mut line = connect(&sim).await;
    let fault = r#"{"kind": "stall", "after_event": 2}"#;
    let mut body = line.head(ask(true).header("x-sim-fault", fault)).await.into_body();
    for _ in 0..2 {
        body.frame().await.expect("a frame").expect("no error");
    }
    assert!(timeout(Duration::from_secs(3600), body.frame()).await.is_err());
    drop((body, line));
    let entry = &sim.bill().settled(1).await[0];
    assert_eq!((entry.outcome, entry.output_tokens), (Outcome::ClientGone, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stall_may_ping() {
    let sim = sim();
    let mut line = connect(&sim).await;
    let fault = r#"{"kind": "stall", "after_event": 0, "ping_ms": 1000}"#;
    let mut body = line.head(ask(true).header("x-sim-fault", fault)).await.into_body();
    let frame = body.frame().await.expect("a frame").expect("no error");
    assert_eq!(frame.into_data().expect("data").as_ref(), b": ping\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_the_same_answer_and_the_connection_lives_on() {
    let sim = sim();
    let whole = talk(&sim, ask(true)).await;
    let mut line = connect(&sim).await;
    let heard = line.talk(ask(true).header("x-sim-fault", "trickle")).await;
    assert_eq!(heard.body, whole.body);
    assert_eq!(line.talk(ask(true)).await.body, whole.body);
}

#[tokio::test(start_paused = true)]
async fn events_may_be_garbage_huge_or_errors() {
    let events = with(true, &json!({"kind": "garbage_event", "after_event": 1})).await.events();
    assert_eq!(events[1], json!("{\"broken\": "));
    let huge = with(true, &json!({"kind": "huge_event", "bytes": 1 << 20})).await;
    assert!(huge.body.len() > 1 << 20);
    let error = with(true, &json!({"kind": "error_event"})).await.events();
    assert_eq!(error.len(), 1);
    assert_eq!(error[0]["error"]["type"], "server_error");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_may_hold_anything_but_an_answer() {
    for (kind, expected) in [("html", "<!doctype"), ("error_body", "{\"error\"")] {
        let heard = with(false, &json!({ "kind": kind })).await;
        assert_eq!(heard.status, 200);
        assert!(heard.text().starts_with(expected));
    }
    let empty = with(false, &json!({"kind": "empty_choices"})).await;
    assert_eq!(empty.json()["choices"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn usage_may_be_missing_or_absurd_while_the_bill_stays_true() {
    let sim = sim();
    for spoilt in ["missing", "null", "words", "negative", "huge"] {
        let fault = json!({"kind": "usage", "as": spoilt}).to_string();
        let heard = talk(&sim, ask(false).header("x-sim-fault", &fault)).await.json();
        assert_ne!(heard["usage"]["completion_tokens"], 6, "{spoilt}");
    }
    assert!(sim.bill().entries().iter().all(|entry| entry.output_tokens == 6));
    let events = with(true, &json!({"kind": "usage", "as": "missing"})).await.events();
    assert!(events.iter().all(|event| event["usage"].is_null()));
}

#[tokio::test(start_paused = true)]
async fn an_overbill_is_reported_and_billed() {
    let sim = sim();
    let fault = r#"{"kind": "overbill", "output": 1000}"#;
    let heard = talk(&sim, ask(false).header("x-sim-fault", fault)).await.json();
    assert_eq!(heard["usage"]["completion_tokens"], 1006);
    assert_eq!(sim.bill().entries()[0].output_tokens, 1006);
}

#[tokio::test(start_paused = true)]
async fn heads_may_be_huge_and_redirect() {
    let heard = with(false, &json!({"kind": "headers", "cookies": 20, "filler": 20_000})).await;
    assert_eq!(heard.headers.get_all("set-cookie").iter().count(), 20);
    assert_eq!(heard.headers["x-filler-4"].len(), 4096);
    let moved = json!({"kind": "redirect", "status": 307, "location": "http://10.0.0.1/"});
    let heard = with(false, &moved).await;
    assert_eq!(
        (heard.status.as_u16(), &heard.headers["location"]),
        (307, &"http://10.0.0.1/".parse().expect("a value"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_gzip_body_says_so() {
    let heard = with(false, &json!({"kind": "gzip"})).await;
    assert_eq!(heard.headers["content-encoding"], "gzip");
    assert_eq!(&heard.body[..3], [0x1f, 0x8b, 8]);
    let broken = with(false, &json!({"kind": "gzip", "corrupt": true})).await;
    assert_eq!(broken.body.len() + 6, heard.body.len());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_length_is_announced() {
    let longer = with(false, &json!({"kind": "content_length", "delta": 10})).await;
    assert!(!longer.ended);
    let whole = with(false, &json!([])).await;
    let shorter = with(false, &json!({"kind": "content_length", "delta": -10})).await;
    assert_eq!(shorter.body.len() + 10, whole.body.len());
}

#[tokio::test(start_paused = true)]
async fn more_may_follow_the_end() {
    let events = with(true, &json!({"kind": "trailing"})).await.events();
    assert_eq!(events[events.len() - 2], "[DONE]");
    let sim = sim();
    let mut line = connect(&sim).await;
    let fault = r#"{"kind": "trailing", "text": "", "hold": true}"#;
    let held = line.talk(ask(true).header("x-sim-fault", fault));
    assert!(timeout(Duration::from_secs(60), held).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn frames_may_take_every_legal_form() {
    let plain = with(true, &json!([])).await;
    let odd = json!({
        "kind": "reframe", "line_end": "crlf", "comments": true, "bom": true, "tight": true,
    });
    let odd = with(true, &odd).await.text();
    assert!(odd.starts_with("\u{feff}: a comment\r\ndata:{"));
    assert_eq!(odd.matches("\r\n\r\n").count(), plain.events().len());
}

#[tokio::test(start_paused = true)]
async fn raw_bytes_are_sent_as_they_are() {
    let raw = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let heard = with(false, &json!({"kind": "raw", "text": raw})).await;
    assert_eq!(heard.text(), "ok");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_none_is_refused_loudly() {
    let heard = with(false, &json!({"kind": "sulk"})).await;
    assert_eq!(heard.status, 400);
    assert!(heard.text().contains("sulk"));
}

#[tokio::test(start_paused = true)]
async fn any_field_may_be_another_or_gone() {
    let other = json!({"kind": "patch", "at": "/model", "value": "gpt-4o-downgraded"});
    assert_eq!(with(false, &other).await.json()["model"], "gpt-4o-downgraded");
    let events = with(true, &json!({"kind": "patch", "at": "/id"})).await.events();
    assert!(events.iter().all(|event| event.get("id").is_none()));
}

#[tokio::test(start_paused = true)]
async fn faults_add_up() {
    let fault = json!([{"kind": "cut", "after_event": 4}, {"kind": "reframe", "line_end": "cr"}]);
    let heard = with(true, &fault).await;
    assert!(!heard.ended);
    assert_eq!(heard.text().matches("\r\r").count(), 4);
}

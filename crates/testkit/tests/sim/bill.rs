//! What is charged, and to whom.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;
use sidegate_testkit::sim::{Answers, Fault, Outcome, Rule, SimConfig, Simulator};

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::talk::{Ask, connect, post, talk};

fn ask(stream: bool) -> Ask {
    let messages = json!([{"role": "user", "content": "Say hello to me"}]);
    let body = json!({"model": "gpt-4o", "stream": stream, "messages": messages});
    post("/v1/chat/completions", &body)
}

fn paced() -> Simulator {
    let answers = Answers { events: Some(100), pause_ms: 10, ..Answers::default() };
    Simulator::new(SimConfig { answers, ..SimConfig::default() })
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_charged_for_what_was_generated_until_its_client_left() {
    let sim = paced();
    let mut line = connect(&sim).await;
    let mut body = line.head(ask(true)).await.into_body();
    for _ in 0..5 {
        body.frame().await.expect("a frame").expect("no error");
    }
    drop((body, line));
    let entries = sim.bill().settled(1).await;
    assert_eq!(entries[0].outcome, Outcome::ClientGone);
    // The role and four pieces have been read; the pipe may hold one more.
    assert!((4..=5).contains(&entries[0].output_tokens), "{}", entries[0].output_tokens);
    assert_eq!(entries[0].prompt_tokens, 8);
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_charged_even_if_its_client_left_while_it_waited() {
    let sim = Simulator::new(SimConfig::default());
    sim.add_faults(vec![Rule::always(Fault::Delay { ms: 60_000 })]);
    let mut line = connect(&sim).await;
    let waiting = tokio::time::timeout(Duration::from_secs(1), line.head(ask(false))).await;
    assert!(waiting.is_err());
    drop(line);
    let entries = sim.bill().settled(1).await;
    assert_eq!(entries[0].outcome, Outcome::ClientGone);
    assert_eq!(entries[0].output_tokens, 6);
}

#[tokio::test(start_paused = true)]
async fn an_entry_describes_the_exact_request() {
    let sim = Simulator::new(SimConfig::default());
    let heard = talk(&sim, ask(false).header("user-agent", "test/1")).await;
    let entries = sim.bill().settled(1).await;
    let entry = &entries[0];
    assert_eq!((entry.model.as_str(), entry.stream, entry.status), ("gpt-4o", false, 200));
    assert_eq!(entry.header("user-agent"), Some("test/1"));
    assert_eq!(entry.body.as_ref().map(|body| body.len() as u64), Some(entry.body_bytes));
    assert_eq!(entry.body_sha256.len(), 64);
    assert_eq!(entry.bytes_sent, heard.body.len() as u64);
    assert_eq!(entry.outcome, Outcome::Complete);
}

#[tokio::test(start_paused = true)]
async fn old_entries_are_dropped_and_counted_but_stay_in_the_totals() {
    let sim = Simulator::new(SimConfig { bill_entries: 2, ..SimConfig::default() });
    for _ in 0..3 {
        talk(&sim, ask(false)).await;
    }
    let statement = sim.bill().statement();
    assert_eq!(statement.entries.len(), 2);
    assert_eq!(statement.dropped, 1);
    assert_eq!(statement.totals.output_tokens, 18);
}

#[tokio::test(start_paused = true)]
async fn without_a_bill_nothing_is_entered_and_equal_requests_are_answered_alike() {
    let sim = Simulator::new(SimConfig { bill: false, ..SimConfig::default() });
    let first = talk(&sim, ask(true)).await;
    let second = talk(&sim, ask(true)).await;
    assert_eq!(first.body, second.body);
    assert!(sim.bill().entries().is_empty());
    // A fault is still seen, although the answer is in memory.
    sim.add_faults(vec![Rule::always(Fault::Html {})]);
    assert!(talk(&sim, ask(true)).await.text().contains("sign in"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_sends_costs_nothing() {
    let sim = Simulator::new(SimConfig::default());
    let (mut near, far) = tokio::io::duplex(1024);
    let mut tasks = JoinSet::new();
    tasks.spawn(sim.serve_connection(far));
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\ncontent-length: 99\r\n\r\n{";
    near.write_all(head.as_bytes()).await.expect("written");
    sim.bill().when(|entries| !entries.is_empty()).await;
    drop(near);
    let entry = &sim.bill().settled(1).await[0];
    assert_eq!((entry.outcome, entry.prompt_tokens), (Outcome::ClientGone, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_before_it_arrives() {
    let sim = Simulator::new(SimConfig::default());
    let (mut near, far) = tokio::io::duplex(1024);
    let mut tasks = JoinSet::new();
    tasks.spawn(sim.serve_connection(far));
    let length = (64 << 20) + 1;
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\r\n{{");
    near.write_all(head.as_bytes()).await.expect("written");
    let entry = &sim.bill().settled(1).await[0];
    assert_eq!((entry.outcome, entry.status), (Outcome::Error, 413));
}

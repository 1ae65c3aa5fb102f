//! New conversations follow the weights; a conversation stays where it began.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sidegate_policy::Dialect;
use sidegate_testkit::sim::Fault;
use sidegate_tests::Stage;
use sidegate_tests::client::post;
use sidegate_tests::policy::{provider, snapshot, spread};

fn opening(n: usize) -> Request<Full<Bytes>> {
    post("/v1/chat/completions", format!(r#"{{"model":"m","messages":[{{"role":"user","content":"story {n}"}}]}}"#))
}

fn later(n: usize) -> Request<Full<Bytes>> {
    let first = format!(r#"{{"role":"user","content":"story {n}"}}"#);
    let rest = r#"{"role":"assistant","content":"once"},{"role":"user","content":"go on"}"#;
    post("/v1/chat/completions", format!(r#"{{"model":"m","messages":[{first},{rest}]}}"#))
}

fn where_to(stage: &Stage) -> String {
    let last = stage.trail().pop().unwrap_or_default();
    last.split(' ').next().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn new_conversations_follow_the_weights() {
    let mut stage = Stage::with(spread(&[9, 1, 0]));
    for n in 0..400 {
        assert_eq!(stage.call(opening(n)).await.status, 200);
    }
    let mut counts = BTreeMap::new();
    stage.trail().into_iter().for_each(|hit| *counts.entry(hit).or_insert(0) += 1);
    assert_eq!(counts.len(), 2, "a weight of 0 is drained: {counts:?}");
    assert!((20..=65).contains(&counts["second/a 200"]), "a tenth of 400: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn credentials_share_new_conversations_by_weight() {
    let mut first = provider("first", Dialect::OpenAi, 2);
    first.credentials[0].weight = 3;
    let mut stage = Stage::with(snapshot(vec![first]));
    for n in 0..400 {
        assert_eq!(stage.call(opening(n)).await.status, 200);
    }
    let b = stage.trail().iter().filter(|hit| hit.starts_with("first/b")).count();
    assert!((70..=130).contains(&b), "a quarter of 400: {b}");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_with_an_answer_in_it_stays_where_it_began() {
    let mut stage = Stage::with(spread(&[1, 1, 1]));
    for n in 0..30 {
        stage.call(opening(n)).await;
        let began = where_to(&stage);
        for _ in 0..3 {
            stage.call(later(n)).await;
            assert_eq!(where_to(&stage), began, "conversation {n}");
        }
    }
    let line = stage.audit().pop().unwrap_or_default();
    assert_eq!(line["pinned"], true);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_names_an_earlier_response_goes_where_that_came_from() {
    let mut stage = Stage::with(spread(&[1, 1, 1]));
    for n in 0..30 {
        let body = format!(r#"{{"model":"m","input":"story {n}"}}"#);
        let answer = stage.call(post("/v1/responses", body)).await;
        let (began, id) = (where_to(&stage), answer.json()["id"].as_str().unwrap_or_default().to_owned());
        assert!(!id.is_empty(), "{}", answer.text());
        let body = format!(r#"{{"model":"m","input":"go on","previous_response_id":"{id}"}}"#);
        assert_eq!(stage.call(post("/v1/responses", body)).await.status, 200);
        assert_eq!(where_to(&stage), began, "response {id}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_first_message_alone_pins_nothing() {
    let mut stage = Stage::with(spread(&[1, 1]));
    for _ in 0..60 {
        stage.call(opening(0)).await;
    }
    let first = stage.trail().iter().filter(|hit| hit.starts_with("first")).count();
    assert!((15..=45).contains(&first), "{first} of 60");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_moves_when_its_place_fails() {
    let mut stage = Stage::with(spread(&[1, 1]));
    stage.call(opening(1)).await;
    let began = where_to(&stage);
    let name = began.split('/').next().unwrap_or_default();
    stage.fail(name, 1_000, Fault::Status { status: 401, headers: Vec::new(), body: None, code: None });
    assert_eq!(stage.call(later(1)).await.status, 200);
    let now = where_to(&stage);
    assert_ne!(now, began);
    stage.sim.clear_faults();
    stage.call(later(1)).await;
    assert_eq!(where_to(&stage), now, "and then stays there");
}

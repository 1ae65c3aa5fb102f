//! The simulator's own paths.

use http::Method;
use serde_json::json;
use sidegate_testkit::sim::{SimConfig, Simulator};

use crate::talk::{Ask, ask, get, post, talk};

fn chat() -> Ask {
    let messages = json!([{"role": "user", "content": "hello"}]);
    post("/v1/chat/completions", &json!({"model": "gpt-4o", "messages": messages}))
}

#[tokio::test(start_paused = true)]
async fn faults_are_set_listed_and_deleted() {
    let sim = Simulator::new(SimConfig::default());
    let rules = json!([{
        "match": {"provider": "openai", "model": "gpt-4o"}, "count": 2,
        "fault": {"kind": "status", "status": 503},
    }]);
    assert_eq!(talk(&sim, post("/_sim/faults", &rules)).await.status, 200);
    assert_eq!(talk(&sim, chat()).await.status, 503);
    assert_eq!(talk(&sim, get("/_sim/faults")).await.json()[0]["count"], 1);
    let delete = ask(Method::DELETE, "/_sim/faults", String::new());
    assert_eq!(talk(&sim, delete).await.status, 200);
    assert_eq!(talk(&sim, chat()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_makes_no_sense_is_refused() {
    let sim = Simulator::new(SimConfig::default());
    for rule in [json!({"fault": {"kind": "sulk"}}), json!({"mach": {}}), json!([1])] {
        assert_eq!(talk(&sim, post("/_sim/faults", &rule)).await.status, 400, "{rule}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_bill_is_shown_and_cleared() {
    let sim = Simulator::new(SimConfig::default());
    talk(&sim, chat()).await;
    let bill = talk(&sim, get("/_sim/bill")).await.json();
    assert_eq!(bill["entries"][0]["outcome"], "complete");
    assert_eq!(bill["entries"][0]["dialect"], "openai");
    assert_eq!(bill["totals"]["requests"], 1);
    talk(&sim, ask(Method::DELETE, "/_sim/bill", String::new())).await;
    assert_eq!(talk(&sim, get("/_sim/bill")).await.json()["totals"]["requests"], 0);
}

#[tokio::test(start_paused = true)]
async fn the_shape_of_answers_is_changed_while_it_runs() {
    let sim = Simulator::new(SimConfig::default());
    let shape = json!({"text": "bonjour", "cached": 2}).to_string();
    assert_eq!(talk(&sim, ask(Method::PUT, "/_sim/answers", shape)).await.status, 200);
    let heard = talk(&sim, chat()).await.json();
    assert_eq!(heard["choices"][0]["message"]["content"], "bonjour");
    assert_eq!(heard["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
}

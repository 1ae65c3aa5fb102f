//! Free, priced and unknown are three different things.

use sidegate_policy::{ModelFacts, Price, Snapshot};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, post};
use sidegate_tests::policy::ladder;

fn priced(price: Option<Price>) -> Snapshot {
    let mut policy = ladder(&[1]);
    for ModelFacts { price: place, .. } in policy.providers.iter_mut().flat_map(|p| &mut p.models) {
        place.clone_from(&price);
    }
    policy
}

#[tokio::test(start_paused = true)]
async fn a_model_without_a_price_costs_something_unknown() {
    let mut stage = Stage::with(priced(None));
    stage.call(chat("m", "")).await;
    let line = stage.line().await;
    assert_eq!(line["cost"], "unknown");
    assert_eq!(line["cost_nanodollars"], serde_json::Value::Null);
    assert!(line["input_tokens"].as_u64() > Some(0), "its tokens are known");
}

#[tokio::test(start_paused = true)]
async fn a_model_whose_price_is_nothing_is_free() {
    let mut stage = Stage::with(priced(Some(Price::default())));
    stage.call(chat("m", "")).await;
    assert_eq!(stage.line().await["cost"], "free");
}

#[tokio::test(start_paused = true)]
async fn counting_tokens_costs_nothing() {
    let mut stage = Stage::with(ladder(&[1]));
    assert_eq!(stage.call(post("/v1/responses/input_tokens", r#"{"model":"m","input":"hello"}"#)).await.status, 200);
    let line = stage.line().await;
    assert_eq!((&line["cost"], line["cost_nanodollars"].as_u64()), (&"priced".into(), Some(0)), "{line}");
}

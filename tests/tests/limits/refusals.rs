//! A refusal in each dialect: what its SDK needs, and the name of the rule.

use sidegate_policy::{Dialect, Snapshot, Unit};
use sidegate_tests::Stage;
use sidegate_tests::client::{chat, generate, message};
use sidegate_tests::policy::{provider, snapshot};

use super::a_minute;

const RULE: &str = "AIPolicy/sidegate-system/cluster spec.limits[burst]";

fn one_call(dialect: Dialect) -> Stage {
    let limits = vec![a_minute("burst", Unit::Requests, 1)];
    Stage::with(Snapshot { limits, ..snapshot(vec![provider("first", dialect, 1)]) }.sealed())
}

#[tokio::test(start_paused = true)]
async fn openais() {
    let mut stage = one_call(Dialect::OpenAi);
    stage.call(chat("m", "")).await;
    let refused = stage.call(chat("m", "")).await;
    let body = refused.json();
    assert_eq!(refused.status, 429);
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert_eq!(body["error"]["code"], "rate_limited");
    assert_eq!(body["error"]["sidegate"]["rule"], RULE);
    assert_eq!(body["error"]["sidegate"]["source"], "gateway");
    assert_eq!(body["error"]["sidegate"]["request_id"], refused.header("x-sidegate-request-id"));
}

#[tokio::test(start_paused = true)]
async fn anthropics() {
    let mut stage = one_call(Dialect::Anthropic);
    stage.call(message("m", "")).await;
    let refused = stage.call(message("m", "")).await;
    let body = refused.json();
    assert_eq!(refused.status, 429);
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "rate_limit_error");
    assert_eq!(body["error"]["sidegate"]["rule"], RULE);
    assert_eq!(body["request_id"], refused.header("x-sidegate-request-id"));
}

#[tokio::test(start_paused = true)]
async fn geminis() {
    let mut stage = one_call(Dialect::Gemini);
    stage.call(generate("m", "generateContent")).await;
    let refused = stage.call(generate("m", "generateContent")).await;
    let body = refused.json();
    assert_eq!(refused.status, 429);
    assert_eq!(body["error"]["code"], 429);
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(body["error"]["details"][0]["metadata"]["rule"], RULE);
    assert_eq!(body["error"]["details"][1]["retryDelay"], "60.000s");
}

#[tokio::test(start_paused = true)]
async fn the_audit_line_names_the_rule_too() {
    let mut stage = one_call(Dialect::OpenAi);
    stage.call(chat("m", "")).await;
    drop(stage.audit());
    stage.call(chat("m", "")).await;
    let line = stage.line().await;
    assert_eq!((line["outcome"].as_str(), line["class"].as_str()), (Some("refused"), Some("rate_limited")));
    assert_eq!(line["refused_by"], RULE);
    assert_eq!(line["attempts"], serde_json::Value::Null);
    let counted = r#"sidegate_refusals_total{class="rate_limited",rule="AIPolicy/sidegate-system/cluster"}"#;
    assert_eq!(stage.metric(counted), 1);
}

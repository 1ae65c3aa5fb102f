//! The list of models, and one of them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::reply::Usage;

pub(super) fn list(models: &[String]) -> Answer {
    let ours = models.iter().filter(|name| name.starts_with("gemini"));
    let models: Vec<_> = ours.map(|name| model(name)).collect();
    Answer::json(StatusCode::OK, &json!({"models": models}), Usage::default())
}

pub(super) fn one(name: &str) -> Answer {
    Answer::json(StatusCode::OK, &model(name), Usage::default())
}

fn model(name: &str) -> Value {
    let methods = if name.contains("embedding") {
        json!(["embedContent", "countTokens"])
    } else {
        json!(["generateContent", "countTokens"])
    };
    json!({
        "name": format!("models/{name}"), "version": "001", "displayName": name,
        "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
    })
}

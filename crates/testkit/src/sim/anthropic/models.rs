//! The list of models, and one of them.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::reply::Usage;

pub(super) fn list(models: &[String]) -> Answer {
    let ours = models.iter().filter(|name| name.starts_with("claude"));
    let data: Vec<_> = ours.map(|name| model(name)).collect();
    let id = |item: Option<&Value>| item.and_then(|item| item.get("id")).cloned();
    let body = json!({
        "first_id": id(data.first()), "last_id": id(data.last()), "has_more": false, "data": data,
    });
    Answer::json(StatusCode::OK, &body, Usage::default())
}

pub(super) fn one(name: &str) -> Answer {
    Answer::json(StatusCode::OK, &model(name), Usage::default())
}

fn model(name: &str) -> Value {
    json!({
        "type": "model", "id": name, "display_name": name, "created_at": "2025-10-01T00:00:00Z",
    })
}

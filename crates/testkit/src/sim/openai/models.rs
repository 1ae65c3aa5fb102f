//! The list of models, and one of them.

use http::StatusCode;
use serde_json::{Value, json};

use super::CREATED;
use crate::sim::answer::Answer;
use crate::sim::reply::Usage;

pub(super) fn list(models: &[String]) -> Answer {
    let data: Vec<_> = models.iter().map(|name| model(name)).collect();
    Answer::json(StatusCode::OK, &json!({"object": "list", "data": data}), Usage::default())
}

pub(super) fn one(name: &str) -> Answer {
    Answer::json(StatusCode::OK, &model(name), Usage::default())
}

fn model(name: &str) -> Value {
    json!({"id": name, "object": "model", "created": CREATED, "owned_by": "sim"})
}

//! Embeddings, as numbers or as base64.

use http::StatusCode;
use serde_json::{Value, json};

use crate::sim::answer::Answer;
use crate::sim::ask::Ask;
use crate::sim::reply::Usage;
use crate::sim::vector;

pub(super) fn render(ask: &Ask) -> Answer {
    let item = |(index, input)| {
        let vector = vector::of(input, ask.dimensions);
        let embedding: Value = if ask.base64 { vector::base64(&vector).into() } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let body = json!({
        "object": "list", "model": ask.model,
        "data": ask.inputs.iter().enumerate().map(item).collect::<Vec<_>>(),
        "usage": {"prompt_tokens": ask.prompt_tokens, "total_tokens": ask.prompt_tokens},
    });
    let usage = Usage { prompt: ask.prompt_tokens, ..Usage::default() };
    Answer::json(StatusCode::OK, &body, usage)
}

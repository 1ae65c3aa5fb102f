//! Gemini's answers.

mod generate;
mod models;

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::{Ask, Input};
use super::dialect::{Operation, Place};
use super::reply::{Reply, Usage};
use super::vector;

/// Renders `reply` as the answer to `ask`; `models` is what lists show.
pub(crate) fn render(place: &Place, ask: &Ask, reply: &Reply, models: &[String]) -> Answer {
    match place.operation {
        Operation::ListModels => models::list(models),
        Operation::GetModel => models::one(&ask.model),
        Operation::CountTokens => count(ask),
        Operation::Embeddings | Operation::BatchEmbeddings => embed(place, ask),
        _ => generate::render(ask, reply),
    }
}

fn count(ask: &Ask) -> Answer {
    let tokens = ask.prompt_tokens;
    let details = json!([{"modality": "TEXT", "tokenCount": tokens}]);
    let body = json!({"totalTokens": tokens, "promptTokensDetails": details});
    Answer::json(StatusCode::OK, &body, Usage::default())
}

/// Embeddings report no usage; the bill counts their tokens all the same.
fn embed(place: &Place, ask: &Ask) -> Answer {
    let values = |input: &Input| json!({"values": vector::of(input, ask.dimensions)});
    let body: Value = match (place.operation, ask.inputs.first()) {
        (Operation::Embeddings, Some(input)) => json!({"embedding": values(input)}),
        _ => json!({"embeddings": ask.inputs.iter().map(values).collect::<Vec<_>>()}),
    };
    let usage = Usage { prompt: ask.prompt_tokens, ..Usage::default() };
    Answer::json(StatusCode::OK, &body, usage)
}

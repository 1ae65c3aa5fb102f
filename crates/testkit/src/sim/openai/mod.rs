//! OpenAI's answers.

mod chat;
mod completions;
mod embeddings;
mod events;
mod models;
mod responses;

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::ask::Ask;
use super::dialect::{Operation, Place};
use super::reply::{Reply, Usage};

/// Seconds since 1970 that answers say they were created at: a constant, so
/// that equal requests have equal answers.
const CREATED: u64 = 1_760_000_000;

/// Renders `reply` as the answer to `ask`; `models` is what lists show.
pub(crate) fn render(place: &Place, ask: &Ask, reply: &Reply, models: &[String]) -> Answer {
    match place.operation {
        Operation::Chat => chat::render(ask, reply),
        Operation::Responses => responses::render(ask, reply),
        Operation::Completions => completions::render(ask, reply),
        Operation::Embeddings | Operation::BatchEmbeddings => embeddings::render(ask),
        Operation::ListModels => models::list(models),
        Operation::GetModel => models::one(&ask.model),
        Operation::CountTokens => {
            let body = json!({
                "object": "response.input_tokens", "input_tokens": ask.prompt_tokens,
            });
            Answer::json(StatusCode::OK, &body, Usage::default())
        }
    }
}

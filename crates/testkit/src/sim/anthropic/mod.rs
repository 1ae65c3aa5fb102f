//! Anthropic's answers.

mod messages;
mod models;

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use super::ask::Ask;
use super::dialect::{Operation, Place};
use super::reply::{Reply, Usage};

/// Renders `reply` as the answer to `ask`; `models` is what lists show.
pub(crate) fn render(place: &Place, ask: &Ask, reply: &Reply, models: &[String]) -> Answer {
    match place.operation {
        Operation::ListModels => models::list(models),
        Operation::GetModel => models::one(&ask.model),
        Operation::CountTokens => {
            let body = json!({"input_tokens": ask.prompt_tokens});
            Answer::json(StatusCode::OK, &body, Usage::default())
        }
        _ => messages::render(ask, reply),
    }
}

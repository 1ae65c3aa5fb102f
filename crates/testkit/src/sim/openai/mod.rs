//! OpenAI's answers.

mod chat;

use super::answer::Answer;
use super::ask::Ask;
use super::dialect::Place;
use super::reply::Reply;

/// Seconds since 1970 that answers say they were created at: a constant, so
/// that equal requests have equal answers.
const CREATED: u64 = 1_760_000_000;

/// Renders `reply` as the answer to `ask`.
pub(crate) fn render(_place: &Place, ask: &Ask, reply: &Reply) -> Answer {
    chat::render(ask, reply)
}

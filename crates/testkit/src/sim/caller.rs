//! Who asks, as far as the head says it: the key, and what the bill may keep.

use http::request::Parts;

use super::Simulator;
use super::config::Answers;
use super::dialect::{Dialect, Place};

/// Headers that carry a credential.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];

/// The key that a request presents, in the form that its provider expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// No keys are configured: anybody may ask.
    Any,
    /// A configured key, by its name.
    Named(String),
    /// None, or one that is not configured.
    Wrong,
}

/// Looks the request's key up.
pub(crate) fn presented(sim: &Simulator, head: &Parts, place: Option<&Place>) -> Presented {
    let keys = &sim.state.config.keys;
    if keys.is_empty() {
        return Presented::Any;
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let value = match place.map(|place| place.dialect) {
        Some(Dialect::Anthropic) => header("x-api-key").or_else(bearer),
        Some(Dialect::Gemini) => header("x-goog-api-key").or_else(|| query(head, "key")),
        Some(Dialect::OpenAi) if head.uri.path().starts_with("/openai/") => header("api-key").or_else(bearer),
        Some(Dialect::OpenAi) | None => bearer(),
    };
    let known = keys.iter().find(|key| Some(key.value.as_str()) == value);
    known.map_or(Presented::Wrong, |key| Presented::Named(key.name.clone()))
}

/// The headers as the bill keeps them.
pub(crate) fn kept_headers(head: &Parts) -> Vec<(String, String)> {
    let kept = head.headers.iter().map(|(name, value)| {
        let secret = CREDENTIALS.contains(&name.as_str());
        let value = if secret { "***".into() } else { String::from_utf8_lossy(value.as_bytes()) };
        (name.as_str().to_owned(), value.into_owned())
    });
    kept.collect()
}

/// The answers that this request wants: the simulator's, with the fields that
/// the request's own `x-sim-…` headers or query parameters override.
pub(crate) fn wanted(mut answers: Answers, head: &Parts) -> Answers {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let word = |name: &str| header(name).or_else(|| query(head, name));
    let number = |name: &str| word(name).and_then(|value| value.parse::<u64>().ok());
    if let Some(text) = word("x-sim-text") {
        answers.text = Some(text.to_owned());
    }
    if let Some(events) = number("x-sim-events") {
        answers.events = usize::try_from(events).ok();
    }
    answers.pause_ms = number("x-sim-pause-ms").unwrap_or(answers.pause_ms);
    answers.cached = number("x-sim-cached").unwrap_or(answers.cached);
    answers.cache_write = number("x-sim-cache-write").unwrap_or(answers.cache_write);
    answers.reasoning = number("x-sim-reasoning").unwrap_or(answers.reasoning);
    answers
}

/// A query parameter's value, as it stands in the query.
pub(crate) fn query<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let pairs = head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

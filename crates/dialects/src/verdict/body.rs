//! The providers' words for what went wrong.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;
use sidegate_policy::Dialect;

use super::Verdict;

/// As much of an error's body as is read.
const MAX_BODY: usize = 64 * 1024;

/// What an error's body says, in lower case where it is prose.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: String,
    pub(super) code: String,
    pub(super) message: String,
    /// Reasons out of Google's details.
    pub(super) reasons: Vec<String>,
}

impl Said {
    /// What a type and a code say.
    pub(super) fn words(kind: &str, code: &str) -> Self {
        Self { kind: kind.to_owned(), code: code.to_owned(), ..Self::default() }
    }
}

/// The error in a body, if it is one whole JSON text with an error in it.
pub(super) fn error(body: &[u8]) -> Option<Said> {
    let value: Value = serde_json::from_slice(body.get(..MAX_BODY).unwrap_or(body)).ok()?;
    error_in(&value)
}

/// What is wrong with an answer that came with a good status: an error in the place of an answer, or an answer
/// without any. None for a good one.
pub(super) fn of_success(dialect: Dialect, value: &Value) -> Option<Verdict> {
    if let Some(said) = error_in(value) {
        return Some(meaning(&said).unwrap_or(Verdict::Transient));
    }
    let empty = |key: &str| value.get(key).and_then(Value::as_array).is_some_and(Vec::is_empty);
    let nothing = match dialect {
        Dialect::OpenAi => empty("choices"),
        Dialect::Anthropic => false,
        Dialect::Gemini => value.as_array().is_some_and(Vec::is_empty),
    };
    nothing.then_some(Verdict::Transient)
}

/// Whether a body may be one of those that [`of_success`] finds wrong: cheap, and never wrong the other way.
pub(super) fn is_suspicious(body: &[u8]) -> bool {
    if body.len() > MAX_BODY {
        return false;
    }
    SEARCHES.error.find_iter(body).any(|at| {
        // Responses say `"error": null` when all is well.
        let mut after = body.get(at + 7..).unwrap_or_default().iter().filter(|b| !b.is_ascii_whitespace());
        after.next() != Some(&b':') || after.next() != Some(&b'n')
    }) || SEARCHES.choices.find(body).is_some_and(|at| {
        let after = body.get(at + 9..).unwrap_or_default().iter();
        after.filter(|b| !b.is_ascii_whitespace()).take(3).eq(b":[]")
    }) || body.trim_ascii() == b"[]"
        || SEARCHES.detail.find(body).is_some()
}

/// Searches for the words that make a body suspicious, made once: making one costs as much as a search.
struct Searches {
    error: Finder<'static>,
    choices: Finder<'static>,
    detail: Finder<'static>,
}

static SEARCHES: LazyLock<Searches> = LazyLock::new(|| Searches {
    error: Finder::new("\"error\""),
    choices: Finder::new("\"choices\""),
    detail: Finder::new("\"detail\""),
});

/// The error in a value.
pub(super) fn error_in(value: &Value) -> Option<Said> {
    // Google wraps the error of an array stream into an array.
    let value = value.as_array().map_or(Some(value), |list| list.first())?;
    let object = value.as_object()?;
    let inner = match object.get("error") {
        Some(Value::Null) | None => None,
        Some(error) => Some(error),
    };
    let typed = matches!(object.get("type").or(object.get("object")).and_then(Value::as_str), Some("error"));
    let error = match inner {
        Some(error) => error,
        // Mistral, vLLM, and the flat error event of responses.
        None if typed => value,
        // FastAPI's servers.
        None => return object.get("detail").map(|d| Said { message: text(d), ..Said::default() }),
    };
    let field = |name: &str| error.get(name).map(text).unwrap_or_default();
    Some(Said {
        kind: first_of(field("type"), field("status")),
        code: field("code"),
        message: if error.is_object() { field("message") } else { text(error) }.to_lowercase(),
        reasons: reasons(error),
    })
}

fn first_of(a: String, b: String) -> String {
    if a.is_empty() { b } else { a }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn reasons(error: &Value) -> Vec<String> {
    let details = error.get("details").and_then(Value::as_array);
    details.into_iter().flatten().filter_map(|d| d.get("reason")).map(text).collect()
}

/// What an error means, if its words say so.
pub(super) fn meaning(said: &Said) -> Option<Verdict> {
    let words = [&*said.code, &*said.kind].into_iter().chain(said.reasons.iter().map(String::as_str));
    words.into_iter().find_map(by_word).or_else(|| by_message(&said.message))
}

/// Codes and types. All dialects share one table: compatible servers mix them.
fn by_word(word: &str) -> Option<Verdict> {
    let word: Cow<'_, str> = word.to_ascii_lowercase().into();
    Some(match &*word {
        "insufficient_quota"
        | "billing_error"
        | "billing_hard_limit_reached"
        | "quota_exceeded"
        | "access_terminated"
        | "insufficient_balance" => Verdict::Quota { retry_after: None, insufficient: true },
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "resource_exhausted"
        | "rate_limited"
        | "too_many_requests"
        | "tokens"
        | "requests"
        | "rate_limit_reached" => Verdict::Quota { retry_after: None, insufficient: false },
        "invalid_api_key"
        | "authentication_error"
        | "api_key_invalid"
        | "api_key_expired"
        | "unauthenticated"
        | "permission_error"
        | "permission_denied"
        | "account_deactivated"
        | "access_token_expired"
        | "api_key_service_blocked"
        | "service_disabled"
        | "consumer_suspended" => Verdict::Auth,
        "context_length_exceeded" | "string_above_max_length" | "model_context_window_exceeded" => {
            Verdict::ContextTooLong
        }
        "content_filter" | "content_policy_violation" | "responsibleaipolicyviolation" | "prohibited_content" => {
            Verdict::ContentRefused
        }
        "overloaded_error"
        | "api_error"
        | "server_error"
        | "timeout_error"
        | "unavailable"
        | "internal"
        | "deadline_exceeded"
        | "internal_server_error"
        | "service_unavailable"
        | "engine_overloaded"
        | "overloaded"
        | "server_overloaded"
        | "model_not_ready" => Verdict::Transient,
        _ => return None,
    })
}

/// Prose, where the providers give no word for it.
fn by_message(message: &str) -> Option<Verdict> {
    let says = |needles: &[&str]| needles.iter().any(|n| message.contains(n));
    if says(&["maximum context length", "prompt is too long", "context window", "exceeds the maximum number of tokens"])
    {
        return Some(Verdict::ContextTooLong);
    }
    if says(&[
        "credit balance is too low",
        "exceeded your current quota, please check your plan",
        "insufficient credits",
    ]) {
        return Some(Verdict::Quota { retry_after: None, insufficient: true });
    }
    if says(&["api key not valid", "incorrect api key", "invalid api key"]) {
        return Some(Verdict::Auth);
    }
    None
}

//! An error in the words of each provider.
//!
//! The caller names a status, and a code where one status has several causes;
//! the rest follows from the provider's own tables.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::Answer;
use super::ask::Reject;
use super::dialect::Dialect;
use super::reply::Usage;

/// A wrong key. Gemini answers it with 400, the others with 401.
pub(crate) fn wrong_key(dialect: Dialect) -> Reject {
    let (status, message) = match dialect {
        Dialect::OpenAi => (StatusCode::UNAUTHORIZED, "Incorrect API key provided."),
        Dialect::Anthropic => (StatusCode::UNAUTHORIZED, "invalid x-api-key"),
        Dialect::Gemini => (StatusCode::BAD_REQUEST, "API key not valid. Please pass a valid API key."),
    };
    Reject { status, code: "invalid_api_key", message: message.to_owned() }
}

/// A model that does not exist.
pub(crate) fn no_model(dialect: Dialect, model: &str) -> Reject {
    let message = match dialect {
        Dialect::OpenAi => {
            format!("The model `{model}` does not exist or you do not have access to it.")
        }
        Dialect::Anthropic => format!("model: {model}"),
        Dialect::Gemini => {
            format!("models/{model} is not found for API version v1beta, or is not supported for this method.")
        }
    };
    Reject { status: StatusCode::NOT_FOUND, code: "model_not_found", message }
}

/// The answer to a rejected request.
pub(crate) fn answer(dialect: Dialect, reject: &Reject) -> Answer {
    Answer::json(reject.status, &body(dialect, reject), Usage::default())
}

/// The error as the body that `dialect` gives it.
pub(crate) fn body(dialect: Dialect, reject: &Reject) -> Value {
    match dialect {
        Dialect::OpenAi => openai(reject),
        Dialect::Anthropic => anthropic(reject),
        Dialect::Gemini => gemini(reject),
    }
}

fn openai(reject: &Reject) -> Value {
    let (kind, code) = match (reject.code, reject.status.as_u16()) {
        ("insufficient_quota", _) => ("insufficient_quota", Some("insufficient_quota")),
        ("", 401) => ("invalid_request_error", Some("invalid_api_key")),
        ("", 429) => ("requests", Some("rate_limit_exceeded")),
        ("", 403) => ("invalid_request_error", Some("unsupported_country_region_territory")),
        ("", 500..) => ("server_error", None),
        ("" | "invalid_request", _) => ("invalid_request_error", None),
        (code, _) => ("invalid_request_error", Some(code)),
    };
    json!({"error": {"message": reject.message, "type": kind, "param": null, "code": code}})
}

fn anthropic(reject: &Reject) -> Value {
    let kind = match reject.status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 | 503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({
        "type": "error",
        "error": {"type": kind, "message": reject.message},
        "request_id": "req_sim",
    })
}

fn gemini(reject: &Reject) -> Value {
    let code = reject.status.as_u16();
    let status = match code {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        501.. => "UNKNOWN",
        _ => "INVALID_ARGUMENT",
    };
    let mut error = json!({"code": code, "message": reject.message, "status": status});
    if reject.code == "invalid_api_key" {
        let details = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
        }]);
        if let Some(error) = error.as_object_mut() {
            error.insert("details".to_owned(), details);
        }
    }
    json!({"error": error})
}

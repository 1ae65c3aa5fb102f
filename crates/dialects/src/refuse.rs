//! A refusal or a fault in the caller's own dialect: what an SDK needs to raise the right exception, and
//! inside it what a person needs to know why.
//!
//! Statuses are chosen by what SDKs do with them: they retry 408, 409, 429 and 5xx by themselves, so what
//! waiting cannot help (budgets, policies) is 403.

mod event;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};
use sidegate_policy::{Class, Dialect, Fault, Origin, Reason, Refusal};

pub use event::error_event;

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The status.
    pub status: StatusCode,
    /// The body, JSON in the caller's dialect.
    pub body: Bytes,
    /// Whether the same call may succeed later (`x-should-retry`).
    pub retry: bool,
}

/// What both families of failure have in common.
struct Failure<'a> {
    class: Class,
    reason: Option<Reason>,
    origin: Origin,
    message: &'a str,
    rule: Option<String>,
    retry_after: Option<std::time::Duration>,
    request_id: &'a str,
}

/// A refusal, worded.
#[must_use]
pub fn refusal(dialect: Dialect, refusal: &Refusal, request_id: &str) -> Wording {
    Failure::of_refusal(refusal, request_id).worded(dialect)
}

/// A fault, worded.
#[must_use]
pub fn fault(dialect: Dialect, fault: &Fault, request_id: &str) -> Wording {
    Failure::of_fault(fault, request_id).worded(dialect)
}

impl<'a> Failure<'a> {
    fn of_refusal(refusal: &'a Refusal, request_id: &'a str) -> Self {
        Self {
            class: refusal.class,
            reason: refusal.reason,
            origin: Origin::Gateway,
            message: &refusal.message,
            rule: refusal.rule.as_ref().map(ToString::to_string),
            retry_after: refusal.retry_after,
            request_id,
        }
    }

    fn of_fault(fault: &'a Fault, request_id: &'a str) -> Self {
        Self {
            class: fault.class,
            reason: fault.reason,
            origin: fault.origin,
            message: &fault.message,
            rule: None,
            retry_after: fault.retry_after,
            request_id,
        }
    }

    fn worded(&self, dialect: Dialect) -> Wording {
        let status = self.status();
        let body = self.body(dialect, status).to_string().into();
        Wording { status, body, retry: self.retry() }
    }

    fn status(&self) -> StatusCode {
        self.reason.and_then(status_of_reason).unwrap_or_else(|| status_of_class(self.class))
    }

    fn retry(&self) -> bool {
        match self.reason {
            Some(Reason::Overloaded | Reason::ShuttingDown | Reason::NoCredential | Reason::BodyTooSlow) => true,
            Some(
                Reason::CredentialsExhausted
                | Reason::UnexpectedRedirect
                | Reason::AddressNotAllowed
                | Reason::TlsUntrusted
                | Reason::TlsExpired
                | Reason::TlsName,
            ) => false,
            _ => self.class.retry_can_help(),
        }
    }

    fn body(&self, dialect: Dialect, status: StatusCode) -> Value {
        match dialect {
            Dialect::OpenAi => json!({"error": {
                "message": self.message,
                "type": openai_type(status),
                "param": self.param(),
                "code": self.class.as_str(),
                "sidegate": self.details(),
            }}),
            Dialect::Anthropic => json!({
                "type": "error",
                "error": {
                    "type": anthropic_type(status, self.reason),
                    "message": self.message,
                    "sidegate": self.details(),
                },
                "request_id": self.request_id,
            }),
            Dialect::Gemini => json!({"error": {
                "code": status.as_u16(),
                "message": self.message,
                "status": gemini_status(status),
                "details": self.gemini_details(),
            }}),
        }
    }

    /// The field of the body that is at fault, where it is one.
    fn param(&self) -> Option<&'static str> {
        let model = self.class == Class::ModelNotAllowed || self.reason == Some(Reason::ModelMissing);
        model.then_some("model")
    }

    fn details(&self) -> Value {
        let mut details = Map::new();
        let mut put = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                details.insert(name.to_owned(), value.into());
            }
        };
        put("class", Some(self.class.as_str()));
        put("reason", self.reason.map(Reason::as_str));
        put("source", Some(self.origin.as_str()));
        put("rule", self.rule.as_deref());
        put("request_id", Some(self.request_id));
        Value::Object(details)
    }

    fn gemini_details(&self) -> Vec<Value> {
        let mut details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.class.as_str().to_ascii_uppercase(),
            "domain": "sidegate.dev",
            "metadata": self.details(),
        })];
        if let Some(wait) = self.retry_after {
            let delay = format!("{}.{:03}s", wait.as_secs(), wait.subsec_millis());
            details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}));
        }
        details
    }
}

/// The status that a reason asks for by itself.
fn status_of_reason(reason: Reason) -> Option<StatusCode> {
    Some(match reason {
        Reason::UnknownPath => StatusCode::NOT_FOUND,
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::UpgradeNotSupported => StatusCode::NOT_IMPLEMENTED,
        Reason::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Reason::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Reason::NoCredential | Reason::Overloaded | Reason::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        // An account without money is not the caller's rate: its retries would change nothing.
        Reason::CredentialsExhausted => StatusCode::BAD_GATEWAY,
        _ => return None,
    })
}

fn status_of_class(class: Class) -> StatusCode {
    match class {
        Class::PolicyDenied
        | Class::ModelNotAllowed
        | Class::BudgetExhausted
        | Class::UnpricedModel
        | Class::GuardBlocked => StatusCode::FORBIDDEN,
        Class::RequestInvalid | Class::ProviderInvalid | Class::LoopDetected => StatusCode::BAD_REQUEST,
        Class::RateLimited | Class::ProviderQuota => StatusCode::TOO_MANY_REQUESTS,
        Class::ProviderAuth | Class::ProviderTransient | Class::Truncated => StatusCode::BAD_GATEWAY,
        Class::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        Class::ControlPlaneUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::GatewayInternal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: StatusCode, reason: Option<Reason>) -> &'static str {
    match status.as_u16() {
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 if reason == Some(Reason::Overloaded) => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn gemini_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 | 501 => "UNIMPLEMENTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        502 | 503 => "UNAVAILABLE",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests;

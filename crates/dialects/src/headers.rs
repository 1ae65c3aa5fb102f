//! Which headers pass, by list. What is not listed does not pass: a header that nobody here knows may be a
//! credential, choose who is billed, or steer the connection.

use http::HeaderName;
use http::header::{AUTHORIZATION, HeaderName as Name};
use sidegate_policy::Dialect;

/// Whether a caller's header goes to a provider that speaks `dialect`.
///
/// Credentials, cookies, hop-by-hop headers, `accept-encoding` and lengths are never among them: the sidecar
/// writes its own.
#[must_use]
pub fn request_header_passes(dialect: Dialect, name: &HeaderName) -> bool {
    let name = name.as_str();
    match name {
        "content-type" | "accept" | "user-agent" | "idempotency-key" => return true,
        // Who is billed is the platform's choice.
        "openai-organization" | "openai-project" => return false,
        _ => {}
    }
    if name.starts_with("x-stainless-") {
        return true;
    }
    match dialect {
        // Titles are how a router of providers tells applications apart.
        Dialect::OpenAi => {
            name.starts_with("openai-") && !names_a_secret(name)
                || matches!(name, "http-referer" | "referer" | "x-title")
        }
        Dialect::Anthropic => name.starts_with("anthropic-") && !names_a_secret(name),
        Dialect::Gemini => name == "x-goog-api-client",
    }
}

/// `anthropic-api-key`, `anthropic-auth-token` and the like.
fn names_a_secret(name: &str) -> bool {
    ["key", "token", "auth", "secret", "organization", "workspace"].iter().any(|word| name.contains(word))
}

/// Whether a provider's header goes to the caller.
#[must_use]
pub fn response_header_passes(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "content-type"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "date"
            | "retry-after"
            | "retry-after-ms"
            | "x-ms-retry-after-ms"
            | "x-should-retry"
            | "x-request-id"
            | "request-id"
            | "apim-request-id"
            | "x-ms-region"
            | "cache-control"
            | "server-timing"
            | "x-groq-region"
            | "x-gemini-service-tier"
            | "cf-ray"
            | "vary"
            | "mistral-correlation-id"
    ) || name.starts_with("openai-") && name != "openai-organization" && name != "openai-project"
        || name.starts_with("anthropic-ratelimit-")
        || name.starts_with("anthropic-priority-")
        || name.starts_with("x-ratelimit-")
}

/// The header in which a provider of `dialect` wants its key, and what stands before the key.
#[must_use]
pub fn credential_header(dialect: Dialect) -> (HeaderName, &'static str) {
    match dialect {
        Dialect::OpenAi => (AUTHORIZATION, "Bearer "),
        Dialect::Anthropic => (Name::from_static("x-api-key"), ""),
        Dialect::Gemini => (Name::from_static("x-goog-api-key"), ""),
    }
}

#[cfg(test)]
mod tests;

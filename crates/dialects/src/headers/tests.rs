use super::*;

fn passes(dialect: Dialect, name: &str) -> bool {
    request_header_passes(dialect, &HeaderName::from_bytes(name.as_bytes()).expect("a name"))
}

#[test]
fn credentials_and_what_steers_the_connection_never_pass() {
    for dialect in Dialect::ALL {
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "proxy-authorization",
            "cookie",
            "host",
            "connection",
            "upgrade",
            "te",
            "trailer",
            "transfer-encoding",
            "content-length",
            "accept-encoding",
            "x-forwarded-for",
            "forwarded",
            "openai-organization",
            "openai-project",
            "anthropic-api-key",
            "anthropic-auth-token",
            "x-goog-user-project",
            "x-something-else",
            "x-sidegate-request-id",
        ] {
            assert!(!passes(dialect, name), "{name}");
        }
    }
}

#[test]
fn what_an_sdk_says_of_the_call_passes_to_its_own_dialect() {
    for dialect in Dialect::ALL {
        for name in ["content-type", "accept", "user-agent", "x-stainless-lang", "idempotency-key"] {
            assert!(passes(dialect, name), "{name}");
        }
    }
    assert!(passes(Dialect::Anthropic, "anthropic-version") && passes(Dialect::Anthropic, "anthropic-beta"));
    assert!(!passes(Dialect::OpenAi, "anthropic-version"));
    assert!(passes(Dialect::OpenAi, "openai-beta") && passes(Dialect::OpenAi, "x-title"));
    assert!(passes(Dialect::Gemini, "x-goog-api-client") && !passes(Dialect::OpenAi, "x-goog-api-client"));
}

#[test]
fn of_a_providers_headers_only_the_listed_pass() {
    let passes = |name: &str| response_header_passes(&HeaderName::from_bytes(name.as_bytes()).expect("a name"));
    for name in [
        "content-type",
        "content-encoding",
        "retry-after",
        "x-request-id",
        "x-ratelimit-remaining-tokens",
        "openai-processing-ms",
    ] {
        assert!(passes(name), "{name}");
    }
    for name in [
        "set-cookie",
        "alt-svc",
        "connection",
        "upgrade",
        "keep-alive",
        "transfer-encoding",
        "location",
        "x-sidegate-error",
        "openai-organization",
        "strict-transport-security",
    ] {
        assert!(!passes(name), "{name}");
    }
}

#[test]
fn each_dialect_has_its_place_for_the_key() {
    let place = |dialect| {
        let (name, before) = credential_header(dialect);
        format!("{name}: {before}")
    };
    assert_eq!(Dialect::ALL.map(place), ["authorization: Bearer ", "x-api-key: ", "x-goog-api-key: "]);
}

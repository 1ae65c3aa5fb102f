use super::*;

fn found(method: Method, path: &str, query: Option<&str>, headers: &[(&'static str, &'static str)]) -> Endpoint {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, http::HeaderValue::from_static(value));
    }
    endpoint(&method, path, query, &map).unwrap_or_else(|r| panic!("{path}: {r:?}"))
}

fn refused(method: Method, path: &str) -> Refusal {
    endpoint(&method, path, None, &HeaderMap::new()).expect_err(path)
}

#[test]
fn every_prefix_that_an_sdk_puts_before_its_path_is_understood() {
    for (path, dialect, operation) in [
        ("/v1/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/openai/v1/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/v1beta/openai/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/v1/chat/completions/", Dialect::OpenAi, Operation::ChatCompletions),
        ("/v1/responses", Dialect::OpenAi, Operation::Responses),
        ("/responses/input_tokens", Dialect::OpenAi, Operation::InputTokens),
        ("/v1/embeddings", Dialect::OpenAi, Operation::Embeddings),
        ("/v1/completions", Dialect::OpenAi, Operation::Completions),
        ("/v1/deployments/d/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/openai/deployments/d/chat/completions", Dialect::OpenAi, Operation::ChatCompletions),
        ("/openai/deployments/d/embeddings", Dialect::OpenAi, Operation::Embeddings),
        ("/deployments/d/completions", Dialect::OpenAi, Operation::Completions),
        ("/v1/messages", Dialect::Anthropic, Operation::Messages),
        ("/messages", Dialect::Anthropic, Operation::Messages),
        ("/anthropic/v1/messages", Dialect::Anthropic, Operation::Messages),
        ("/anthropic/messages", Dialect::Anthropic, Operation::Messages),
        ("/anthropic/v1/messages/count_tokens", Dialect::Anthropic, Operation::CountTokens),
        ("/v1beta/models/m:generateContent", Dialect::Gemini, Operation::GenerateContent),
        ("/models/m:generateContent", Dialect::Gemini, Operation::GenerateContent),
        ("/v1/models/m:countTokens", Dialect::Gemini, Operation::CountTokens),
        ("/v1beta/models/m:embedContent", Dialect::Gemini, Operation::EmbedContent),
        ("/v1beta/models/m:batchEmbedContents", Dialect::Gemini, Operation::BatchEmbedContents),
    ] {
        let endpoint = found(Method::POST, path, None, &[]);
        assert_eq!((endpoint.dialect, endpoint.operation), (dialect, operation), "{path}");
    }
}

#[test]
fn three_dialects_share_the_models_list() {
    let list = |path: &str, headers| found(Method::GET, path, None, headers).dialect;
    assert_eq!(list("/v1/models", &[]), Dialect::OpenAi);
    assert_eq!(list("/v1/models", &[("anthropic-version", "2023-06-01")]), Dialect::Anthropic);
    assert_eq!(list("/v1beta/models", &[]), Dialect::Gemini);
    assert_eq!(list("/v1beta/openai/models", &[]), Dialect::OpenAi);
    assert_eq!(list("/anthropic/v1/models", &[]), Dialect::Anthropic);
    assert_eq!(list("/v1/models", &[("x-goog-api-key", "x")]), Dialect::Gemini);
    let one = found(Method::GET, "/v1/models/meta-llama%2FLlama-3", None, &[]);
    assert_eq!((one.operation, one.model.as_deref()), (Operation::GetModel, Some("meta-llama/Llama-3")));
}

#[test]
fn the_path_of_gemini_names_model_and_stream() {
    let plain = found(Method::POST, "/v1beta/models/gemini-2.5-pro:streamGenerateContent", None, &[]);
    assert_eq!(plain.streaming, Streaming::JsonArray);
    let events = found(Method::POST, "/v1beta/models/gemini-2.5-pro%3AstreamGenerateContent", None, &[]);
    assert_eq!(events.model.as_deref(), Some("gemini-2.5-pro"));
    let events = found(Method::POST, "/v1beta/models/gemini-2.5-pro:streamGenerateContent", Some("key=k&alt=sse"), &[]);
    assert_eq!((events.streaming, events.model.as_deref()), (Streaming::Sse, Some("gemini-2.5-pro")));
    let tuned = found(Method::POST, "/v1beta/tunedModels/mine:generateContent", None, &[]);
    assert_eq!(tuned.model.as_deref(), Some("tunedModels/mine"));
}

#[test]
fn a_path_that_could_be_read_in_two_ways_is_no_path() {
    for path in [
        "",
        "/",
        "v1/messages",
        "//v1/messages",
        "/v1//messages",
        "/v1/../v1/messages",
        "/v1/./messages",
        "/v1/%2e%2e/messages",
        "/v1/messages;x",
        "/v1%2Fmessages",
        "/v1/mess\u{2024}ages",
        "/v1\\messages",
        "/v1/messages//",
        "/v1/messages/batches",
        "/v1/v1/messages",
        "/openai/anthropic/messages",
        "/openai/v1/messages",
        "/anthropic/v1/chat/completions",
        "/v1beta/messages",
        "/v1beta/models/a/b:generateContent",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1beta/models/..:generateContent",
        "/v1beta/models/:generateContent",
        "/v1/models/%zz",
        "/v1/models/%0a",
        "/admin",
    ] {
        for method in [Method::POST, Method::GET] {
            let refusal = refused(method, path);
            assert_eq!(refusal.reason, Some(Reason::UnknownPath), "{path}");
        }
        assert_eq!(allowed_methods(path), None, "{path}");
    }
}

#[test]
fn an_unknown_path_is_told_what_is_near_it() {
    assert!(refused(Method::POST, "/v1/chat/completion").message.contains("/v1/chat/completions"));
    assert!(refused(Method::POST, "/v2/messages").message.contains("/v1/messages"));
    let long = refused(Method::POST, &format!("/{}", "x".repeat(5000)));
    assert!(long.message.len() < 300);
}

#[test]
fn a_wrong_method_is_told_the_right_one() {
    let refusal = refused(Method::GET, "/v1/chat/completions");
    assert_eq!(refusal.reason, Some(Reason::MethodNotAllowed));
    assert!(refusal.message.ends_with("allowed: POST"), "{}", refusal.message);
    assert_eq!(refused(Method::POST, "/v1/models").reason, Some(Reason::MethodNotAllowed));
    assert_eq!(refused(Method::CONNECT, "api.openai.com:443").reason, Some(Reason::MethodNotAllowed));
    assert_eq!(refused(Method::TRACE, "/").reason, Some(Reason::MethodNotAllowed));
    assert_eq!(allowed_methods("/v1/models"), Some("GET"));
    assert_eq!(allowed_methods("/v1/messages"), Some("POST"));
}

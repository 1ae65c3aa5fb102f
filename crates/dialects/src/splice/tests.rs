use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::*;
use crate::recognize::{endpoint, recognize};

fn at(path: &str, query: Option<&str>) -> Endpoint {
    endpoint(&Method::POST, path, query, &HeaderMap::new()).unwrap_or_else(|r| panic!("{path}: {r:?}"))
}

fn spliced(text: &str, edits: &Edits<'_>) -> String {
    spliced_at("/v1/chat/completions", text, edits)
}

fn spliced_at(path: &str, text: &str, edits: &Edits<'_>) -> String {
    let original = Bytes::from(text.to_owned());
    let found = recognize(&at(path, None), &HeaderMap::new(), &original, &[]).expect("sound");
    let pieces = body(&found.spans, &original, edits);
    let length = pieces.len();
    let all: Vec<u8> = pieces.flat_map(|piece| piece.to_vec()).collect();
    assert_eq!(all.len(), length);
    String::from_utf8(all).expect("text")
}

const BOTH: Edits<'static> = Edits { model: Some("b\"2"), include_usage: true };

#[test]
fn without_edits_the_body_is_the_same_bytes_in_one_piece() {
    let text = Bytes::from_static(br#"{ "model" : "a" , "stream":true }"#);
    let found = recognize(&at("/v1/chat/completions", None), &HeaderMap::new(), &text, &[]).expect("sound");
    let mut pieces = body(&found.spans, &text, &Edits::default());
    let only = pieces.next().expect("a piece");
    assert_eq!((only.as_ptr(), only.len()), (text.as_ptr(), text.len()));
    assert!(pieces.next().is_none() && pieces.is_empty());
}

#[test]
fn a_model_that_only_the_path_named_is_written_into_the_body() {
    let deployed = |text: &str, edits| spliced_at("/deployments/d/chat/completions", text, edits);
    let model = Edits { model: Some("m"), include_usage: true };
    assert_eq!(deployed("{}", &model), r#"{"model":"m"}"#);
    assert_eq!(deployed(" { } ", &model), r#" {"model":"m" } "#);
    assert_eq!(deployed(r#"{"n":1}"#, &model), r#"{"model":"m","n":1}"#);
    assert_eq!(deployed(r#"{"model":"d","n":1}"#, &model), r#"{"model":"m","n":1}"#);
    let both = r#"{"model":"m","stream_options":{"include_usage":true},"stream":true}"#;
    assert_eq!(deployed(r#"{"stream":true}"#, &model), both);
}

#[test]
fn only_what_is_edited_changes() {
    let text = r#"{ "x":[1, 2] , "model" : "a\u0041" , "stream":true, "y": "é" }"#;
    let wanted =
        r#"{"stream_options":{"include_usage":true}, "x":[1, 2] , "model" : "b\"2" , "stream":true, "y": "é" }"#;
    assert_eq!(spliced(text, &BOTH), wanted);
    assert_eq!(spliced(text, &Edits { model: Some("c"), include_usage: false }), text.replace(r"a\u0041", "c"));
}

#[test]
fn usage_is_asked_for_wherever_the_option_stands() {
    for (options, wanted) in [
        ("null", r#"{"include_usage":true}"#),
        ("{}", r#"{"include_usage":true}"#),
        (r#"{ "x":1}"#, r#"{"include_usage":true, "x":1}"#),
        (r#"{"x":1,"include_usage": false }"#, r#"{"x":1,"include_usage": true }"#),
        (r#"{"include_usage":null}"#, r#"{"include_usage":true}"#),
        (r#"{"include_usage":true}"#, r#"{"include_usage":true}"#),
    ] {
        for template in
            [r#"{"stream_options":%,"stream":true,"model":"a"}"#, r#"{"model":"a","stream":true,"stream_options":%}"#]
        {
            let got = spliced(&template.replace('%', options), &BOTH);
            assert_eq!(got, template.replace('%', wanted).replace("\"a\"", r#""b\"2""#), "{options}");
            let value: Value = serde_json::from_str(&got).expect("still JSON");
            assert_eq!(value["stream_options"]["include_usage"], json!(true));
        }
    }
    let plain = r#"{"model":"a","stream":false}"#;
    assert_eq!(spliced(plain, &Edits { model: None, include_usage: true }), plain);
}

#[test]
fn a_version_is_not_added_to_a_base_that_has_one() {
    let chat = at("/chat/completions", None);
    let messages = at("/v1/messages", Some("beta=true&key=secret"));
    let path = |endpoint: &Endpoint, base: &str, query: Option<&str>| {
        let call = call_of(endpoint);
        path_and_query(endpoint, &call, "gemini-2.5-pro", base, query)
    };
    for (base, wanted) in [
        ("", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/openai/v1", "/openai/v1/chat/completions"),
        ("/openai", "/openai/v1/chat/completions"),
        ("/v1beta/openai/", "/v1beta/openai/chat/completions"),
        ("/api/v3", "/api/v3/chat/completions"),
        ("/video", "/video/v1/chat/completions"),
    ] {
        assert_eq!(path(&chat, base, Some("api_key=secret&x=1")), wanted);
    }
    assert_eq!(path(&messages, "/anthropic", Some("beta=true&key=secret")), "/anthropic/v1/messages?beta=true");
    assert_eq!(path(&messages, "", Some("beta=truex")), "/v1/messages");
    let stream = at("/v1beta/models/x:streamGenerateContent", Some("alt=sse&key=secret"));
    assert_eq!(path(&stream, "", Some("alt=sse&key=k")), "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
    let array = at("/v1beta/models/x:streamGenerateContent", None);
    assert_eq!(path(&array, "/v1", None), "/v1/models/gemini-2.5-pro:streamGenerateContent");
}

fn call_of(endpoint: &Endpoint) -> Call {
    let gemini = endpoint.dialect == Dialect::Gemini;
    let body = if gemini { json!({}) } else { json!({"model": "m", "max_tokens": 1}) }.to_string();
    recognize(endpoint, &HeaderMap::new(), body.as_bytes(), &[]).expect("sound").call
}

#[test]
fn a_models_name_stays_one_segment_of_the_path() {
    let endpoint = at("/v1beta/models/x:generateContent", None);
    let call = call_of(&endpoint);
    for (model, wanted) in [
        ("a/../../b", "models/a%2F..%2F..%2Fb"),
        ("..", "models/%2E%2E"),
        ("a?key=b#c", "models/a%3Fkey%3Db%23c"),
        ("a:b%", "models/a%3Ab%25"),
        ("é", "models/%C3%A9"),
        ("models/m", "models/m"),
        ("tunedModels/t-1", "tunedModels/t-1"),
    ] {
        assert_eq!(path_and_query(&endpoint, &call, model, "", None), format!("/v1beta/{wanted}:generateContent"));
    }
}

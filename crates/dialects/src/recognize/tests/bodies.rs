use super::*;

#[test]
fn the_fields_that_are_acted_on_are_found_in_any_order() {
    let body = r#" {"messages":[{"role":"user","content":"hi"}],"stream":true,"max_tokens":7,"model":"gpt-4o"} "#;
    let found = read(CHAT, body).expect("sound");
    assert_eq!(&*found.call.model, "gpt-4o");
    assert_eq!(found.call.streaming, Streaming::Sse);
    assert_eq!(found.call.bounds.max_output, Some(7));
    let ModelSpan::Token(token) = found.spans.model else { panic!("{:?}", found.spans) };
    assert_eq!(&body[token], "\"gpt-4o\"");
}

#[test]
fn broken_structure_is_refused_and_says_where() {
    for body in [
        "",
        "[]",
        "null",
        "{",
        "{\"model\":\"m\"",
        "{\"model\":\"m\"}}",
        "{\"model\":\"m\",}",
        "{\"model\":\"m\",\"x\":NaN}",
    ] {
        assert_eq!(reason(CHAT, body), Some(Reason::BadJson), "{body}");
    }
    let deep = format!("{{\"model\":\"m\",\"x\":{}}}", "[".repeat(100_000));
    assert_eq!(reason(CHAT, &deep), Some(Reason::BadJson));
    for nested in ["conversation\":{\"id", "input\":[{\"content", "input\":[{\"content\":[{\"image_url"] {
        let deep = format!("{{\"model\":\"m\",\"{nested}\":{}", "{\"id\":".repeat(100_000));
        assert_eq!(reason(RESPONSES, &deep), Some(Reason::BadJson), "{nested}");
    }
    let blocks = "[{\"content\":".repeat(100_000);
    assert_eq!(reason(MESSAGES, &format!("{{\"model\":\"m\",\"system\":{blocks}")), Some(Reason::BadJson));
    assert!(read(CHAT, "{\"model\" 1}").expect_err("no colon").message.contains("byte 9"));
}

#[test]
fn a_key_that_is_acted_on_stands_once_however_it_is_spelled() {
    for (path, body) in [
        (CHAT, r#"{"model":"a","model":"b"}"#),
        (CHAT, r#"{"model":"a","mod\u0065l":"b"}"#),
        (CHAT, r#"{"model":"a","n":1,"n":2}"#),
        (CHAT, r#"{"model":"a","stream":true,"stream":false}"#),
        (CHAT, r#"{"model":"a","max_completion_tokens":1,"max_completion_tokens":99999}"#),
        (CHAT, r#"{"model":"a","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#),
        (CHAT, r#"{"model":"a","messages":[],"messages":[]}"#),
        (RESPONSES, r#"{"model":"a","max_output_tokens":1,"max_output_tokens":2}"#),
        (MESSAGES, r#"{"model":"a","max_tokens":1,"m\u0061x_tokens":2}"#),
        (GENERATE, r#"{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":2}}"#),
        (GENERATE, r#"{"generationConfig":{},"generationConfig":{"maxOutputTokens":2}}"#),
        (GENERATE, r#"{"generationConfig":{},"generation_config":{"max_output_tokens":2}}"#),
        (GENERATE, r#"{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}"#),
    ] {
        assert_eq!(reason(path, body), Some(Reason::DuplicateKey), "{body}");
    }
    // Of other keys the provider is the judge.
    assert_eq!(reason(CHAT, r#"{"model":"a","temperature":1,"temperature":2}"#), None);
}

#[test]
fn a_key_that_only_some_readers_take_for_the_model_is_refused() {
    for body in [r#"{"model":"a","Model":"b"}"#, r#"{"MODEL":"b"}"#, "{\"model\":\"a\",\"\u{17f}tream\":true}"] {
        assert_eq!(reason(CHAT, body), Some(Reason::BadField), "{body}");
    }
    assert_eq!(reason(CHAT, r#"{"model":"a","Other":"b","größe":1}"#), None);
}

#[test]
fn an_impossible_value_is_refused_only_where_it_is_acted_on() {
    for body in [
        r#"{"model":5}"#,
        r#"{"model":["a"]}"#,
        r#"{"model":"a\u0000b"}"#,
        r#"{"model":"a\ud800"}"#,
        r#"{"model":"a\q"}"#,
        r#"{"model":"a","stream":"true"}"#,
        r#"{"model":"a","stream":1}"#,
        r#"{"model":"a","max_tokens":1e400}"#,
        r#"{"model":"a","max_tokens":1.5}"#,
        r#"{"model":"a","max_tokens":99999999999999999999999}"#,
        r#"{"model":"a","max_tokens":"many"}"#,
        r#"{"model":"a","max_tokens":[1]}"#,
        r#"{"model":"a","n":{}}"#,
        r#"{"model":"a","stream":true,"stream_options":"x"}"#,
        r#"{"model":"a","stream":true,"stream_options":{"include_usage":"yes"}}"#,
    ] {
        assert_eq!(reason(CHAT, body), Some(Reason::BadField), "{body}");
    }
    assert_eq!(reason(CHAT, &format!(r#"{{"model":"{}"}}"#, "m".repeat(257))), Some(Reason::BadField));
    assert_eq!(reason(CHAT, &format!(r#"{{"model":"{}"}}"#, "m".repeat(256))), None);
    assert_eq!(reason(CHAT, r#"{"model":"a","x":1e400,"y":"\ud800","z":123456789012345678901234567890}"#), None);
    let odd = [&b"{\"model\":\"a\",\"x\":\"\xff\xfe\"}"[..], b"{\"model\":\"\xff\"}"];
    let read = |body| recognize(&at(CHAT), &HeaderMap::new(), body, &[]);
    assert!(read(odd[0]).is_ok());
    assert_eq!(read(odd[1]).expect_err("no text").reason, Some(Reason::BadField));
}

#[test]
fn a_long_string_in_a_field_that_nobody_reads_passes() {
    let body = format!(r#"{{"model":"a","x":"{}"}}"#, "\\n0123456".repeat(1_250_000));
    assert_eq!(reason(CHAT, &body), None);
}

#[test]
fn a_body_names_its_model() {
    for body in ["{}", r#"{"model":null}"#, r#"{"model":""}"#] {
        assert_eq!(reason(CHAT, body), Some(Reason::ModelMissing), "{body}");
        assert_eq!(reason(MESSAGES, body), Some(Reason::ModelMissing), "{body}");
    }
    assert_eq!(&*call(GENERATE, &json!({})).model, "gemini-2.5-flash");
}

#[test]
fn the_path_of_a_deployment_names_the_model_whatever_the_body_says() {
    let path = "/openai/deployments/my%2Dgpt/chat/completions";
    for model in [json!("another"), json!(null), json!(""), json!(7)] {
        assert_eq!(&*call(path, &json!({"model": model})).model, "my-gpt", "{model}");
    }
    for body in [json!({}), json!({"stream": true})] {
        assert_eq!(&*call(path, &body).model, "my-gpt", "{body}");
    }
    for path in ["/deployments/meta%2Fllama/chat/completions", "/deployments/meta/llama/embeddings"] {
        assert_eq!(&*call(path, &json!({})).model, "meta/llama", "{path}");
    }
    let no_operation = ["/deployments/d/messages", "/deployments/a/b/chat", "/deployments/chat/completions"];
    for elsewhere in no_operation.into_iter().chain(["/anthropic/deployments/d/chat/completions"]) {
        assert!(endpoint(&http::Method::POST, elsewhere, None, &HeaderMap::new()).is_err(), "{elsewhere}");
    }
}

#[test]
fn what_may_answer_instead_is_told_and_nothing_is_refused_for_it() {
    let told = |path: &str, key: &str, value: Value| {
        let fallbacks = call(path, &json!({"model": "a", "max_tokens": 5, key: value})).fallbacks;
        (fallbacks.named.iter().map(ToString::to_string).collect::<Vec<_>>(), fallbacks.open)
    };
    for path in [CHAT, RESPONSES, MESSAGES] {
        for key in ["models", "fallbacks"] {
            assert_eq!(told(path, key, json!(["b", "c"])), (vec!["b".into(), "c".into()], false), "{path} {key}");
            let objects = json!([{"model": "b", "max_tokens": 9}, {"x": 1, "model": "c"}]);
            assert_eq!(told(path, key, objects), (vec!["b".into(), "c".into()], false), "{path} {key}");
            for nothing in [json!(null), json!([]), json!(false), json!("")] {
                assert_eq!(told(path, key, nothing), (vec![], false), "{path} {key}");
            }
            for open in [json!("default"), json!([1]), json!([{}]), json!([""]), json!({"a": ["b"]}), json!([["b"]])] {
                assert_eq!(told(path, key, open.clone()), (vec![], true), "{path} {key} {open}");
            }
            let (named, open) = told(path, key, json!(vec!["b"; 17]));
            assert_eq!((named.len(), open), (16, true), "{path} {key}");
        }
    }
}

#[test]
fn the_limit_is_that_of_the_most_generous_fallback() {
    let limit = |path: &str, body: Value| call(path, &body).bounds.max_output;
    let fallbacks = json!([{"model": "b", "max_tokens": 9}, {"model": "c", "max_tokens": 3}]);
    for path in [CHAT, MESSAGES] {
        assert_eq!(limit(path, json!({"model": "a", "max_tokens": 5, "fallbacks": fallbacks})), Some(9), "{path}");
        assert_eq!(limit(path, json!({"model": "a", "max_tokens": 50, "fallbacks": fallbacks})), Some(50), "{path}");
        assert_eq!(limit(path, json!({"model": "a", "fallbacks": fallbacks})), None, "{path}: the model's own");
    }
}

#[test]
fn what_it_takes_to_ask_for_usage_is_told() {
    let option = |body: &str| read(CHAT, body).expect("sound").spans.usage_option;
    assert_eq!(option(r#"{"model":"m"}"#), UsageOption::NotApplicable);
    assert_eq!(option(r#"{"model":"m","stream":false,"stream_options":null}"#), UsageOption::NotApplicable);
    assert_eq!(option(r#"  {"model":"m","stream":true}"#), UsageOption::Absent(3));
    assert_eq!(option(r#"{"stream_options":{},"model":"m","stream":true}"#), UsageOption::Into { at: 19, empty: true });
    assert_eq!(
        option(r#"{"stream_options":{ "x":1},"model":"m","stream":true}"#),
        UsageOption::Into { at: 19, empty: false }
    );
    assert_eq!(option(r#"{"stream_options":null,"model":"m","stream":true}"#), UsageOption::Null(18..22));
    assert_eq!(
        option(r#"{"stream_options":{"include_usage": false},"model":"m","stream":true}"#),
        UsageOption::Value(36..41)
    );
    assert_eq!(option(r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#), UsageOption::Asked);
    assert!(call(CHAT, &json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}})).asked_usage);
    assert_eq!(
        read(RESPONSES, r#"{"model":"m","stream":true}"#).expect("sound").spans.usage_option,
        UsageOption::NotApplicable
    );
}

#[test]
fn named_headers_come_along_within_bounds() {
    let mut headers = HeaderMap::new();
    headers.insert("x-tier", http::HeaderValue::from_static("gold"));
    headers.insert("x-long", http::HeaderValue::from_str(&"x".repeat(2000)).expect("a value"));
    headers.insert("x-other", http::HeaderValue::from_static("no"));
    let names = [Arc::from("x-tier"), Arc::from("x-long"), Arc::from("x-absent")];
    let call = recognize(&at(CHAT), &headers, br#"{"model":"m"}"#, &names).expect("sound").call;
    assert_eq!(call.headers, [(Arc::from("x-tier"), "gold".to_owned())]);
    headers.insert("x-tier", http::HeaderValue::from_bytes("größer".as_bytes()).expect("a value"));
    headers.insert("x-long", http::HeaderValue::from_bytes(b"\xff\xfe").expect("a value"));
    let call = recognize(&at(CHAT), &headers, br#"{"model":"m"}"#, &names).expect("sound").call;
    assert_eq!(call.headers, [(Arc::from("x-tier"), "größer".to_owned())], "UTF-8 is read, other bytes are none");
}

#[test]
fn a_body_that_names_another_model_than_its_path_is_refused() {
    let batch = "/v1beta/models/embed-1:batchEmbedContents";
    let embed = "/v1beta/models/embed-1:embedContent";
    for (path, body, wanted) in [
        (embed, r#"{"model":"models/embed-1","content":{"parts":[{"text":"a"}]}}"#, None),
        (embed, r#"{"model":"models/other","content":{"parts":[{"text":"a"}]}}"#, Some(Reason::BadField)),
        (batch, r#"{"requests":[{"model":"models/embed-1"},{"model":"embed-1"}]}"#, None),
        (batch, r#"{"requests":[{"model":"models/embed-1"},{"model":"models/other"}]}"#, Some(Reason::BadField)),
    ] {
        assert_eq!(reason(path, body), wanted, "{body}");
    }
}

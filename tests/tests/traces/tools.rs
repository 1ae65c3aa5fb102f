//! Tools: what came back and what the model asks for, as events.

use opentelemetry_proto::tonic::trace::v1::Span;
use sidegate_policy::Dialect;
use sidegate_testkit::sink::told;
use sidegate_tests::client::{chat, post, with};
use sidegate_tests::policy::{self, ladder};

use super::{Traced, all, spans};

fn events(span: &Span) -> Vec<(String, Option<String>, Option<String>)> {
    let of = |e: &opentelemetry_proto::tonic::trace::v1::span::Event, name| told(&e.attributes, name);
    span.events.iter().map(|e| (e.name.clone(), of(e, "gen_ai.tool.name"), of(e, "gen_ai.tool.call.id"))).collect()
}

const WEATHER: &str =
    r#"{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{}}}}"#;

#[tokio::test]
async fn what_the_model_asks_for_is_an_event_of_the_attempt_whole_and_streamed() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    for (n, more) in ["", r#","stream":true"#].into_iter().enumerate() {
        let answer =
            traced.stage.call(chat("m", &format!(r#","tools":[{WEATHER}],"tool_choice":"required"{more}"#))).await;
        assert!(answer.text().contains("weather"), "{}", answer.text());
        let spans = spans(&sink, 2 * n + 2).await;
        let attempt = spans.iter().rfind(|s| s.kind == 3).unwrap();
        let [(name, tool, Some(id))] = &events(attempt)[..] else { panic!("{:?}", events(attempt)) };
        assert_eq!((name.as_str(), tool.as_deref()), ("sidegate.tool_call", Some("weather")));
        assert!(answer.text().contains(id.as_str()), "{id}");
    }
}

#[tokio::test]
async fn what_came_back_is_an_event_of_the_call_and_ties_it_to_its_call() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    let past = r#"{"role":"assistant","tool_calls":[{"id":"call_7","type":"function","function":{"name":"weather","arguments":"{}"}}]}"#;
    let back = r#"{"role":"tool","tool_call_id":"call_7","content":"CANARY: rain"}"#;
    let body =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}},{past},{back}],"tools":[{WEATHER}]}}"#);
    let answer = traced.stage.call(post("/v1/chat/completions", body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let spans = spans(&sink, 2).await;
    let wanted = ("sidegate.tool_result".to_owned(), Some("weather".to_owned()), Some("call_7".to_owned()));
    assert_eq!(events(&spans[0]), [wanted]);
    assert!(events(&spans[1]).is_empty());
    assert!(!format!("{spans:?}").contains("CANARY"));
}

#[tokio::test]
async fn messages_and_gemini_tell_theirs() {
    let providers =
        vec![policy::provider("anthropic", Dialect::Anthropic, 1), policy::provider("gemini", Dialect::Gemini, 1)];
    let (mut traced, sink) = Traced::with_sink(all(policy::snapshot(providers))).await;
    let tools = r#""tools":[{"name":"weather","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}"#;
    let body = format!(r#"{{"model":"m","max_tokens":99,"messages":[{{"role":"user","content":"hi"}}],{tools}}}"#);
    let message = with(post("/v1/messages", body), "anthropic-version", "2023-06-01");
    let answer = traced.stage.call(message).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tools = r#""tools":[{"functionDeclarations":[{"name":"weather"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}"#;
    let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}],{tools}}}"#);
    let answer = traced.stage.call(post("/v1beta/models/g:streamGenerateContent?alt=sse", body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let spans = spans(&sink, 4).await;
    for attempt in spans.iter().filter(|s| s.kind == 3) {
        let told = events(attempt);
        assert_eq!(told.len(), 1, "{}: {told:?}", attempt.name);
        assert_eq!((told[0].0.as_str(), told[0].1.as_deref()), ("sidegate.tool_call", Some("weather")));
    }
}

#[tokio::test]
async fn the_conversation_that_a_call_names_is_told() {
    let (mut traced, sink) = Traced::with_sink(all(ladder(&[1]))).await;
    let body = r#"{"model":"m","input":"hi","conversation":"conv_42"}"#;
    traced.stage.call(post("/v1/responses", body)).await;
    let spans = spans(&sink, 2).await;
    assert_eq!(told(&spans[1].attributes, "gen_ai.conversation.id").as_deref(), Some("conv_42"));
}

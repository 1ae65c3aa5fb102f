//! One exchange, replayed: its request through recognition, its answer through the meter.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use sidegate_dialects::meter::{Framing, Meter, Seen, Terminal};
use sidegate_dialects::recognize::{endpoint, recognize};
use sidegate_policy::{Dialect, Operation};

use crate::case::Case;

/// What became of one case. An error says what is wrong.
pub struct Replayed {
    pub waiting: Option<&'static str>,
    pub recognised: Result<(), String>,
    pub identical: Result<(), String>,
    pub usage: Result<(), String>,
}

pub fn replay(case: &Case) -> Replayed {
    let Some((dialect, operation)) = case.spoken() else {
        let nothing = || Ok(());
        let waiting = Some(case.waits_for());
        return Replayed { waiting, recognised: nothing(), identical: nothing(), usage: nothing() };
    };
    let waiting = waits(case);
    let recognised = if waiting.is_some() { Ok(()) } else { recognised(case, dialect, operation) };
    let framing = if case.is_stream { Framing::Sse } else { Framing::Json };
    let (identical, seen) = delivered(case, dialect, operation, framing);
    let identical = identical.and_then(|()| cut_off(case, dialect, operation));
    Replayed { waiting, recognised, identical, usage: usage(case, &seen) }
}

/// Cases whose answer is metered and whose request is none of ours yet.
fn waits(case: &Case) -> Option<&'static str> {
    if case.text("method") == "GET" && case.dialect == "openai.responses" {
        return Some("fetching a stored response");
    }
    None
}

fn recognised(case: &Case, dialect: Dialect, operation: Operation) -> Result<(), String> {
    let request = case.request.clone().unwrap_or_else(|| made(case, operation));
    let model = model_of(case, dialect, &request);
    let recorded = case.text("endpoint");
    let streamed = recorded.contains(":stream") || (dialect == Dialect::Gemini && case.is_stream);
    let path = deployment(case).map_or_else(|| path(operation, dialect, &model, streamed), |_| recorded.to_owned());
    let method = if operation == Operation::ListModels { Method::GET } else { Method::POST };
    let query = streamed.then_some("alt=sse");
    let headers = HeaderMap::new();
    let endpoint = endpoint(&method, &path, query, &headers).map_err(|r| r.message)?;
    let body =
        if method == Method::GET { Vec::new() } else { serde_json::to_vec(&request).map_err(|e| e.to_string())? };
    let names: [Arc<str>; 0] = [];
    let call = match recognize(&endpoint, &headers, &body, &names) {
        Ok(recognized) => recognized.call,
        Err(refusal) => return Err(refusal.message),
    };
    let wants_stream = streamed || request["stream"] == json!(true);
    same("dialect", call.dialect, dialect)?;
    same("operation", call.operation, operation)?;
    same("stream", call.streaming.is_streamed(), wants_stream)?;
    same("maximum", call.bounds.max_output, maximum(operation, &request))?;
    same("body", call.bounds.body_bytes, body.len() as u64)?;
    if method == Method::POST {
        same("model", &*call.model, model.as_str())?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what} is {got:?}, not {wanted:?}")) }
}

/// A request for a recording that kept the answer only.
fn made(case: &Case, operation: Operation) -> Value {
    let model = if case.text("model").is_empty() { "some-model" } else { case.text("model") };
    let mut body = match operation {
        Operation::GenerateContent => return json!({"contents": [{"parts": [{"text": "hello"}]}]}),
        Operation::Responses => json!({"model": model, "input": "hello"}),
        Operation::Messages => {
            json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]})
        }
        _ => json!({"model": model, "messages": [{"role": "user", "content": "hello"}]}),
    };
    if case.is_stream {
        body["stream"] = json!(true);
    }
    body
}

fn model_of(case: &Case, dialect: Dialect, request: &Value) -> String {
    if let Some(deployment) = deployment(case) {
        return deployment.to_owned();
    }
    if dialect != Dialect::Gemini {
        return request["model"].as_str().unwrap_or_default().to_owned();
    }
    let of_path = case.text("endpoint").rsplit_once("/models/").and_then(|(_, last)| last.split(':').next());
    of_path.map_or_else(|| "gemini-2.5-flash".to_owned(), str::to_owned)
}

/// The name that the recorded path gives the model, where it is one of Azure's deployments.
fn deployment(case: &Case) -> Option<&str> {
    case.text("endpoint").split_once("/deployments/")?.1.split('/').next()
}

fn path(operation: Operation, dialect: Dialect, model: &str, streamed: bool) -> String {
    match (operation, dialect) {
        (Operation::ChatCompletions, _) => "/v1/chat/completions".into(),
        (Operation::Responses, _) => "/v1/responses".into(),
        (Operation::Completions, _) => "/v1/completions".into(),
        (Operation::Embeddings, _) => "/v1/embeddings".into(),
        (Operation::Messages, _) => "/v1/messages".into(),
        (Operation::CountTokens, Dialect::Anthropic) => "/v1/messages/count_tokens".into(),
        (Operation::CountTokens, _) => format!("/v1beta/models/{model}:countTokens"),
        (Operation::GenerateContent, _) if streamed => format!("/v1beta/models/{model}:streamGenerateContent"),
        (Operation::GenerateContent, _) => format!("/v1beta/models/{model}:generateContent"),
        (Operation::EmbedContent, _) => format!("/v1beta/models/{model}:embedContent"),
        (Operation::BatchEmbedContents, _) => format!("/v1beta/models/{model}:batchEmbedContents"),
        _ => "/v1/models".into(),
    }
}

/// The caller's limit as another reader of the same body finds it.
fn maximum(operation: Operation, request: &Value) -> Option<u64> {
    let limit = |value: &Value| value.as_u64().filter(|n| *n > 0);
    match operation {
        Operation::Responses => limit(&request["max_output_tokens"]),
        Operation::GenerateContent => limit(&request["generationConfig"]["maxOutputTokens"])
            .or_else(|| limit(&request["generation_config"]["max_output_tokens"])),
        Operation::ChatCompletions | Operation::Completions => {
            limit(&request["max_completion_tokens"]).max(limit(&request["max_tokens"]))
        }
        Operation::Messages => limit(&request["max_tokens"]),
        _ => None,
    }
}

/// The answer whole, byte by byte, and cut at random places: the same bytes, and the same things seen.
fn delivered(case: &Case, dialect: Dialect, operation: Operation, framing: Framing) -> (Result<(), String>, Seen) {
    let whole = through(case, dialect, operation, framing, &mut |left| left);
    let mut seed = case.answer.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut result = Ok(());
    for round in 0..6 {
        let mut size = |left: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = usize::try_from(seed >> 40).unwrap_or(1);
            if round == 0 { 1 } else { (random % (4 << (2 * round))).clamp(1, left.max(1)) }
        };
        let other = through(case, dialect, operation, framing, &mut size);
        if other.1 != whole.1 {
            result = Err(format!("seen otherwise when cut: {:?}, whole: {:?}", other.1, whole.1));
        }
        if other.0 != case.answer {
            result = Err("other bytes when cut".to_owned());
        }
    }
    if whole.0 != case.answer {
        result = Err("other bytes when whole".to_owned());
    }
    (result, whole.1)
}

fn through(
    case: &Case,
    dialect: Dialect,
    operation: Operation,
    framing: Framing,
    size: &mut dyn FnMut(usize) -> usize,
) -> (Vec<u8>, Seen) {
    let mut meter = Meter::new(dialect, operation, framing, false);
    let mut rest = Bytes::from(case.answer.clone());
    let mut out = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let chunk = rest.split_to(size(rest.len()).min(rest.len()));
        meter.feed(chunk, &mut |b| out.extend_from_slice(&b));
    }
    meter.end(&mut |b| out.extend_from_slice(&b));
    (out, meter.seen().clone())
}

/// A stream is complete if and only if its end is there, and never without its last event.
fn cut_off(case: &Case, dialect: Dialect, operation: Operation) -> Result<(), String> {
    if !case.is_stream || case.meta["status"].as_u64() != Some(200) {
        return Ok(());
    }
    let seen = |bytes: &[u8]| {
        let mut meter = Meter::new(dialect, operation, Framing::Sse, false);
        meter.feed(Bytes::copy_from_slice(bytes), &mut |_| ());
        meter.end(&mut |_| ());
        meter.seen().terminal
    };
    for (what, part) in [("whole", &case.answer[..]), ("half", &case.answer[..case.answer.len() / 2])] {
        let (ends, came_out) = (has_end(dialect, operation, part), seen(part));
        if case.is_trusted() && ends != (came_out == Terminal::Complete) && came_out != Terminal::Error {
            let end = if ends { "there" } else { "missing" };
            return Err(format!("the {what} ended as {came_out:?} although its end is {end}"));
        }
    }
    Ok(())
}

/// Whether the words that end a stream are in it.
fn has_end(dialect: Dialect, operation: Operation, stream: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stream);
    // What is cut off inside the event that ends it has not ended.
    let whole = text.rfind("\n\n").max(text.rfind("\n\r\n")).map_or("", |end| &text[..end]);
    let whole = if text.trim_end().ends_with("[DONE]") { &*text } else { whole };
    let words: &[&str] = match (dialect, operation) {
        (Dialect::OpenAi, Operation::Responses) => {
            &[r#""type":"response.completed""#, r#""type":"response.incomplete""#, "event: response.completed"]
        }
        (Dialect::OpenAi, _) => &["[DONE]"],
        (Dialect::Anthropic, _) => &["message_stop"],
        (Dialect::Gemini, _) => &["finishReason", "blockReason"],
    };
    words.iter().any(|word| whole.contains(word))
}

fn usage(case: &Case, seen: &Seen) -> Result<(), String> {
    let expected = &case.meta["expected_usage"];
    if !case.is_trusted() {
        return Ok(());
    }
    if expected.is_null() {
        // The recordings' reader knew of no usage of embeddings that are not OpenAI's.
        let known = seen.usage.is_none() || case.dialect == "gemini.embed";
        return if known { Ok(()) } else { Err(format!("none expected: {:?}", seen.usage)) };
    }
    let usage = seen.usage.ok_or("no usage was seen")?;
    let reported = expected["total_reported"].as_u64();
    // Where the input is not told, the total is all there is.
    let input = expected["input_total"].as_u64().or(reported);
    same("input", Some(usage.input_total), input)?;
    same("output", Some(usage.output_total), output(expected))?;
    for (what, got) in
        [("cache_read", usage.cache_read), ("cache_write", usage.cache_write), ("reasoning", usage.reasoning)]
    {
        // What was not reported in the usual place may still be known to be none.
        let wanted = expected[what].as_u64();
        if got.unwrap_or(0) != wanted.unwrap_or(0) || (got.is_none() && wanted.is_some()) {
            return Err(format!("{what} is {got:?}, not {wanted:?}"));
        }
    }
    Ok(())
}

/// All generated tokens. Where the recording's own note says that the total has more than was told apart, the
/// rest is output that the provider hides.
fn output(expected: &Value) -> Option<u64> {
    let hidden = expected["note"].as_str().is_some_and(|n| n.starts_with("total_reported differs"));
    match (hidden, expected["total_reported"].as_u64(), expected["input_total"].as_u64()) {
        (true, Some(total), Some(input)) => Some(total - input),
        _ => expected["output_total"].as_u64(),
    }
}

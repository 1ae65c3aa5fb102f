//! Every place of a call that text can come from: headers, query, path, and each part of the bodies.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use sidegate_tests::client::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CONVERSATION, EMAIL, MODEL, OWN, PURPOSE, QUERY, SOON, STATE, TOKEN, person};

/// Headers that somebody may read, send on, or quote.
const HEADERS: [&str; 29] = [
    "x-user-note",
    "x-user-email",
    "x-user-id",
    "user-agent",
    "from",
    "referer",
    "http-referer",
    "x-title",
    "origin",
    "accept-language",
    "idempotency-key",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "anthropic-beta",
    "anthropic-workspace",
    "x-goog-api-client",
    "x-stainless-lang",
    "x-request-id",
    "x-sidegate-request-id",
    "x-forwarded-for",
    "forwarded",
    "baggage",
    "x-amz-security-token",
    "x-session-id",
    "x-conversation-id",
    "x-tier",
    "if-none-match",
    "range",
];

/// Headers that are keys.
const KEYS: [&str; 5] = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "proxy-authorization"];

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap()
}

/// The request with canaries in every header that it may have.
fn dressed(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let headers = request.headers_mut();
    for name in HEADERS {
        headers.insert(HeaderName::from_static(name), value(&format!("{name}={} {EMAIL} {TOKEN}", person())));
    }
    for name in KEYS {
        headers.insert(HeaderName::from_static(name), value(&format!("Bearer {OWN}")));
    }
    headers.insert("cookie", value(&format!("session={OWN}; who={EMAIL}")));
    headers.insert("x-purpose", value(PURPOSE));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", value(trace));
    headers.insert("tracestate", value(&format!("vendor={STATE}")));
    request
}

/// A query with keys and people in it, as a URL has them.
fn query() -> String {
    let mail = EMAIL.replace('+', "%2B").replace('@', "%40");
    format!("key={QUERY}&api_key={QUERY}&access_token={TOKEN}&user={mail}")
}

/// A body of each dialect, with canaries in every part that people write.
fn bodies(stream: bool) -> Vec<(&'static str, Value)> {
    let who = person();
    let schema =
        json!({"type": "object", "description": who, "properties": {TOKEN: {"type": "string", "enum": [who]}}});
    let chat = json!({
        "model": "gpt-4o", "stream": stream, "max_tokens": 9, "user": who, "safety_identifier": EMAIL,
        "prompt_cache_key": TOKEN, "metadata": {"customer": who, TOKEN: EMAIL}, "stop": [who],
        "logit_bias": {TOKEN: 1}, "unknown": {"deep": [who]}, TOKEN: who,
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "look", "description": who, "parameters": schema}}],
        "messages": [
            {"role": "system", "name": TOKEN, "content": who},
            {"role": "user", "content": [{"type": "text", "text": who},
                {"type": "image_url", "image_url": {"url": format!("https://images.test/{TOKEN}?who={EMAIL}")}}]},
            {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function",
                "function": {"name": "look", "arguments": json!({"who": who}).to_string()}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": who},
        ],
    });
    let responses = json!({
        "model": "gpt-4o", "stream": stream, "instructions": who, "user": who, "metadata": {"a": who},
        "previous_response_id": CONVERSATION, "prompt": {"id": TOKEN, "variables": {"a": who}},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": who}]},
            {"type": "function_call_output", "call_id": "call_1", "output": who}],
    });
    let messages = json!({
        "model": "claude-haiku-4-5", "stream": stream, "max_tokens": 9, "system": [{"type": "text", "text": who}],
        "metadata": {"user_id": who}, "stop_sequences": [who],
        "tools": [{"name": "look", "description": who, "input_schema": schema}],
        "messages": [{"role": "user", "content": who},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"who": who}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": who}]}],
    });
    let content = json!({
        "systemInstruction": {"parts": [{"text": who}]}, "labels": {"who": who},
        "contents": [{"role": "user", "parts": [{"text": who}, {"inlineData": {"mimeType": "text/plain", "data": TOKEN}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {"who": who}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"who": who}}}]}],
        "tools": [{"functionDeclarations": [{"name": "look", "description": who, "parameters": schema}]}],
    });
    let verb = if stream { "streamGenerateContent" } else { "generateContent" };
    let generate = if verb.starts_with('s') {
        "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
    } else {
        "/v1beta/models/gemini-2.5-flash:generateContent"
    };
    vec![
        ("/v1/chat/completions", chat),
        ("/v1/responses", responses),
        ("/v1/completions", json!({"model": "gpt-4o", "prompt": who, "suffix": who, "user": who, "stream": stream})),
        ("/v1/embeddings", json!({"model": "gpt-4o", "input": [who], "user": who})),
        ("/v1/messages", messages),
        (generate, content),
    ]
}

/// Bodies that are refused, each for a reason of its own, with canaries in what is wrong.
fn wrong() -> Vec<(String, String)> {
    let (who, good) =
        (person(), json!({"model": "gpt-4o", "messages": [{"role": "user", "content": person()}]}).to_string());
    let quoted = Value::from(who.as_str()).to_string();
    let chat = |body: String| (format!("/v1/chat/completions?{}", query()), body);
    vec![
        chat(good.replace("\"messages\":[", "\"messages\":[[[")),
        chat(good[..good.len() / 2].to_owned()),
        chat(good.replace("\"gpt-4o\"", &format!("[{quoted}]"))),
        chat(good.replace("{\"messages\"", &format!("{{\"max_tokens\":{quoted},\"messages\""))),
        chat(good.replace("{\"messages\"", &format!("{{\"stream\":{quoted},\"messages\""))),
        chat(good.replace("{\"messages\"", &format!("{{\"n\":{quoted},\"messages\""))),
        chat(good.replace("{\"messages\"", "{\"model\":\"gpt-4o\",\"messages\"")),
        chat(good.replace("\"model\"", "\"modl\"")),
        chat(format!("\"{TOKEN}\"")),
        chat(format!("{TOKEN} {EMAIL}")),
        chat(format!("{{\"model\":\"gpt-4o\"}} {TOKEN}")),
        chat(String::new()),
        (format!("/v1/{TOKEN}?{}", query()), good.clone()),
        (format!("/v1/files/{TOKEN}/content"), good.clone()),
        (format!("/v1beta/{TOKEN}/models/x:generateContent"), good.clone()),
        (
            "/v1/messages".to_owned(),
            json!({"model": "claude-haiku-4-5", "max_tokens": who, "messages": who}).to_string(),
        ),
        (format!("/v1/chat/completions/..%2f{TOKEN}"), good.clone()),
        ("/v1/chat/completions".to_owned(), good.replace("gpt-4o", MODEL)),
        ("/v1/chat/completions".to_owned(), good.replace("gpt-4o", &format!("denied-{MODEL}"))),
    ]
}

/// All of them.
pub fn all() -> Vec<Request<Full<Bytes>>> {
    let mut all = Vec::new();
    for stream in [false, true] {
        let asked =
            bodies(stream).into_iter().map(|(path, body)| post(&format!("{path}?{}", query()), body.to_string()));
        all.extend(asked.map(dressed));
    }
    all.extend(wrong().into_iter().map(|(path, body)| dressed(post(&path, body))));
    let mut encoded = plain();
    encoded.headers_mut().insert("content-encoding", value(&format!("gzip, {TOKEN}")));
    let mut got = plain();
    *got.method_mut() = Method::GET;
    let mut odd = plain();
    *odd.method_mut() = Method::from_bytes(b"TOK_CANARY_9F8E7D6C5B4A3210").unwrap();
    let mut models = dressed(post(&format!("/v1/models?{}", query()), ""));
    *models.method_mut() = Method::GET;
    let mut upgrade = plain();
    upgrade.headers_mut().insert("upgrade", value(TOKEN));
    upgrade.headers_mut().insert("connection", value("upgrade"));
    let mut spoilt = plain();
    spoilt.headers_mut().insert("traceparent", value(&format!("00-{TOKEN}-{EMAIL}")));
    all.extend([encoded, got, odd, models, upgrade, spoilt]);
    all
}

/// A good call.
pub fn plain() -> Request<Full<Bytes>> {
    let (path, body) = bodies(false).remove(0);
    dressed(post(&format!("{path}?{}", query()), body.to_string()))
}

/// A good call whose answer is a stream.
pub fn streamed() -> Request<Full<Bytes>> {
    let (path, body) = bodies(true).remove(0);
    dressed(post(&format!("{path}?{}", query()), body.to_string()))
}

/// A good call for that model.
pub fn asking_for(model: &str) -> Request<Full<Bytes>> {
    let (path, body) = bodies(false).remove(0);
    dressed(post(path, body.to_string().replace("\"gpt-4o\"", &format!("\"{model}\""))))
}

/// What no client library would send, on connections of its own.
pub async fn raw(at: SocketAddr) {
    let who = format!("{EMAIL} {TOKEN}");
    let long = "x".repeat(40_000);
    let body = format!("{{\"model\":\"gpt-4o\",\"messages\":\"{who}\"}}");
    let chunk = format!("{:x};{TOKEN}\r\n{body}\r\n0\r\nx-trailer: {who}\r\n\r\n", body.len());
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for text in [
        format!("{TOKEN}\r\n\r\n"),
        format!("GET /{TOKEN} HTTP/9.9\r\n\r\n"),
        format!("GET /{TOKEN} {EMAIL} HTTP/1.1\r\n\r\n"),
        format!("{head}x-bad: \0{who}\r\n\r\n"),
        format!("{head}{who}: x\r\n\r\n"),
        format!("{head}x-long: {who}{long}\r\n\r\n"),
        format!("{head}content-length: {TOKEN}\r\n\r\n"),
        format!("{head}content-length: 99999999999\r\n\r\n{who}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}"),
        format!("{head}transfer-encoding: chunked\r\n\r\n{TOKEN}\r\n"),
        format!("CONNECT {TOKEN}.test:443 HTTP/1.1\r\nhost: {TOKEN}.test\r\n\r\n"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{who}{who}{who}"),
        format!("POST http://{TOKEN}.test/v1/chat/completions HTTP/1.1\r\nhost: {TOKEN}.test\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
        // Whatever it answers, or that it ends.
        let _ = timeout(SOON, stream.read_to_end(&mut Vec::new())).await;
    }
}

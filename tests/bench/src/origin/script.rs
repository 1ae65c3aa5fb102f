//! The answers, made once: what OpenAI's chat completions look like on the wire, head and chunk
//! framing included.
//!
//! Not here: variety. Every answer of a kind is the same bytes.

/// The answer to a pace that was set.
pub(super) const SET: &[u8] = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n";

/// The answer of a tracing back-end that took everything.
pub(super) const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";

/// Headers that the real provider sends with every answer.
const HEADERS: &str = "x-request-id: req_8f14e45fceea4679a2d1c7b0e3b9d6a5\r\n\
    openai-version: 2020-10-01\r\nopenai-processing-ms: 381\r\n\
    x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9998\r\n";

/// About as much text as a short answer has.
const TEXT: &str = "The deployment rolled back because its readiness probe kept failing: the new \
    image listens on port 8081, while the probe still asks on 8080. Three pods were replaced \
    before the controller gave up, so no request was lost, but the rollout took eleven minutes \
    longer than usual. Change the probe's port together with the image, and consider a startup \
    probe with a longer threshold, because the first request after a cold start takes about four \
    seconds. The error budget of this service is untouched; the next rollout can go ahead today.";

/// What the events of a stream say, again and again.
const WORDS: [&str; 6] = [" probe", " keeps", " failing", " on", " port", " 8080"];

const CHUNK: &str = r#""id":"chatcmpl-C4kTqW2ZlYxgR7mPvA1sNf","object":"chat.completion.chunk","created":1763712000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_b7d65f1c2a""#;

const USAGE: &str = r#"{"prompt_tokens":214,"completion_tokens":200,"total_tokens":414,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;

/// One kind of stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// Head and the event that names the role.
    pub opening: Vec<u8>,
    /// Events with content, to be repeated.
    pub events: Vec<Vec<u8>>,
    /// The events that end the stream, and the body's end.
    pub closing: Vec<u8>,
}

/// All answers.
#[derive(Debug)]
pub(super) struct Script {
    /// A whole answer.
    pub answer: Vec<u8>,
    streams: [Stream; 2],
}

impl Default for Script {
    fn default() -> Self {
        Self { answer: answer(), streams: [false, true].map(stream) }
    }
}

impl Script {
    /// The stream for a request that asks for usage or does not.
    pub(super) fn stream(&self, usage: bool) -> &Stream {
        &self.streams[usize::from(usage)]
    }
}

fn answer() -> Vec<u8> {
    let body = format!(
        r#"{{"id":"chatcmpl-C4kTqW2ZlYxgR7mPvA1sNf","object":"chat.completion","created":1763712000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{TEXT}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_b7d65f1c2a"}}"#
    );
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{HEADERS}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// With usage asked for, every event but the last says `"usage":null`, as the provider does.
fn stream(usage: bool) -> Stream {
    let null = if usage { r#","usage":null"# } else { "" };
    let event = |delta: &str, finish: &str| {
        framed(&format!(
            r#"{{{CHUNK},"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]{null}}}"#
        ))
    };
    let mut opening = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n{HEADERS}transfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    opening.extend(event(r#"{"role":"assistant","content":"","refusal":null}"#, "null"));
    let mut closing = event("{}", r#""stop""#);
    if usage {
        closing.extend(framed(&format!(r#"{{{CHUNK},"choices":[],"usage":{USAGE}}}"#)));
    }
    closing.extend(framed("[DONE]"));
    closing.extend_from_slice(b"0\r\n\r\n");
    Stream {
        opening,
        events: WORDS.iter().map(|word| event(&format!(r#"{{"content":"{word}"}}"#), "null")).collect(),
        closing,
    }
}

/// One event in one chunk.
fn framed(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

#[cfg(test)]
mod tests;

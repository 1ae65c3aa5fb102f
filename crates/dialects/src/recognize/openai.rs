//! Bodies of `OpenAI`'s dialect: chat completions, responses, completions, embeddings.

use std::ops::Range;
use std::sync::Arc;

use sidegate_policy::{Operation, Refusal, Streaming};

use super::fallbacks::Said;
use super::fields::{bad, boolean, choices, integer, limit, model, model_missing};
use super::reader::{Reader, Role};
use super::{Endpoint, Found, ModelSpan, Spans, UsageOption};
use crate::scan::Kind;

/// The keys that are acted on, at the top of a body.
const KEYS: [&str; 22] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "messages",
    "input",
    "prompt",
    "instructions",
    "tools",
    "previous_response_id",
    "conversation",
    "web_search_options",
    "plugins",
    "files",
    "file_ids",
    "container",
    "models",
    "fallbacks",
];

/// The top of a body.
#[derive(Debug, Default)]
struct Top {
    model: Option<Arc<str>>,
    token: Option<Range<usize>>,
    fallbacks: Said,
    stream: bool,
    usage: Option<UsageOption>,
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    max_output_tokens: Option<i64>,
    n: Option<i64>,
    best_of: Option<i64>,
}

pub(super) fn read(endpoint: &Endpoint, body: &[u8], mut reader: Reader<'_>) -> Result<Found, Refusal> {
    let mut top = Top::default();
    reader.scan.kind()?;
    let brace = reader.scan.at();
    reader.object(&KEYS, |r, at| member(r, endpoint, &mut top, KEYS.get(at).copied().unwrap_or_default()))?;
    reader.scan.end()?;
    let model = top.model.take().or_else(|| endpoint.model.clone()).ok_or_else(model_missing)?;
    let span = top.token.take().map_or_else(|| into_body(body, brace + 1), ModelSpan::Token);
    let streaming = if top.stream { Streaming::Sse } else { Streaming::No };
    let has_option = matches!(endpoint.operation, Operation::ChatCompletions | Operation::Completions);
    let usage_option = match top.usage.take() {
        _ if !(top.stream && has_option) => UsageOption::NotApplicable,
        Some(found) => found,
        None => UsageOption::Absent(brace + 1),
    };
    Ok(Found {
        model: Some(model),
        fallbacks: std::mem::take(&mut top.fallbacks.models),
        streaming,
        bounds: reader.bounds(body, max_output(endpoint.operation, &top), choices(top.n.max(top.best_of))),
        conversation: reader.conversation(),
        spans: Spans { model: span, usage_option },
        notes: reader.take_notes(),
    })
}

/// A body that leaves its model to the path.
fn into_body(body: &[u8], at: usize) -> ModelSpan {
    let rest = body.get(at..).unwrap_or_default().trim_ascii_start();
    ModelSpan::Into { at, empty: rest.starts_with(b"}") }
}

/// Where two names of the limit stand side by side, the larger one bounds.
fn max_output(operation: Operation, top: &Top) -> Option<u64> {
    match operation {
        Operation::Responses => limit(top.fallbacks.limit(top.max_output_tokens)),
        _ => limit(top.fallbacks.limit(top.max_completion_tokens.max(top.max_tokens))),
    }
}

fn member(r: &mut Reader<'_>, endpoint: &Endpoint, top: &mut Top, key: &str) -> Result<(), Refusal> {
    match key {
        // Where the path names the model, nobody reads what stands here.
        "model" if endpoint.model.is_some() => top.token = Some(r.scan.skip()?),
        "model" => {
            let (model, token) = model(&mut r.scan)?;
            (top.model, top.token) = (Some(model), Some(token));
        }
        "models" | "fallbacks" => top.fallbacks.read(r)?,
        "stream" => top.stream = boolean(&mut r.scan, key)?.unwrap_or(false),
        "stream_options" => top.usage = Some(stream_options(r)?),
        "max_tokens" => top.max_tokens = integer(&mut r.scan, key)?,
        "max_completion_tokens" => top.max_completion_tokens = integer(&mut r.scan, key)?,
        "max_output_tokens" => top.max_output_tokens = integer(&mut r.scan, key)?,
        "n" => top.n = integer(&mut r.scan, key)?,
        "best_of" => top.best_of = integer(&mut r.scan, key)?,
        "messages" => r.objects(turn)?,
        "input" => input(r, endpoint.operation)?,
        "prompt" => prompt(r)?,
        "instructions" => {
            r.text()?;
            r.turn_of(Role::System);
        }
        "tools" => r.objects(tool)?,
        "previous_response_id" => r.earlier()?,
        "conversation" => r.stored()?,
        _ => r.reference()?,
    }
    Ok(())
}

fn stream_options(r: &mut Reader<'_>) -> Result<UsageOption, Refusal> {
    match r.scan.kind()? {
        Kind::Null => return Ok(UsageOption::Null(r.scan.skip()?)),
        Kind::Object => {}
        _ => return Err(bad("`stream_options` is not an object")),
    }
    let start = r.scan.at() + 1;
    let mut ahead = r.scan.clone();
    ahead.open_object()?;
    let empty = ahead.key(&mut true)?.is_none();
    let mut option = UsageOption::Into { at: start, empty };
    r.object(&["include_usage"], |r, _| {
        r.scan.kind()?;
        let from = r.scan.at();
        option = match boolean(&mut r.scan, "include_usage")? {
            Some(true) => UsageOption::Asked,
            _ => UsageOption::Value(from..r.scan.at()),
        };
        Ok(())
    })?;
    Ok(option)
}

/// A message of a chat, or an item of a response's input.
fn turn(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    let mut role = Role::Other;
    let (mut id, mut name) = (&b""[..], &b""[..]);
    r.members(|r, key| match key {
        b"role" => {
            role = Role::of(r.word()?);
            Ok(())
        }
        b"type" => {
            match r.word()? {
                b"item_reference" => r.elsewhere = true,
                b"function_call" | b"reasoning" | b"custom_tool_call" => role = Role::Model,
                _ => {}
            }
            Ok(())
        }
        b"content" | b"output" => content(r),
        b"audio" => r.reference(),
        b"tool_calls" if r.notes() => r.objects(past_call),
        b"tool_call_id" | b"call_id" if r.notes() => {
            id = r.word()?;
            Ok(())
        }
        b"name" if r.notes() => {
            name = r.word()?;
            Ok(())
        }
        _ => r.skip(),
    })?;
    if !id.is_empty() {
        match role {
            Role::Model => r.note_call(id, name),
            _ => r.note_result(id, name),
        }
    }
    r.turn_of(role);
    Ok(())
}

/// A call that the model asked for in an earlier turn.
fn past_call(r: &mut Reader<'_>) -> Result<(), Refusal> {
    let (mut id, mut name) = (&b""[..], &b""[..]);
    r.members(|r, key| match key {
        b"id" => {
            id = r.word()?;
            Ok(())
        }
        b"function" | b"custom" if r.scan.kind()? == Kind::Object => r.members(|r, key| {
            if key == b"name" {
                name = r.word()?;
                return Ok(());
            }
            r.skip()
        }),
        _ => r.skip(),
    })?;
    r.note_call(id, name);
    Ok(())
}

fn content(r: &mut Reader<'_>) -> Result<(), Refusal> {
    match r.scan.kind()? {
        Kind::String => r.text(),
        Kind::Array => r.array(|r| match r.scan.kind()? {
            Kind::Object => part(r),
            _ => r.text(),
        }),
        Kind::Object => part(r),
        _ => r.skip(),
    }
}

fn part(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    r.members(|r, key| match key {
        b"text" => r.text(),
        b"image_url" => match r.scan.kind()? {
            Kind::Object => r.members(|r, key| if key == b"url" { r.image_url() } else { r.skip() }),
            _ => r.image_url(),
        },
        // What unfolds when it is read (documents, sound, film), or is not here at all.
        b"file" | b"file_id" | b"file_url" | b"file_data" | b"input_audio" | b"audio_url" | b"video_url" | b"url" => {
            r.reference()
        }
        _ => r.skip(),
    })
}

/// A response's input, or what is to be embedded.
fn input(r: &mut Reader<'_>, operation: Operation) -> Result<(), Refusal> {
    match r.scan.kind()? {
        Kind::String => {
            r.part();
            r.text()?;
            r.turn_of(Role::User);
            Ok(())
        }
        Kind::Array if operation == Operation::Embeddings => texts(r),
        _ => r.objects(turn),
    }
}

/// A completion's prompt: one text, several, or tokens. A stored prompt of a response is an object.
fn prompt(r: &mut Reader<'_>) -> Result<(), Refusal> {
    match r.scan.kind()? {
        Kind::Array => texts(r),
        Kind::Object => r.reference(),
        _ => {
            r.part();
            r.skip()
        }
    }
}

fn texts(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.array(|r| match r.scan.kind()? {
        Kind::Object => part(r),
        // A token: its digit and comma are bytes enough.
        Kind::Number => r.skip(),
        _ => {
            r.part();
            r.skip()
        }
    })
}

/// A tool is the caller's own, or the provider runs it and feeds what it finds back to the model.
fn tool(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    let mut own = false;
    let mut typed = false;
    r.members(|r, key| {
        if key == b"type" {
            typed = true;
            own = matches!(r.word()?, b"function" | b"custom" | b"local_shell" | b"apply_patch");
            return Ok(());
        }
        r.skip()
    })?;
    r.elsewhere |= typed && !own;
    Ok(())
}

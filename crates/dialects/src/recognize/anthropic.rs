//! Bodies of Anthropic's dialect: messages and the counting of their tokens.

use std::ops::Range;
use std::sync::Arc;

use sidegate_policy::{Refusal, Streaming};

use super::fallbacks::Said;
use super::fields::{boolean, integer, limit, model, model_missing};
use super::reader::{Reader, Role};
use super::{Found, ModelSpan, Spans, UsageOption};
use crate::scan::Kind;

/// The keys that are acted on, at the top of a body.
const KEYS: [&str; 10] =
    ["model", "stream", "max_tokens", "system", "messages", "tools", "mcp_servers", "container", "fallbacks", "models"];

/// Blocks inside blocks (documents in tool results) that are looked into.
const MAX_NESTING: u32 = 4;

/// Beginnings of the types of tools that the caller runs itself.
const OWN_TOOLS: [&[u8]; 6] = [b"custom", b"bash_", b"text_editor_", b"computer_", b"memory_", b"tool_search_"];

#[derive(Debug, Default)]
struct Top {
    model: Option<(Arc<str>, Range<usize>)>,
    fallbacks: Said,
    stream: bool,
    max_tokens: Option<i64>,
}

pub(super) fn read(body: &[u8], mut reader: Reader<'_>) -> Result<Found, Refusal> {
    let mut top = Top::default();
    reader.object(&KEYS, |r, at| member(r, &mut top, KEYS.get(at).copied().unwrap_or_default()))?;
    reader.scan.end()?;
    let (model, token) = top.model.ok_or_else(model_missing)?;
    Ok(Found {
        model: Some(model),
        streaming: if top.stream { Streaming::Sse } else { Streaming::No },
        bounds: reader.bounds(body, limit(top.fallbacks.limit(top.max_tokens)), 1),
        fallbacks: top.fallbacks.models,
        conversation: reader.conversation(),
        spans: Spans { model: ModelSpan::Token(token), usage_option: UsageOption::NotApplicable },
        notes: reader.take_notes(),
    })
}

fn member(r: &mut Reader<'_>, top: &mut Top, key: &str) -> Result<(), Refusal> {
    match key {
        "model" => top.model = Some(model(&mut r.scan)?),
        "fallbacks" | "models" => top.fallbacks.read(r)?,
        "stream" => top.stream = boolean(&mut r.scan, key)?.unwrap_or(false),
        "max_tokens" => top.max_tokens = integer(&mut r.scan, key)?,
        "system" => {
            content(r, 0)?;
            r.turn_of(Role::System);
        }
        "messages" => r.objects(turn)?,
        "tools" => r.objects(tool)?,
        _ => r.reference()?,
    }
    Ok(())
}

fn turn(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    let mut role = Role::Other;
    r.members(|r, key| match key {
        b"role" => {
            role = Role::of(r.word()?);
            Ok(())
        }
        b"content" => content(r, 0),
        _ => r.skip(),
    })?;
    r.turn_of(role);
    Ok(())
}

/// A text or a list of blocks.
fn content(r: &mut Reader<'_>, nesting: u32) -> Result<(), Refusal> {
    match r.scan.kind()? {
        Kind::String => r.text(),
        Kind::Array | Kind::Object if nesting < MAX_NESTING => r.objects(|r| block(r, nesting)),
        _ => r.reference(),
    }
}

/// Where the content of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Here,
    Encoded,
    Elsewhere,
}

fn block(r: &mut Reader<'_>, nesting: u32) -> Result<(), Refusal> {
    r.part();
    let mut image = false;
    let mut from = Source::Here;
    let (mut kind, mut id, mut name) = (&b""[..], &b""[..], &b""[..]);
    r.members(|r, key| match key {
        b"type" => {
            kind = r.word()?;
            image = kind == b"image";
            Ok(())
        }
        b"id" | b"tool_use_id" if r.notes() => {
            id = r.word()?;
            Ok(())
        }
        b"name" if r.notes() => {
            name = r.word()?;
            Ok(())
        }
        b"text" => r.text(),
        b"content" => content(r, nesting + 1),
        b"source" => match r.scan.kind()? {
            Kind::Object => {
                from = source(r, nesting)?;
                Ok(())
            }
            // The source of a search result is its address, for citing.
            _ => r.skip(),
        },
        b"file_id" => r.reference(),
        _ => r.skip(),
    })?;
    match kind {
        b"tool_use" => r.note_call(id, name),
        b"tool_result" => r.note_result(id, b""),
        _ => {}
    }
    match from {
        Source::Here => {}
        Source::Encoded if image => r.image(),
        Source::Encoded | Source::Elsewhere => r.elsewhere = true,
    }
    Ok(())
}

fn source(r: &mut Reader<'_>, nesting: u32) -> Result<Source, Refusal> {
    let mut source = Source::Elsewhere;
    r.members(|r, key| match key {
        b"type" => {
            source = match r.word()? {
                b"base64" => Source::Encoded,
                b"text" | b"content" => Source::Here,
                _ => Source::Elsewhere,
            };
            Ok(())
        }
        b"content" => content(r, nesting + 1),
        _ => r.skip(),
    })?;
    Ok(source)
}

/// A tool is the caller's own, or the provider runs it and feeds what it finds back to the model.
fn tool(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    r.members(|r, key| {
        if key == b"type" {
            let kind = r.word()?;
            r.elsewhere |= !kind.is_empty() && !OWN_TOOLS.iter().any(|own| kind.starts_with(own));
            return Ok(());
        }
        r.skip()
    })
}

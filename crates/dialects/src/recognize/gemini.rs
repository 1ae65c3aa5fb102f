//! Bodies of Gemini's dialect. Its reader of JSON takes both spellings of every key (`maxOutputTokens`,
//! `max_output_tokens`), so both are acted on.

use sidegate_policy::{Fallbacks, Operation, Refusal};

use super::fields::{Once, bad, bit, choices, integer, limit};
use super::reader::{Reader, Role};
use super::{Endpoint, Found, ModelSpan, Spans, UsageOption};
use crate::scan::Kind;
use crate::text;

/// The keys that are acted on, in both spellings; the second half spells the first.
const KEYS: [&str; 2 * HALF] = [
    "contents",
    "content",
    "requests",
    "model",
    "systemInstruction",
    "generationConfig",
    "tools",
    "cachedContent",
    "contents",
    "content",
    "requests",
    "model",
    "system_instruction",
    "generation_config",
    "tools",
    "cached_content",
];
const HALF: usize = 8;

/// The keys of `generationConfig` that are acted on, likewise.
const CONFIG: [&str; 4] = ["maxOutputTokens", "candidateCount", "max_output_tokens", "candidate_count"];

#[derive(Debug, Default)]
struct Top {
    max_output: Option<i64>,
    choices: Option<i64>,
    /// Both spellings of one key in one object are as bad as one of them twice.
    once: Once,
    once_in_config: Once,
}

pub(super) fn read(endpoint: &Endpoint, body: &[u8], mut reader: Reader<'_>) -> Result<Found, Refusal> {
    let mut top = Top::default();
    request(&mut reader, endpoint, &mut top)?;
    reader.scan.end()?;
    Ok(Found {
        model: endpoint.model.clone(),
        fallbacks: Fallbacks::default(),
        streaming: endpoint.streaming,
        bounds: reader.bounds(body, limit(top.max_output), choices(top.choices)),
        conversation: reader.conversation(),
        spans: Spans { model: ModelSpan::Nowhere, usage_option: UsageOption::NotApplicable },
        notes: reader.take_notes(),
    })
}

fn request(r: &mut Reader<'_>, endpoint: &Endpoint, top: &mut Top) -> Result<(), Refusal> {
    r.object(&KEYS, |r, at| {
        let key = KEYS.get(at % HALF).copied().unwrap_or_default();
        top.once.note(bit(at % HALF), key)?;
        member(r, endpoint, top, key)
    })
}

fn member(r: &mut Reader<'_>, endpoint: &Endpoint, top: &mut Top, key: &'static str) -> Result<(), Refusal> {
    match key {
        "contents" => r.objects(content),
        "content" => r.objects(content),
        "model" => same_model(r, endpoint),
        "requests" if endpoint.operation == Operation::BatchEmbedContents => r.objects(|r| {
            r.members(|r, key| match key {
                b"content" => r.objects(content),
                b"model" => same_model(r, endpoint),
                _ => r.skip(),
            })
        }),
        "systemInstruction" => {
            r.objects(|r| parts_of(r).map(|_| ()))?;
            r.turn_of(Role::System);
            Ok(())
        }
        "generationConfig" => generation_config(r, top),
        "tools" => r.objects(tool),
        "cachedContent" => r.reference(),
        _ => r.skip(),
    }
}

/// The path names the model; embedders name it in the body again. Policy decides by one name, so that the other
/// must be the same.
fn same_model(r: &mut Reader<'_>, endpoint: &Endpoint) -> Result<(), Refusal> {
    let Some(token) = r.string()? else { return Ok(()) };
    let named = text::unescape(r.scan.slice(&token.inside));
    let bare = |name: &str| name.strip_prefix("models/").unwrap_or(name).to_owned();
    if named.as_deref().map(bare) != endpoint.model.as_deref().map(bare) {
        return Err(bad("`model` in the body is another than the path's"));
    }
    Ok(())
}

fn generation_config(r: &mut Reader<'_>, top: &mut Top) -> Result<(), Refusal> {
    if r.scan.kind()? != Kind::Object {
        return r.skip();
    }
    r.object(&CONFIG, |r, at| {
        let key = CONFIG.get(at % 2).copied().unwrap_or_default();
        top.once_in_config.note(bit(at % 2), key)?;
        let value = integer(&mut r.scan, key)?;
        match key {
            "maxOutputTokens" => top.max_output = value,
            _ => top.choices = value,
        }
        Ok(())
    })
}

/// One turn.
fn content(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    let role = parts_of(r)?;
    r.turn_of(role);
    Ok(())
}

/// The parts of a turn, and whose turn it is: the user's where nothing is said.
fn parts_of(r: &mut Reader<'_>) -> Result<Role, Refusal> {
    let mut role = Role::User;
    r.members(|r, key| match key {
        b"role" => {
            role = Role::of(r.word()?);
            Ok(())
        }
        b"parts" => r.objects(part),
        _ => r.skip(),
    })?;
    Ok(role)
}

fn part(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    r.members(|r, key| match key {
        b"text" => r.text(),
        b"inlineData" | b"inline_data" => blob(r),
        b"fileData" | b"file_data" => r.reference(),
        b"functionResponse" | b"function_response" => function_response(r),
        b"functionCall" | b"function_call" if r.notes() => function_call(r),
        _ => r.skip(),
    })
}

/// Bytes in the body: an image is counted, text is bounded by its bytes, and nothing bounds the rest.
fn blob(r: &mut Reader<'_>) -> Result<(), Refusal> {
    if r.scan.kind()? != Kind::Object {
        return r.skip();
    }
    let mut mime: &[u8] = b"";
    r.members(|r, key| match key {
        b"mimeType" | b"mime_type" => {
            mime = r.word()?;
            Ok(())
        }
        _ => r.skip(),
    })?;
    if mime.starts_with(b"image/") {
        r.image();
    } else if !mime.starts_with(b"text/") {
        r.elsewhere = true;
    }
    Ok(())
}

/// The answer of the caller's function; its own parts are media.
fn function_response(r: &mut Reader<'_>) -> Result<(), Refusal> {
    if r.scan.kind()? != Kind::Object {
        return r.skip();
    }
    let (mut id, mut name) = (&b""[..], &b""[..]);
    r.members(|r, key| match key {
        b"parts" => r.reference(),
        b"id" if r.notes() => {
            id = r.word()?;
            Ok(())
        }
        b"name" if r.notes() => {
            name = r.word()?;
            Ok(())
        }
        _ => r.skip(),
    })?;
    r.note_result(id, name);
    Ok(())
}

/// A function that the model asked for in an earlier turn.
fn function_call(r: &mut Reader<'_>) -> Result<(), Refusal> {
    if r.scan.kind()? != Kind::Object {
        return r.skip();
    }
    let (mut id, mut name) = (&b""[..], &b""[..]);
    r.members(|r, key| match key {
        b"id" => {
            id = r.word()?;
            Ok(())
        }
        b"name" => {
            name = r.word()?;
            Ok(())
        }
        _ => r.skip(),
    })?;
    r.note_call(id, name);
    Ok(())
}

/// A tool is a set of the caller's own functions, or the provider runs it.
fn tool(r: &mut Reader<'_>) -> Result<(), Refusal> {
    r.part();
    r.members(|r, key| {
        let own = matches!(key, b"functionDeclarations" | b"function_declarations");
        let null = r.scan.kind()? == Kind::Null;
        r.elsewhere |= !own && !null;
        r.skip()
    })
}

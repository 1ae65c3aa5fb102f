//! What the model says, before any dialect has rendered it.
//!
//! Output tokens by rule: each piece of text (a word with the space after it)
//! is one token; a tool call is one token for its name and one for each piece
//! of 12 bytes of its arguments; reasoning tokens come on top. A limit on the
//! output cuts reasoning and pieces alike, so the bill never exceeds it.

use super::ask::{Ask, Call};
use super::config::{Answers, MAX_EVENTS};

/// Bytes of tool arguments, or of a JSON answer, that travel in one event.
const PIECE: usize = 12;

/// What visible thinking says.
const THOUGHT: [&str; 4] = ["The ", "prompt ", "is ", "echoed."];

/// Why the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    Tool,
}

/// What is billed, in tokens. `prompt` and `output` are totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub prompt: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// What the model says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// Sixteen hex digits, a function of the request.
    pub id: String,
    pub model: String,
    /// Visible thinking, piece by piece; its tokens are among the reasoning.
    pub thought: Vec<String>,
    /// Text, or the arguments of `call`, piece by piece.
    pub pieces: Vec<String>,
    pub call: Option<Call>,
    pub choices: u64,
    pub finish: Finish,
    pub usage: Usage,
}

impl Reply {
    /// The text, or the arguments, in one.
    pub(crate) fn whole(&self) -> String {
        self.pieces.concat()
    }

    /// Tokens generated once the reasoning and `pieces` pieces of each choice
    /// are out.
    pub(crate) fn generated(&self, pieces: usize) -> u64 {
        let head = u64::from(self.call.is_some());
        (self.usage.reasoning + (head + pieces as u64) * self.choices).min(self.usage.output)
    }
}

/// Composes the reply to `ask`. `digest` is the request's.
pub(crate) fn compose(ask: &Ask, answers: &Answers, digest: u64) -> Reply {
    let limit = ask.max_output.unwrap_or(u64::MAX);
    let thought: Vec<String> = if ask.thinking { THOUGHT.map(String::from).to_vec() } else { Vec::new() };
    let reasoning = answers.reasoning.max(thought.len() as u64).min(limit.saturating_sub(1));
    let head = u64::from(ask.call.is_some());
    let mut pieces = pieces(ask, answers, digest);
    let room = usize::try_from(limit - reasoning - head.min(limit - reasoning)).unwrap_or(usize::MAX);
    let finish = match &ask.call {
        _ if pieces.len() > room => Finish::Length,
        Some(_) => Finish::Tool,
        None => Finish::Stop,
    };
    pieces.truncate(room);
    let cached = answers.cached.min(ask.prompt_tokens);
    Reply {
        id: format!("{digest:016x}"),
        model: ask.model.clone(),
        usage: Usage {
            prompt: ask.prompt_tokens,
            cached,
            cache_write: answers.cache_write.min(ask.prompt_tokens - cached),
            output: reasoning + (head + pieces.len() as u64) * ask.choices,
            reasoning,
        },
        thought,
        pieces,
        call: ask.call.clone(),
        choices: ask.choices,
        finish,
    }
}

fn pieces(ask: &Ask, answers: &Answers, digest: u64) -> Vec<String> {
    if let Some(call) = &ask.call {
        return cut(&call.arguments.to_string());
    }
    if let Some(json) = &ask.json {
        return cut(&json.to_string());
    }
    if let Some(events) = answers.events {
        return (0..events.min(MAX_EVENTS)).map(|n| format!("w{n} ")).collect();
    }
    let text = match &answers.text {
        Some(text) => text.clone(),
        None => format!("echo {digest:016x}: {}", ask.echo),
    };
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn cut(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        // At least one character, so that the loop ends.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let (piece, tail) = rest.split_at(rest.floor_char_boundary(PIECE).max(first));
        pieces.push(piece.to_owned());
        rest = tail;
    }
    pieces
}

//! An answer in the making, piece by piece as it passes: its text, its reasoning and what it gives to tools.
//!
//! Pieces are kept as they stand in JSON, escapes and all, and are understood at the end. Texts of several choices
//! follow one another.

use serde_json::{Value, json};

use super::fit;
use crate::text;
use crate::tools::Tool;

/// What a piece of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Text,
    Reasoning,
    /// Of what is given to a tool: a text.
    Given,
    /// The same, as a whole object.
    Object,
    /// Whatever its event is about.
    OfEvent,
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    most: usize,
    bytes: usize,
    text: Vec<u8>,
    reasoning: Vec<u8>,
    /// What is given to each tool, in the order of the calls.
    given: Vec<(Piece, Vec<u8>)>,
    /// The type of the current event, where the dialect's events have one.
    pub(crate) event: Vec<u8>,
    of_event: Vec<u8>,
}

impl Said {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Another piece; to the `tool`th tool, where it is for one.
    pub(crate) fn add(&mut self, piece: Piece, tool: usize, bytes: &[u8]) {
        let bytes = bytes.get(..self.most.saturating_sub(self.bytes)).unwrap_or(bytes);
        self.bytes += bytes.len();
        let to = match piece {
            Piece::Text => &mut self.text,
            Piece::Reasoning => &mut self.reasoning,
            Piece::OfEvent => &mut self.of_event,
            Piece::Given | Piece::Object => {
                while self.given.len() <= tool && !bytes.is_empty() {
                    self.given.push((piece, Vec::new()));
                }
                match self.given.get_mut(tool) {
                    Some((kind, given)) => {
                        *kind = piece;
                        given
                    }
                    None => return,
                }
            }
        };
        to.extend_from_slice(bytes);
    }

    /// The event is over: its type has come, wherever in it that stands.
    pub(crate) fn end_event(&mut self, tool: usize) {
        let (event, piece) = (std::mem::take(&mut self.event), std::mem::take(&mut self.of_event));
        if piece.is_empty() {
            return;
        }
        let is_about = |word: &str| memchr::memmem::find(&event, word.as_bytes()).is_some();
        // Counted when it came.
        self.bytes -= piece.len();
        if is_about("arguments") || is_about("tool_call_input") {
            self.add(Piece::Given, tool, &piece);
        } else if is_about("reasoning") {
            self.add(Piece::Reasoning, tool, &piece);
        } else {
            self.add(Piece::Text, tool, &piece);
        }
    }

    /// A list of one message, as JSON; empty if nothing was said.
    pub(crate) fn to_json(&self, tools: &[Tool], finish: Option<&str>) -> String {
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() {
            parts.push(json!({"type": "reasoning", "content": understood(&self.reasoning)}));
        }
        if !self.text.is_empty() {
            parts.push(json!({"type": "text", "content": understood(&self.text)}));
        }
        for (n, tool) in tools.iter().enumerate() {
            let given = self.given.get(n).map_or(Value::Null, |(kind, given)| match kind {
                Piece::Object => serde_json::from_slice(given).unwrap_or(Value::Null),
                _ => {
                    let text = understood(given);
                    serde_json::from_str(&text).unwrap_or(Value::String(text))
                }
            });
            parts.push(json!({"type": "tool_call", "id": tool.id, "name": tool.name, "arguments": given}));
        }
        if parts.is_empty() {
            return String::new();
        }
        fit::list(vec![json!({"role": "assistant", "parts": parts, "finish_reason": finish})], self.most)
    }
}

/// A text without its escapes; an escape or a character that is cut off at its end is left out.
fn understood(raw: &[u8]) -> String {
    /// Bytes of two escapes that make one character.
    const LONGEST: usize = 12;
    let shorter = (0..=LONGEST).filter_map(|less| raw.get(..raw.len().checked_sub(less)?));
    let text = shorter.filter_map(text::unescape).next();
    text.map_or_else(|| String::from_utf8_lossy(raw).into_owned(), |text| text.into_owned())
}

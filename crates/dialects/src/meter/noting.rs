//! What is noted of an answer where somebody asks for it: the tools that it asks for, and what it says.

use super::doc::Doc;
use super::paths::{Key, Want};
use crate::content::{Piece, Said};
use crate::tools::{Asked, Tool};

impl Doc {
    /// From now on tools are noted, and of what is said at most so many bytes.
    pub(super) fn note(&mut self, most: Option<usize>) {
        self.asked = Some(Box::new(Asked::saying(most.map(Said::new))));
    }

    /// Whether what is said is noted, so that no text may be passed over.
    pub(super) fn notes_said(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.said.is_some())
    }

    /// The tools, and what was said as JSON.
    pub(super) fn take_noted(&mut self, finish: Option<&str>) -> (Vec<Tool>, String) {
        let Some(asked) = &mut self.asked else { return Default::default() };
        let tools = asked.take();
        let said = asked.said.as_ref().map(|said| said.to_json(&tools, finish)).unwrap_or_default();
        (tools, said)
    }

    /// A part of a tool's id or name.
    pub(super) fn note_word(&mut self, wanted: Want, part: &[u8]) {
        if let Some(asked) = &mut self.asked {
            match wanted {
                Want::CallId => asked.id(part),
                _ => asked.name(part),
            }
        }
    }

    /// Whether the block, item or call that is read asks for a tool.
    pub(super) fn note_kind(&mut self, is_call: bool, in_event: bool) {
        if let Some(asked) = &mut self.asked {
            asked.kind(is_call, in_event);
        }
    }

    /// The type of the current event.
    pub(super) fn note_event(&mut self, name: &[u8]) {
        if let Some(said) = self.asked.as_mut().and_then(|asked| asked.said.as_mut()) {
            said.event = name.to_vec();
        }
    }

    /// A part of a generated text, or of a whole object of arguments.
    pub(super) fn note_said(&mut self, bytes: &[u8], object: bool) {
        if !self.notes_said() {
            return;
        }
        let path = self.path_here();
        let reasons = |key: &Key| matches!(key, Key::Thinking | Key::Reasoning | Key::ReasoningContent | Key::Summary);
        let reasoning = path.iter().any(reasons);
        let given = matches!(path.last(), Some(Key::Arguments | Key::Input | Key::PartialJson));
        let bare = matches!(path, [Key::Delta]);
        let piece = match (object, bare) {
            (true, _) => Piece::Object,
            (_, true) => Piece::OfEvent,
            _ if given => Piece::Given,
            _ if reasoning => Piece::Reasoning,
            _ => Piece::Text,
        };
        let Some(asked) = &mut self.asked else { return };
        let tool = asked.current();
        if let Some(said) = &mut asked.said {
            said.add(piece, tool, bytes);
        }
    }

    /// An event, body or element is over.
    pub(super) fn note_end(&mut self, begins: bool) {
        if let Some(asked) = &mut self.asked {
            let tool = asked.current();
            if let Some(said) = &mut asked.said {
                said.end_event(tool);
            }
            asked.end(begins);
        }
    }
}

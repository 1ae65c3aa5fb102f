//! What a call and its answer say of tools: names and ids, and nothing of what tools are given or give.
//!
//! Gathered only where somebody asks for it, in the same pass as everything else, and bounded.

use std::borrow::Cow;

use crate::content::Said;
use crate::text;

/// Tools noted of one call, or of one answer.
pub const MAX_TOOLS: usize = 32;
/// Bytes of a name or an id.
pub const MAX_NAME: usize = 128;

/// A tool that the model asks for, or that gave something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tool {
    /// Its name; empty if nothing told it.
    pub name: Box<str>,
    /// What ties a result to its call; empty if nothing told it.
    pub id: Box<str>,
}

impl Tool {
    /// Of a name and an id as they stand in JSON, between the quotes.
    pub(crate) fn of(name: &[u8], id: &[u8]) -> Self {
        Self { name: word(name), id: word(id) }
    }
}

/// What a JSON string says, cut to what is kept; what has no meaning is kept as it stands.
pub(crate) fn word(inside: &[u8]) -> Box<str> {
    let text = text::unescape(inside).unwrap_or_else(|| String::from_utf8_lossy(inside));
    let text: Cow<'_, str> = text;
    text.get(..text.floor_char_boundary(MAX_NAME)).unwrap_or_default().into()
}

/// What a request says beside what policy looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// The stored conversation that it names; empty if it names none.
    pub conversation: Box<str>,
    /// What tools gave since the model spoke last.
    pub results: Vec<Tool>,
}

/// A request's notes in the making: slices of the body.
#[derive(Debug, Default)]
pub(crate) struct Noted<'a> {
    calls: Vec<(&'a [u8], &'a [u8])>,
    results: Vec<(&'a [u8], &'a [u8])>,
    conversation: &'a [u8],
}

impl<'a> Noted<'a> {
    /// The model asked for a tool, in a turn of the past.
    pub(crate) fn call(&mut self, id: &'a [u8], name: &'a [u8]) {
        if self.calls.len() == MAX_TOOLS {
            // Results belong to the last ones.
            self.calls.remove(0);
        }
        self.calls.push((id, name));
    }

    /// A tool gave something.
    pub(crate) fn result(&mut self, id: &'a [u8], name: &'a [u8]) {
        if self.results.len() < MAX_TOOLS {
            self.results.push((id, name));
        }
    }

    /// The model spoke: what came before was told with an earlier call.
    pub(crate) fn model_spoke(&mut self) {
        self.results.clear();
    }

    pub(crate) fn conversation(&mut self, id: &'a [u8]) {
        self.conversation = id;
    }

    /// All of it; a result without a name has that of the call with its id.
    pub(crate) fn told(self) -> Notes {
        let named = |id: &[u8]| self.calls.iter().rev().find(|(of, _)| *of == id).map_or(&b""[..], |(_, name)| *name);
        let results = self.results.iter().map(|(id, name)| {
            let name = if name.is_empty() && !id.is_empty() { named(id) } else { name };
            Tool::of(name, id)
        });
        Notes { conversation: word(self.conversation), results: results.collect() }
    }
}

/// The tools of an answer in the making. An answer's pieces tell the name and the id apart.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    name: Vec<u8>,
    id: Vec<u8>,
    is_call: bool,
    /// It stands in an event that may tell of a beginning or of an end.
    in_event: bool,
    /// Those before it.
    tools: Vec<Tool>,
    /// What is said beside, where policy captures it.
    pub(crate) said: Option<Said>,
}

impl Asked {
    /// Beside what is said, where policy captures it.
    pub(crate) fn saying(said: Option<Said>) -> Self {
        Self { said, ..Self::default() }
    }

    /// Another block, item or call begins.
    pub(crate) fn begin(&mut self) {
        // What an event tells is known when all of it has come.
        self.end(!self.in_event);
    }

    /// It is a call, or it is not; `in_event` as its dialect has it.
    pub(crate) fn kind(&mut self, is_call: bool, in_event: bool) {
        (self.is_call, self.in_event) = (is_call, in_event);
    }

    /// A part of its name.
    pub(crate) fn name(&mut self, part: &[u8]) {
        add(&mut self.name, part);
    }

    /// A part of its id.
    pub(crate) fn id(&mut self, part: &[u8]) {
        add(&mut self.id, part);
    }

    /// It is over; an event that does not tell of a beginning told of it before.
    pub(crate) fn end(&mut self, begins: bool) {
        let told = self.is_call && (begins || !self.in_event) && !(self.name.is_empty() && self.id.is_empty());
        if told && self.tools.len() < MAX_TOOLS {
            self.tools.push(Tool::of(&self.name, &self.id));
        }
        self.name.clear();
        self.id.clear();
        self.kind(false, false);
    }

    /// The place of the one that is read, or was read last.
    pub(crate) fn current(&self) -> usize {
        if self.is_call { self.tools.len() } else { self.tools.len().saturating_sub(1) }
    }

    /// All of them.
    pub(crate) fn take(&mut self) -> Vec<Tool> {
        std::mem::take(&mut self.tools)
    }
}

fn add(to: &mut Vec<u8>, part: &[u8]) {
    let left = (2 * MAX_NAME).saturating_sub(to.len());
    to.extend_from_slice(part.get(..left).unwrap_or(part));
}

#[cfg(test)]
mod tests;

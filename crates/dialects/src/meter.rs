//! What an answer says about itself while it passes: usage, model, its end, its errors.
//!
//! The bytes are handed on as they came. What is read is a look at them in passing: bounded in memory, and
//! wrong at worst about the numbers, never about the bytes.

mod doc;
mod hold;
mod lexer;
mod noting;
mod paths;
mod pattern;
mod sse;
mod usage;

use bytes::Bytes;
use sidegate_policy::{Dialect, Operation, Usage};

use doc::{Choices, Doc};
use hold::Hold;
use pattern::Pattern;
use sse::{Sse, Step};

use crate::tools::Tool;

/// How an answer is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One JSON text.
    Json,
    /// Server-sent events.
    Sse,
    /// One JSON array, element by element.
    JsonArray,
}

/// How an answer ended, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Terminal {
    /// It did not end yet; if nothing more comes, it was cut off.
    #[default]
    None,
    /// It came to its own end.
    Complete,
    /// It ended in an error that it told of itself.
    Error,
}

/// An error inside an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorInfo {
    /// The provider's type or status, as it stands.
    pub kind: Box<str>,
    /// The provider's code, as it stands.
    pub code: Box<str>,
}

/// What was seen of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The tokens that it says it took: the last word counts.
    pub usage: Option<Usage>,
    /// Things that were not as they should be: events that are no JSON, numbers that are no counts.
    pub anomalies: u32,
    /// The model that it says it is from.
    pub model: Option<Box<str>>,
    /// Its id.
    pub response_id: Option<Box<str>>,
    /// Why it ended, in the provider's word; the last one.
    pub finish: Option<Box<str>>,
    /// Whether it came to its end.
    pub terminal: Terminal,
    /// Events with text, reasoning or a tool call in them.
    pub meaningful: u64,
    /// Events, all of them.
    pub events: u64,
    /// Bytes of generated text, reasoning and arguments.
    pub content_bytes: u64,
    /// Tool calls that were begun.
    pub tool_calls: u32,
    /// The first error in it.
    pub first_error: Option<Box<ErrorInfo>>,
}

/// One answer's meter.
#[derive(Debug)]
pub struct Meter {
    doc: Doc,
    frames: Frames,
    seen: Seen,
    /// What most events look like.
    pattern: Option<Box<Pattern>>,
    /// Present while the event that only carries usage is to be kept from the caller.
    hold: Option<Box<Hold>>,
    /// The beginning of the current event's data.
    head: [u8; 6],
    head_len: u8,
    done_ends: bool,
}

/// How the bytes are divided, and the place in them.
#[derive(Debug)]
enum Frames {
    Json,
    Sse(Sse),
    Array,
}

impl Meter {
    /// A meter for one answer. With `drop_usage_chunk` the one event that only carries usage, because we asked
    /// for it and the caller did not, is kept from the caller.
    #[must_use]
    pub fn new(dialect: Dialect, operation: Operation, framing: Framing, drop_usage_chunk: bool) -> Self {
        let has_chunk = matches!(operation, Operation::ChatCompletions | Operation::Completions);
        Self {
            doc: Doc::new(dialect, operation, framing == Framing::JsonArray),
            frames: match framing {
                Framing::Json => Frames::Json,
                Framing::Sse => Frames::Sse(Sse::new()),
                Framing::JsonArray => Frames::Array,
            },
            seen: Seen::default(),
            pattern: None,
            hold: (drop_usage_chunk && has_chunk && framing == Framing::Sse).then(Box::default),
            head: [0; 6],
            head_len: 0,
            done_ends: dialect == Dialect::OpenAi && has_chunk,
        }
    }

    /// From now on the tools that the answer asks for are noted, and of what it says at most so many bytes.
    pub fn note(&mut self, most: Option<usize>) {
        self.doc.note(most);
    }

    /// The tools that the answer asked for, if they are noted, and what it said, in the form of the conventions.
    pub fn take_noted(&mut self) -> (Vec<Tool>, String) {
        self.doc.take_noted(self.seen.finish.as_deref())
    }

    /// Takes the next bytes of the answer and hands on what the caller gets.
    pub fn feed(&mut self, chunk: Bytes, out: &mut impl FnMut(Bytes)) {
        if matches!(self.frames, Frames::Sse(_)) {
            self.events(chunk, out);
            return;
        }
        if !self.doc.is_closed() {
            self.doc.feed(&chunk, &mut self.seen);
            self.end_of_text();
        }
        out(chunk);
    }

    /// The answer ended: what was withheld is handed on.
    pub fn end(&mut self, out: &mut impl FnMut(Bytes)) {
        let open = match &mut self.frames {
            Frames::Sse(sse) => sse.end(),
            Frames::Json | Frames::Array => return,
        };
        let drop = open && self.end_of_event();
        if let Some(mut hold) = self.hold.take() {
            hold.settle(drop, out);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The same, when nothing more will be asked about it.
    pub fn take_seen(&mut self) -> Seen {
        std::mem::take(&mut self.seen)
    }

    /// Whether the bytes that were handed on so far end inside an event: whatever is said next in the stream
    /// has to end it first. What is withheld does not count, as long as [`Self::end`] is not called.
    #[must_use]
    pub fn is_mid_event(&self) -> bool {
        match (&self.frames, &self.hold) {
            (Frames::Sse(_), Some(hold)) => hold.is_passing(),
            (Frames::Sse(sse), None) => !sse.is_between_events(),
            (Frames::Json | Frames::Array, _) => self.doc.is_inside_element(),
        }
    }

    /// A body or an array is whole as soon as its last bracket has come.
    fn end_of_text(&mut self) {
        if !self.doc.is_closed() {
            return;
        }
        self.doc.settle(&mut self.seen);
        let ended = self.doc.finished || matches!(self.frames, Frames::Json);
        if ended && self.seen.terminal == Terminal::None {
            self.seen.terminal = Terminal::Complete;
        }
    }

    fn events(&mut self, chunk: Bytes, out: &mut impl FnMut(Bytes)) {
        let mut at = 0;
        if let (Some(hold), Frames::Sse(sse)) = (&mut self.hold, &self.frames) {
            hold.begin(&chunk, sse.is_after_cr());
        }
        while let Frames::Sse(sse) = &mut self.frames {
            match sse.next(&chunk, &mut at) {
                None => break,
                Some(Step::Data(data)) => self.data(data),
                Some(Step::End(had_data)) => {
                    let drop = had_data && self.end_of_event();
                    self.event_end(&chunk, at, drop, out);
                }
                Some(Step::Whole(data)) => {
                    let drop = self.whole_event(data);
                    self.event_end(&chunk, at, drop, out);
                }
            }
        }
        match &mut self.hold {
            Some(hold) => hold.rest(chunk, out),
            None => out(chunk),
        }
    }

    fn event_end(&mut self, chunk: &Bytes, at: usize, drop: bool, out: &mut impl FnMut(Bytes)) {
        if let Some(hold) = &mut self.hold {
            hold.event_end(chunk, at, drop, out);
        }
    }

    /// A whole event; whether it is the one that only carries usage.
    fn whole_event(&mut self, data: &[u8]) -> bool {
        if let Some(generated) = self.pattern.as_ref().and_then(|p| p.matches(data)) {
            self.seen.events += 1;
            self.seen.content_bytes += generated;
            self.seen.meaningful += u64::from(generated > 0);
            return false;
        }
        self.begin(data);
        self.doc.feed_whole(data, &mut self.seen);
        let anomalies = self.seen.anomalies;
        let drop = self.end_of_event();
        // An end that is no JSON (`[DONE]`) is no pattern.
        let sound = self.seen.anomalies == anomalies && data.first() == Some(&b'{');
        if let Some(holes) = self.doc.take_holes().filter(|_| sound && !self.doc.notes_said()) {
            self.pattern.get_or_insert_default().learn(data, &holes);
        }
        drop
    }

    fn data(&mut self, data: &[u8]) {
        self.begin(data);
        self.doc.feed(data, &mut self.seen);
    }

    /// Keeps the first bytes of an event's data.
    fn begin(&mut self, data: &[u8]) {
        let left = self.head.len() - usize::from(self.head_len);
        for byte in data.iter().take(left) {
            if let Some(place) = self.head.get_mut(usize::from(self.head_len)) {
                *place = *byte;
                self.head_len += 1;
            }
        }
    }

    /// An event is over; whether it is the one that only carries usage.
    fn end_of_event(&mut self) -> bool {
        let told = std::mem::take(&mut self.head_len);
        if told == 0 {
            return false;
        }
        let only_usage = self.doc.choices == Choices::Empty && self.doc.has_usage;
        if std::mem::take(&mut self.doc.renamed) {
            self.pattern = None;
        }
        let finished = std::mem::take(&mut self.doc.finished);
        let whole = self.doc.finish(&mut self.seen);
        if usize::from(told) == self.head.len() && self.head == *b"[DONE]" {
            if self.done_ends && self.seen.terminal == Terminal::None {
                self.seen.terminal = Terminal::Complete;
            }
            return false;
        }
        self.seen.events += 1;
        self.seen.anomalies = self.seen.anomalies.saturating_add(u32::from(!whole));
        if finished && whole && self.doc.ends_by_reason() && self.seen.terminal == Terminal::None {
            self.seen.terminal = Terminal::Complete;
        }
        only_usage && whole
    }
}

#[cfg(test)]
mod tests;

//! One JSON text of an answer (a whole body, or one event) on its way past: what it says is noted as it goes.

use serde_json::Value;
use sidegate_policy::{Dialect, Operation};

use super::lexer::{Lexer, Part, Token};
use super::paths::{Key, Want, want};
use super::pattern::{Hole, Kind, is_scalar};
use super::usage::{self, Report};
use super::{ErrorInfo, Seen, Terminal};
use crate::tools::Asked;

/// Keys on a path that are told apart; nothing that is read lies deeper.
const MAX_PATH: usize = 10;
/// The longest text that is kept, in bytes.
const MAX_TEXT: usize = 256;
/// The largest object that is kept, in bytes.
const MAX_OBJECT: usize = 64 * 1024;

/// A text on its way past.
#[derive(Debug)]
pub(super) struct Doc {
    lexer: Lexer,
    dialect: Dialect,
    operation: Operation,
    /// Elements of an array are texts of their own.
    in_array: bool,
    path: [Key; MAX_PATH],
    /// What is being kept or counted, down to the depth at which it began.
    wanted: Want,
    within: u16,
    kept: Vec<u8>,
    name_len: u8,
    name: [u8; Key::LONGEST],
    /// What was noted of this text.
    pub(super) choices: Choices,
    pub(super) has_usage: bool,
    meaningful: bool,
    event: Event,
    block_is_call: bool,
    /// A reason for the end of the answer was told.
    pub(super) finished: bool,
    error: bool,
    closed: bool,
    /// What was reported so far, where later reports restate parts of it.
    report: Option<Box<Report>>,
    /// The model or the id became another than it was.
    pub(super) renamed: bool,
    /// The text told nothing but generated text so far.
    plain: bool,
    /// Values that nobody keeps, while they are asked for.
    holes: Option<Vec<Hole>>,
    /// The tool that is being asked for, where somebody wants to know.
    pub(super) asked: Option<Box<Asked>>,
}

/// The list of choices of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Choices {
    #[default]
    Absent,
    Empty,
    Some,
}

/// What kind of event a text is, where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Event {
    #[default]
    Other,
    /// `response.output_item.added`, `content_block_start`
    BlockStarts,
    /// `response.completed`, `response.incomplete`, `message_stop`
    Last,
    /// `response.failed`, `error`
    Failed,
}

impl Event {
    fn of(name: &[u8]) -> Self {
        match name {
            b"response.output_item.added" | b"content_block_start" => Self::BlockStarts,
            b"response.completed" | b"response.incomplete" | b"message_stop" => Self::Last,
            b"response.failed" | b"error" => Self::Failed,
            _ => Self::Other,
        }
    }
}

impl Doc {
    pub(super) fn new(dialect: Dialect, operation: Operation, in_array: bool) -> Self {
        Self {
            lexer: Lexer::default(),
            dialect,
            operation,
            in_array,
            path: [Key::Other; MAX_PATH],
            wanted: Want::Nothing,
            within: 0,
            kept: Vec::new(),
            name_len: 0,
            name: [0; Key::LONGEST],
            choices: Choices::Absent,
            has_usage: false,
            meaningful: false,
            event: Event::Other,
            block_is_call: false,
            finished: false,
            error: false,
            closed: false,
            report: None,
            renamed: false,
            plain: true,
            holes: None,
            asked: None,
        }
    }

    /// A whole text: also notes where the values stand that nobody keeps.
    pub(super) fn feed_whole(&mut self, bytes: &[u8], seen: &mut Seen) {
        self.holes.get_or_insert_default().clear();
        self.plain = true;
        self.feed(bytes, seen);
    }

    /// The holes of the whole text that was read last, if it told nothing but generated text.
    pub(super) fn take_holes(&mut self) -> Option<Vec<Hole>> {
        self.holes.take().filter(|_| self.plain)
    }

    /// The next bytes of the text.
    pub(super) fn feed(&mut self, bytes: &[u8], seen: &mut Seen) {
        let (mut at, mut object) = (0, 0);
        loop {
            let token = self.lexer.next(bytes, &mut at);
            if self.within > 0 {
                let ends = token == Some(Token::Close) && self.lexer.depth() < usize::from(self.within);
                if ends || token.is_none() {
                    self.inside(bytes.get(object..at).unwrap_or_default(), ends, seen);
                }
                if token.is_none() {
                    return;
                }
                continue;
            }
            match token {
                None => return,
                Some(Token::Key(part)) => self.key(part),
                Some(Token::Open { object: is_object }) => {
                    self.open(is_object);
                    object = at - 1;
                    if self.wanted == Want::Usage && self.within > 0 {
                        at += self.usage_here(bytes.get(object..).unwrap_or_default(), seen);
                    }
                }
                Some(Token::Close) => self.close(seen),
                Some(Token::Text(part)) => {
                    self.text(part, seen);
                    self.hole(at.saturating_sub(1 + part.bytes.len()), at.saturating_sub(1), part.first && part.last);
                }
                Some(Token::Scalar(byte)) => self.scalar(byte, bytes, at - 1, seen),
            }
        }
    }

    /// The text is over; whether it was one JSON object or array. Ready for the next.
    pub(super) fn finish(&mut self, seen: &mut Seen) -> bool {
        let whole = self.closed && self.lexer.is_complete();
        // What was cut off did not end the answer, whatever it began to say.
        if !whole && self.event == Event::Last {
            self.event = Event::Other;
        }
        self.settle(seen);
        self.lexer.reset();
        self.within = 0;
        self.kept.clear();
        self.choices = Choices::Absent;
        self.has_usage = false;
        self.closed = false;
        whole
    }

    /// Whether the last bracket of the text has come.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether bytes of an element, or of a body, are still to come.
    pub(super) fn is_inside_element(&self) -> bool {
        self.lexer.depth() > usize::from(self.in_array)
    }

    /// Whether the dialect's streams end with the reason for it, and not with an event of their own.
    pub(super) fn ends_by_reason(&self) -> bool {
        self.dialect == Dialect::Gemini
    }

    /// Brings what was noted of one event, body or element to what was seen of the answer.
    pub(super) fn settle(&mut self, seen: &mut Seen) {
        self.note_end(self.event == Event::BlockStarts);
        if std::mem::take(&mut self.block_is_call) && self.event == Event::BlockStarts {
            self.count_call(seen);
        }
        let failed = std::mem::take(&mut self.error) || self.event == Event::Failed;
        if failed {
            seen.first_error.get_or_insert_default();
            seen.terminal = Terminal::Error;
        } else if self.event == Event::Last && seen.terminal == Terminal::None {
            seen.terminal = Terminal::Complete;
        }
        seen.meaningful += u64::from(std::mem::take(&mut self.meaningful));
        self.event = Event::Other;
    }

    fn base(&self) -> usize {
        usize::from(self.in_array)
    }

    pub(super) fn path_here(&self) -> &[Key] {
        self.path.get(self.base()..self.lexer.depth()).unwrap_or_default()
    }

    fn want_here(&self) -> Want {
        let path = self.path_here();
        if path.is_empty() { Want::Nothing } else { want(self.dialect, self.operation, path) }
    }

    fn key(&mut self, part: Part<'_>) {
        let depth = self.lexer.depth();
        let Some(place) = depth.checked_sub(1).and_then(|d| self.path.get_mut(d)) else { return };
        if part.first && part.last {
            *place = Key::of(part.bytes);
            return;
        }
        if part.first {
            self.name_len = 0;
        }
        for byte in part.bytes {
            if let Some(slot) = self.name.get_mut(usize::from(self.name_len)) {
                *slot = *byte;
            }
            self.name_len = self.name_len.saturating_add(1);
        }
        if part.last {
            *place = self.name.get(..usize::from(self.name_len)).map_or(Key::Other, Key::of);
        }
    }

    /// The depth counts the new object or array already; the value's own place is one above.
    fn open(&mut self, object: bool) {
        let inner = self.lexer.depth();
        let outer = inner.saturating_sub(1);
        let path = self.path.get(self.base()..outer).unwrap_or_default();
        let wanted = if path.is_empty() { Want::Nothing } else { want(self.dialect, self.operation, path) };
        if let Some(place) = self.path.get_mut(outer) {
            *place = if object { Key::Other } else { Key::Item };
        }
        match wanted {
            Want::Usage | Want::Error | Want::Arguments => {
                self.wanted = wanted;
                self.within = u16::try_from(inner).unwrap_or(u16::MAX);
                self.kept.clear();
            }
            Want::Choices => self.choices = Choices::Empty,
            Want::Choice => self.choices = Choices::Some,
            Want::Call => {
                if let Some(asked) = &mut self.asked {
                    asked.begin();
                }
            }
            Want::Media => {
                self.meaningful = true;
                self.plain = false;
            }
            _ => {}
        }
    }

    fn close(&mut self, seen: &mut Seen) {
        self.closed = self.lexer.depth() == 0;
        if self.in_array && self.lexer.depth() == 1 {
            seen.events += 1;
            self.settle(seen);
        }
    }

    /// A string that nobody keeps, or whose bytes are only counted.
    fn hole(&mut self, start: usize, end: usize, whole: bool) {
        let Some(holes) = &mut self.holes else { return };
        match self.wanted {
            Want::Generated if whole => holes.push(Hole::new(start, end, Kind::Generated)),
            Want::Nothing if whole => holes.push(Hole::new(start, end, Kind::Text)),
            Want::Model | Want::Id | Want::Event if whole => {}
            _ => self.plain = false,
        }
    }

    /// Bytes of an object that is kept or counted, up to its end or to that of the chunk.
    fn inside(&mut self, bytes: &[u8], ends: bool, seen: &mut Seen) {
        self.plain = false;
        if self.wanted == Want::Arguments {
            seen.content_bytes += bytes.len() as u64;
            self.note_said(bytes, true);
        } else if self.kept.len() + bytes.len() > MAX_OBJECT {
            self.wanted = Want::Nothing;
            self.kept.clear();
        } else if !ends || !self.kept.is_empty() {
            self.kept.extend_from_slice(bytes);
        }
        if !ends {
            return;
        }
        self.within = 0;
        let kept = std::mem::take(&mut self.kept);
        let object = if kept.is_empty() { bytes } else { &kept };
        match self.wanted {
            Want::Arguments => self.meaningful = true,
            Want::Usage => self.take_usage(object, seen),
            Want::Error => self.take_error(object, seen),
            _ => seen.anomalies = seen.anomalies.saturating_add(1),
        }
    }

    /// Reads the usage that `text` begins with at once, if it lies there as a whole; how many bytes were read beyond
    /// its first.
    fn usage_here(&mut self, text: &[u8], seen: &mut Seen) -> usize {
        let Some((read, length)) = usage::read_first(self.dialect, text).filter(|(_, len)| *len <= MAX_OBJECT) else {
            return 0;
        };
        self.plain = false;
        self.within = 0;
        self.lexer.skip_opened();
        self.take_report(read, seen);
        length - 1
    }

    fn take_usage(&mut self, object: &[u8], seen: &mut Seen) {
        self.take_report(usage::read(self.dialect, object), seen);
    }

    fn take_report(&mut self, (found, odd): (Option<Report>, u32), seen: &mut Seen) {
        seen.anomalies = seen.anomalies.saturating_add(odd);
        let Some(found) = found else { return };
        self.has_usage = true;
        // Anthropic restates some fields; everywhere else the last object counts as a whole.
        let found = match &self.report {
            Some(before) if self.dialect == Dialect::Anthropic => before.restated_by(found),
            _ => found,
        };
        seen.usage = Some(found.usage(self.dialect, self.operation.generates()));
        if self.dialect == Dialect::Anthropic {
            self.report = Some(Box::new(found));
        }
    }

    fn take_error(&mut self, object: &[u8], seen: &mut Seen) {
        self.error = true;
        let value: Value = serde_json::from_slice(object).unwrap_or(Value::Null);
        let word = |name: &str| match value.get(name) {
            Some(Value::String(s)) => s.chars().take(MAX_TEXT / 4).collect(),
            Some(Value::Number(n)) => n.to_string(),
            _ => String::new(),
        };
        let kind = Some(word("type")).filter(|k| !k.is_empty()).unwrap_or_else(|| word("status"));
        let info = ErrorInfo { kind: kind.into(), code: word("code").into() };
        seen.first_error.get_or_insert_with(|| Box::new(info));
    }

    /// A number or a word: only usage that is one matters.
    fn scalar(&mut self, byte: u8, bytes: &[u8], start: usize, seen: &mut Seen) {
        let last = self.lexer.depth().checked_sub(1).and_then(|d| self.path.get(d));
        if last == Some(&Key::Usage) {
            if byte != b'n' && self.want_here() == Want::Usage {
                seen.anomalies = seen.anomalies.saturating_add(1);
                self.plain = false;
            }
        } else if let Some(holes) = &mut self.holes {
            let len = bytes.get(start..).unwrap_or_default().iter().take_while(|b| is_scalar(**b)).count();
            holes.push(Hole::new(start, start + len, Kind::Scalar));
        }
    }

    fn text(&mut self, part: Part<'_>, seen: &mut Seen) {
        if part.first {
            self.wanted = match self.want_here() {
                Want::CallId | Want::CallName if self.asked.is_none() => Want::Nothing,
                // What is no text says nothing.
                Want::Call => Want::Nothing,
                wanted => wanted,
            };
            self.kept.clear();
            if self.wanted == Want::Usage {
                seen.anomalies = seen.anomalies.saturating_add(1);
            }
        }
        match self.wanted {
            Want::Nothing => {}
            Want::Generated => {
                seen.content_bytes += part.bytes.len() as u64;
                self.meaningful |= !part.bytes.is_empty();
                self.note_said(part.bytes, false);
            }
            Want::Tool => self.tool(part, seen),
            Want::CallId | Want::CallName => self.note_word(self.wanted, part.bytes),
            _ if part.first && part.last => self.keep(part.bytes, seen),
            _ => {
                let left = MAX_TEXT.saturating_sub(self.kept.len());
                self.kept.extend_from_slice(part.bytes.get(..left).unwrap_or(part.bytes));
                if part.last {
                    let kept = std::mem::take(&mut self.kept);
                    self.keep(&kept, seen);
                }
            }
        }
    }

    fn tool(&mut self, part: Part<'_>, seen: &mut Seen) {
        // Counted at its first byte, however the name is cut.
        if !part.bytes.is_empty() && self.kept.is_empty() {
            self.kept.push(b'.');
            seen.tool_calls = seen.tool_calls.saturating_add(1);
            self.meaningful = true;
        }
        seen.content_bytes += part.bytes.len() as u64;
        self.note_kind(true, false);
        self.note_word(Want::CallName, part.bytes);
    }

    fn keep(&mut self, bytes: &[u8], seen: &mut Seen) {
        match self.wanted {
            Want::Model => self.renamed |= store(&mut seen.model, bytes),
            Want::Id => self.renamed |= store(&mut seen.response_id, bytes),
            Want::Finish if !matches!(bytes, b"" | b"in_progress" | b"queued" | b"FINISH_REASON_UNSPECIFIED") => {
                self.finished = true;
                store(&mut seen.finish, bytes);
            }
            Want::Event => {
                self.event = Event::of(bytes);
                self.note_event(bytes);
                self.plain &= self.event == Event::Other;
            }
            Want::NewBlock => {
                self.block_is_call = is_call(bytes);
                self.note_kind(self.block_is_call, true);
            }
            Want::Block => {
                self.note_kind(is_call(bytes), false);
                if is_call(bytes) {
                    self.count_call(seen);
                }
            }
            Want::Error if !bytes.is_empty() => {
                self.error = true;
                seen.first_error.get_or_insert_default();
            }
            _ => {}
        }
    }

    fn count_call(&mut self, seen: &mut Seen) {
        seen.tool_calls = seen.tool_calls.saturating_add(1);
        self.meaningful = true;
    }
}

/// Whether a block or item of this type is the call of a tool.
fn is_call(kind: &[u8]) -> bool {
    matches!(kind, b"function_call" | b"custom_tool_call" | b"tool_use" | b"server_tool_use" | b"mcp_tool_use")
}

/// Keeps a text; whether it is another than the one that was kept.
fn store(place: &mut Option<Box<str>>, bytes: &[u8]) -> bool {
    let bytes = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    if bytes.is_empty() || place.as_deref().is_some_and(|old| old.as_bytes() == bytes) {
        return false;
    }
    *place = Some(match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes).into(),
    });
    true
}

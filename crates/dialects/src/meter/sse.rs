//! Server-sent events, fed in any pieces: where an event ends, and its data as it comes.
//!
//! Lines end in LF, CR or CRLF, also cut between the two; a byte order mark, comments, unknown fields, data
//! without a space and data of several lines are all as the specification has them.

use memchr::memchr2;

/// What is known of the current line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Its field's name is being read; so many bytes of it are here.
    Name(u8),
    /// The byte after `data:`, which may be a space.
    DataStart,
    /// Data.
    Data,
    /// A field that nobody needs.
    Other,
}

/// The place in a stream of events.
#[derive(Debug)]
pub(super) struct Sse {
    line: Line,
    name: [u8; 4],
    after_cr: bool,
    /// Bytes of the byte order mark that were seen; 3 when it can no longer come.
    mark: u8,
    /// Lines of data in the current event.
    lines: u32,
    /// The last byte ended an event, or nothing has come yet.
    between: bool,
}

/// What comes next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A whole event: its data is one line, and all of it is here.
    Whole(&'a [u8]),
    /// A part of the event's data.
    Data(&'a [u8]),
    /// The event ended; whether it had data.
    End(bool),
}

const MARK: [u8; 3] = *b"\xef\xbb\xbf";

impl Sse {
    pub(super) fn new() -> Self {
        Self { line: Line::Name(0), name: [0; 4], after_cr: false, mark: 0, lines: 0, between: true }
    }

    /// A line feed that comes next belongs to the line end before it.
    pub(super) fn is_after_cr(&self) -> bool {
        self.after_cr
    }

    /// The last byte ended an event, or nothing has come yet.
    pub(super) fn is_between_events(&self) -> bool {
        self.between
    }

    /// The next step at `at`, which moves on; none at the end of `bytes`.
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8], at: &mut usize) -> Option<Step<'a>> {
        loop {
            let byte = *bytes.get(*at)?;
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                *at += 1;
                continue;
            }
            self.between = false;
            if self.is_mark(byte) {
                *at += 1;
                continue;
            }
            match self.line {
                Line::Name(0) if bytes.get(*at..).is_some_and(|rest| rest.starts_with(b"data:")) => {
                    if let Some((data, len)) = self.whole_event(bytes.get(*at..).unwrap_or_default()) {
                        *at += len;
                        self.between = true;
                        return Some(Step::Whole(data));
                    }
                    *at += 5;
                    self.line = Line::DataStart;
                }
                Line::Name(known) => {
                    if let Some(step) = self.name(bytes, at, byte, known) {
                        return Some(step);
                    }
                }
                Line::DataStart => {
                    self.line = Line::Data;
                    *at += usize::from(byte == b' ');
                    self.lines = self.lines.saturating_add(1);
                    if self.lines > 1 {
                        return Some(Step::Data(b"\n"));
                    }
                }
                Line::Data | Line::Other => {
                    let rest = bytes.get(*at..).unwrap_or_default();
                    let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    if end == 0 {
                        self.line_end(bytes, at);
                        continue;
                    }
                    *at += end;
                    if self.line == Line::Data {
                        return Some(Step::Data(rest.get(..end).unwrap_or_default()));
                    }
                }
            }
        }
    }

    /// The stream ended: whether an event was left open that had data.
    pub(super) fn end(&mut self) -> bool {
        if self.line == Line::DataStart || (self.line == Line::Name(4) && self.name == *b"data") {
            self.lines = self.lines.saturating_add(1);
        }
        std::mem::take(&mut self.lines) > 0
    }

    /// The data of an event and the event's length, if `rest` begins with its only line of data and holds its end.
    fn whole_event<'a>(&self, rest: &'a [u8]) -> Option<(&'a [u8], usize)> {
        let start = if rest.get(5) == Some(&b' ') { 6 } else { 5 };
        let line = rest.get(start..)?;
        let len = memchr2(b'\n', b'\r', line).filter(|len| self.lines == 0 && *len > 0)?;
        let after = line.get(len..)?;
        let end = if after.starts_with(b"\n\n") {
            2
        } else if after.starts_with(b"\r\n\r\n") {
            4
        } else {
            return None;
        };
        Some((line.get(..len)?, start + len + end))
    }

    fn is_mark(&mut self, byte: u8) -> bool {
        if self.mark < 3 {
            if MARK.get(usize::from(self.mark)) == Some(&byte) {
                self.mark += 1;
                return true;
            }
            self.mark = 3;
        }
        false
    }

    /// A byte of a field's name, or what ends it.
    fn name<'a>(&mut self, bytes: &'a [u8], at: &mut usize, byte: u8, known: u8) -> Option<Step<'a>> {
        let is_data = known == 4 && self.name == *b"data";
        match byte {
            b'\n' | b'\r' => {
                self.line_end(bytes, at);
                if known == 0 {
                    self.between = true;
                    return Some(Step::End(std::mem::take(&mut self.lines) > 0));
                }
                if is_data {
                    self.lines = self.lines.saturating_add(1);
                    if self.lines > 1 {
                        return Some(Step::Data(b"\n"));
                    }
                }
            }
            b':' => {
                *at += 1;
                self.line = if is_data { Line::DataStart } else { Line::Other };
            }
            _ => {
                *at += 1;
                match self.name.get_mut(usize::from(known)) {
                    Some(place) => {
                        *place = byte;
                        self.line = Line::Name(known + 1);
                    }
                    None => self.line = Line::Other,
                }
            }
        }
        None
    }

    /// Consumes the end of a line.
    fn line_end(&mut self, bytes: &[u8], at: &mut usize) {
        let cr = bytes.get(*at) == Some(&b'\r');
        *at += 1;
        match bytes.get(*at) {
            Some(b'\n') if cr => *at += 1,
            None if cr => self.after_cr = true,
            _ => {}
        }
        self.line = Line::Name(0);
    }
}

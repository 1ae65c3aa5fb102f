//! Faults on demand: what may go wrong, and which requests it goes wrong for.
//!
//! A fault is one JSON object, `{"kind": "status", "status": 429}`. It reaches
//! a request through its own `x-sim-fault` header, or through a [`Rule`] that
//! was set by `POST /_sim/faults` or by a library call. Where a fault has a
//! place in a stream, `after_event: n` means after so many events (0: after the
//! head), `at_byte: n` after so many bytes of the body, and neither means
//! before the head.

mod rules;
mod spoil;

pub(crate) use rules::{Facts, Rules};
pub(crate) use spoil::{Never, Spoilt, Wire, spoil};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::dialect::{Dialect, Operation};

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// This status, with the provider's own error body unless one is given.
    Status {
        /// 400 to 599, or any other that a provider may answer.
        status: u16,
        /// Headers on top, `["retry-after", "1"]`.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body, instead of the provider's error.
        #[serde(default)]
        body: Option<String>,
        /// OpenAI's `insufficient_quota`, `context_length_exceeded`, ….
        #[serde(default)]
        code: Option<String>,
    },
    /// Nothing happens before the head for so long.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// So long between two events.
    Pace {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection ends (HTTP/2: the stream is reset).
    Cut {
        /// After so many events.
        #[serde(default)]
        after_event: Option<usize>,
        /// After so many bytes of the body.
        #[serde(default)]
        at_byte: Option<u64>,
        /// With an RST instead of a FIN, where the transport is TCP.
        #[serde(default)]
        reset: bool,
    },
    /// Nothing comes any more, and the connection stays open.
    Stall {
        /// After so many events.
        #[serde(default)]
        after_event: Option<usize>,
        /// A ping each so many milliseconds: Anthropic's event, or a comment.
        #[serde(default)]
        ping_ms: Option<u64>,
    },
    /// An event whose data is no JSON.
    GarbageEvent {
        /// After so many events.
        #[serde(default)]
        after_event: usize,
    },
    /// The provider's error as an event; the stream ends with it.
    ErrorEvent {
        /// After so many events.
        #[serde(default)]
        after_event: usize,
    },
    /// An event of this size, in bytes.
    HugeEvent {
        /// Bytes.
        bytes: usize,
        /// After so many events.
        #[serde(default)]
        after_event: usize,
    },
    /// Status 200 with the provider's error as its body.
    ErrorBody {},
    /// Status 200 with a page for people.
    Html {},
    /// Status 200 with no choices, candidates or content in it.
    EmptyChoices {},
    /// Written in so many bytes at a time (HTTP/1.1 only).
    Trickle {
        /// Bytes of one write.
        #[serde(default = "one")]
        bytes: usize,
        /// Milliseconds between two writes.
        #[serde(default)]
        pause_ms: u64,
    },
    /// More headers.
    Headers {
        /// `["set-cookie", "a=b"]`.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// So many bytes of filler, in headers of 4 KiB.
        #[serde(default)]
        filler: usize,
        /// So many `set-cookie` headers.
        #[serde(default)]
        cookies: usize,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        #[serde(default = "found")]
        status: u16,
        /// Where to.
        location: String,
    },
    /// The body in gzip, whatever the request accepts.
    Gzip {
        /// With a wrong checksum, and cut short.
        #[serde(default)]
        corrupt: bool,
    },
    /// `content-length` is wrong by so many bytes (HTTP/1.1 only). Too long: the connection
    /// ends after the body. Too short: the rest of the body follows it.
    ContentLength {
        /// Bytes more (or fewer) than the body has.
        delta: i64,
    },
    /// More after the end: an event behind `[DONE]`.
    Trailing {
        /// These bytes; by default one more event.
        #[serde(default)]
        text: Option<String>,
        /// The stream stays open after it.
        #[serde(default)]
        hold: bool,
    },
    /// The usage is not what it should be. The bill is not affected.
    Usage {
        /// How it is spoilt.
        #[serde(rename = "as")]
        spoilt: UsageAs,
    },
    /// So many more output tokens are reported and billed than asked for.
    Overbill {
        /// Tokens.
        output: u64,
    },
    /// Every JSON object of the answer has this value at this place, or none.
    Patch {
        /// A JSON pointer, `/model` or `/choices/0/delta/content`.
        at: String,
        /// The value; absent: the field is taken out.
        #[serde(default)]
        value: Option<Value>,
    },
    /// Server-sent events in an unusual but legal form.
    Reframe {
        /// Line ends.
        #[serde(default)]
        line_end: LineEnd,
        /// A comment before each event.
        #[serde(default)]
        comments: bool,
        /// A byte order mark first.
        #[serde(default)]
        bom: bool,
        /// `data:` without the space.
        #[serde(default)]
        tight: bool,
    },
    /// Exactly these bytes instead of an answer, then the end of the connection
    /// (HTTP/1.1 only; on HTTP/2 the stream is reset).
    Raw {
        /// The bytes.
        text: String,
    },
}

/// How usage is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageAs {
    /// Not there.
    Missing,
    /// `null`.
    Null,
    /// Each number a word.
    Words,
    /// Each number negative.
    Negative,
    /// Each number 1e30.
    Huge,
}

/// Line ends of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    Crlf,
    /// `\r`
    Cr,
}

fn one() -> usize {
    1
}

fn found() -> u16 {
    302
}

impl Fault {
    /// Parses the value of an `x-sim-fault` header: a fault as JSON, a list of
    /// them, or the bare kind of a fault that needs no fields (`html`).
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        let text = text.trim();
        if !text.starts_with(['{', '[']) {
            return serde_json::from_value(serde_json::json!({ "kind": text })).map(|fault| vec![fault]);
        }
        list_of(serde_json::from_str(text)?)
    }

    /// The fault's kind, as the bill names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Delay { .. } => "delay",
            Self::Pace { .. } => "pace",
            Self::Cut { .. } => "cut",
            Self::Stall { .. } => "stall",
            Self::GarbageEvent { .. } => "garbage_event",
            Self::ErrorEvent { .. } => "error_event",
            Self::HugeEvent { .. } => "huge_event",
            Self::ErrorBody {} => "error_body",
            Self::Html {} => "html",
            Self::EmptyChoices {} => "empty_choices",
            Self::Trickle { .. } => "trickle",
            Self::Headers { .. } => "headers",
            Self::Redirect { .. } => "redirect",
            Self::Gzip { .. } => "gzip",
            Self::ContentLength { .. } => "content_length",
            Self::Trailing { .. } => "trailing",
            Self::Usage { .. } => "usage",
            Self::Overbill { .. } => "overbill",
            Self::Patch { .. } => "patch",
            Self::Reframe { .. } => "reframe",
            Self::Raw { .. } => "raw",
        }
    }
}

/// Which requests a rule is for. An absent field matches every request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// The language that the request speaks.
    pub provider: Option<Dialect>,
    /// What it asks for.
    pub operation: Option<Operation>,
    /// The model that it names.
    pub model: Option<String>,
    /// The name of the key that it presents.
    pub key: Option<String>,
    /// How its path begins.
    pub path: Option<String>,
    /// Its `host`, port included where it has one.
    pub host: Option<String>,
    /// Whether it asks for a stream.
    pub stream: Option<bool>,
}

/// Faults for the requests that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// How many of them; absent: all, until the rule is deleted.
    #[serde(default)]
    pub count: Option<u64>,
    /// How many of them pass unharmed before.
    #[serde(default)]
    pub skip: u64,
    /// What goes wrong: one fault, or several in their order.
    #[serde(rename = "fault", deserialize_with = "one_or_more")]
    pub faults: Vec<Fault>,
}

impl Rule {
    /// A fault for every request.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { matching: Match::default(), count: None, skip: 0, faults: vec![fault] }
    }

    /// A fault for the next `count` requests.
    #[must_use]
    pub fn times(count: u64, fault: Fault) -> Self {
        Self { count: Some(count), ..Self::always(fault) }
    }

    /// The same for these requests only.
    #[must_use]
    pub fn matching(mut self, matching: Match) -> Self {
        self.matching = matching;
        self
    }
}

/// A list, or one item in place of it. Not an untagged enum, whose error would
/// not say what is wrong with the item.
pub(crate) fn list_of<T: serde::de::DeserializeOwned>(value: Value) -> serde_json::Result<Vec<T>> {
    match value {
        Value::Array(_) => serde_json::from_value(value),
        one => serde_json::from_value(one).map(|item| vec![item]),
    }
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Fault>, D::Error> {
    list_of(Value::deserialize(from)?).map_err(serde::de::Error::custom)
}

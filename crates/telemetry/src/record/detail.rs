//! What only a trace tells of a call: its tools and, where policy allows it, its content.
//!
//! Gathered for calls that are sampled at their head; every text in it is bounded by whoever gathers it.

use std::fmt;

/// What only a trace tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detail {
    /// The caller's `tracestate`; empty if there is none.
    pub trace_state: Box<str>,
    /// The conversation that the call says it belongs to; empty if it says none.
    pub conversation: Box<str>,
    /// Results that came back and calls that the model asked for, in their order.
    pub tools: Vec<ToolUse>,
    /// Prompt and answer; none unless policy captures them.
    pub content: Option<Box<Content>>,
}

/// What happened with a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The application sent back what it gave.
    Result,
    /// The model asked for it.
    Call,
}

/// One tool call, or one result of one. What it was given and what it gave are not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolUse {
    /// What happened.
    pub what: Tool,
    /// The tool's name; empty if nothing told it.
    pub name: Box<str>,
    /// What ties a result to its call; empty if nothing told it.
    pub id: Box<str>,
}

/// Prompt and answer, as JSON in the form of the conventions. Empty texts are not told.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// What the model was told beside the conversation: a list of parts.
    pub instructions: Box<str>,
    /// The conversation: a list of messages.
    pub input: Box<str>,
    /// The answer: a list of messages.
    pub output: Box<str>,
}

/// Its lengths alone: a log is no place for what people say to models.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = [&self.instructions, &self.input, &self.output].map(|text| text.len());
        write!(f, "Content({lengths:?} bytes)")
    }
}

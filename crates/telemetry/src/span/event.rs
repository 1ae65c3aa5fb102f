//! What happened within a span: results of tools that came with the call, calls of tools that the answer asked for.

use jiff::Timestamp;

use super::{Attributes, Kind, Span};
use crate::names::{attribute, event};
use crate::record::{Tool, ToolUse};

/// Something that happened within a span.
pub(crate) struct Event<'a> {
    /// What.
    pub(crate) name: &'static str,
    /// When.
    pub(crate) at: Timestamp,
    used: &'a ToolUse,
}

impl Event<'_> {
    /// Tells what is known of it.
    pub(crate) fn attributes(&self, into: &mut impl Attributes) {
        into.text(attribute::TOOL_NAME, &self.used.name);
        into.text(attribute::TOOL_CALL_ID, &self.used.id);
    }
}

/// The events of a span.
pub(super) fn of<'a>(span: &Span<'a>) -> impl Iterator<Item = Event<'a>> {
    let what = match span.kind {
        Kind::Server => Some((Tool::Result, event::TOOL_RESULT, span.start)),
        // What the model asked for is known when all of its answer has come.
        Kind::Client { answered: true, .. } => {
            let end = span.start.checked_add(span.duration).unwrap_or(span.start);
            Some((Tool::Call, event::TOOL_CALL, end))
        }
        Kind::Client { .. } => None,
    };
    let used = span.record.detail.iter().flat_map(|detail| &detail.tools);
    used.filter_map(move |used| {
        let (what, name, at) = what?;
        (used.what == what).then_some(Event { name, at, used })
    })
}

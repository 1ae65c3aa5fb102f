//! What a call or an attempt has taken from its limits, until it is settled.

use sidegate_policy::{Unit, Usage};

/// Entries that a hold carries without an allocation.
const INLINE: usize = 4;

/// Tokens of one attempt: a bound before it, its usage afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Prompt tokens.
    pub input: u64,
    /// Generated tokens.
    pub output: u64,
}

impl Tokens {
    /// The part that a unit counts; none for units that count no tokens.
    #[must_use]
    pub fn of(self, unit: Unit) -> Option<u64> {
        match unit {
            Unit::InputTokens => Some(self.input),
            Unit::OutputTokens => Some(self.output),
            Unit::TotalTokens => Some(self.input.saturating_add(self.output)),
            Unit::Requests | Unit::ConcurrentRequests => None,
        }
    }
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Self {
        Self { input: usage.input_total, output: usage.output_total }
    }
}

/// How what was held ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was processed and took these tokens; a call's hold keeps its request.
    Used(Tokens),
    /// It provably took nothing: everything is given back.
    Void,
    /// It may have taken anything up to what was held, and that stays taken.
    Unknown,
}

/// One bucket's part of a hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    /// Slot of the bucket.
    pub(crate) slot: u32,
    /// Which bucket in that slot: a slot may be used again.
    pub(crate) serial: u32,
    /// What was taken, in the limit's unit.
    pub(crate) amount: u64,
}

/// What was taken, and from where. It has no end of its own: give it to [`crate::Book::settle`], which
/// consumes it, so that nothing is settled twice.
///
/// ```compile_fail,E0382
/// # use std::time::Duration;
/// # use sidegate_ledger::{Book, Outcome};
/// let (mut book, now) = (Book::new(), Duration::ZERO);
/// let hold = book.admit(&[], now).expect("no limits, no shortfall");
/// book.settle(hold, Outcome::Void, now);
/// book.settle(hold, Outcome::Void, now);
/// ```
#[derive(Debug)]
#[must_use = "what is held stays taken until it is settled"]
pub struct Hold {
    inline: [Entry; INLINE],
    len: u8,
    more: Vec<Entry>,
    would_refuse: Vec<usize>,
}

impl Hold {
    pub(crate) fn new() -> Self {
        Self { inline: [Entry::default(); INLINE], len: 0, more: Vec::new(), would_refuse: Vec::new() }
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if let Some(place) = self.inline.get_mut(usize::from(self.len)) {
            *place = entry;
            self.len += 1;
        } else {
            self.more.push(entry);
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.inline.iter().take(usize::from(self.len)).chain(&self.more)
    }

    pub(crate) fn note_refusal(&mut self, limit: usize) {
        self.would_refuse.push(limit);
    }

    /// Limits in dry run that would have refused, as indices into the limits that were handed in.
    #[must_use]
    pub fn would_refuse(&self) -> &[usize] {
        &self.would_refuse
    }

    /// Whether nothing was taken from any limit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

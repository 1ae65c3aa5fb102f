//! Keeping one event of a stream from the caller: an event that is not whole yet is withheld until it is known
//! whether it is the one.
//!
//! Nothing is copied: what is withheld are slices of the chunks as they came.

use bytes::Bytes;

/// An event larger than this, in bytes, is none that only carries usage.
const MAX_HELD: usize = 64 * 1024;

/// What is withheld, and the place in the current chunk.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Parts of the event that is not whole yet.
    held: Vec<Bytes>,
    held_len: usize,
    /// The event that is not whole yet is too large and is handed on as it comes.
    passing: bool,
    /// The last event was dropped.
    dropped: bool,
    /// The chunk before ended where an event ended.
    between: bool,
    /// In the current chunk: the first byte that was not handed on.
    from: usize,
    /// In the current chunk: where the current event begins.
    event: usize,
}

impl Hold {
    /// Whether a part of an event that is not whole yet was handed on.
    pub(super) fn is_passing(&self) -> bool {
        self.passing
    }

    /// A chunk begins. `after_cr`: a line feed that comes first is the rest of the line end before it.
    pub(super) fn begin(&mut self, chunk: &Bytes, after_cr: bool) {
        let rest = usize::from(after_cr && self.between && chunk.first() == Some(&b'\n'));
        self.event = rest;
        self.from = if self.dropped { rest } else { 0 };
    }

    /// An event ended before `at` in the chunk.
    pub(super) fn event_end(&mut self, chunk: &Bytes, at: usize, drop: bool, out: &mut impl FnMut(Bytes)) {
        if drop && !self.passing {
            hand_on(chunk, self.from, self.event, out);
            self.from = at;
        }
        self.settle(drop, out);
        self.event = at;
    }

    /// The chunk is over: what belongs to whole events is handed on, the rest is withheld.
    pub(super) fn rest(&mut self, chunk: Bytes, out: &mut impl FnMut(Bytes)) {
        self.between = self.event == chunk.len() || (self.between && chunk.is_empty());
        hand_on(&chunk, self.from, self.event, out);
        let tail = chunk.slice(self.event.min(chunk.len())..);
        if tail.is_empty() {
            return;
        }
        if self.passing || self.held_len + tail.len() > MAX_HELD {
            self.settle(false, out);
            self.passing = true;
            out(tail);
            return;
        }
        self.held_len += tail.len();
        self.held.push(tail);
    }

    /// What is withheld is dropped or handed on.
    pub(super) fn settle(&mut self, drop: bool, out: &mut impl FnMut(Bytes)) {
        self.dropped = drop && !self.passing;
        self.passing = false;
        self.held_len = 0;
        for part in self.held.drain(..) {
            if !self.dropped {
                out(part);
            }
        }
    }
}

fn hand_on(chunk: &Bytes, from: usize, to: usize, out: &mut impl FnMut(Bytes)) {
    if from < to && to <= chunk.len() {
        out(chunk.slice(from..to));
    }
}

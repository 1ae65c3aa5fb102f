//! When a settled call is told of: after its answer has left, and with others.
//!
//! Its audit line, its metrics, its spans where it is traced and its place among the recent calls cost as much as a sixth
//! of the call, or more, and nobody has to wait for them. What settles in a turn of a connection is told when the turn
//! has ended, and what the turn had to write has been written; what settles at any other time is told at once.
//!
//! Telling is much code for little data, and between two calls all of it leaves the processor's cache. Where the
//! runtime says when it has nothing to do, a call therefore waits for that moment, for [`TOGETHER`] others or for
//! [`TURNS`] turns, whichever comes first; but not one whose trace holds what was said in it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Settled;

#[cfg(test)]
mod tests;

/// Calls that wait for each other, at most.
const TOGETHER: usize = 32;
/// Turns of connections that a call waits for, at most: a runtime that is never idle has several thousand a second.
const TURNS: usize = 256;

/// The calls that are to be told of.
#[derive(Default)]
pub struct Telling {
    in_turn: AtomicBool,
    /// Somebody calls [`Telling::tell_all`] when there is nothing else to do.
    when_idle: AtomicBool,
    /// How many wait: spares the lock where none does.
    waits: AtomicUsize,
    /// Turns that have ended since the first of them settled.
    turns: AtomicUsize,
    waiting: Mutex<Vec<Settled>>,
}

/// A turn of a connection, until this is dropped.
pub struct Turn<'a>(&'a Telling);

impl Telling {
    /// From now on calls may wait for an idle moment, at which [`Telling::tell_all`] is called.
    pub fn wait_for_idle(&self) {
        self.when_idle.store(true, Ordering::Relaxed);
    }

    /// A turn begins.
    pub fn turn(&self) -> Turn<'_> {
        self.in_turn.store(true, Ordering::Relaxed);
        Turn(self)
    }

    /// Tells of every call that waits.
    pub fn tell_all(&self) {
        if self.waits.load(Ordering::Acquire) == 0 {
            return;
        }
        self.turns.store(0, Ordering::Relaxed);
        let settled = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.waits.store(0, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        let settled = Settled::tell(settled);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            *waiting = settled;
        }
    }

    /// A call has settled.
    pub(super) fn of(&self, settled: Settled) {
        if settled.has_content() {
            // Not kept longer than need be.
            self.turns.store(TURNS, Ordering::Relaxed);
        }
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.push(settled);
            self.waits.store(waiting.len(), Ordering::Release);
        }
        if !self.in_turn.load(Ordering::Relaxed) {
            self.tell_all();
        }
    }

    fn end_turn(&self) {
        self.in_turn.store(false, Ordering::Relaxed);
        let waits = self.waits.load(Ordering::Acquire);
        if waits == 0 {
            return;
        }
        let turns = self.turns.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.when_idle.load(Ordering::Relaxed) || waits >= TOGETHER || turns >= TURNS {
            self.tell_all();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.end_turn();
    }
}

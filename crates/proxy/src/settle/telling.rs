//! When a settled call is told of: after its answer has left.
//!
//! Its audit line, its metrics, its spans where it is traced and its place among the recent calls cost as much as a sixth
//! of the call, or more, and nobody has to wait for them. What settles in a turn of a connection is told when the turn has ended, and what the turn had to write
//! has been written; what settles at any other time is told at once. Nothing waits beyond a turn.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Settled;

/// The calls of a turn that are to be told of.
#[derive(Default)]
pub struct Telling {
    in_turn: AtomicBool,
    /// Spares the lock in turns in which nothing settles.
    any: AtomicBool,
    waiting: Mutex<VecDeque<Settled>>,
}

/// A turn of a connection, until this is dropped.
pub struct Turn<'a>(&'a Telling);

impl Telling {
    /// A turn begins.
    pub fn turn(&self) -> Turn<'_> {
        self.in_turn.store(true, Ordering::Relaxed);
        Turn(self)
    }

    /// A call has settled.
    pub(super) fn of(&self, settled: Settled) {
        if self.in_turn.load(Ordering::Relaxed) {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(settled);
            self.any.store(true, Ordering::Release);
        } else {
            settled.tell();
        }
    }

    fn next(&self) -> Option<Settled> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.in_turn.store(false, Ordering::Relaxed);
        if self.0.any.load(Ordering::Acquire) {
            self.0.any.store(false, Ordering::Relaxed);
            while let Some(settled) = self.0.next() {
                settled.tell();
            }
        }
    }
}

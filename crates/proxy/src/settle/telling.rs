//! When a settled call is told of: after its answer has left, and with others.
//!
//! Its audit line, its metrics, its spans where it is traced and its place among the recent calls cost as much as a sixth
//! of the call, or more, and nobody has to wait for them. What settles outside a turn of a connection is told at once.
//! What settles in one is told when what the turn had to write has been written: at the end of the turn, or, where
//! somebody says when there is nothing else to do, at that moment. For telling is much code for little data, and
//! between two calls all of it leaves the processor's cache.
//!
//! Calls settle on one thread; the locks and atomics are there because a sidecar is shared with others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Open;
use crate::sidecar::Sidecar;

#[cfg(test)]
mod tests;

/// Calls that wait for each other, at most, at the end of a turn.
const TOGETHER: usize = 32;
/// Turns of connections, its own among them, that a call waits for, at most. A thread that is never idle has several
/// thousand a second, unless it is busy with HTTP/2 alone.
const TURNS: usize = 256;

/// The calls that are to be told of.
#[derive(Default)]
pub struct Telling {
    in_turn: AtomicBool,
    /// Turns, its own among them, at whose end a call is told of. At the end of its own while this is zero.
    patience: AtomicUsize,
    /// Turns that have ended since the first of them settled.
    turns: AtomicUsize,
    /// How many wait: spares the lock where none does.
    waits: AtomicUsize,
    waiting: Mutex<Vec<Settled>>,
}

/// A call that holds nothing any more and has not been told of.
pub(super) struct Settled(pub(super) Box<Open>);

/// A turn of a connection, until this is dropped.
pub struct Turn<'a>(&'a Telling);

impl Telling {
    /// From now on calls may wait for others, because somebody calls [`Telling::tell_all`] when there is nothing else
    /// to do.
    pub fn be_patient(&self) {
        self.patience.store(TURNS, Ordering::Relaxed);
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
        let mut settled = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.waits.store(0, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        tell(&mut settled);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            // Its room is used again.
            *waiting = settled;
        }
    }

    /// A call has settled.
    pub(super) fn of(&self, settled: Settled) {
        if settled.has_content() {
            // What was said is not kept in memory beyond the turn.
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
        if waits >= TOGETHER || turns >= self.patience.load(Ordering::Relaxed) {
            self.tell_all();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.end_turn();
    }
}

impl Settled {
    /// Whether its trace tells what was said in it.
    fn has_content(&self) -> bool {
        self.0.record.detail.as_ref().is_some_and(|detail| detail.content.is_some())
    }
}

/// Tells everyone of calls, and leaves none: one who listens of all of them, and then the next, so that the code for it
/// stays in the processor's cache.
fn tell(calls: &mut Vec<Settled>) {
    let Some(Settled(first)) = calls.first() else { return };
    let sidecar = first.sidecar.clone();
    each(&sidecar, calls.iter_mut(), |Settled(open)| open.trace());
    each(&sidecar, calls.iter(), |Settled(open)| sidecar.metrics.observe(&open.record));
    each(&sidecar, calls.iter(), |Settled(open)| sidecar.audit.push(&open.record));
    each(&sidecar, calls.drain(..), |Settled(open)| {
        let now = open.now();
        sidecar.recent.push(open.record, now);
    });
}

/// Tells one who listens of each call. A panic is noted, and the next call is told of: these are of many connections.
fn each<T>(sidecar: &Sidecar, mut calls: impl Iterator<Item = T>, mut tell: impl FnMut(T)) {
    while catch_unwind(AssertUnwindSafe(|| calls.by_ref().for_each(&mut tell))).is_err() {
        sidecar.metrics.panicked();
        tracing::error!("a panic while a settled call was told of; its audit line, metrics or spans are not whole");
    }
}

//! How many repeats on the same target are left: a share of the recent calls, and a small floor.
//!
//! Repeats multiply an outage; moving to another target does not, and is not counted here. The window is ten
//! slots of a second, so that a burst long ago neither pays nor blames.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Seconds that count as recent.
const SLOTS: usize = 10;
/// One repeat for so many calls: 20 %.
const CALLS_FOR_A_REPEAT: u64 = 5;
/// Repeats that are allowed however few calls there were.
const FLOOR: u64 = 3;

/// The repeats of one sidecar.
#[derive(Default)]
pub struct RetryBudgets(Mutex<Window>);

#[derive(Default)]
struct Window {
    slots: [Slot; SLOTS],
}

#[derive(Default, Clone, Copy)]
struct Slot {
    second: u64,
    calls: u64,
    repeats: u64,
}

impl RetryBudgets {
    /// A call began.
    pub fn note_call(&self, now: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).slot(now).calls += 1;
    }

    /// Whether a repeat would be allowed.
    #[must_use]
    pub fn has_room(&self, now: Duration) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).has_room(now)
    }

    /// Takes a repeat; false if none is left.
    pub fn take(&self, now: Duration) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = window.has_room(now);
        if room {
            window.slot(now).repeats += 1;
        }
        room
    }
}

impl Window {
    fn slot(&mut self, now: Duration) -> &mut Slot {
        let second = now.as_secs();
        let slot = &mut self.slots[usize::try_from(second % SLOTS as u64).unwrap_or(0)];
        if slot.second != second {
            *slot = Slot { second, ..Slot::default() };
        }
        slot
    }

    fn has_room(&self, now: Duration) -> bool {
        let recent = self.slots.iter().filter(|s| s.second + SLOTS as u64 > now.as_secs());
        let (calls, repeats) = recent.fold((0, 0), |(c, r), s| (c + s.calls, r + s.repeats));
        repeats < FLOOR.max(calls / CALLS_FOR_A_REPEAT)
    }
}

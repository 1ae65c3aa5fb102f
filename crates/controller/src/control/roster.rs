//! Which sidecars are connected, and what each has taken or refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sidegate_policy::Caller;

use super::lock;

/// One connected sidecar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seated {
    /// Who it says it speaks for.
    pub caller: Arc<Caller>,
    /// Version of the policy that it came with or took last; empty if none.
    pub policy: Arc<str>,
    /// Version of the keys that it came with or took last; empty if none.
    pub credentials: Arc<str>,
    /// Why it refused what it was sent last; empty if it did not.
    pub refusal: Arc<str>,
}

/// The connected sidecars.
#[derive(Default)]
pub struct Roster {
    seats: Arc<Mutex<Seats>>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Seated>,
}

/// A sidecar's place in the roster, given up when dropped.
pub struct Seat {
    number: u64,
    seats: Arc<Mutex<Seats>>,
}

impl Roster {
    /// A place for one more sidecar, unless there are `most` already.
    #[must_use]
    pub fn sit(&self, caller: Arc<Caller>, most: usize) -> Option<Seat> {
        let mut seats = lock(&self.seats);
        if seats.taken.len() >= most {
            return None;
        }
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, Seated { caller, ..Seated::default() });
        Some(Seat { number, seats: self.seats.clone() })
    }

    /// Every connected sidecar.
    #[must_use]
    pub fn seated(&self) -> Vec<Seated> {
        lock(&self.seats).taken.values().cloned().collect()
    }

    /// How many are connected.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.seats).taken.len()
    }
}

impl Seat {
    /// Notes what the sidecar did.
    pub fn note(&self, change: impl FnOnce(&mut Seated)) {
        if let Some(seated) = lock(&self.seats).taken.get_mut(&self.number) {
            change(seated);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.seats).taken.remove(&self.number);
    }
}

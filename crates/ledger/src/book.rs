//! All buckets of a sidecar: admission, reservation and settlement, all or none.
//!
//! Limits come from whatever snapshot a call was decided by; buckets are found by the limit's identity and
//! outlive every edit of it. The book refuses with a [`Shortfall`], which names the limit and the time; how
//! that is worded, and who is told, is not its business.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use sidegate_policy::{Limit, Mode, Unit};

use crate::bucket::{Bucket, Key};
use crate::hold::{Entry, Hold, Outcome, Tokens};
use crate::room::{Headroom, Room};

/// Buckets of limits that are gone, kept while they are not full again. Above this the fullest go.
const MAX_RETIRED: usize = 1024;

/// There is no room under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// Index into the limits that were handed in: the one that takes longest.
    pub limit: usize,
    /// What was wanted of it, in its unit.
    pub wanted: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When the same would be admitted if nothing else is taken until then, not a nanosecond early or late;
    /// none if that cannot be known, as for concurrent requests.
    pub retry_after: Option<Duration>,
}

/// A slot for buckets. Its serial tells a hold whether the bucket is still the one it took from.
#[derive(Debug)]
struct Slot {
    serial: u32,
    bucket: Option<Bucket>,
}

/// All buckets of one sidecar.
#[derive(Debug, Default)]
pub struct Book {
    slots: Vec<Slot>,
    by_key: HashMap<Key, usize>,
    /// For the limits of the last reconciliation, in their order: their slots.
    order: Vec<usize>,
}

impl Book {
    /// A book without buckets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over an edited policy. What was used stays used: a changed amount or window keeps what is
    /// missing, and the bucket of a limit that is gone stays until it is full, so that removing and adding a
    /// limit refills nothing.
    pub fn reconcile(&mut self, limits: &[Limit], now: Duration) {
        self.order.clear();
        for limit in limits {
            let slot = self.slot_of(limit, now);
            if let Some(bucket) = self.bucket_mut(slot) {
                bucket.edit(limit, now);
            }
            self.order.push(slot);
        }
        self.forget_full(now);
    }

    /// Takes what a call takes once, of every limit on requests and concurrent requests, all or none.
    ///
    /// # Errors
    /// [`Shortfall`] when an enforced limit has no room; then nothing was taken.
    pub fn admit(&mut self, limits: &[Limit], now: Duration) -> Result<Hold, Shortfall> {
        self.hold(limits, now, |unit| match unit {
            Unit::Requests | Unit::ConcurrentRequests => Some(1),
            Unit::InputTokens | Unit::OutputTokens | Unit::TotalTokens => None,
        })
    }

    /// Takes what an attempt takes, of every limit on tokens, all or none: `bound`, but never more than a
    /// bucket ever has.
    ///
    /// # Errors
    /// [`Shortfall`] when an enforced limit has no room; then nothing was taken.
    pub fn reserve(&mut self, limits: &[Limit], bound: Tokens, now: Duration) -> Result<Hold, Shortfall> {
        self.hold(limits, now, |unit| bound.of(unit))
    }

    /// Ends a hold. Concurrency is given back whatever happened.
    pub fn settle(&mut self, hold: Hold, outcome: Outcome, now: Duration) {
        for entry in hold.entries() {
            let Some(slot) = self.slots.get_mut(entry.slot as usize).filter(|s| s.serial == entry.serial) else {
                continue;
            };
            if let Some(bucket) = &mut slot.bucket {
                let used = match outcome {
                    Outcome::Used(tokens) => tokens.of(bucket.key.unit).unwrap_or(entry.amount),
                    Outcome::Void => 0,
                    Outcome::Unknown => entry.amount,
                };
                bucket.settle(entry.amount, used, now);
            }
        }
    }

    /// What is left of every enforced limit.
    #[must_use]
    pub fn headroom(&self, limits: &[Limit], now: Duration) -> Vec<Room> {
        self.rooms(limits, now).collect()
    }

    /// The tightest enforced limits, without an allocation.
    #[must_use]
    pub fn tightest(&self, limits: &[Limit], now: Duration) -> Headroom {
        let mut headroom = Headroom::default();
        self.rooms(limits, now).for_each(|room| headroom.narrow(room));
        headroom
    }

    fn rooms(&self, limits: &[Limit], now: Duration) -> impl Iterator<Item = Room> {
        limits.iter().enumerate().filter(|(_, l)| l.mode == Mode::Enforce).map(move |(index, limit)| {
            let bucket = self.find(index, limit).and_then(|slot| self.slots.get(slot)?.bucket.as_ref());
            Room {
                index,
                unit: limit.unit,
                limit: limit.amount,
                remaining: bucket.map_or(limit.amount, |b| b.remaining(now)),
                reset: bucket.map_or(Duration::ZERO, |b| b.until_full(now)),
            }
        })
    }

    /// Checks every limit, then takes of every limit. A limit in dry run that has no room is noted, and takes
    /// nothing, as if it had refused.
    fn hold(
        &mut self,
        limits: &[Limit],
        now: Duration,
        wanted: impl Fn(Unit) -> Option<u64>,
    ) -> Result<Hold, Shortfall> {
        let mut hold = Hold::new();
        let mut short: Option<Shortfall> = None;
        for (index, limit) in limits.iter().enumerate() {
            let Some(wanted) = wanted(limit.unit) else { continue };
            let at = self.slot_of_index(index, limit, now);
            let Some(Slot { serial, bucket: Some(bucket) }) = self.slots.get(at) else { continue };
            let amount = if limit.unit.is_tokens() { bucket.clamp(wanted) } else { wanted };
            match (bucket.check(amount, now), limit.mode) {
                (Ok(()), _) => hold.push(Entry { slot: narrow(at), serial: *serial, amount }),
                (Err(_), Mode::DryRun) => hold.note_refusal(index),
                (Err(retry_after), Mode::Enforce) => {
                    let found =
                        Shortfall { limit: index, wanted: amount, remaining: bucket.remaining(now), retry_after };
                    short = Some(short.map_or(found, |first| longest(first, found)));
                }
            }
        }
        if let Some(short) = short {
            return Err(short);
        }
        for entry in hold.entries() {
            if let Some(bucket) = self.bucket_mut(entry.slot as usize) {
                bucket.take(entry.amount, now);
            }
        }
        Ok(hold)
    }

    fn bucket_mut(&mut self, slot: usize) -> Option<&mut Bucket> {
        self.slots.get_mut(slot)?.bucket.as_mut()
    }

    /// The slot of a limit's bucket: usually the one of its place in the last reconciliation.
    fn find(&self, index: usize, limit: &Limit) -> Option<usize> {
        let hinted = self.order.get(index).copied();
        let is_of = |slot: usize| self.slots.get(slot)?.bucket.as_ref().map(|b| b.key.is_of(limit));
        match hinted {
            Some(slot) if is_of(slot) == Some(true) => Some(slot),
            _ => self.by_key.get(&Key::of(limit)).copied(),
        }
    }

    fn slot_of_index(&mut self, index: usize, limit: &Limit, now: Duration) -> usize {
        self.find(index, limit).unwrap_or_else(|| self.slot_of(limit, now))
    }

    /// The slot of a limit's bucket; a limit that was never seen gets a full one.
    fn slot_of(&mut self, limit: &Limit, now: Duration) -> usize {
        let key = Key::of(limit);
        if let Some(slot) = self.by_key.get(&key) {
            return *slot;
        }
        let bucket = Some(Bucket::new(limit, now));
        let slot = match self.slots.iter().position(|s| s.bucket.is_none()) {
            Some(free) => {
                self.slots[free].bucket = bucket;
                free
            }
            None => {
                self.slots.push(Slot { serial: 0, bucket });
                self.slots.len() - 1
            }
        };
        self.by_key.insert(key, slot);
        slot
    }

    /// Forgets buckets of limits that are gone: those that are full, and the fullest above the bound.
    fn forget_full(&mut self, now: Duration) {
        let mut retired: Vec<(Duration, usize)> = Vec::new();
        for slot in 0..self.slots.len() {
            let Some(bucket) = self.slots[slot].bucket.as_ref().filter(|_| !self.order.contains(&slot)) else {
                continue;
            };
            if bucket.is_untouched(now) {
                self.forget(slot);
            } else {
                retired.push((bucket.until_full(now), slot));
            }
        }
        if retired.len() > MAX_RETIRED {
            retired.sort_unstable();
            let excess = retired.len() - MAX_RETIRED;
            retired.into_iter().take(excess).for_each(|(_, slot)| self.forget(slot));
        }
    }

    fn forget(&mut self, slot: usize) {
        let Some(slot) = self.slots.get_mut(slot) else { return };
        slot.serial = slot.serial.wrapping_add(1);
        if let Some(bucket) = slot.bucket.take() {
            self.by_key.remove(&bucket.key);
        }
    }
}

/// The one whose wait is longer; one that cannot be known is the longest.
fn longest(first: Shortfall, second: Shortfall) -> Shortfall {
    match (first.retry_after, second.retry_after) {
        (None, _) => first,
        (_, None) => second,
        (Some(a), Some(b)) if a >= b => first,
        _ => second,
    }
}

/// Slots are numbered in 32 bits: a limit has at most two, and a policy a few hundred limits.
fn narrow(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

//! How much room is left under a caller's limits, as `x-ratelimit-*` headers tell it.

use std::time::Duration;

use sidegate_policy::Unit;

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Index into the limits that were handed in.
    pub index: usize,
    /// What it counts.
    pub unit: Unit,
    /// The full amount.
    pub limit: u64,
    /// What could be taken now.
    pub remaining: u64,
    /// Until the full amount is there again, if nothing more is taken; zero for concurrent requests.
    pub reset: Duration,
}

/// The tightest enforced limits: the one with the least room wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Headroom {
    /// Of those that count requests.
    pub requests: Option<Room>,
    /// Of those that count tokens of any kind.
    pub tokens: Option<Room>,
}

impl Headroom {
    pub(crate) fn narrow(&mut self, room: Room) {
        let place = match room.unit {
            Unit::Requests => &mut self.requests,
            Unit::InputTokens | Unit::OutputTokens | Unit::TotalTokens => &mut self.tokens,
            Unit::ConcurrentRequests => return,
        };
        if place.is_none_or(|tightest| room.remaining < tightest.remaining) {
            *place = Some(room);
        }
    }
}

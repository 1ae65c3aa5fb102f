//! When the control plane is told which keys are turned down: on a new stream if there are any, and when they change.

#[cfg(test)]
mod tests;

use std::time::Duration;

use sidegate_wire::v1;
use sidegate_wire::v1::sidecar_message::Message as ToControl;
use tokio::time::Instant;

use crate::turned_down::TurnedDown;

/// Between two reports of one stream.
const BETWEEN: Duration = Duration::from_secs(1);

/// What one stream has told.
pub(super) struct Report {
    told: Vec<v1::RejectedCredential>,
    not_before: Instant,
}

impl Report {
    /// Nothing has been told on this stream.
    pub(super) fn new(now: Instant) -> Self {
        Self { told: Vec::new(), not_before: now }
    }

    /// When it may be told again, if that is later than `now`.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        (now < self.not_before).then_some(self.not_before)
    }

    /// What is to be told `now`, if anything.
    pub(super) fn due(&mut self, turned_down: &TurnedDown, now: Instant) -> Option<ToControl> {
        if self.rests(now).is_some() {
            return None;
        }
        let credentials = turned_down.told();
        if credentials == self.told {
            return None;
        }
        self.told.clone_from(&credentials);
        self.not_before = now + BETWEEN;
        Some(ToControl::Rejected(v1::Rejected { credentials }))
    }
}

//! What comes after a failed attempt: the order of a plan's places, walked by one table.
//!
//! A priority is finished before the next begins, because the plan is ordered by it. Repeating the same
//! target costs from the retry budget, moving on does not. Pure but for the budget and the draw it asks for.

#[cfg(test)]
mod tests;

use std::time::Duration;

use sidegate_policy::Plan;

use super::attempt::{Failure, Kind};
use crate::prepare::Target;
use crate::sidecar::Sidecar;

/// Attempts of one call.
const MAX_ATTEMPTS: u8 = 4;
/// Before the same target is tried again, halved or not by chance.
const BACK_OFF: Duration = Duration::from_millis(500);
/// Longest wait that a provider may ask for before its target is tried again.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try the tour's new target now.
    Now,
    /// The same, after a pause.
    After(Duration),
    /// Nothing is left to try.
    GiveUp,
}

/// Where a call is on its way through the plan.
pub struct Tour<'a> {
    plan: &'a Plan,
    candidate: usize,
    credential: usize,
    attempts: u8,
    repeated: bool,
}

/// The two things that a tour asks the sidecar for.
pub trait Means {
    /// Takes a repeat from the retry budget; false if none is left.
    fn take_repeat(&self) -> bool;
    /// Whether a repeat would be allowed.
    fn has_repeat(&self) -> bool;
    /// Chance.
    fn draw(&self) -> u64;
}

/// A sidecar at a moment.
impl Means for (&Sidecar, Duration) {
    fn take_repeat(&self) -> bool {
        self.0.retries.take(self.1)
    }
    fn has_repeat(&self) -> bool {
        self.0.retries.has_room(self.1)
    }
    fn draw(&self) -> u64 {
        Sidecar::draw(self.0)
    }
}

impl<'a> Tour<'a> {
    /// Begins at the plan's first place.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, candidate: 0, credential: 0, attempts: 0, repeated: false }
    }

    /// The place to try now.
    #[must_use]
    pub fn target(&self) -> Target {
        let candidate = &self.plan.candidates[self.candidate];
        Target {
            provider: candidate.provider,
            credential: candidate.credentials.get(self.credential).copied(),
            model: candidate.model.clone(),
        }
    }

    /// Attempts made so far.
    #[must_use]
    pub fn attempts(&self) -> u8 {
        self.attempts
    }

    /// Whether something could follow if the attempt that begins now fails.
    #[must_use]
    pub fn may_go_on(&self, means: &impl Means) -> bool {
        self.attempts + 1 < MAX_ATTEMPTS
            && (self.has_next_credential() || self.has_next_candidate() || (!self.repeated && means.has_repeat()))
    }

    /// What comes after `failure`.
    pub fn next(&mut self, failure: &Failure, means: &impl Means) -> Next {
        self.attempts += 1;
        if self.attempts >= MAX_ATTEMPTS {
            return Next::GiveUp;
        }
        match failure.kind {
            Kind::Unsent => self.next_candidate().unwrap_or_else(|| self.again(None, means)),
            Kind::Transient => match self.again(failure.fault.retry_after, means) {
                Next::GiveUp => self.next_candidate().unwrap_or(Next::GiveUp),
                next => next,
            },
            Kind::Quota { spent } => self.next_credential().or_else(|| self.next_candidate()).unwrap_or_else(|| {
                match failure.fault.retry_after {
                    Some(wait) if !spent => self.again(Some(wait), means),
                    _ => Next::GiveUp,
                }
            }),
            Kind::Auth => self.next_credential().or_else(|| self.next_candidate()).unwrap_or(Next::GiveUp),
            Kind::Redirect => self.next_candidate().unwrap_or(Next::GiveUp),
        }
    }

    fn has_next_credential(&self) -> bool {
        self.credential + 1 < self.plan.candidates[self.candidate].credentials.len()
    }

    fn has_next_candidate(&self) -> bool {
        self.candidate + 1 < self.plan.candidates.len()
    }

    fn next_credential(&mut self) -> Option<Next> {
        let more = self.has_next_credential();
        self.credential += usize::from(more);
        more.then_some(Next::Now)
    }

    fn next_candidate(&mut self) -> Option<Next> {
        if !self.has_next_candidate() {
            return None;
        }
        (self.candidate, self.credential, self.repeated) = (self.candidate + 1, 0, false);
        Some(Next::Now)
    }

    /// The same place once more, after the provider's time or a back-off with jitter.
    fn again(&mut self, asked: Option<Duration>, means: &impl Means) -> Next {
        if self.repeated || asked.is_some_and(|wait| wait > MAX_WAIT) || !means.take_repeat() {
            return Next::GiveUp;
        }
        self.repeated = true;
        let jitter = BACK_OFF.mul_f64((means.draw() >> 11) as f64 / (1_u64 << 53) as f64);
        Next::After(asked.unwrap_or(BACK_OFF / 2) + jitter)
    }
}

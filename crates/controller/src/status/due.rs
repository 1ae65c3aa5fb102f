//! When an object's status may be written again, when bad news are certain, and how many events it may still have.
//! Pure; chance is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// Between two writes of one status.
const BETWEEN: Duration = Duration::from_secs(1);
/// After many failures in a row.
const LONGEST: Duration = Duration::from_secs(60);
/// A reference that leads nowhere for this long does.
const CERTAIN: Duration = Duration::from_secs(1);
/// Events of one object at once.
const EVENTS: u32 = 12;
/// And one more after this time.
const EVENT_EVERY: Duration = Duration::from_secs(20);

/// When something may be tried again.
#[derive(Debug, Clone, Default)]
pub struct Due {
    not_before: Option<Instant>,
    failures: u32,
}

impl Due {
    /// Whether it may be tried `now`, and otherwise when.
    ///
    /// # Errors
    /// The time from which on it may be tried.
    pub fn at(&self, now: Instant) -> Result<(), Instant> {
        match self.not_before {
            Some(not_before) if now < not_before => Err(not_before),
            _ => Ok(()),
        }
    }

    /// It is tried `now`.
    pub fn began(&mut self, now: Instant) {
        self.not_before = Some(now + BETWEEN);
    }

    /// It went well.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// It failed: the pause doubles each time, half of it by chance (`draw`, from 0 up to 1).
    pub fn failed(&mut self, now: Instant, draw: f64) {
        let step = BETWEEN.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + step.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0));
    }

    /// How often it failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// A reference that leads nowhere, until that is certain: what it names may only not have been read yet.
#[derive(Debug, Clone, Default)]
pub struct Doubt {
    since: Option<Instant>,
}

impl Doubt {
    /// Takes whether it leads nowhere `now`.
    ///
    /// # Errors
    /// The time from which on it is certain.
    pub fn found(&mut self, nowhere: bool, now: Instant) -> Result<(), Instant> {
        if !nowhere {
            self.since = None;
            return Ok(());
        }
        let certain = *self.since.get_or_insert(now) + CERTAIN;
        if now < certain { Err(certain) } else { Ok(()) }
    }
}

/// The events that an object may still have.
#[derive(Debug, Clone)]
pub struct Allowance {
    left: u32,
    since: Option<Instant>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: EVENTS, since: None }
    }
}

impl Allowance {
    /// Takes one `now`, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let earned = u32::try_from(now.duration_since(since).as_secs() / EVENT_EVERY.as_secs()).unwrap_or(EVENTS);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(EVENTS);
            self.since = Some(now);
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

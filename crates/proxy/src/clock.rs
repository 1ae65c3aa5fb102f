//! The one clock: monotonic time since the start of the process, and the wall clock.
//!
//! Both follow tokio's time, so that a test that pauses it pauses everything. Nothing is decided by the wall
//! clock: it only dates records and reads `Retry-After` dates.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Where the wall clock comes from.
#[derive(Debug, Clone, Copy)]
enum Wall {
    System,
    /// Fixed at the start, then as much later as tokio's time.
    From(Timestamp),
}

/// Time, handed to whoever needs it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    wall: Wall,
}

impl Clock {
    /// The system's clock, counted from now.
    #[must_use]
    pub fn system() -> Self {
        Self { start: Instant::now(), wall: Wall::System }
    }

    /// A clock for tests: the wall clock begins at `wall` and follows tokio's time.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { start: Instant::now(), wall: Wall::From(wall) }
    }

    /// Since the start of the process.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The moment that lies `since_start` after the start of the process.
    #[must_use]
    pub fn instant(&self, since_start: Duration) -> Instant {
        self.start + since_start
    }

    /// The wall clock.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match self.wall {
            #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
            Wall::System => Timestamp::now(),
            Wall::From(start) => start.checked_add(self.now()).unwrap_or(Timestamp::MAX),
        }
    }
}

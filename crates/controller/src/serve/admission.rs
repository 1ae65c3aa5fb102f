//! How many sidecars may say Hello at once, and how fast: a flood of reconnects is let in evenly.
//!
//! Whoever would have to wait too long is told to come back, before its stream begins; sidecars spread their next
//! attempts at random. Streams that are there already are not slowed by those that come.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

/// Between one stream and the next, in the long run: 500 a second.
const INTERVAL: Duration = Duration::from_millis(2);
/// Streams that may begin together after a quiet time.
const BURST: u32 = 100;
/// Whose turn is further away than this has to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Streams that may be without a Hello at once.
const MOST_STRANGERS: usize = 1_000;

/// The door.
pub(super) struct Admission {
    /// When the next stream would have its turn if nobody came in a burst.
    turn: Mutex<Option<Instant>>,
    strangers: Arc<Semaphore>,
}

/// A stream that may begin; held until it has said Hello.
pub(super) struct Admitted(#[expect(dead_code, reason = "it counts for as long as it lives")] OwnedSemaphorePermit);

impl Admission {
    pub(super) fn new() -> Self {
        Self { turn: Mutex::new(None), strangers: Arc::new(Semaphore::new(MOST_STRANGERS)) }
    }

    /// Waits for the turn of one stream.
    pub(super) async fn admit(&self) -> Result<Admitted, Status> {
        let turn =
            self.turn().ok_or_else(|| Status::resource_exhausted("too many streams at once; come back later"))?;
        sleep_until(turn).await;
        let place = self.strangers.clone().try_acquire_owned();
        place.map(Admitted).map_err(|_| Status::unavailable("too many streams without a Hello; come back later"))
    }

    /// When one more stream may begin; none when that is too far away, which takes no turn.
    fn turn(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut next = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // The times of a quiet while are not saved up beyond a burst.
        let unused = now.checked_sub(INTERVAL * BURST).unwrap_or(now);
        let turn = next.map_or(unused, |next| next.max(unused));
        if turn > now + LONGEST_WAIT {
            return None;
        }
        *next = Some(turn + INTERVAL);
        Some(turn.max(now))
    }
}

//! How long to wait after a failure: longer each time, never longer than half a minute, and never all at once.

use std::sync::Arc;
use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// After many.
const LONGEST: Duration = Duration::from_secs(30);
/// What a server may ask for and get.
const ASKED: Duration = Duration::from_secs(60);

/// A number from 0 up to 1, anew each time.
pub type Draw = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Failures in a row.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Something went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: half of the step, and by chance up to the other half. A server that asks for
    /// more gets it, and the chance on top, so that not all come back at that very moment.
    pub(super) fn wait(&mut self, asked: Option<Duration>, draw: &Draw) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        let chance = half.mul_f64(draw().clamp(0.0, 1.0));
        asked.map_or(half, |asked| half.max(asked.min(ASKED))) + chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_are_spread() {
        let (low, high): (Draw, Draw) = (Arc::new(|| 0.0), Arc::new(|| 1.0));
        let waits = |draw: &Draw| {
            let mut backoff = Backoff::default();
            (0..12).map(|_| backoff.wait(None, draw).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(waits(&low)[..4], [100, 200, 400, 800]);
        assert_eq!(waits(&high)[..4], [200, 400, 800, 1600]);
        assert_eq!((waits(&low)[11], waits(&high)[11]), (15_000, 30_000));
    }

    #[test]
    fn what_the_server_asks_for_is_waited_and_no_more_than_a_minute() {
        let draw: Draw = Arc::new(|| 0.5);
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait(Some(Duration::from_secs(7)), &draw), Duration::from_millis(7_050));
        let day = Duration::from_secs(86_400);
        assert!(backoff.wait(Some(day), &draw) < Duration::from_secs(61));
        backoff.reset();
        assert_eq!(backoff.wait(None, &draw), Duration::from_millis(150));
    }
}

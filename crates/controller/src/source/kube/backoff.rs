//! How long to wait after a failure: longer each time, never longer than half a minute, and never all at once.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// After many.
const LONGEST: Duration = Duration::from_secs(30);
/// What a server may ask for and get.
const ASKED: Duration = Duration::from_secs(60);

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

    /// The wait after one more failure: half of the step, and of the other half as much as `chance` says, from 0 to 1. A server that asks for
    /// more gets it, and the chance on top, so that not all come back at that very moment.
    pub(super) fn wait(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let step = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = step / 2;
        let chance = half.mul_f64(chance);
        asked.map_or(half, |asked| half.max(asked.min(ASKED))) + chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_are_spread() {
        let waits = |chance: f64| {
            let mut backoff = Backoff::default();
            (0..12).map(|_| backoff.wait(None, chance).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(waits(0.0)[..4], [100, 200, 400, 800]);
        assert_eq!(waits(1.0)[..4], [200, 400, 800, 1600]);
        assert_eq!((waits(0.0)[11], waits(1.0)[11]), (15_000, 30_000));
    }

    #[test]
    fn what_the_server_asks_for_is_waited_and_no_more_than_a_minute() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.wait(Some(Duration::from_secs(7)), 0.5), Duration::from_millis(7_050));
        let day = Duration::from_secs(86_400);
        assert!(backoff.wait(Some(day), 0.5) < Duration::from_secs(61));
        backoff.reset();
        assert_eq!(backoff.wait(None, 0.5), Duration::from_millis(150));
    }
}

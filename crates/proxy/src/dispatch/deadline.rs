//! One timer for a call, armed once and re-armed only when it fires too early.
//!
//! Moving a deadline costs a store; a timer that fires before the deadline that stands by then is set again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sidegate_policy::{Class, Fault, Reason, Timeouts};
use tokio::time::{Instant, Sleep, sleep_until};

/// When the provider has taken too long, and for what.
pub struct Deadline {
    timer: Pin<Box<Sleep>>,
    at: Instant,
    reason: Reason,
    idle: Duration,
    /// The end of the whole stream; nothing is allowed beyond.
    last: Instant,
}

impl Deadline {
    /// For an attempt that begins now.
    #[must_use]
    pub fn new(timeouts: &Timeouts, streamed: bool) -> Self {
        let now = Instant::now();
        let (first, reason, whole) = if streamed {
            (timeouts.first_event.min(timeouts.stream), Reason::FirstEventTimeout, timeouts.stream)
        } else {
            (timeouts.response, Reason::ResponseTimeout, timeouts.response)
        };
        let at = now + first;
        Self { timer: Box::pin(sleep_until(at)), at, reason, idle: timeouts.idle, last: now + whole }
    }

    /// Something meaningful came: from now on silence counts.
    pub fn progressed(&mut self, now: Instant) {
        let idle = now + self.idle;
        (self.at, self.reason) =
            if idle < self.last { (idle, Reason::IdleTimeout) } else { (self.last, Reason::StreamTimeout) };
        // Only once: the first event may be waited for longer than the ones after it.
        if self.at < self.timer.deadline() {
            let at = self.at;
            self.timer.as_mut().reset(at);
        }
    }

    /// Ready once the deadline has passed.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        loop {
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.at <= self.timer.deadline() {
                return Poll::Ready(self.fault());
            }
            let at = self.at;
            self.timer.as_mut().reset(at);
        }
    }

    /// Waits for `work`, but not longer than the deadline.
    ///
    /// # Errors
    /// The fault of having taken too long.
    pub async fn bound<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Fault> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll(cx).map(Err)
        })
        .await
    }

    fn fault(&self) -> Fault {
        let message = match self.reason {
            Reason::FirstEventTimeout => "The provider sent no event in time (timeouts.firstEvent).",
            Reason::IdleTimeout => "The provider fell silent in the middle of its answer (timeouts.idle).",
            Reason::StreamTimeout => "The provider's stream took too long as a whole (timeouts.stream).",
            _ => "The provider took too long to answer (timeouts.response).",
        };
        Fault::provider(Class::UpstreamTimeout, self.reason, message)
    }
}

//! What every call of a sidecar shares. Each part locks on its own and never across an await.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidegate_ledger::Book;
use sidegate_policy::Caller;
use sidegate_telemetry::exposition::Family;
use sidegate_telemetry::{AuditQueue, Metrics, SpanQueue};
use tokio::task::JoinError;

use crate::armed::Armed;
use crate::clock::Clock;
use crate::config::CallBounds;
use crate::dispatch::breaker::Breakers;
use crate::dispatch::pool::Pools;
use crate::dispatch::retry_budget::RetryBudgets;
use crate::pins::Pins;
use crate::recent::Recent;
use crate::settle::Telling;
use crate::turned_down::TurnedDown;

/// The parts that a sidecar is made of.
pub struct Parts {
    /// Who it speaks for.
    pub caller: Arc<Caller>,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub seed: u64,
    /// What bounds its calls.
    pub bounds: CallBounds,
    /// Connections to providers.
    pub pools: Arc<Pools>,
    /// Audit lines on their way to the writer.
    pub audit: Arc<AuditQueue>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Calls whose spans wait to be sent; none if they go nowhere.
    pub spans: Option<Arc<SpanQueue>>,
}

/// A sidecar, apart from its sockets.
pub struct Sidecar {
    /// Who it speaks for.
    pub caller: Arc<Caller>,
    /// Time.
    pub clock: Clock,
    /// What bounds its calls.
    pub bounds: CallBounds,
    /// The policy in force, ready to be used; none before the first one arrived.
    pub armed: ArcSwapOption<Armed>,
    /// Connections to providers.
    pub pools: Arc<Pools>,
    /// Which circuits are out.
    pub breakers: Breakers,
    /// Which keys their providers turn down.
    pub turned_down: TurnedDown,
    /// How many repeats are left.
    pub retries: RetryBudgets,
    /// Where conversations began.
    pub pins: Pins,
    /// Audit lines on their way to the writer.
    pub audit: Arc<AuditQueue>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Calls whose spans wait to be sent; none if they go nowhere.
    pub spans: Option<Arc<SpanQueue>>,
    /// The last calls, for whoever asks what happened.
    pub recent: Recent,
    /// Calls that have settled and are to be told of.
    pub telling: Telling,
    book: Mutex<Book>,
    chance: Mutex<SmallRng>,
    begun: AtomicBool,
    calls: AtomicU64,
    streams: AtomicU64,
    held_bytes: AtomicU64,
}

impl Sidecar {
    /// Puts a sidecar together; it refuses calls until a policy is armed.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            caller: parts.caller,
            clock: parts.clock,
            bounds: parts.bounds,
            armed: ArcSwapOption::empty(),
            pools: parts.pools,
            breakers: Breakers::default(),
            turned_down: TurnedDown::default(),
            retries: RetryBudgets::default(),
            pins: Pins::default(),
            audit: parts.audit,
            metrics: parts.metrics,
            spans: parts.spans,
            recent: Recent::default(),
            telling: Telling::default(),
            book: Mutex::new(Book::new()),
            chance: Mutex::new(SmallRng::seed_from_u64(parts.seed)),
            begun: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            held_bytes: AtomicU64::new(0),
        })
    }

    /// The buckets of the limits.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number, uniform over all of `u64`.
    pub fn draw(&self) -> u64 {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    /// Whether nobody has asked this before: true for the first call of the sidecar's life.
    pub fn is_first(&self) -> bool {
        !self.begun.load(Ordering::Relaxed) && !self.begun.swap(true, Ordering::Relaxed)
    }

    /// Takes a place among the calls at once; none if all are taken.
    pub fn enter(self: &Arc<Self>) -> Option<Place> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        let place = Place { sidecar: self.clone(), bytes: 0, streams: false };
        (before < self.bounds.calls).then_some(place)
    }

    /// Calls that are not settled yet.
    #[must_use]
    pub fn open_calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Streams that have begun and not ended yet.
    #[must_use]
    pub fn open_streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    /// What has been counted, and what is at the moment.
    #[must_use]
    pub fn counted(&self) -> Vec<Family> {
        let metrics = &self.metrics;
        metrics.circuits(&self.breakers.suspensions());
        metrics.audit_dropped(self.audit.dropped());
        metrics.spans_without_room(self.spans.as_ref().map_or(0, |spans| spans.dropped()));
        metrics.open_calls(self.open_calls());
        metrics.open_streams(self.open_streams());
        metrics.read()
    }

    /// Notes how a connection's task ended; only a panic is worth a word.
    pub fn note_end(&self, ended: Result<(), JoinError>) {
        if ended.is_err_and(|e| e.is_panic()) {
            self.metrics.panicked();
            tracing::error!("a connection's task panicked; its calls were settled as failed");
        }
    }
}

/// A call's place among the calls at once, and the bytes that it holds. Given back when dropped.
pub struct Place {
    sidecar: Arc<Sidecar>,
    bytes: u64,
    streams: bool,
}

impl Place {
    /// Takes room for bytes of a body; false if there is none.
    pub fn hold_bytes(&mut self, bytes: u64) -> bool {
        let before = self.sidecar.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= self.sidecar.bounds.held_bytes
    }

    /// Gives the room back, once the body is not needed again.
    pub fn release_bytes(&mut self) {
        self.sidecar.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }

    /// The call's answer is a stream, and it has begun.
    pub fn begin_stream(&mut self) {
        if !self.streams {
            self.streams = true;
            self.sidecar.streams.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.release_bytes();
        if self.streams {
            self.sidecar.streams.fetch_sub(1, Ordering::Relaxed);
        }
        self.sidecar.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Sidecar {
    /// One of nobody, that sends nothing anywhere.
    pub(crate) fn for_tests() -> Arc<Self> {
        use crate::dispatch::connect::Network;
        use sidegate_telemetry::Format;
        Self::new(Parts {
            caller: Arc::default(),
            clock: Clock::system(),
            seed: 1,
            bounds: CallBounds::default(),
            pools: Pools::new(Arc::new(Network::default())),
            audit: Arc::new(AuditQueue::new(Format::Json, 1024)),
            metrics: Arc::new(Metrics::new(&Caller::default())),
            spans: None,
        })
    }
}

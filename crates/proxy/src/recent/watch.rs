//! Calls that somebody watches as they end.
//!
//! A watch has a lease, so that one that nobody remembers ends; a pace, so that it costs a busy sidecar little; and
//! its calls wait in a bounded queue that drops its oldest. What a watch misses is counted. While nobody watches, a
//! call pays for one look at an empty list.

use std::collections::VecDeque;
use std::time::Duration;

use sidegate_policy::Glob;
use sidegate_telemetry::CallRecord;
use sidegate_wire::MOST_WATCHES;

/// Calls that wait to be told.
const MOST_WAITING: usize = 256;
/// A pace is kept over so much time.
const SECOND: Duration = Duration::from_secs(1);

/// What stands for every end but success.
const ERROR: &str = "error";

/// Which calls are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of them matches the model that was asked for, or that was asked of a provider; all calls if empty.
    pub models: Vec<Glob>,
    /// One of them is the outcome, or the class of the failure, or `error`; all calls if empty.
    pub outcomes: Vec<Box<str>>,
}

impl Filter {
    fn wants(&self, record: &CallRecord) -> bool {
        let model = |glob: &Glob| {
            glob.matches(&record.model) || record.attempts.iter().any(|attempt| glob.matches(&attempt.model))
        };
        let outcome = |word: &str| match word {
            ERROR => record.outcome.is_error(),
            word => record.outcome.as_str() == word || record.outcome.class().is_some_and(|c| c.as_str() == word),
        };
        (self.models.is_empty() || self.models.iter().any(model))
            && (self.outcomes.is_empty() || self.outcomes.iter().any(|word| outcome(word)))
    }
}

/// Somebody watches.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Chosen by whoever watches.
    pub id: u64,
    /// It ends then, since the start of the process.
    pub until: Duration,
    /// Calls a second at most.
    pub per_second: u32,
    /// Which calls.
    pub filter: Filter,
}

/// A call that was watched.
#[derive(Debug)]
pub struct Watched {
    /// By which watches.
    pub watches: Vec<u64>,
    /// The call.
    pub record: CallRecord,
}

/// Calls that a watch wanted and did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The watch.
    pub watch: u64,
    /// How many.
    pub calls: u64,
}

/// Everybody who watches.
#[derive(Default)]
pub(super) struct Watches {
    running: Vec<Running>,
    waiting: VecDeque<Watched>,
}

struct Running {
    watch: Watch,
    /// Since when calls are counted, and how many there were.
    since: Duration,
    taken: u32,
    missed: u64,
}

impl Running {
    /// Whether it takes a call that it wants `now`.
    fn takes(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.since) >= SECOND {
            (self.since, self.taken) = (now, 0);
        }
        if self.taken >= self.watch.per_second {
            self.missed += 1;
            return false;
        }
        self.taken += 1;
        true
    }
}

impl Watches {
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn begin(&mut self, watch: Watch) {
        if let Some(running) = self.running.iter_mut().find(|running| running.watch.id == watch.id) {
            running.watch = watch;
        } else if self.running.len() < MOST_WATCHES {
            self.running.push(Running { watch, since: Duration::ZERO, taken: 0, missed: 0 });
        }
    }

    pub(super) fn end(&mut self, id: u64) {
        self.keep(|watch| watch.id != id);
    }

    /// Ends all other watches; what waits for nobody is forgotten.
    fn keep(&mut self, keep: impl Fn(&Watch) -> bool) {
        self.running.retain(|running| keep(&running.watch));
        if self.running.is_empty() {
            self.waiting.clear();
        }
    }

    /// Shows a call to everybody who watches.
    pub(super) fn offer(&mut self, record: &CallRecord, now: Duration) {
        if self.running.is_empty() {
            return;
        }
        let mut watches = Vec::new();
        for running in &mut self.running {
            if now < running.watch.until && running.watch.filter.wants(record) && running.takes(now) {
                watches.push(running.watch.id);
            }
        }
        if watches.is_empty() {
            return;
        }
        if self.waiting.len() >= MOST_WAITING
            && let Some(oldest) = self.waiting.pop_front()
        {
            let missing = self.running.iter_mut().filter(|running| oldest.watches.contains(&running.watch.id));
            missing.for_each(|running| running.missed += 1);
        }
        self.waiting.push_back(Watched { watches, record: record.clone() });
    }

    pub(super) fn next(&mut self) -> Option<Watched> {
        self.waiting.pop_front()
    }

    pub(super) fn take_missed(&mut self, now: Duration) -> Vec<Missed> {
        let missed = self.running.iter_mut().filter(|running| running.missed > 0);
        let missed = missed
            .map(|running| Missed { watch: running.watch.id, calls: std::mem::take(&mut running.missed) })
            .collect();
        self.keep(|watch| now < watch.until);
        missed
    }
}

//! People who watch calls as they end.
//!
//! Each has a queue, bounded in calls and in bytes, that drops its oldest and counts them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidegate_wire::v1::tap_event::Event;
use sidegate_wire::{MOST_WATCHES, v1};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Scope;
use super::top::MOST_CALLS;
use crate::control::Control;

/// A sidecar tells calls for so long after it was asked last,
const LEASE: Duration = Duration::from_secs(15);
/// and is asked again this often.
pub(crate) const RENEW: Duration = Duration::from_secs(5);
/// Calls that wait to be read.
const MOST_WAITING: usize = 1_024;
/// Bytes of them.
const MOST_BYTES: usize = 1 << 20;
/// Between two counts of what is missed, while there are calls to be read.
const COUNT: Duration = Duration::from_secs(1);
/// Calls a second from all sidecars of one watch, about.
const PACE: usize = 2_000;
/// Calls a second from one sidecar at most.
const FASTEST: usize = 100;
/// Over so much time, what a sidecar tells is counted,
const PERIOD: Duration = Duration::from_secs(10);
/// and so much more than twice its pace is taken of it: what may have waited there.
const SLACK: usize = 256;

/// Which calls are wanted, in the words of the one who asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) models: Vec<String>,
    pub(crate) outcomes: Vec<String>,
}

/// Everybody who watches, by number.
#[derive(Default)]
pub(crate) struct Taps(Mutex<BTreeMap<u64, Arc<Tap>>>);

/// Somebody who watches.
pub(crate) struct Tap {
    number: u64,
    scope: Scope,
    filter: Filter,
    per_second: AtomicU32,
    queue: Mutex<Queue>,
    rung: Notify,
}

struct Queue {
    calls: VecDeque<v1::SeenCall>,
    bytes: usize,
    missed: u64,
    /// When what was missed was told last.
    counted: Instant,
}

impl Taps {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Tap>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who watch sidecars of `namespace`.
    pub(crate) fn of(&self, namespace: &str) -> Vec<Arc<Tap>> {
        self.all().values().filter(|tap| tap.scope.covers(namespace)).cloned().collect()
    }

    /// Hands on what a sidecar of `caller` has told, whose stream has `shown` that much of late.
    pub(crate) fn hear(&self, caller: &sidegate_policy::Caller, shown: &mut Shown, told: v1::Calls) {
        let all = self.all();
        let watching = |number: &u64| all.get(number).filter(|tap| tap.scope.covers(&caller.namespace));
        for call in told.calls {
            // Once for each watch, however often it is named.
            let named: BTreeSet<u64> = call.watches.iter().copied().take(MOST_WATCHES).collect();
            for tap in named.iter().filter_map(watching) {
                if !shown.takes(tap) {
                    tap.miss(1);
                    continue;
                }
                tap.push(v1::SeenCall {
                    namespace: caller.namespace.to_string(),
                    workload: caller.workload.to_string(),
                    pod: caller.pod.to_string(),
                    record: call.record.clone(),
                });
            }
        }
        for missed in told.missed.iter().take(MOST_WATCHES) {
            if let Some(tap) = watching(&missed.watch) {
                tap.miss(missed.calls.min(MOST_CALLS));
            }
        }
    }
}

/// How many calls one stream has told of late, for each watch. A sidecar keeps to its pace by itself; from one that
/// does not, more is not taken, so that it cannot push out what others tell.
pub(crate) struct Shown {
    since: Instant,
    of: BTreeMap<u64, usize>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), of: BTreeMap::new() }
    }

    fn takes(&mut self, tap: &Tap) -> bool {
        if self.since.elapsed() >= PERIOD {
            *self = Self::new();
        }
        let pace = usize::try_from(tap.per_second.load(Ordering::Relaxed)).unwrap_or(FASTEST);
        let seconds = usize::try_from(PERIOD.as_secs()).unwrap_or(1);
        let shown = self.of.entry(tap.number).or_default();
        *shown += 1;
        *shown <= 2 * pace * seconds + SLACK
    }
}

impl Tap {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How a sidecar is asked for its calls.
    pub(crate) fn asks(&self) -> v1::Watch {
        v1::Watch {
            watch: self.number,
            lease_seconds: u32::try_from(LEASE.as_secs()).unwrap_or(u32::MAX),
            calls_per_second: self.per_second.load(Ordering::Relaxed),
            models: self.filter.models.clone(),
            outcomes: self.filter.outcomes.clone(),
        }
    }

    fn push(&self, call: v1::SeenCall) {
        let mut queue = self.queue();
        queue.bytes += call.record.len();
        queue.calls.push_back(call);
        while queue.calls.len() > MOST_WAITING || queue.bytes > MOST_BYTES {
            let Some(oldest) = queue.calls.pop_front() else { break };
            queue.bytes -= oldest.record.len();
            queue.missed += 1;
        }
        drop(queue);
        self.rung.notify_one();
    }

    fn miss(&self, calls: u64) {
        let mut queue = self.queue();
        queue.missed = queue.missed.saturating_add(calls);
        drop(queue);
        self.rung.notify_one();
    }
}

/// A watch for as long as somebody holds it.
pub(crate) struct Tapping {
    tap: Arc<Tap>,
    control: Arc<Control>,
}

impl Tapping {
    /// Begins a watch, unless too many watch already.
    pub(crate) fn begin(control: &Arc<Control>, scope: Scope, filter: Filter) -> Option<Self> {
        let tap = Arc::new(Tap {
            number: control.live.number(),
            scope,
            filter,
            per_second: AtomicU32::new(1),
            queue: Mutex::new(Queue { calls: VecDeque::new(), bytes: 0, missed: 0, counted: Instant::now() }),
            rung: Notify::new(),
        });
        let tapping = Self { tap: tap.clone(), control: control.clone() };
        tapping.spread();
        let mut all = control.live.taps.all();
        if all.len() >= MOST_WATCHES {
            return None;
        }
        all.insert(tap.number, tap);
        drop(all);
        tapping.control.roster.summon(&tapping.tap.scope);
        Some(tapping)
    }

    /// Divides the pace among the sidecars that there are now.
    pub(crate) fn spread(&self) {
        let sidecars = self.control.roster.count_in(&self.tap.scope);
        let each = (PACE / sidecars.max(1)).clamp(1, FASTEST);
        self.tap.per_second.store(u32::try_from(each).unwrap_or(1), Ordering::Relaxed);
    }

    /// Waits for a call, or for a count of those that were missed.
    pub(crate) async fn caught(&self) -> Event {
        loop {
            let rung = self.tap.rung.notified();
            if let Some(event) = self.take() {
                return event;
            }
            rung.await;
        }
    }

    /// What there is for the one who watches.
    pub(crate) fn take(&self) -> Option<Event> {
        let mut queue = self.tap.queue();
        if queue.missed > 0 && (queue.calls.is_empty() || queue.counted.elapsed() >= COUNT) {
            queue.counted = Instant::now();
            return Some(Event::Missed(std::mem::take(&mut queue.missed)));
        }
        let call = queue.calls.pop_front()?;
        queue.bytes -= call.record.len();
        Some(Event::Call(call))
    }
}

impl Drop for Tapping {
    fn drop(&mut self) {
        self.control.live.taps.all().remove(&self.tap.number);
        self.control.roster.summon(&self.tap.scope);
    }
}

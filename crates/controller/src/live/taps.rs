//! People who watch calls as they end.
//!
//! Each has a queue, bounded in calls and in bytes, that drops its oldest and counts them. Whoever does not read for
//! a while is ended, so that its sidecars are left alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
/// Whoever leaves calls waiting for so long is not there any more.
const STALLED: Duration = Duration::from_secs(30);
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
    read: Instant,
    ended: bool,
}

/// What a watch has for the one who watches.
pub(crate) struct Caught {
    pub(crate) calls: VecDeque<v1::SeenCall>,
    /// Calls that were wanted and are not among them.
    pub(crate) missed: u64,
    /// It has ended, because nobody read.
    pub(crate) ended: bool,
}

impl Taps {
    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Tap>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those who watch sidecars of `namespace`, without those who have stopped reading.
    pub(crate) fn of(&self, namespace: &str) -> Vec<Arc<Tap>> {
        let mut all = self.all();
        all.retain(|_, tap| !tap.stalls());
        all.values().filter(|tap| tap.scope.covers(namespace)).cloned().collect()
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

    /// Whether it has ended, or ends now because nobody reads.
    fn stalls(&self) -> bool {
        let mut queue = self.queue();
        if !queue.ended && !queue.calls.is_empty() && queue.read.elapsed() >= STALLED {
            queue.ended = true;
            (queue.calls, queue.bytes) = (VecDeque::new(), 0);
        }
        let ended = queue.ended;
        drop(queue);
        if ended {
            self.rung.notify_one();
        }
        ended
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
            queue: Mutex::new(Queue {
                calls: VecDeque::new(),
                bytes: 0,
                missed: 0,
                read: Instant::now(),
                ended: false,
            }),
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

    /// Waits for calls, or for a count of those that were missed.
    pub(crate) async fn caught(&self) -> Caught {
        loop {
            let rung = self.tap.rung.notified();
            if let Some(caught) = self.take() {
                return caught;
            }
            rung.await;
        }
    }

    fn take(&self) -> Option<Caught> {
        let mut queue = self.tap.queue();
        queue.read = Instant::now();
        if queue.calls.is_empty() && queue.missed == 0 && !queue.ended {
            return None;
        }
        queue.bytes = 0;
        Some(Caught {
            calls: std::mem::take(&mut queue.calls),
            missed: std::mem::take(&mut queue.missed),
            ended: queue.ended,
        })
    }
}

impl Drop for Tapping {
    fn drop(&mut self) {
        self.control.live.taps.all().remove(&self.tap.number);
        self.control.roster.summon(&self.tap.scope);
    }
}

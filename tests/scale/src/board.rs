//! What all streams have seen: the newest edit of each, and how long it took to get there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What one stream has seen.
#[derive(Clone, Default)]
struct Seen {
    up: bool,
    policies: u64,
    edit: u64,
    edited: Option<Instant>,
    /// How many of its namespace's churning edits it has.
    churned: usize,
}

#[derive(Default)]
struct State {
    streams: Vec<Seen>,
    attempts: u64,
    refused: u64,
    largest: usize,
    /// Churning edits by namespace: number and time.
    churn: HashMap<usize, Vec<(u64, Instant)>>,
    /// Milliseconds from a churning edit to a stream that should have it.
    churned_ms: Vec<f64>,
}

/// The board that all streams write to.
pub struct Board {
    state: Mutex<State>,
    changed: Notify,
    namespaces: usize,
}

impl Board {
    pub fn new(count: usize, namespaces: usize) -> Self {
        let state = State { streams: vec![Seen::default(); count], ..State::default() };
        Self { state: Mutex::new(state), changed: Notify::new(), namespaces }
    }

    pub fn namespace_of(&self, stream: usize) -> usize {
        stream % self.namespaces
    }

    pub fn tried(&self) {
        self.lock().attempts += 1;
    }

    pub fn refused(&self) {
        self.lock().refused += 1;
    }

    pub fn up(&self, stream: usize, up: bool) {
        self.change(|state| state.streams[stream].up = up);
    }

    /// A stream has taken a policy.
    pub fn took(&self, stream: usize, snapshot: &[u8]) {
        let (now, namespace) = (Instant::now(), self.namespace_of(stream));
        let (edit, churn) = (newest(snapshot, b"edit-"), newest(snapshot, b"churn-"));
        self.change(|state| {
            state.largest = state.largest.max(snapshot.len());
            let seen = &mut state.streams[stream];
            seen.policies += 1;
            if edit > seen.edit {
                (seen.edit, seen.edited) = (edit, Some(now));
            }
            for (number, at) in state.churn.get(&namespace).into_iter().flatten().skip(seen.churned) {
                if *number > churn {
                    break;
                }
                seen.churned += 1;
                state.churned_ms.push((now - *at).as_secs_f64() * 1e3);
            }
        });
    }

    /// An edit in a namespace is about to be made.
    pub fn churning(&self, namespace: usize, number: u64) {
        self.lock().churn.entry(namespace).or_default().push((number, Instant::now()));
    }

    /// The number of the newest churning edit.
    pub fn churned(&self) -> u64 {
        self.lock().churn.values().filter_map(|edits| edits.last()).map(|(number, _)| *number).max().unwrap_or(0)
    }

    /// Waits until every stream has a policy with this edit or a later one.
    pub async fn all_have(&self, edit: u64) {
        self.until(|state| state.streams.iter().all(|seen| seen.up && seen.policies > 0 && seen.edit >= edit)).await;
    }

    /// Waits until every stream has every churning edit of its namespace.
    pub async fn all_churned(&self) {
        let has_all = |state: &State, (stream, seen): (usize, &Seen)| {
            seen.churned == state.churn.get(&(stream % self.namespaces)).map_or(0, Vec::len)
        };
        self.until(|state| state.streams.iter().enumerate().all(|one| has_all(state, one))).await;
    }

    /// How long after `began` each stream had the newest edit.
    pub fn edited_ms(&self, began: Instant) -> Value {
        let state = self.lock();
        let times = state.streams.iter().filter_map(|seen| seen.edited);
        percentiles(times.map(|at| at.saturating_duration_since(began).as_secs_f64() * 1e3).collect())
    }

    /// The times from churning edits to streams.
    pub fn churned_ms(&self) -> Value {
        percentiles(self.lock().churned_ms.clone())
    }

    pub fn counts(&self) -> Value {
        let state = self.lock();
        let policies: u64 = state.streams.iter().map(|seen| seen.policies).sum();
        json!({"streams": state.streams.len(), "attempts": state.attempts, "refused": state.refused,
               "policies": policies, "largest_policy": state.largest})
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.lock()) {
                return;
            }
            changed.await;
            // Looking at all streams after each single change would cost more than the changes do.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The highest number that stands behind `word`.
fn newest(snapshot: &[u8], word: &[u8]) -> u64 {
    let number = |at: usize| {
        let digits = snapshot[at + word.len()..].iter().take_while(|b| b.is_ascii_digit());
        digits.fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    memmem::find_iter(snapshot, word).map(number).max().unwrap_or(0)
}

fn percentiles(mut all: Vec<f64>) -> Value {
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get(((all.len() as f64 * share).ceil() as usize).saturating_sub(1));
    json!({"count": all.len(), "p50": at(0.5), "p99": at(0.99), "most": all.last()})
}

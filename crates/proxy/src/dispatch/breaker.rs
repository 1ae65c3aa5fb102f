//! A passive breaker for each (provider, credential, model): what keeps failing is left alone for a while.
//!
//! Out after consecutive failures or a bad ratio, for a time that grows with each strike; then one probe
//! goes, and decides. A key that was turned down is out for every model. Nothing is probed of its own
//! accord: probes cost money. What is out is published as a view, which is empty nearly always.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use sidegate_policy::{CircuitKey, Suspension, Suspensions};

use super::attempt::{Failure, Kind};

/// Failures in a row that take a circuit out.
const CONSECUTIVE: u32 = 5;
/// Attempts in a window from which a ratio is judged.
const RATIO_FROM: u32 = 20;
/// Failures among so many attempts that take a circuit out: half.
const RATIO: u32 = 2;
/// Length of a window of attempts.
const WINDOW: Duration = Duration::from_secs(30);
/// Time out at the first strike; doubles with each.
const FIRST_TIME: Duration = Duration::from_secs(5);
/// Shortest time out of a credential whose rate is used up.
const SHORTEST_TIME: Duration = Duration::from_secs(1);
/// Longest time out.
const LONGEST_TIME: Duration = Duration::from_secs(120);
/// Time out of a credential that was turned down, at the first strike.
const AUTH_TIME: Duration = Duration::from_secs(60);
/// Circuits known at once; more are not counted.
const CAPACITY: usize = 4096;

/// One circuit.
pub struct Circuit {
    key: CircuitKey,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    consecutive: u32,
    window_start: Duration,
    attempts: u32,
    failures: u32,
}

/// The circuits of one sidecar.
#[derive(Default)]
pub struct Breakers {
    circuits: Mutex<HashMap<CircuitKey, Arc<Circuit>>>,
    out: ArcSwap<Suspensions>,
}

impl Breakers {
    /// The circuit of a provider's credential and model.
    pub fn circuit(&self, provider: &Arc<str>, credential: &Arc<str>, model: &Arc<str>) -> Arc<Circuit> {
        let key = CircuitKey { provider: provider.clone(), credential: credential.clone(), model: Some(model.clone()) };
        let mut circuits = self.circuits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(circuit) = circuits.get(&key) {
            return circuit.clone();
        }
        let circuit = Arc::new(Circuit { key: key.clone(), counts: Mutex::default() });
        if circuits.len() < CAPACITY {
            circuits.insert(key, circuit.clone());
        }
        circuit
    }

    /// What is out at the moment.
    #[must_use]
    pub fn suspensions(&self) -> Guard<Arc<Suspensions>> {
        self.out.load()
    }

    /// An attempt begins. If its circuit has sat out its time, this is the probe.
    pub fn begins(&self, circuit: &Circuit, now: Duration) {
        if self.out.load().0.is_empty() {
            return;
        }
        self.change(|out| {
            for key in circuit.keys() {
                if let Some(s) = out.get_mut(&key).filter(|s| s.until <= now) {
                    s.probing = true;
                }
            }
        });
    }

    /// An attempt went well.
    pub fn succeeded(&self, circuit: &Circuit, now: Duration) {
        circuit.counts().note(true, now);
        let out = self.out.load();
        // Only a probe decides: an attempt that began before the circuit went out says nothing new.
        let probed = |key: &CircuitKey| out.0.get(key).is_some_and(|s| s.probing);
        if !out.0.is_empty() && circuit.keys().iter().any(probed) {
            *circuit.counts() = Counts::default();
            self.change(|out| {
                circuit.keys().iter().for_each(|key| {
                    let _ = out.remove(key);
                })
            });
        }
    }

    /// An attempt ended without saying anything about its circuit, as when the caller left.
    pub fn abandoned(&self, circuit: &Circuit) {
        if self.out.load().0.is_empty() {
            return;
        }
        self.change(|out| {
            for key in circuit.keys() {
                if let Some(s) = out.get_mut(&key) {
                    s.probing = false;
                }
            }
        });
    }

    /// An attempt failed. `jitter` in 0..1 spreads the times of many sidecars.
    pub fn failed(&self, circuit: &Circuit, failure: &Failure, now: Duration, jitter: f64) {
        let bad = circuit.counts().note(false, now);
        let [every_model, this_model] = circuit.keys();
        let (key, time) = match failure.kind {
            Kind::Auth | Kind::Quota { spent: true } => (every_model, Some(AUTH_TIME)),
            Kind::Quota { spent: false } => {
                // Not at once again, whatever the provider says.
                let told = failure.fault.retry_after.map(|wait| wait.max(SHORTEST_TIME));
                (this_model, Some(told.unwrap_or(FIRST_TIME)))
            }
            Kind::Unsent | Kind::Transient | Kind::Redirect => (this_model, bad.then_some(FIRST_TIME)),
        };
        self.strike(key, time, now, jitter);
    }

    /// An answer that had begun well was cut off.
    pub fn cut_off(&self, circuit: &Circuit, now: Duration, jitter: f64) {
        let bad = circuit.counts().note(false, now);
        let [_, this_model] = circuit.keys();
        self.strike(this_model, bad.then_some(FIRST_TIME), now, jitter);
    }

    /// A credential has another key: what the last one did says nothing of it.
    pub fn forget(&self, provider: &str, credential: &str) {
        if !self.out.load().0.is_empty() {
            self.change(|out| out.retain(|key, _| *key.provider != *provider || *key.credential != *credential));
        }
    }

    /// Takes a circuit out for `time`; one that failed its probe goes out again in any case.
    fn strike(&self, key: CircuitKey, time: Option<Duration>, now: Duration, jitter: f64) {
        let known = self.out.load().0.get(&key).copied();
        let Some(base) = time.or(known.filter(|s| s.probing).map(|_| FIRST_TIME)) else {
            return;
        };
        // Many attempts may fail at once, the first of which took the circuit out: together they are one strike.
        let strikes = match known {
            Some(s) if !s.probing && now < s.until => s.strikes,
            known => known.map_or(1, |s| s.strikes.saturating_add(1)),
        };
        let grown = base.saturating_mul(1 << (strikes - 1).min(5)).min(LONGEST_TIME);
        let until = now + grown + grown.mul_f64(jitter * 0.2);
        self.change(|out| {
            // Long forgiven; also what keeps the view bounded when many models are asked for once.
            out.retain(|_, s| s.probing || s.until + LONGEST_TIME > now);
            if out.len() < CAPACITY {
                out.insert(key.clone(), Suspension { until, probing: false, strikes });
            }
        });
    }

    fn change(&self, edit: impl Fn(&mut HashMap<CircuitKey, Suspension>)) {
        self.out.rcu(|out| {
            let mut next = Suspensions::clone(out);
            edit(&mut next.0);
            next
        });
    }
}

impl Circuit {
    /// The key for every model, and the key for this one.
    fn keys(&self) -> [CircuitKey; 2] {
        [CircuitKey { model: None, ..self.key.clone() }, self.key.clone()]
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Counts an attempt; true if by now the circuit is bad.
    fn note(&mut self, good: bool, now: Duration) -> bool {
        if now.saturating_sub(self.window_start) > WINDOW {
            (self.window_start, self.attempts, self.failures) = (now, 0, 0);
        }
        self.attempts = self.attempts.saturating_add(1);
        if good {
            self.consecutive = 0;
            return false;
        }
        self.consecutive = self.consecutive.saturating_add(1);
        self.failures = self.failures.saturating_add(1);
        self.consecutive >= CONSECUTIVE || (self.attempts >= RATIO_FROM && self.failures >= self.attempts / RATIO)
    }
}

//! What a run counted, and the one JSON object that it prints.
//!
//! Not here: judgement. Ratios and targets are the driver's.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// Counts of one run. Everything but connections, faults and what is open at the end counts only
/// between `from` and `until`.
#[derive(Debug)]
pub struct Tally {
    /// When counting begins.
    pub from: Instant,
    /// When the run ends.
    pub until: Instant,
    /// Complete answers in which everything was as expected.
    pub done: u64,
    /// Complete answers with another status, length or number of events.
    pub wrong: u64,
    /// Calls without a complete answer.
    pub failed: u64,
    /// Connections opened.
    pub connections: u64,
    /// Calls due and not yet sent when the run ended.
    pub waiting: usize,
    /// Streams that have begun and not ended.
    pub streaming: u64,
    events: u64,
    body_bytes: u64,
    latency: Samples,
    first_event: Samples,
    first_fault: Option<String>,
}

impl Default for Tally {
    fn default() -> Self {
        let now = Instant::now();
        Self::between(now, now)
    }
}

impl Tally {
    /// Nothing counted yet.
    pub fn between(from: Instant, until: Instant) -> Self {
        Self {
            from,
            until,
            done: 0,
            wrong: 0,
            failed: 0,
            connections: 0,
            waiting: 0,
            streaming: 0,
            events: 0,
            body_bytes: 0,
            latency: Samples::default(),
            first_event: Samples::default(),
            first_fault: None,
        }
    }

    /// Parts of an answer arrived.
    pub fn progress(&mut self, now: Instant, events: u64, bytes: u64) {
        if self.counts(now) {
            self.events += events;
            self.body_bytes += bytes;
        }
    }

    /// A stream has begun.
    pub fn first_event(&mut self, due: Instant, now: Instant) {
        if self.counts(now) {
            self.first_event.add(now - due);
        }
    }

    /// An answer came to its end, with a fault or without.
    pub fn ended(&mut self, due: Instant, now: Instant, fault: Option<String>) {
        match fault {
            None if self.counts(now) => {
                self.done += 1;
                self.latency.add(now - due);
            }
            None => {}
            Some(fault) => {
                self.wrong += 1;
                self.first_fault.get_or_insert(fault);
            }
        }
    }

    /// A call came to no complete answer.
    pub fn failed(&mut self, now: Instant, why: &str) {
        if now < self.until {
            self.failed += 1;
            self.first_fault.get_or_insert_with(|| why.to_owned());
        }
    }

    /// Everything counted; times in microseconds.
    pub fn report(self) -> Value {
        let secs = (self.until - self.from).as_secs_f64();
        json!({
            "secs": secs,
            "done": self.done,
            "per_second": self.done as f64 / secs,
            "wrong": self.wrong,
            "failed": self.failed,
            "connections": self.connections,
            "waiting": self.waiting,
            "streaming": self.streaming,
            "events": self.events,
            "body_bytes": self.body_bytes,
            "latency_us": self.latency.report(),
            "first_event_us": self.first_event.report(),
            "first_fault": self.first_fault,
        })
    }

    fn counts(&self, now: Instant) -> bool {
        self.from <= now && now < self.until
    }
}

/// Durations in nanoseconds; one of more than 4.2 s counts as 4.2 s.
#[derive(Debug, Default)]
struct Samples(Vec<u32>);

impl Samples {
    fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
    }

    /// Mean and quantiles by rank, in microseconds; null when there is nothing to say.
    fn report(mut self) -> Value {
        self.0.sort_unstable();
        let Some(&max) = self.0.last() else {
            return Value::Null;
        };
        let micros = |nanos: f64| (nanos / 100.0).round() / 10.0;
        let rank = |q: f64| {
            let at = (self.0.len() as f64 * q).ceil() as usize;
            f64::from(self.0[at.clamp(1, self.0.len()) - 1])
        };
        let sum: f64 = self.0.iter().map(|&nanos| f64::from(nanos)).sum();
        json!({
            "mean": micros(sum / self.0.len() as f64),
            "p50": micros(rank(0.5)),
            "p90": micros(rank(0.9)),
            "p99": micros(rank(0.99)),
            "max": micros(f64::from(max)),
        })
    }
}

#[cfg(test)]
mod tests;

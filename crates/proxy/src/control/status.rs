//! How a sidecar stands with its control plane, in plain words: for readiness, metrics and the admin socket.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::clock::Clock;

/// What is known of the link.
pub struct Status {
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    connected: bool,
    /// Version and when it was armed.
    policy: Option<(String, Duration)>,
    restored: bool,
    last_refusal: Option<String>,
    last_error: Option<String>,
    draining: bool,
}

impl Status {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream is open.
    pub fn connected(&self) {
        let mut known = self.known();
        (known.connected, known.last_error) = (true, None);
    }

    /// The stream is down.
    pub fn disconnected(&self, why: &str) {
        let mut known = self.known();
        (known.connected, known.last_error) = (false, Some(why.to_owned()));
    }

    /// A policy is in force.
    pub fn armed(&self, version: &str) {
        let now = self.clock.now();
        let mut known = self.known();
        known.policy = Some((version.to_owned(), now));
        (known.restored, known.last_refusal) = (false, None);
    }

    /// A stored policy is in force.
    pub fn restored(&self, version: &str) {
        let now = self.clock.now();
        let mut known = self.known();
        (known.policy, known.restored) = (Some((version.to_owned(), now)), true);
    }

    /// What arrived was refused.
    pub fn refused(&self, reason: &str) {
        self.known().last_refusal = Some(reason.to_owned());
    }

    /// The sidecar is going away.
    pub fn draining(&self) {
        self.known().draining = true;
    }

    /// Whether calls can be served, and why.
    #[must_use]
    pub fn readiness(&self) -> (bool, String) {
        let known = self.known();
        let link = match (&known.last_error, known.connected) {
            (_, true) => "connected to the control plane".to_owned(),
            (Some(error), _) => format!("not connected to the control plane: {error}"),
            (None, _) => "not connected to the control plane yet".to_owned(),
        };
        match &known.policy {
            _ if known.draining => (false, "not ready: shutting down".to_owned()),
            None => (false, format!("not ready: no policy yet; {link}")),
            Some((version, _)) if known.restored => {
                (true, format!("ready with the stored policy {}, without its keys; {link}", short(version)))
            }
            Some((version, _)) => (true, format!("ready with policy {}; {link}", short(version))),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let (ready, words) = self.readiness();
        let known = self.known();
        json!({
            "ready": ready,
            "readiness": words,
            "connected": known.connected,
            "policy": known.policy.as_ref().map(|(version, _)| version),
            "policyAgeSeconds": known.policy.as_ref().map(|(_, at)| self.clock.now().saturating_sub(*at).as_secs()),
            "policyFromStore": known.restored,
            "lastRefusal": known.last_refusal,
            "lastError": known.last_error,
        })
        .to_string()
        .into_bytes()
    }
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

//! The attempt that a call is making, and how it goes into the books.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName};
use sidegate_dialects::meter::{Seen, Terminal};
use sidegate_ledger::{Hold, Outcome as HoldOutcome, Tokens};
use sidegate_policy::{Class, Cost, Fault, Nanos, Reason};
use sidegate_telemetry::{AttemptRecord, Estimate, Outcome, UsageSource};

use super::usage::{Taken, of_answer};
use super::{End, Open, Settlement};
use crate::armed::{Armed, Place};
use crate::dispatch::attempt::{Failure, Kind};
use crate::dispatch::breaker::Circuit;
use crate::prepare::Target;
use crate::sidecar::Sidecar;

/// Where providers tell their own id of a request.
const UPSTREAM_IDS: [HeaderName; 2] = [HeaderName::from_static("x-request-id"), HeaderName::from_static("request-id")];

/// An attempt under way.
pub(super) struct OpenAttempt {
    pub(super) record: AttemptRecord,
    pub(super) place: Arc<Place>,
    pub(super) armed: Arc<Armed>,
    pub(super) provider: usize,
    hold: Option<Hold>,
    circuit: Option<Arc<Circuit>>,
    /// How the hold ends; until something better is known, as if everything had been taken.
    outcome: HoldOutcome,
}

impl OpenAttempt {
    /// Books the attempt of a call that began at `began`.
    pub(super) fn settle(mut self, sidecar: &Sidecar, began: Duration, now: Duration) -> AttemptRecord {
        if let Some(hold) = self.hold.take() {
            sidecar.book().settle(hold, self.outcome, now);
        }
        self.record.duration = now.saturating_sub(began + self.record.started);
        self.record
    }
}

impl Settlement {
    /// An attempt begins, and owns its hold.
    pub fn begin_attempt(&mut self, armed: &Arc<Armed>, target: &Target, place: &Arc<Place>, hold: Option<Hold>) {
        self.with(|open| {
            let provider = &armed.snapshot.providers[target.provider];
            let credential = target.credential.and_then(|c| provider.credentials.get(c));
            let circuit = place.circuits.get(target.credential.unwrap_or(0)).cloned();
            if let Some(hold) = &hold {
                open.tell_dry_run(hold, &armed.snapshot);
            }
            let now = open.now();
            if let Some(circuit) = &circuit {
                open.sidecar.breakers.begins(circuit, now);
            }
            let record = AttemptRecord {
                provider: provider.key.clone(),
                dialect: provider.dialect,
                credential: credential.map(|c| c.name.clone()).unwrap_or_default(),
                model: target.model.clone(),
                host: provider.endpoint.host.clone(),
                port: provider.endpoint.port,
                status: None,
                class: None,
                reason: None,
                abandoned: false,
                started: now.saturating_sub(open.started),
                duration: Duration::ZERO,
                time_to_first_event: None,
                sent: true,
                usage: None,
                usage_source: UsageSource::None,
                cost: Cost::Unknown,
                price_version: armed.snapshot.price_version.clone(),
                upstream_request_id: None,
            };
            open.attempt = Some(OpenAttempt {
                record,
                place: place.clone(),
                armed: armed.clone(),
                provider: target.provider,
                hold,
                circuit,
                outcome: HoldOutcome::Unknown,
            });
        });
    }

    /// The bound that was held, for the record.
    pub fn estimated(&mut self, bound: Tokens) {
        self.with(|open| {
            open.record.estimate = Some(Estimate { input_tokens: bound.input, output_tokens: bound.output });
        });
    }

    /// The attempt failed before anything reached the caller.
    pub fn end_attempt(&mut self, failure: &Failure) {
        self.with(|open| {
            let Some(mut attempt) = open.attempt.take() else {
                return;
            };
            attempt.record.status = failure.status;
            attempt.record.class = Some(failure.fault.class);
            attempt.record.reason = failure.fault.reason;
            attempt.record.sent = failure.kind != Kind::Unsent;
            // A complete error answer is not billed, and what was not sent cannot be; anything else may be.
            let void = failure.kind == Kind::Unsent || failure.status.is_some_and(|s| s >= 400);
            if void {
                attempt.outcome = HoldOutcome::Void;
                attempt.record.cost = Cost::Priced(Nanos(0));
            } else {
                attempt.take(&Taken::nothing_seen(&open.record));
            }
            let (sidecar, now) = (&open.sidecar, open.now());
            let of_this_key = failure.kind != Kind::Auth || attempt.was_turned_down(sidecar, now);
            match &attempt.circuit {
                Some(circuit) if of_this_key => sidecar.breakers.failed(circuit, failure, now, unit(sidecar.draw())),
                Some(circuit) => sidecar.breakers.abandoned(circuit),
                None => {}
            }
            open.record.attempts.push(attempt.settle(sidecar, open.started, now));
        });
    }

    /// The caller gets the provider's own words for this fault.
    pub fn passes_on(&mut self, fault: &Fault) {
        self.with(|open| open.passed = Some(Outcome::PassedOn { class: fault.class, reason: fault.reason }));
    }

    /// The head of the answer that the caller gets.
    pub fn head_arrived(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.with(|open| {
            open.record.status = Some(status.as_u16());
            if let Some(attempt) = &mut open.attempt {
                attempt.record.status = Some(status.as_u16());
                let id = UPSTREAM_IDS.iter().find_map(|name| headers.get(name));
                attempt.record.upstream_request_id =
                    id.and_then(|v| v.to_str().ok()).filter(|v| v.len() <= 128).map(Into::into);
            }
        });
    }

    /// The first meaningful event of a stream has come.
    pub fn first_event(&mut self) {
        self.with(|open| {
            let since_start = open.sidecar.clock.now().saturating_sub(open.started);
            open.record.time_to_first_event = Some(since_start);
            if let Some(place) = &mut open.place {
                place.begin_stream();
            }
            if let Some(attempt) = &mut open.attempt {
                attempt.record.time_to_first_event = Some(since_start.saturating_sub(attempt.record.started));
            }
        });
    }
}

impl Open {
    /// The answer ended, one way or another.
    pub(super) fn end_answer(&mut self, seen: &Seen, end: &End) {
        let Some(mut attempt) = self.attempt.take() else {
            return;
        };
        let status = attempt.record.status.unwrap_or(0);
        let (sidecar, now) = (&self.sidecar, self.now());
        // An error that came with its status is the caller's own; behind a good one it is the provider's.
        let in_band = status < 400 && seen.terminal == Terminal::Error;
        match end {
            End::Complete if status >= 400 => attempt.record.class = Some(Class::ProviderInvalid),
            End::Complete if in_band => attempt.record.class = Some(Class::ProviderTransient),
            End::Nothing => {
                attempt.record.class = Some(Class::ProviderTransient);
                attempt.record.reason = Some(Reason::ErrorInSuccess);
            }
            End::Complete => {}
            // A caller may leave when all has been said.
            End::Cancelled => attempt.record.abandoned = seen.terminal != Terminal::Complete,
            End::Broken(fault) => {
                attempt.record.class = Some(fault.class);
                attempt.record.reason = fault.reason;
            }
        }
        if let Some(circuit) = &attempt.circuit {
            match end {
                End::Broken(_) | End::Nothing => sidecar.breakers.cut_off(circuit, now, unit(sidecar.draw())),
                End::Complete if in_band => sidecar.breakers.cut_off(circuit, now, unit(sidecar.draw())),
                End::Complete => {
                    sidecar.breakers.succeeded(circuit, now);
                    let key = (&attempt.record.provider, &attempt.record.credential);
                    sidecar.turned_down.taken(key, self.started + attempt.record.started);
                }
                End::Cancelled => sidecar.breakers.abandoned(circuit),
            }
        }
        if let Some(class) = attempt.record.class {
            self.passed = Some(Outcome::PassedOn { class, reason: attempt.record.reason });
        }
        if status >= 400 {
            attempt.outcome = HoldOutcome::Void;
            attempt.record.cost = Cost::Priced(Nanos(0));
        } else {
            // Then all is known, too.
            let complete = matches!(end, End::Complete | End::Nothing) || seen.terminal == Terminal::Complete;
            let taken = of_answer(&mut self.record, seen, complete);
            attempt.take(&taken);
            attempt.price_served(seen);
        }
        self.record.attempts.push(attempt.settle(&self.sidecar, self.started, now));
    }

    /// The caller left, or the code panicked, before the answer's body.
    pub(super) fn abandon_attempt(&mut self) {
        let Some(mut attempt) = self.attempt.take() else {
            return;
        };
        if let Some(circuit) = &attempt.circuit {
            self.sidecar.breakers.abandoned(circuit);
        }
        attempt.record.abandoned = true;
        attempt.take(&Taken::nothing_seen(&self.record));
        let (began, now) = (self.started, self.now());
        self.record.attempts.push(attempt.settle(&self.sidecar, began, now));
    }
}

impl OpenAttempt {
    /// The provider turned the key down; false if that key is not in force any more, and the answer says nothing of
    /// the one that is.
    fn was_turned_down(&self, sidecar: &Sidecar, now: Duration) -> bool {
        let (provider, credential) = (&self.record.provider, &self.record.credential);
        if credential.is_empty() {
            return true;
        }
        let used = self.armed.key(provider, credential);
        sidecar.turned_down.note((provider, credential), now, || {
            sidecar.armed.load().as_ref().is_some_and(|armed| armed.key(provider, credential) == used)
        })
    }

    fn take(&mut self, taken: &Taken) {
        self.record.usage = taken.usage;
        self.record.usage_source = taken.source;
        self.record.cost = if taken.billed { self.place.cost(taken.usage.as_ref()) } else { Cost::Priced(Nanos(0)) };
        self.outcome = taken.usage.as_ref().map_or(HoldOutcome::Unknown, |usage| HoldOutcome::Used(usage.into()));
        if !taken.billed {
            self.outcome = HoldOutcome::Void;
        }
    }

    /// A model other than the one asked for may have answered: the dearer of the two is what is booked.
    fn price_served(&mut self, seen: &Seen) {
        let Some(served) = seen.model.as_deref().filter(|served| **served != *self.record.model) else {
            return;
        };
        let Some(provider) = self.armed.snapshot.providers.get(self.provider) else {
            return;
        };
        let served = self.place.cost_of(provider, served, self.record.usage.as_ref());
        if let (Cost::Priced(asked), Cost::Priced(dearer)) = (self.record.cost, served)
            && dearer > asked
        {
            self.record.cost = served;
        }
    }
}

/// 53 random bits as a number in 0..1.
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

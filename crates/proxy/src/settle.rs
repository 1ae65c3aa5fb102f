//! Step 8, settle: each call ends exactly once, whatever happens to it.
//!
//! A [`Settlement`] is opened before anything else and owned by whoever has the call: first its future, then
//! the body of its answer. Its ends consume it; dropped without an end, it settles conservatively (the caller
//! left, or the code panicked). Then every hold is settled, and later, with those of other calls ([`Telling`]), one
//! record goes to the audit line, the metrics, the spans of a traced call and the ring of recent calls.

mod attempt;
mod telling;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sidegate_dialects::content::Prompt;
use sidegate_dialects::meter::{Seen, Terminal};
use sidegate_dialects::recognize::Endpoint;
use sidegate_dialects::tools::{self, Notes};
use sidegate_ledger::{Hold, Outcome as HoldOutcome, Tokens};
use sidegate_policy::decide::Weighing;
use sidegate_policy::{Attribute, Call, Class, Fault, Pin, Plan, Reason, Refusal, Snapshot};
use sidegate_telemetry::sampling::{AtEnd, at_head};
use sidegate_telemetry::{CallRecord, Content, Decision, Detail, Outcome, RequestId, Tool, ToolUse};

use self::attempt::OpenAttempt;
use self::telling::Settled;
pub use self::telling::Telling;
use crate::armed::Armed;
use crate::sidecar::{Place, Sidecar};
use crate::trace;

/// Our id of a call.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-sidegate-request-id");

/// A call that has not ended.
pub struct Settlement(Option<Box<Open>>);

struct Open {
    sidecar: Arc<Sidecar>,
    started: Duration,
    /// Boxed, because it goes on to whoever remembers it.
    record: Box<CallRecord>,
    place: Option<Place>,
    hold: Option<Hold>,
    attempt: Option<OpenAttempt>,
    /// The opening's key, where the call could have gone to several places.
    pin: Option<u64>,
    /// The provider's error that the caller gets in the place of an answer.
    passed: Option<Outcome>,
    several_places: bool,
    /// What may still make it a traced one.
    at_end: AtEnd,
}

/// How the body of an answer ended.
#[derive(Debug, Clone)]
pub enum End {
    /// At its end.
    Complete,
    /// At its end, and it was no answer although its status says so.
    Nothing,
    /// The provider broke off, or took too long.
    Broken(Fault),
    /// The caller left.
    Cancelled,
}

impl Settlement {
    /// Opens the books of a call.
    #[must_use]
    pub fn open(sidecar: &Arc<Sidecar>, headers: &HeaderMap) -> Self {
        let started = sidecar.clock.now();
        let bits = (u128::from(sidecar.draw()) << 64) | u128::from(sidecar.draw());
        let record = CallRecord::new(RequestId::new(bits), sidecar.clock.wall(), sidecar.caller.clone());
        let mut record = Box::new(record);
        record.trace = trace::parent(headers);
        Self(Some(Box::new(Open {
            sidecar: sidecar.clone(),
            started,
            record,
            place: None,
            hold: None,
            attempt: None,
            pin: None,
            passed: None,
            several_places: false,
            at_end: AtEnd::default(),
        })))
    }

    /// What is in force now holds for the call. By it the call is traced or not, as far as its head tells; nothing
    /// of that is asked where spans go nowhere.
    pub fn govern(&mut self, armed: Option<&Armed>, headers: &HeaderMap) {
        self.with(|open| {
            if let Some(armed) = armed {
                open.record.policy_version = armed.snapshot.version.clone();
            }
            if open.sidecar.spans.is_none() {
                return;
            }
            if let Some(armed) = armed {
                let traces = &armed.snapshot.telemetry.traces;
                open.at_end = AtEnd::of(traces);
                open.record.sampled = at_head(traces, &open.record);
            }
            if open.record.sampled {
                let trace_state = open.record.trace.and_then(|_| trace::state(headers)).unwrap_or_default();
                open.record.detail = Some(Box::new(Detail { trace_state, ..Detail::default() }));
            }
        });
    }

    /// Whether the call is traced, as far as its head told.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.0.as_ref().is_some_and(|open| open.record.sampled)
    }

    /// The tools that the answer asked for, and what it said, where policy captures that.
    pub fn asked(&mut self, asked: Vec<tools::Tool>, said: String) {
        self.with(|open| {
            if let Some(detail) = &mut open.record.detail {
                detail.tools.extend(asked.into_iter().map(|tool| used(Tool::Call, tool)));
                if let Some(content) = &mut detail.content {
                    content.output = said.into();
                }
            }
        });
    }

    /// What only a trace tells of the request.
    pub fn noted(&mut self, notes: Notes, prompt: Option<Prompt>) {
        self.with(|open| {
            if let Some(detail) = &mut open.record.detail {
                detail.conversation = notes.conversation;
                detail.tools.extend(notes.results.into_iter().map(|tool| used(Tool::Result, tool)));
                detail.content = prompt.map(|prompt| {
                    let (instructions, input) = (prompt.instructions.into(), prompt.input.into());
                    Box::new(Content { instructions, input, ..Content::default() })
                });
            }
        });
    }

    fn with<T: Default>(&mut self, note: impl FnOnce(&mut Open) -> T) -> T {
        self.0.as_mut().map(|open| note(open)).unwrap_or_default()
    }

    /// Another step begins: the moment of everything in it. A clock is read at each step, not at each question.
    pub fn step(&mut self) -> Duration {
        self.with(|open| {
            open.step();
            open.now()
        })
    }

    /// The moment of the step that the call is at.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |open| open.now())
    }

    /// The path told what it is.
    pub fn endpoint(&mut self, endpoint: &Endpoint) {
        self.with(|open| {
            open.record.dialect = Some(endpoint.dialect);
            open.record.operation = Some(endpoint.operation);
        });
    }

    /// Owns the call's place among the calls at once.
    pub fn hold(&mut self, place: Place) {
        self.with(|open| open.place = Some(place));
    }

    /// Takes room for bytes of the body; false if there is none.
    pub fn hold_bytes(&mut self, bytes: u64) -> bool {
        self.with(|open| open.place.as_mut().is_some_and(|place| place.hold_bytes(bytes)))
    }

    /// The body will not be needed again.
    pub fn release_body(&mut self) {
        self.with(|open| {
            if let Some(place) = &mut open.place {
                place.release_bytes();
            }
        });
    }

    /// The body told what was asked for.
    pub fn recognized(&mut self, call: &Call, bytes: usize) {
        self.with(|open| {
            open.record.model = call.model.clone();
            open.record.streaming = call.streaming;
            open.record.bytes_in = bytes as u64;
            open.pin = call.conversation.opening;
        });
    }

    /// What policy wants to be told of the call beside.
    pub fn attributed(&mut self, snapshot: &Snapshot, call: &Call) {
        let attributes = &snapshot.telemetry.attributes;
        if !attributes.is_empty() {
            let told = |a: &Attribute| Some((a.name.clone(), a.value_of(call)?));
            self.with(|open| open.record.attributes = attributes.iter().filter_map(told).collect());
        }
    }

    /// A plan was made.
    pub fn decided(&mut self, snapshot: &Snapshot, plan: &Plan) {
        self.with(|open| {
            open.record.decision = Some(Box::new(Decision::of(snapshot, plan)));
            open.several_places = plan.candidates.len() > 1 || plan.candidates.iter().any(|c| c.credentials.len() > 1);
        });
    }

    /// There is no place to go.
    pub fn weighed(&mut self, snapshot: &Snapshot, weighing: &Weighing) {
        self.with(|open| open.record.decision = Some(Box::new(Decision::of_refused(snapshot, weighing))));
    }

    /// Owns what the call takes once.
    pub fn hold_call(&mut self, hold: Hold, snapshot: &Snapshot) {
        self.with(|open| {
            open.tell_dry_run(&hold, snapshot);
            open.hold = Some(hold);
        });
    }

    /// Puts our id into the answer's head.
    pub fn mark(&mut self, headers: &mut HeaderMap) {
        let id = self.with(|open| HeaderValue::from_str(open.record.request_id.write(&mut [0; RequestId::LEN])).ok());
        if let Some(id) = id {
            headers.insert(REQUEST_ID, id);
        }
    }

    /// Tells the next attempt its place in the trace: below ours, or, where nobody sends our spans, below the caller's.
    pub fn pass_trace(&mut self, from: &HeaderMap, to: &mut HeaderMap) {
        self.with(|open| {
            let record = &open.record;
            let ours = open.sidecar.spans.is_some().then(|| record.attempt_context(record.attempts.len()));
            if let Some(context) = ours.or(record.trace) {
                trace::tell(&context, record.trace.and_then(|_| trace::state(from)), to);
            }
        });
    }

    /// The sidecar whose call it is.
    #[must_use]
    pub fn sidecar(&self) -> Option<Arc<Sidecar>> {
        self.0.as_ref().map(|open| open.sidecar.clone())
    }

    /// The record so far.
    #[must_use]
    pub fn record(&self) -> Option<&CallRecord> {
        self.0.as_ref().map(|open| &*open.record)
    }

    /// Attempts so far, the one under way among them.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.0.as_ref().map_or(0, |open| open.record.attempts.len() + usize::from(open.attempt.is_some()))
    }

    /// Ends: the sidecar itself answered.
    pub fn answered_here(mut self, status: StatusCode, bytes: usize) {
        self.finish(|open| {
            open.record.bytes_out = bytes as u64;
            open.record.status = Some(status.as_u16());
            open.record.outcome = Outcome::Answered;
        });
    }

    /// Ends: our policy, or the form of the call, said no, with that status.
    pub fn refused(mut self, refusal: Refusal, status: StatusCode) {
        self.finish(|open| {
            open.record.status = Some(status.as_u16());
            open.record.outcome = Outcome::Refused(Box::new(refusal));
        });
    }

    /// Ends: every attempt failed, which was told with that status.
    pub fn failed(mut self, fault: Fault, status: StatusCode) {
        self.finish(|open| {
            open.record.status = Some(status.as_u16());
            open.record.outcome = Outcome::Failed(Box::new(fault));
        });
    }

    /// Ends: the caller left before there was an answer.
    pub fn cancelled(mut self) {
        self.finish(|open| {
            open.abandon_attempt();
            open.record.outcome = Outcome::ClientCancelled;
        });
    }

    /// Ends: the body of a provider's answer ended.
    pub fn ended(mut self, seen: Seen, end: &End, bytes_out: u64) {
        self.finish(|open| {
            open.record.bytes_out = bytes_out;
            if matches!(end, End::Complete) && seen.terminal != Terminal::Error {
                open.pin(&seen);
            }
            open.end_answer(&seen, end);
            open.record.outcome = match end {
                End::Complete | End::Nothing => open.passed.take().unwrap_or(Outcome::Answered),
                End::Broken(fault) => Outcome::Failed(Box::new(fault.clone())),
                End::Cancelled => Outcome::ClientCancelled,
            };
            open.record.response_model = seen.model;
            open.record.response_id = seen.response_id;
            open.record.finish_reason = seen.finish;
        });
    }

    fn finish(&mut self, end: impl FnOnce(&mut Open)) {
        let Some(mut open) = self.0.take() else {
            return;
        };
        open.step();
        end(&mut open);
        open.settle();
    }
}

impl Drop for Settlement {
    /// Nobody ended the call: its future or its answer was dropped.
    fn drop(&mut self) {
        self.finish(|open| {
            open.abandon_attempt();
            open.record.outcome = if std::thread::panicking() {
                let message = "The sidecar failed while it served this call.";
                Outcome::Failed(Box::new(Fault::gateway(Class::GatewayInternal, Reason::Panic, message)))
            } else {
                Outcome::ClientCancelled
            };
        });
    }
}

impl Open {
    /// The call lasts until now, as far as its record knows.
    fn step(&mut self) {
        self.record.duration = self.sidecar.clock.now().saturating_sub(self.started);
    }

    fn now(&self) -> Duration {
        self.started + self.record.duration
    }

    /// Notes the limits in dry run that had no room for a hold, each once.
    fn tell_dry_run(&mut self, hold: &Hold, snapshot: &Snapshot) {
        for limit in hold.would_refuse().iter().filter_map(|i| snapshot.limits.get(*i)) {
            if !self.record.limits_would_refuse.contains(&limit.meta) {
                self.record.limits_would_refuse.push(limit.meta.clone());
            }
        }
    }

    /// Remembers where the conversation went.
    fn pin(&self, seen: &Seen) {
        let Some(attempt) = self.attempt.as_ref().filter(|_| self.several_places) else {
            return;
        };
        let pin = || Pin {
            provider: attempt.record.provider.clone(),
            credential: attempt.record.credential.clone(),
            model: attempt.record.model.clone(),
        };
        if let Some(key) = self.pin {
            self.sidecar.pins.put(key, pin());
        }
        if let Some(id) = &seen.response_id {
            self.sidecar.pins.put(sidegate_dialects::recognize::named_key(id), pin());
        }
    }

    /// Leaves its spans to be sent, if it is a traced one.
    fn trace(&mut self) {
        let Some(spans) = &self.sidecar.spans else { return };
        let first = self.sidecar.is_first();
        self.record.sampled |= self.at_end.takes(&self.record, first);
        if self.record.sampled {
            spans.push(&self.record);
        }
    }

    /// Settles what is held; what is left is to be told.
    fn settle(mut self: Box<Self>) {
        let now = self.now();
        if let Some(attempt) = self.attempt.take() {
            self.record.attempts.push(attempt.settle(&self.sidecar, self.started, now));
        }
        if let Some(hold) = self.hold.take() {
            // What a call takes once is taken by asking, not by the answer.
            self.sidecar.book().settle(hold, HoldOutcome::Used(Tokens::default()), now);
        }
        drop(self.place.take());
        let sidecar = self.sidecar.clone();
        sidecar.telling.of(Settled(self));
    }
}

fn used(what: Tool, tool: tools::Tool) -> ToolUse {
    ToolUse { what, name: tool.name, id: tool.id }
}

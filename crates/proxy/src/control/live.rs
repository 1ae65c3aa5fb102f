//! What the sidecar tells of its running calls over the control stream: calls that somebody watches, sums every few
//! seconds, the record of a call that somebody asks for.
//!
//! Answers to policy and keys go first. Nothing of this queues for the stream: what is told is gathered when it can
//! be sent, so that a control plane that does not read costs a sidecar no more than the bounds of [`crate::recent`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use sidegate_policy::{Class, Glob};
use sidegate_telemetry::{CallRecord, Considered, Format, audit};
use sidegate_wire::v1;
use sidegate_wire::v1::SidecarMessage;
use sidegate_wire::v1::sidecar_message::Message as ToControl;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::rejected::Report;
use crate::recent::{Filter, Sum, Watch, Watched};
use crate::sidecar::Sidecar;

/// Between two looks at what was summed.
const SUMS: Duration = Duration::from_secs(5);
/// Between two looks at the calls that are watched.
const LOOK: Duration = Duration::from_millis(250);
/// Longest lease of a watch.
const LONGEST_LEASE: u32 = 60;
/// Calls a second of one watch, whatever is asked for.
const FASTEST: u32 = 100;
/// Patterns and words of one filter.
const MOST_WORDS: usize = 64;
/// Messages of calls for each look, where one does not hold them all: with these, with sums and with keys that are
/// turned down a sidecar says less than the hundred things in ten seconds that the control plane puts up with.
const AT_ONCE: u32 = 2;
/// Bytes of calls in one message. The control plane takes messages of 64 KiB.
const MOST_BYTES: usize = 60 * 1024;
/// Bytes of a call beside its line, and of each watch that it is for, at most.
const AROUND: usize = 16;
/// Bytes of one line: beside it, what was considered fits one message.
const LONGEST_LINE: usize = 44 * 1024;
/// Questions that wait for their answers to be sent.
const MOST_QUESTIONS: usize = 32;
/// Bytes of a name in a sum.
const LONGEST_NAME: usize = 96;

/// What was asked of the sidecar on one stream.
pub(super) struct Desk {
    sidecar: Arc<Sidecar>,
    recalled: Mutex<VecDeque<v1::Recalled>>,
    rung: Notify,
}

impl Desk {
    pub(super) fn new(sidecar: Arc<Sidecar>) -> Arc<Self> {
        Arc::new(Self { sidecar, recalled: Mutex::default(), rung: Notify::new() })
    }

    /// Begins a watch, goes on with it, or ends it.
    pub(super) fn watch(&self, asked: &v1::Watch) {
        if asked.lease_seconds == 0 {
            return self.sidecar.recent.unwatch(asked.watch);
        }
        let words = |words: &[String]| words.iter().take(MOST_WORDS).map(|word| word.as_str().into()).collect();
        let models = asked.models.iter().take(MOST_WORDS).filter_map(|glob| Glob::parse(glob).ok());
        let lease = Duration::from_secs(asked.lease_seconds.min(LONGEST_LEASE).into());
        self.sidecar.recent.watch(Watch {
            id: asked.watch,
            until: self.sidecar.clock.now() + lease,
            per_second: asked.calls_per_second.min(FASTEST),
            filter: Filter { models: models.collect(), outcomes: words(&asked.outcomes) },
        });
        self.rung.notify_one();
    }

    /// Looks for a call. A question more than can wait is not answered, and whoever asks gives up.
    pub(super) fn recall(&self, asked: &v1::Recall) {
        let found = self.sidecar.recent.recall(&asked.request_id);
        let considered = found.iter().filter_map(|record| record.decision.as_ref()).flat_map(|d| &d.considered);
        let answer = v1::Recalled {
            question: asked.question,
            considered: considered.map(encode_considered).collect(),
            record: found.as_ref().and_then(line).unwrap_or_default(),
        };
        let mut recalled = self.recalled.lock().unwrap_or_else(PoisonError::into_inner);
        if recalled.len() < MOST_QUESTIONS {
            recalled.push_back(answer);
        }
        drop(recalled);
        self.rung.notify_one();
    }

    fn next_recalled(&self) -> Option<v1::Recalled> {
        self.recalled.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// All that goes up a stream: `hello`, then answers as they come, and in between what is told of calls; after `stop`
/// the last sums, and no more.
pub(super) fn outgoing(
    hello: SidecarMessage,
    answers: mpsc::Receiver<SidecarMessage>,
    desk: Arc<Desk>,
    stop: watch::Receiver<bool>,
) -> impl Stream<Item = SidecarMessage> + Send + 'static {
    let outgoing = Outgoing { answers, teller: Teller::new(desk), stop, stopped: false };
    stream::once(std::future::ready(hello)).chain(stream::unfold(outgoing, |mut outgoing| async move {
        let next = outgoing.next().await?;
        Some((next, outgoing))
    }))
}

/// What is still to be said.
struct Outgoing {
    answers: mpsc::Receiver<SidecarMessage>,
    teller: Teller,
    stop: watch::Receiver<bool>,
    stopped: bool,
}

impl Outgoing {
    async fn next(&mut self) -> Option<SidecarMessage> {
        if self.stopped {
            return None;
        }
        let told = tokio::select! {
            biased;
            answer = self.answers.recv() => return answer,
            told = self.teller.next() => told,
            _ = self.stop.wait_for(|stop| *stop) => {
                self.stopped = true;
                self.teller.sums()?
            }
        };
        Some(SidecarMessage { message: Some(told) })
    }
}

/// Gathers what is told.
struct Teller {
    desk: Arc<Desk>,
    rejected: Report,
    sums: Instant,
    look: Instant,
    /// Messages of calls since the last look that may still be sent before the next.
    left: u32,
    /// A call that the last message had no room for.
    held: Option<v1::WatchedCall>,
}

impl Teller {
    fn new(desk: Arc<Desk>) -> Self {
        let now = Instant::now();
        // Sidecars that begin together do not tell together.
        let share = (desk.sidecar.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        let (rejected, sums) = (Report::new(now), now + SUMS.mul_f64(share));
        Self { desk, rejected, sums, look: now, left: 0, held: None }
    }

    /// What is told next. Given up while it waits, it loses nothing.
    async fn next(&mut self) -> ToControl {
        loop {
            let now = Instant::now();
            if let Some(rejected) = self.rejected.due(&self.desk.sidecar.turned_down, now) {
                return rejected;
            }
            if let Some(recalled) = self.desk.next_recalled() {
                return ToControl::Recalled(recalled);
            }
            if now >= self.sums {
                self.sums = now + SUMS;
                if let Some(sums) = self.sums() {
                    return sums;
                }
            }
            let watched = self.desk.sidecar.recent.is_watched();
            if watched && now >= self.look {
                (self.look, self.left) = (now + LOOK, AT_ONCE);
            }
            if watched && self.left > 0 {
                let calls = self.calls();
                // A message that was not full holds all that there is until the next look.
                self.left = if self.held.is_some() { self.left - 1 } else { 0 };
                if let Some(calls) = calls {
                    return ToControl::Calls(calls);
                }
            }
            let wake = if watched { self.sums.min(self.look) } else { self.sums };
            let rests = self.rejected.rests(now);
            tokio::select! {
                () = self.desk.rung.notified() => {}
                () = self.desk.sidecar.turned_down.changed(), if rests.is_none() => {}
                () = sleep_until(rests.map_or(wake, |rests| wake.min(rests))) => {}
            }
        }
    }

    /// What was summed since the last time, if there was anything.
    fn sums(&self) -> Option<ToControl> {
        let sums = self.desk.sidecar.recent.take_sums(self.desk.sidecar.clock.now());
        (!sums.is_empty()).then(|| ToControl::Sums(v1::Sums { sums: sums.iter().map(encode_sum).collect() }))
    }

    /// Calls that were watched, as many as fit one message. What has no room any more is held for the next.
    fn calls(&mut self) -> Option<v1::Calls> {
        let sidecar = &self.desk.sidecar;
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while let Some(call) = self.held.take().or_else(|| next_call(sidecar)) {
            bytes += call.record.len() + (call.watches.len() + 1) * AROUND;
            if bytes > MOST_BYTES && !calls.is_empty() {
                self.held = Some(call);
                break;
            }
            calls.push(call);
        }
        let missed = sidecar.recent.take_missed(sidecar.clock.now());
        let missed: Vec<_> = missed.iter().map(|m| v1::Missed { watch: m.watch, calls: m.calls }).collect();
        (!calls.is_empty() || !missed.is_empty()).then_some(v1::Calls { calls, missed })
    }
}

/// The oldest call that waits for those who watch, but for one that cannot be told.
fn next_call(sidecar: &Sidecar) -> Option<v1::WatchedCall> {
    loop {
        let Watched { watches, record } = sidecar.recent.next_watched()?;
        if let Some(record) = line(&record) {
            return Some(v1::WatchedCall { watches, record });
        }
    }
}

/// The audit line of a call, without its line break; none if it is longer than any that is known.
fn line(record: &CallRecord) -> Option<Bytes> {
    let mut line = Vec::with_capacity(1024);
    audit::write(Format::Json, record, &mut line);
    line.pop();
    (line.len() <= LONGEST_LINE).then(|| line.into())
}

fn encode_considered(considered: &Considered) -> v1::Considered {
    v1::Considered {
        provider: considered.provider.to_string(),
        model: considered.model.to_string(),
        priority: considered.priority.into(),
        suspended: considered.suspended,
    }
}

fn encode_sum(sum: &Sum) -> v1::Sum {
    v1::Sum {
        model: short(&sum.key.model),
        provider: short(&sum.key.provider),
        served_model: short(&sum.key.served),
        outcome: sum.key.outcome.to_owned(),
        class: sum.key.class.map_or("", Class::as_str).to_owned(),
        calls: sum.calls,
        attempts: sum.attempts,
        fallbacks: sum.fallbacks,
        input_tokens: sum.input_tokens,
        output_tokens: sum.output_tokens,
        cost_nanodollars: i64::try_from(sum.cost.0).unwrap_or(if sum.cost.0 < 0 { i64::MIN } else { i64::MAX }),
        unpriced: sum.unpriced,
    }
}

/// As much of a name as a sum has room for.
fn short(name: &str) -> String {
    let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|at| name.is_char_boundary(*at));
    name.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

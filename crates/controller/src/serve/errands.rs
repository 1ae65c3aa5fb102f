//! What one sidecar is asked on behalf of people: to tell calls as they end, or to look for one.
//!
//! Worked out when it can be sent, from who asks at that moment, so that nothing queues for a sidecar and one that
//! comes back is asked anew. Policy and keys go first.

use std::collections::BTreeMap;

use sidegate_policy::Caller;
use sidegate_wire::v1;
use sidegate_wire::v1::control_message::Message as Down;
use tokio::time::Instant;

use crate::live::{Live, RENEW};

/// What a sidecar has been asked.
pub(super) struct Errands {
    /// Watches that it was told of, and when last.
    watches: BTreeMap<u64, Instant>,
    /// The last question that it was asked.
    question: u64,
    /// When to look again at who asks; none while nobody does.
    look: Option<Instant>,
}

impl Errands {
    /// For a sidecar that has not been asked anything on this stream.
    pub(super) fn new() -> Self {
        Self { watches: BTreeMap::new(), question: 0, look: Some(Instant::now()) }
    }

    /// Somebody asks, or has gone.
    pub(super) fn changed(&mut self) {
        self.look = Some(Instant::now());
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.look
    }

    /// What the sidecar of `caller` is to be asked now, one message at a time.
    pub(super) fn due(&mut self, live: &Live, caller: &Caller) -> Option<v1::ControlMessage> {
        let now = Instant::now();
        if self.look.is_none_or(|look| look > now) {
            return None;
        }
        let message = self.due_question(live, caller).or_else(|| self.due_watch(live, caller, now));
        if message.is_none() {
            self.look = self.watches.values().map(|told| *told + RENEW).min();
        }
        message.map(|message| v1::ControlMessage { message: Some(message) })
    }

    fn due_question(&mut self, live: &Live, caller: &Caller) -> Option<Down> {
        let recall = live.questions.after(self.question, &caller.namespace)?;
        self.question = recall.question;
        Some(Down::Recall(recall))
    }

    fn due_watch(&mut self, live: &Live, caller: &Caller, now: Instant) -> Option<Down> {
        let taps = live.taps.of(&caller.namespace);
        let over = self.watches.keys().find(|number| taps.iter().all(|tap| tap.number() != **number)).copied();
        if let Some(over) = over {
            self.watches.remove(&over);
            return Some(Down::Watch(v1::Watch { watch: over, ..v1::Watch::default() }));
        }
        let stale = |told: &Instant| now.duration_since(*told) >= RENEW;
        let due = taps.iter().find(|tap| self.watches.get(&tap.number()).is_none_or(stale))?;
        self.watches.insert(due.number(), now);
        Some(Down::Watch(due.asks()))
    }
}

//! The election as a state machine: what was seen, and what to do about it. No IO, no clock of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Pace, Term};

/// No lease is respected for longer than this, whatever it says of itself.
const LONGEST: Duration = Duration::from_secs(300);

/// A lease as the API server shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who holds it; empty: nobody.
    pub holder: Arc<str>,
    /// Its `leaseTransitions`.
    pub transitions: i32,
    /// How long it lasts after a renewal.
    pub duration: Duration,
    /// Its `resourceVersion`: another one is a sign of life, and it is the precondition of the next write. The times
    /// in a lease are for people: clocks differ, and may stand still.
    pub version: Arc<str>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// There is none: create it.
    Create {
        /// Its `leaseTransitions`.
        transitions: i32,
    },
    /// Replace it, on the condition that it is still the version that was seen.
    Replace {
        /// The `resourceVersion` that was seen.
        version: Arc<str>,
        /// Its `leaseTransitions`: raised if it is taken, the same if it is renewed.
        transitions: i32,
    },
    /// Someone else holds it: look again after this time.
    Wait(Duration),
}

/// One replica's view of the election.
#[derive(Debug)]
pub struct Election {
    identity: Arc<str>,
    pace: Pace,
    /// The lease as seen last, and when it was first seen so.
    last: Option<(Seen, Instant)>,
    term: Option<Term>,
}

impl Election {
    /// Nothing seen, nothing held. `identity` differs from every other's, and from that of the same replica's last
    /// life.
    #[must_use]
    pub fn new(identity: &str, pace: Pace) -> Self {
        Self { identity: identity.into(), pace, last: None, term: None }
    }

    /// The term that is held; whether it still allows anything is a question of the time.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.term
    }

    /// Takes what the API server shows `now`, and says what to do.
    pub fn step(&mut self, seen: Option<Seen>, now: Instant) -> Step {
        if !self.holds(seen.as_ref()) {
            self.term = None;
        }
        let Some(seen) = seen else { return self.without_lease(now) };
        let since = match &self.last {
            Some((last, since)) if last.version == seen.version => *since,
            _ => now,
        };
        self.last = Some((seen.clone(), since));
        if let Some(term) = self.term {
            return Step::Replace { version: seen.version, transitions: term.number };
        }
        let free = since + seen.duration.min(LONGEST);
        // One's own name without a term: a request of ours that was thought lost. Nobody else can be that.
        if seen.holder.is_empty() || seen.holder == self.identity || now >= free {
            return Step::Replace { version: seen.version, transitions: seen.transitions.saturating_add(1) };
        }
        Step::Wait(self.pace.retry.min(free - now))
    }

    /// The API server took what [`Self::step`] asked for; `asked` is when the request was about to be sent.
    pub fn won(&mut self, seen: Seen, asked: Instant) {
        let until = asked + self.pace.duration - self.pace.margin;
        self.term = Some(Term { number: seen.transitions, until });
        self.last = Some((seen, asked));
    }

    /// Ends the term that is held, if any.
    pub fn give_up(&mut self) {
        self.term = None;
    }

    /// When to look again after winning.
    #[must_use]
    pub fn renewal(&self) -> Duration {
        self.pace.renew
    }

    fn holds(&self, seen: Option<&Seen>) -> bool {
        match (self.term, seen) {
            (Some(term), Some(seen)) => seen.holder == self.identity && seen.transitions == term.number,
            _ => false,
        }
    }

    /// A lease that somebody deleted still binds until it would have ended: its holder may not know yet.
    fn without_lease(&mut self, now: Instant) -> Step {
        let Some((last, since)) = &self.last else { return Step::Create { transitions: 0 } };
        let free = *since + last.duration.min(LONGEST);
        if last.holder.is_empty() || last.holder == self.identity || now >= free {
            return Step::Create { transitions: last.transitions.saturating_add(1) };
        }
        Step::Wait(self.pace.retry.min(free - now))
    }
}

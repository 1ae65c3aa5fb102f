//! What the streams, the source of objects and the health port share: the index, and who is connected.
//!
//! Nothing here waits. The index is behind a mutex that is held for as long as one effective policy takes, never over
//! an await.

mod changes;
mod counters;
mod roster;
mod watches;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidegate_policy::Caller;
use tokio::sync::watch;

use crate::identity::Reviewer;
use crate::index::{Effective, Index, Standing};
use crate::live::Live;
use crate::problem::{Kind, ObjectName, Problem, Severity};

pub use changes::Changes;
pub use counters::{Counters, PerSubject};
pub use roster::{Contents, Refusal, RejectedKey, Roster, Seat, Seated, Tally};
pub use watches::{KindReport, WatchName, Watches};

/// What the control plane's parts share.
pub struct Control {
    index: Mutex<Index>,
    /// Raised by a restore from a backup; from files the time of the start.
    epoch: AtomicU64,
    /// Every object of the source was there once: policies may be sent.
    ready: watch::Sender<bool>,
    revision: watch::Sender<u64>,
    closing: watch::Sender<bool>,
    /// The source was read whole, so that what it does not have is meant not to be.
    complete: AtomicBool,
    problems: Mutex<Vec<Problem>>,
    /// What problems were gathered from last.
    gathered: Mutex<Gathered>,
    /// Chance, for what must not happen to all sidecars at once.
    draws: Mutex<SmallRng>,
    pub(crate) counters: Counters,
    pub(crate) roster: Roster,
    pub(crate) watches: Watches,
    /// What happened to objects, until it is told.
    pub(crate) changes: Changes,
    /// What people ask of running sidecars.
    pub(crate) live: Live,
    /// This replica writes statuses now.
    pub(crate) writes_status: AtomicBool,
    /// Who says whose a token is; from files nobody.
    pub(crate) reviewer: Option<Reviewer>,
}

/// What problems are gathered from: as long as nothing of it changes, they stay the same.
#[derive(Default, PartialEq)]
struct Gathered {
    revision: u64,
    turnover: u64,
    from_source: Vec<Problem>,
}

impl Control {
    /// Shares `index`.
    #[must_use]
    pub fn new(index: Index, epoch: u64) -> Self {
        let (revision, closing) = (watch::Sender::new(index.revision()), watch::Sender::new(false));
        Self {
            index: Mutex::new(index),
            epoch: AtomicU64::new(epoch),
            ready: watch::Sender::new(true),
            revision,
            closing,
            complete: AtomicBool::new(true),
            problems: Mutex::default(),
            gathered: Mutex::default(),
            draws: Mutex::new(SmallRng::seed_from_u64(epoch)),
            counters: Counters::default(),
            roster: Roster::default(),
            watches: Watches::default(),
            changes: Changes::default(),
            live: Live::default(),
            writes_status: AtomicBool::new(false),
            reviewer: None,
        }
    }

    /// The same with its chance from another seed than the epoch.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        Self { draws: Mutex::new(SmallRng::seed_from_u64(seed)), ..self }
    }

    /// A number from `range`, by chance.
    pub(crate) fn draw(&self, range: Range<f64>) -> f64 {
        lock(&self.draws).random_range(range)
    }

    /// Shares `index`, which a cluster still has to fill: until then nothing is sent and nothing is meant to be empty.
    #[must_use]
    pub fn in_cluster(index: Index, reviewer: Reviewer) -> Self {
        let control = Self { reviewer: Some(reviewer), ..Self::new(index, 0) };
        control.set_complete(false);
        control.ready.send_replace(false);
        control
    }

    /// Says that every object of the source is there.
    pub fn set_ready(&self) {
        self.update(Index::follow_changes);
        self.set_complete(true);
        self.ready.send_replace(true);
    }

    /// Tells whether every object of the source was there once.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// Sets the epoch, before anything is sent.
    pub fn set_epoch(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Relaxed);
    }

    /// The sidecars that are connected.
    #[must_use]
    pub fn sidecars(&self) -> Vec<Seated> {
        self.roster.seated()
    }

    /// How the watches of a cluster stand.
    #[must_use]
    pub fn watches(&self) -> Vec<KindReport> {
        self.watches.report()
    }

    /// Looks at the index.
    pub fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index())
    }

    /// Whom a pod speaks for, if it is known and has this identity.
    #[must_use]
    pub fn caller_of(&self, namespace: &str, pod: &str, uid: &str) -> Option<Caller> {
        self.read(|index| index.caller_of(namespace, pod, uid))
    }

    /// The epoch of every policy that is pushed.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Changes objects, and tells the streams to which something may be due now.
    pub fn update(&self, change: impl FnOnce(&mut Index)) {
        let (revision, due, changes) = {
            let mut index = self.index();
            change(&mut index);
            (index.revision(), index.take_due(), index.take_changes())
        };
        self.changes.note(changes);
        self.roster.ring(&due);
        self.revision.send_if_modified(|known| std::mem::replace(known, revision) != revision);
    }

    /// The effective policy of `caller`.
    #[must_use]
    pub fn effective(&self, caller: &Caller) -> Arc<Effective> {
        self.index().effective(caller)
    }

    /// Objects in force of one kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.index().count(kind)
    }

    /// Tells when anything has changed that may change an effective policy or how an object stands.
    #[must_use]
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Tells when to end.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Ends every stream.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Whether what is not in the source is meant not to be.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// Says whether the source was read whole.
    pub fn set_complete(&self, complete: bool) {
        self.complete.store(complete, Ordering::Relaxed);
    }

    /// Everything that is wrong now, conflicts of the policies in use included.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        lock(&self.problems).clone()
    }

    /// Gathers what is wrong in the index with what is wrong in the source, and logs what is new or solved. `locate`
    /// adds the place of an object.
    pub fn gather(&self, mut from_source: Vec<Problem>, locate: impl Fn(Problem) -> Problem) {
        let now = Gathered {
            revision: self.index().revision(),
            turnover: self.roster.turnover(),
            from_source: from_source.clone(),
        };
        if *lock(&self.gathered) == now {
            return;
        }
        *lock(&self.gathered) = now;
        // One at a time, so that no stream waits for all of them.
        let classes = self.index().classes();
        for class in classes {
            self.index().effective_of(class);
        }
        {
            let index = self.index();
            from_source.extend(index.problems().into_iter().chain(index.conflicts()).map(locate));
        }
        from_source.sort();
        from_source.dedup();
        let mut known = lock(&self.problems);
        let (old, new): (BTreeSet<&Problem>, BTreeSet<&Problem>) =
            (known.iter().collect(), from_source.iter().collect());
        for problem in new.difference(&old) {
            match problem.severity {
                Severity::Error => tracing::error!("{problem}"),
                Severity::Warning => tracing::warn!("{problem}"),
            }
        }
        for problem in old.difference(&new) {
            tracing::info!("solved: {problem}");
        }
        *known = from_source;
    }

    /// How a provider or policy stands in the index.
    #[must_use]
    pub fn standing(&self, name: &ObjectName) -> Option<Standing> {
        self.index().standing(name)
    }

    /// Whether enough was heard of the source to say how an object stands.
    #[must_use]
    pub fn informed(&self) -> bool {
        self.complete() && *self.ready.borrow()
    }

    /// Sidecars that took or refused each object, by its generation.
    #[must_use]
    pub fn tally(&self) -> HashMap<(ObjectName, i64), Tally> {
        self.roster.tally()
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }
}

/// The data even after a panic elsewhere: every change of it is whole when its lock is given back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

//! Which sidecars are connected, and what each has taken or refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sidegate_policy::Caller;
use tokio::sync::{Notify, watch};

use super::{Control, lock};
use crate::index::{Effective, SeatNumber};
use crate::live::Scope;
use crate::problem::ObjectName;

/// Objects of an effective policy, each with its generation.
pub type Contents = BTreeMap<ObjectName, i64>;

/// One connected sidecar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seated {
    /// Who it speaks for.
    pub caller: Arc<Caller>,
    /// Identity of its pod; empty where nobody has proven it.
    pub uid: Arc<str>,
    /// Version of the policy that it came with or took last; empty if none.
    pub policy: Arc<str>,
    /// Version of the keys that it came with or took last; empty if none.
    pub credentials: Arc<str>,
    /// What the policy that it took last is made of; empty while that is not known.
    pub holds: Arc<Contents>,
    /// What it refused last, until it takes something again.
    pub refusal: Option<Refusal>,
    /// Keys that their providers turned down, as far as it knows; sorted.
    pub rejects: Arc<[RejectedKey]>,
}

/// A key that its provider turned down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RejectedKey {
    /// The provider.
    pub provider: ObjectName,
    /// Name of the credential.
    pub credential: Arc<str>,
    /// Of the key, as it was sent with it.
    pub mark: Arc<str>,
}

/// What a sidecar refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Version of the policy or of the keys.
    pub version: Arc<str>,
    /// Why, in its own words on one line.
    pub reason: Arc<str>,
    /// What the refused policy is made of; empty for keys.
    pub of: Arc<Contents>,
}

impl Seated {
    /// Notes that the policy that it has, if it is `version`, is made of `contents`.
    pub(crate) fn now_holds(&mut self, version: &Arc<str>, contents: &Arc<Contents>) {
        if self.policy == *version {
            self.holds.clone_from(contents);
        }
    }
}

/// How many sidecars took or refused an object at one generation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// It is in force there.
    pub programmed: usize,
    /// The policy with it was refused there, and nothing was taken since.
    pub rejected: usize,
}

/// The connected sidecars.
#[derive(Default)]
pub struct Roster {
    seats: Mutex<Seats>,
    changes: watch::Sender<()>,
}

#[derive(Default)]
struct Seats {
    next: SeatNumber,
    taken: BTreeMap<SeatNumber, (Seated, Arc<Bell>)>,
    /// The newest seat of each pod whose identity is proven.
    by_uid: HashMap<Arc<str>, SeatNumber>,
    /// Raised whenever somebody comes or goes.
    turnover: u64,
}

/// How a seat's stream is told of something.
#[derive(Default)]
struct Bell {
    rung: Notify,
    /// People ask something, or have gone.
    summoned: Notify,
    /// A newer stream of the same pod has come.
    replaced: AtomicBool,
}

/// A sidecar's place, given up when dropped.
pub struct Seat {
    number: SeatNumber,
    bell: Arc<Bell>,
    control: Arc<Control>,
}

impl Control {
    /// A place for one more sidecar, unless there are `most` already. It has the policy of the pod with identity `uid`
    /// if that is known, and of `caller` otherwise.
    #[must_use]
    pub fn sit(self: &Arc<Self>, caller: Arc<Caller>, uid: Arc<str>, most: usize) -> Option<Seat> {
        let (number, bell) =
            self.roster.add(Seated { caller: caller.clone(), uid: uid.clone(), ..Seated::default() }, most)?;
        let seat = Seat { number, bell, control: self.clone() };
        self.index().attend(number, &caller, &uid);
        Some(seat)
    }
}

impl Roster {
    fn add(&self, seated: Seated, most: usize) -> Option<(SeatNumber, Arc<Bell>)> {
        let mut seats = lock(&self.seats);
        if seats.taken.len() >= most {
            return None;
        }
        let (number, bell) = (seats.next, Arc::new(Bell::default()));
        seats.next += 1;
        seats.turnover += 1;
        if !seated.uid.is_empty()
            && let Some(older) = seats.by_uid.insert(seated.uid.clone(), number)
            && let Some((_, bell)) = seats.taken.get(&older)
        {
            bell.replaced.store(true, Ordering::Relaxed);
            bell.rung.notify_one();
        }
        seats.taken.insert(number, (seated, bell.clone()));
        self.changes.send_replace(());
        Some((number, bell))
    }

    /// Tells these that something may be due to them.
    pub(super) fn ring(&self, due: &BTreeSet<SeatNumber>) {
        let seats = lock(&self.seats);
        for (_, bell) in due.iter().filter_map(|number| seats.taken.get(number)) {
            bell.rung.notify_one();
        }
    }

    /// Tells the sidecars of `scope` that people ask, or have gone; how many they are.
    pub(crate) fn summon(&self, scope: &Scope) -> usize {
        let seats = lock(&self.seats);
        let of_scope = seats.taken.values().filter(|(seated, _)| scope.covers(&seated.caller.namespace));
        of_scope.map(|(_, bell)| bell.summoned.notify_one()).count()
    }

    /// How many of `scope` are connected.
    pub(crate) fn count_in(&self, scope: &Scope) -> usize {
        lock(&self.seats).taken.values().filter(|(seated, _)| scope.covers(&seated.caller.namespace)).count()
    }

    /// Differs whenever somebody has come or gone in between.
    pub(super) fn turnover(&self) -> u64 {
        lock(&self.seats).turnover
    }

    /// Every connected sidecar.
    #[must_use]
    pub fn seated(&self) -> Vec<Seated> {
        lock(&self.seats).taken.values().map(|(seated, _)| seated.clone()).collect()
    }

    /// Sidecars that took or refused each object, by its generation. Costs work for each distinct policy and for each
    /// sidecar, not for both together.
    #[must_use]
    pub fn tally(&self) -> HashMap<(ObjectName, i64), Tally> {
        let mut alike: HashMap<*const Contents, (Arc<Contents>, Tally)> = HashMap::new();
        let new = |contents: &Arc<Contents>| (contents.clone(), Tally::default());
        for (seated, _) in lock(&self.seats).taken.values() {
            let holds = &seated.holds;
            alike.entry(Arc::as_ptr(holds)).or_insert_with(|| new(holds)).1.programmed += 1;
            if let Some(Refusal { of, .. }) = &seated.refusal {
                alike.entry(Arc::as_ptr(of)).or_insert_with(|| new(of)).1.rejected += 1;
            }
        }
        let mut all: HashMap<(ObjectName, i64), Tally> = HashMap::new();
        for (contents, tally) in alike.into_values() {
            for (name, generation) in contents.iter() {
                let sum = all.entry((name.clone(), *generation)).or_default();
                sum.programmed += tally.programmed;
                sum.rejected += tally.rejected;
            }
        }
        all
    }

    /// Tells when a sidecar came, went, or took or refused something.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// How many are connected.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.seats).taken.len()
    }
}

impl Seat {
    /// What its sidecar should have.
    #[must_use]
    pub fn effective(&self) -> Arc<Effective> {
        let mut index = self.control.index();
        // Without it the sidecar would not sit here; nobody's policy is the safe one.
        index.effective_at(self.number).unwrap_or_else(|| index.effective(&Caller::default()))
    }

    /// Waits until what it should have may be something else. One ring of many is kept for whoever asks later.
    pub async fn rung(&self) {
        self.bell.rung.notified().await;
    }

    /// Its number, which no other one has or had.
    pub(crate) fn number(&self) -> SeatNumber {
        self.number
    }

    /// Waits until people ask something, or have gone.
    pub async fn summoned(&self) {
        self.bell.summoned.notified().await;
    }

    /// Whether a newer stream of the same pod has come, so that this one speaks for nobody any more.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.bell.replaced.load(Ordering::Relaxed)
    }

    /// Notes what the sidecar did.
    pub fn note(&self, change: impl FnOnce(&mut Seated)) {
        if let Some((seated, _)) = lock(&self.control.roster.seats).taken.get_mut(&self.number) {
            change(seated);
            self.control.roster.changes.send_replace(());
        }
    }

    /// Notes which keys the sidecar says are turned down; those that it did not say before. It is no news when it
    /// says the same again.
    pub fn rejects(&self, keys: Arc<[RejectedKey]>) -> Vec<RejectedKey> {
        let mut seats = lock(&self.control.roster.seats);
        let Some((seated, _)) = seats.taken.get_mut(&self.number).filter(|(seated, _)| seated.rejects != keys) else {
            return Vec::new();
        };
        let new = keys.iter().filter(|key| seated.rejects.binary_search(key).is_err()).cloned().collect();
        seated.rejects = keys;
        self.control.roster.changes.send_replace(());
        new
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.control.index().dismiss(self.number);
        let mut seats = lock(&self.control.roster.seats);
        if let Some((Seated { uid, .. }, _)) = seats.taken.remove(&self.number)
            && seats.by_uid.get(&uid) == Some(&self.number)
        {
            seats.by_uid.remove(&uid);
        }
        seats.turnover += 1;
        self.control.roster.changes.send_replace(());
    }
}

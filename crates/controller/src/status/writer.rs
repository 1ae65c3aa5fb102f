//! Keeps every status what it should be, for as long as a term lasts: looks when something changed, writes what
//! differs, and nothing else.
//!
//! Many changes are one look, and a status is written at most once a second. A look goes through all objects, a few
//! at a time, and looks are spaced so that they take no more than a tenth of the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use rand::Rng;
use rand::rngs::SmallRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::acks::Roll;
use super::derive::Known;
use super::due::Due;
use super::peers::Peers;
use super::send::{Ended, Letter, Post};
use super::shown::{KINDS, News};
use super::tracked::{Status, Tracked, marks};
use crate::audit::Trail;
use crate::control::{Control, Counters};
use crate::controller::Clock;
use crate::index::Standing;
use crate::problem::{Kind, ObjectName};

/// Between two looks, at least.
const LOOK: Duration = Duration::from_millis(200);
/// And this many times as long as the last look took.
const SPACING: u32 = 10;
/// Objects that are looked at before others get a turn.
const BATCH: usize = 32;
/// Writes at once.
const WRITES: usize = 8;
/// Sidecars that were connected to whoever wrote before are back after this time.
const BACK: Duration = Duration::from_secs(10);

/// Writes statuses during one term.
pub(super) struct Writer {
    control: Arc<Control>,
    clock: Clock,
    chance: SmallRng,
    post: Post,
    peers: Peers,
    objects: BTreeMap<ObjectName, Tracked>,
    writes: JoinSet<(ObjectName, Ended)>,
    /// The API server as a whole.
    server: Due,
    /// Lists begun, for each kind.
    lists: BTreeMap<Kind, u64>,
    /// Kinds that were listed whole: what their statuses say was told is known.
    listed: BTreeSet<Kind>,
    /// The audit trail, if there is one.
    trail: Option<Trail>,
    /// Until then a sidecar that is not connected may be on its way back.
    settled: Instant,
    /// What sidecars said at the last look.
    roll: Roll,
    /// Objects that are to be written and found no room at the last look.
    waiting: VecDeque<ObjectName>,
    /// When to look next.
    look: Option<Instant>,
    /// When the last look ended, and how long to leave it.
    rest: Instant,
}

impl Writer {
    /// Knows nothing yet; its term begins now.
    pub(super) fn new(control: Arc<Control>, clock: Clock, chance: SmallRng, post: Post) -> Self {
        let (began, trail) = (Instant::now(), Trail::begin(&control, &clock));
        Self {
            control,
            clock,
            chance,
            peers: Peers::new(post.share.clone()),
            post,
            objects: BTreeMap::new(),
            writes: JoinSet::new(),
            server: Due::default(),
            lists: BTreeMap::new(),
            listed: BTreeSet::new(),
            trail,
            settled: began + BACK,
            roll: Roll::default(),
            waiting: VecDeque::new(),
            look: None,
            rest: began,
        }
    }

    /// Writes until the term ends or `over` does. What is being written then is waited for: it ends in time.
    pub(super) async fn run(mut self, news: impl Stream<Item = News>, over: impl Future<Output = ()>) {
        let (mut news, mut over) = (std::pin::pin!(news), std::pin::pin!(over));
        let mut terms = self.post.terms.clone();
        let (mut revisions, mut roster) = (self.control.revisions(), self.control.roster.changes());
        let mut changes = self.control.changes.news();
        loop {
            let look = self.look;
            // A look comes last: one between the index and its watch would find them apart, and wait for the next.
            tokio::select! {
                biased;
                () = &mut over => break,
                () = ended(&mut terms, self.post.term) => break,
                Some(one) = news.next() => self.hear(one),
                Some(Ok((name, ended))) = self.writes.join_next(), if !self.writes.is_empty() => self.take(&name, ended),
                Ok(()) = revisions.changed() => self.look_soon(),
                Ok(()) = roster.changed() => self.look_soon(),
                Ok(()) = changes.changed() => self.look_soon(),
                () = sleep_until(look.unwrap_or(self.rest)), if look.is_some() => self.look().await,
            }
        }
        while self.writes.join_next().await.is_some() {}
    }

    fn look_soon(&mut self) {
        self.look_at(Instant::now());
    }

    fn look_at(&mut self, when: Instant) {
        let when = when.max(self.rest);
        self.look = Some(self.look.map_or(when, |known| known.min(when)));
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Object(name, shown) => {
                let list = self.lists.get(&name.kind).copied().unwrap_or(0);
                match self.objects.get_mut(&name) {
                    Some(known) if known.shown.uid == shown.uid => known.see(shown, list),
                    _ => {
                        let new = Tracked::new(shown, list);
                        if let (Some(trail), Some((generation, pending))) = (&mut self.trail, new.told()) {
                            trail.know(&name, &new.shown.uid, generation, pending);
                        }
                        self.objects.insert(name, new);
                    }
                }
                self.look_soon();
            }
            News::Peer(name, told) => {
                self.peers.hear(name, told, Instant::now());
                self.look_soon();
            }
            News::Gone(name) => drop(self.objects.remove(&name)),
            News::Begins(kind) => *self.lists.entry(kind).or_default() += 1,
            News::Ends(kind) => {
                let list = self.lists.get(&kind).copied().unwrap_or(0);
                self.objects.retain(|name, known| name.kind != kind || known.list == list);
                self.listed.insert(kind);
            }
        }
    }

    /// Looks at every object, and writes those whose status is not what it should be.
    async fn look(&mut self) {
        let began = Instant::now();
        self.look = None;
        if !self.control.informed() {
            return self.look_at(began + LOOK);
        }
        self.waiting.clear();
        self.tell_changes();
        self.roll = Roll::of(&self.control.roster.seated());
        if let Some(silent) = self.peers.add_to(&mut self.roll, began) {
            self.look_at(silent);
        }
        let names: Vec<ObjectName> = self.objects.keys().cloned().collect();
        for batch in names.chunks(BATCH) {
            for name in batch {
                self.look_at_one(name);
            }
            tokio::task::yield_now().await;
        }
        let now = Instant::now();
        self.rest = now + LOOK.max((now - began) * SPACING);
        self.look = self.look.map(|look| look.max(self.rest));
    }

    /// Tells what has happened, once it is known up to where a predecessor told.
    fn tell_changes(&mut self) {
        if let Some(trail) = self.trail.as_mut().filter(|_| self.listed.len() == KINDS.len()) {
            trail.tell_changes();
        }
    }

    /// Looks at one object, and again later if it cannot be written yet.
    fn look_at_one(&mut self, name: &ObjectName) {
        if let Err(later) = self.tend(name) {
            self.look_at(later);
        }
    }

    /// # Errors
    /// When to look again, if it cannot be written yet.
    fn tend(&mut self, name: &ObjectName) -> Result<(), Instant> {
        let Some(tracked) = self.objects.get_mut(name).filter(|tracked| !tracked.writing) else { return Ok(()) };
        let Some(standing) = self.control.standing(name) else { return Ok(()) };
        // The watches are apart: whichever is behind catches up, and that is news.
        if standing.uid != tracked.shown.uid || standing.generation != tracked.shown.generation {
            return Ok(());
        }
        if let Some(trail) = self.trail.as_mut().filter(|_| self.listed.len() == KINDS.len()) {
            // What came since the look began is a change, and not found.
            trail.tell_changes();
            trail.tell_standing(name, &standing, &self.roll);
        }
        let now = Instant::now();
        tracked.unresolved.found(!standing.unresolved.is_empty(), now)?;
        tracked.found(&standing);
        let (rejected, again) = tracked.heard.take(name, &standing, &self.roll, now);
        let known = Known::new(name, &standing, &self.roll).after(tracked.marks()).rejecting(rejected);
        let (status, fewer) = wanted(&known, tracked, &standing, (self.clock)());
        let words: Arc<str> = status.value.to_string().into();
        if words == tracked.shown.status {
            return again.map_or(Ok(()), Err);
        }
        if fewer && now < self.settled {
            return Err(self.settled);
        }
        tracked.due.at(now)?;
        self.server.at(now)?;
        if self.writes.len() >= WRITES {
            self.waiting.push_back(name.clone());
            return Ok(());
        }
        self.write(name, status, words, now);
        again.map_or(Ok(()), Err)
    }

    fn write(&mut self, name: &ObjectName, status: Status, words: Arc<str>, now: Instant) {
        let Some(tracked) = self.objects.get_mut(name) else { return };
        let events = tracked.write(words, &status, now);
        let letter = Letter { name: name.clone(), shown: tracked.shown.clone(), status: status.value, events };
        self.writes.spawn(self.post.clone().send(letter));
    }

    /// Takes how a write ended, and goes on with those that wait for room.
    fn take(&mut self, name: &ObjectName, ended: Ended) {
        self.settle(name, ended);
        while self.writes.len() < WRITES
            && let Some(next) = self.waiting.pop_front()
        {
            self.look_at_one(&next);
        }
        self.look_soon();
    }

    fn settle(&mut self, name: &ObjectName, ended: Ended) {
        let (now, draw) = (Instant::now(), self.chance.random_range(0.0..1.0));
        let Some(tracked) = self.objects.get_mut(name) else { return };
        tracked.writing = false;
        if matches!(ended, Ended::Refused(_) | Ended::Unavailable(_)) {
            Counters::raise(&self.control.counters.statuses_failed);
        }
        match ended {
            Ended::Written(shown) => {
                Counters::raise(&self.control.counters.statuses);
                self.server.succeeded();
                if !tracked.written(shown) {
                    tracing::warn!("the status of {name} is not what was written; it is written again later");
                    tracked.due.failed(now, draw);
                }
            }
            // The watch tells more.
            Ended::Gone => drop(self.objects.remove(name)),
            Ended::Outdated | Ended::NotAllowed => tracked.unwritten(),
            Ended::Refused(why) => {
                if tracked.due.failures() == 0 {
                    tracing::error!("the status of {name} is refused: {why}");
                }
                tracked.unwritten();
                tracked.due.failed(now, draw);
            }
            Ended::Unavailable(why) => {
                if self.server.failures() == 0 {
                    tracing::warn!("cannot write the status of {name}, or any: {why}");
                }
                tracked.unwritten();
                self.server.failed(now, draw);
            }
        }
    }
}

/// What the status should be, and whether it says less of the sidecars than the one that stands there.
fn wanted(known: &Known<'_>, tracked: &Tracked, standing: &Standing, now: Timestamp) -> (Status, bool) {
    let marks = marks(standing);
    if known.kind() == Kind::AiProvider {
        let status = known.provider(&parsed(tracked.before()), now);
        let fewer = tracked.says_more(status.sidecars, status.observed_generation);
        let fewer = fewer || tracked.rejects_more(&status.credentials);
        let (value, conditions) = (value(&status), status.conditions);
        (Status { value, conditions, credentials: status.credentials, marks }, fewer)
    } else {
        let status = known.policy(&parsed(tracked.before()), now);
        let fewer = tracked.says_more(status.sidecars, status.observed_generation);
        (Status { value: value(&status), conditions: status.conditions, credentials: Vec::new(), marks }, fewer)
    }
}

/// The end of the term, whether it is told or not.
async fn ended(terms: &mut watch::Receiver<Option<crate::lease::Term>>, number: i32) {
    loop {
        let until = terms.borrow_and_update().filter(|term| term.number == number).map(|term| term.until);
        let Some(until) = until.filter(|until| Instant::now() < *until) else { return };
        tokio::select! {
            changed = terms.changed() => if changed.is_err() { return },
            () = sleep_until(until) => {}
        }
    }
}

fn parsed<T: DeserializeOwned + Default>(status: &str) -> T {
    serde_json::from_str(status).unwrap_or_default()
}

fn value(status: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(status).unwrap_or_default()
}

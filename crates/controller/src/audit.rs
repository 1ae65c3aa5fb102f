//! The control plane's part of the audit trail: one line for each change of an object that was accepted or refused, and
//! one when every sidecar that it selects enforces it.
//!
//! In a cluster the replica that writes statuses tells, for it hears of the sidecars of all; up to where a predecessor
//! told is read off the status, so what happens between two tellers is told late and not never. From files there is
//! one teller ([`tell`]). No line is about a single pod, and none holds a value of a field.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sidegate_telemetry::{AuditQueue, ChangeKind, ChangeRecord};
use tokio::time::{Instant, sleep};

use crate::control::Control;
use crate::controller::Clock;
use crate::index::{Change, Standing};
use crate::problem::ObjectName;
use crate::status::Roll;

/// Between two looks at how far changes have come.
const LOOK: Duration = Duration::from_millis(200);
/// What a teller finds untold when it begins, and of what no status says whether it was told, is told if it is younger.
const RECENT: Duration = Duration::from_secs(60);

/// What was told, and what is still to come.
pub(crate) struct Trail {
    control: Arc<Control>,
    audit: Arc<AuditQueue>,
    clock: Clock,
    began: Instant,
    told: BTreeMap<ObjectName, Told>,
}

/// How far an object was told.
struct Told {
    uid: Arc<str>,
    /// The newest generation that was told, accepted or not.
    generation: i64,
    /// The generation in force, as long as not all sidecars enforce it, and when it was accepted, if that was seen.
    pending: Option<(i64, Option<Timestamp>)>,
}

impl Trail {
    /// Begins to tell, if there is anywhere to.
    pub(crate) fn begin(control: &Arc<Control>, clock: &Clock) -> Option<Self> {
        let (audit, began) = (control.changes.audit()?, Instant::now());
        control.changes.set_telling(true);
        Some(Self { control: control.clone(), audit, clock: clock.clone(), began, told: BTreeMap::new() })
    }

    /// An earlier teller told of an object up to `generation`; `pending`: and is not done with it.
    pub(crate) fn know(&mut self, name: &ObjectName, uid: &Arc<str>, generation: i64, pending: bool) {
        let told = Told { uid: uid.clone(), generation, pending: pending.then_some((generation, None)) };
        self.told.entry(name.clone()).or_insert(told);
    }

    /// Tells what has happened.
    pub(crate) fn tell_changes(&mut self) {
        for (when, change) in self.control.changes.take() {
            if change.generation.is_some() && change.what != ChangeKind::Deleted {
                self.tell_version(change, Some(when));
                continue;
            }
            if when + RECENT < self.began {
                continue;
            }
            self.told.remove(&change.name);
            let at = self.at(when);
            self.push(change, at);
        }
    }

    /// Tells how an object stands, as far as that is news: that it is there, and that `roll` has all of its sidecars.
    pub(crate) fn tell_standing(&mut self, name: &ObjectName, standing: &Standing, roll: &Roll) {
        let is_told = |told: &Told| told.uid == standing.uid && told.generation >= standing.generation;
        if !self.told.get(name).is_some_and(is_told)
            && let Some(found) = self.control.read(|index| index.found(name))
        {
            self.tell_version(found, None);
        }
        let Some(told) = self.told.get_mut(name) else { return };
        let Some((generation, accepted)) = told.pending.filter(|(pending, _)| standing.in_force == Some(*pending))
        else {
            return;
        };
        let sidecars = roll.acks(name, generation).programmed;
        if standing.selected == 0 || sidecars < standing.selected {
            return;
        }
        told.pending = None;
        let record = ChangeRecord {
            change: ChangeKind::Programmed,
            time: (self.clock)(),
            uid: told.uid.clone(),
            generation: Some(generation),
            accepted,
            // Those that are about to leave are not counted.
            sidecars: Some(standing.selected as u64),
            ..of(name)
        };
        self.audit.push_change(&record);
    }

    /// Those that not all of their sidecars enforce.
    fn pending(&self) -> Vec<ObjectName> {
        self.told.iter().filter(|(_, told)| told.pending.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Tells of a version, unless it was told; `when` it came, if that was seen.
    fn tell_version(&mut self, change: Change, when: Option<Instant>) {
        let generation = change.generation.unwrap_or(0);
        let before = self.told.get(&change.name).filter(|told| told.uid == change.uid);
        if before.is_some_and(|told| told.generation >= generation) {
            return;
        }
        let seen = when.map(|when| self.at(when));
        let pending = if change.what == ChangeKind::Refused {
            before.and_then(|told| told.pending)
        } else {
            Some((generation, seen))
        };
        self.told.insert(change.name.clone(), Told { uid: change.uid.clone(), generation, pending });
        let time = seen.unwrap_or_else(|| (self.clock)());
        self.push(change, time);
    }

    fn push(&self, change: Change, time: Timestamp) {
        self.audit.push_change(&ChangeRecord {
            change: change.what,
            time,
            uid: change.uid,
            generation: change.generation,
            in_force: change.in_force,
            author: change.author,
            fields: change.fields,
            more_fields: change.more_fields,
            refusals: change.refusals,
            ..of(&change.name)
        });
    }

    /// The time of day of a moment that is past.
    fn at(&self, when: Instant) -> Timestamp {
        let now = (self.clock)();
        now.checked_sub(when.elapsed()).unwrap_or(now)
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.control.changes.set_telling(false);
    }
}

/// A record of that object of which nothing else is known.
fn of(name: &ObjectName) -> ChangeRecord {
    ChangeRecord {
        change: ChangeKind::Found,
        time: Timestamp::UNIX_EPOCH,
        kind: name.kind.as_str(),
        namespace: name.namespace.clone(),
        name: name.name.clone(),
        uid: Arc::default(),
        generation: None,
        in_force: None,
        author: None,
        fields: Vec::new(),
        more_fields: 0,
        refusals: Vec::new(),
        accepted: None,
        sidecars: None,
    }
}

/// Tells of objects from files until the control plane closes, beginning with those that are there.
pub(crate) async fn tell(control: Arc<Control>, clock: Clock) {
    let Some(mut trail) = Trail::begin(&control, &clock) else { return };
    let (mut closing, mut news) = (control.closing(), control.changes.news());
    let mut roster = control.roster.changes();
    look(&mut trail, &control, control.read(|index| index.objects()));
    loop {
        let over = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => true,
            Ok(()) = news.changed() => false,
            Ok(()) = roster.changed() => false,
            else => true,
        };
        trail.tell_changes();
        let pending = trail.pending();
        look(&mut trail, &control, pending);
        if over {
            return;
        }
        sleep(LOOK).await;
    }
}

fn look(trail: &mut Trail, control: &Control, names: Vec<ObjectName>) {
    if names.is_empty() {
        return;
    }
    let roll = Roll::of(&control.roster.seated());
    for name in names {
        if let Some(standing) = control.standing(&name) {
            trail.tell_standing(&name, &standing, &roll);
        }
    }
}

//! The control plane's part of the audit trail: one line for each change of an object that was accepted or refused, and
//! one when every sidecar that it selects enforces it. Where spans are sent the two are one span.
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
use crate::otlp::{ChangeSpans, Edit};
use crate::problem::ObjectName;
use crate::status::Roll;

/// Between two looks at how far changes have come.
const LOOK: Duration = Duration::from_millis(200);
/// What a teller finds untold when it begins, and of what no status says whether it was told, is told if it is younger.
const RECENT: Duration = Duration::from_secs(60);

/// What was told, and what is still to come.
pub(crate) struct Trail {
    control: Arc<Control>,
    audit: Option<Arc<AuditQueue>>,
    spans: Option<Arc<ChangeSpans>>,
    clock: Clock,
    began: Instant,
    told: BTreeMap<ObjectName, Told>,
}

/// How far an object was told.
struct Told {
    uid: Arc<str>,
    /// The newest generation that was told, accepted or not.
    generation: i64,
    /// The version in force, as long as not all sidecars enforce it.
    pending: Option<Pending>,
}

/// A version on its way to its sidecars.
struct Pending {
    generation: i64,
    /// How it came, if that was seen.
    edit: Option<Edit>,
}

impl Trail {
    /// Begins to tell, if there is anywhere to.
    pub(crate) fn begin(control: &Arc<Control>, clock: &Clock) -> Option<Self> {
        let (audit, spans) = (control.changes.audit(), control.changes.spans());
        if audit.is_none() && spans.is_none() {
            return None;
        }
        control.changes.set_telling(true);
        let (control, clock) = (control.clone(), clock.clone());
        Some(Self { control, audit, spans, clock, began: Instant::now(), told: BTreeMap::new() })
    }

    /// An earlier teller told of an object up to `generation`; `pending`: and is not done with it.
    pub(crate) fn know(&mut self, name: &ObjectName, uid: &Arc<str>, generation: i64, pending: bool) {
        let pending = pending.then_some(Pending { generation, edit: None });
        let told = Told { uid: uid.clone(), generation, pending };
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
            let (before, at) = (self.told.remove(&change.name), self.at(when));
            self.supersede(before.and_then(|told| told.pending), at);
            if change.what != ChangeKind::Found {
                self.trace(|spans| spans.at_once(&Edit { change: Arc::new(change.clone()), seen: at }));
            }
            self.push(&change, at);
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
        let programmed = |pending: &mut Pending| {
            let sidecars = roll.acks(name, pending.generation).programmed;
            standing.in_force == Some(pending.generation) && standing.selected > 0 && sidecars >= standing.selected
        };
        let Some(Pending { generation, edit }) = told.pending.take_if(programmed) else { return };
        // Those that are about to leave are not counted.
        let (time, sidecars, uid) = ((self.clock)(), standing.selected as u64, told.uid.clone());
        if let Some(edit) = &edit {
            self.trace(|spans| spans.programmed(edit, time, sidecars));
        }
        self.tell(&ChangeRecord {
            change: ChangeKind::Programmed,
            time,
            uid,
            generation: Some(generation),
            accepted: edit.map(|edit| edit.seen),
            sidecars: Some(sidecars),
            ..of(name)
        });
    }

    /// Those that not all of their sidecars enforce.
    fn pending(&self) -> Vec<ObjectName> {
        self.told.iter().filter(|(_, told)| told.pending.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// Tells of a version, unless it was told; `when` it came, if that was seen.
    fn tell_version(&mut self, change: Change, when: Option<Instant>) {
        let generation = change.generation.unwrap_or(0);
        let change = Arc::new(change);
        let edit = when.map(|when| Edit { change: change.clone(), seen: self.at(when) });
        let before = self.told.get_mut(&change.name).filter(|told| told.uid == change.uid);
        let same = before.is_some();
        if let Some(before) = before.filter(|told| told.generation >= generation) {
            // An earlier teller told that it came; when it did was seen here too.
            if let Some(pending) = &mut before.pending.as_mut().filter(|pending| pending.generation == generation) {
                pending.edit = pending.edit.take().or(edit);
            }
            return;
        }
        let time = edit.as_ref().map_or_else(|| (self.clock)(), |edit| edit.seen);
        let mut before = self.told.remove(&change.name).and_then(|told| told.pending);
        let pending = if change.what == ChangeKind::Refused {
            if let Some(edit) = &edit {
                self.trace(|spans| spans.at_once(edit));
            }
            before.take_if(|_| same)
        } else {
            Some(Pending { generation, edit })
        };
        self.supersede(before, time);
        self.told.insert(change.name.clone(), Told { uid: change.uid.clone(), generation, pending });
        self.push(&change, time);
    }

    /// What not all of its sidecars enforced at `time`, when something else took its place.
    fn supersede(&self, before: Option<Pending>, time: Timestamp) {
        if let Some(edit) = before.and_then(|pending| pending.edit) {
            self.trace(|spans| spans.superseded(&edit, time));
        }
    }

    fn trace(&self, tell: impl FnOnce(&ChangeSpans)) {
        if let Some(spans) = &self.spans {
            tell(spans);
        }
    }

    fn push(&self, change: &Change, time: Timestamp) {
        let change = change.clone();
        self.tell(&ChangeRecord {
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

    fn tell(&self, record: &ChangeRecord) {
        if let Some(audit) = &self.audit {
            audit.push_change(record);
        }
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

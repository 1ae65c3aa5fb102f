//! Whom policy is worked out for: pods, and the sidecars that are connected. Those with equal facts are one group, so
//! that a thousand pods of one Deployment are looked at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sidegate_policy::Caller;

use super::anchor::{Anchor, Facts};
use super::class::forget;
use super::effective::Effective;
use super::{ClassId, Index, Name};

/// Subjects with equal facts. A number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct GroupId(u64);

/// A connected sidecar, by the number that its owner gave it.
pub type SeatNumber = u64;

pub(super) struct Group {
    facts: Arc<Facts>,
    pods: usize,
    seats: BTreeSet<SeatNumber>,
    class: ClassId,
}

/// A connected sidecar.
struct Seat {
    group: GroupId,
    /// The pod that it was proven to speak for, with its identity.
    pod: Option<(Name, Arc<str>)>,
}

/// Every group.
#[derive(Default)]
pub(super) struct Subjects {
    next: u64,
    groups: HashMap<GroupId, Group>,
    by_facts: HashMap<Arc<Facts>, GroupId>,
    by_anchor: HashMap<Anchor, BTreeSet<GroupId>>,
    pods: HashMap<Name, GroupId>,
    seats: BTreeMap<SeatNumber, Seat>,
    seats_of_pod: HashMap<Name, BTreeSet<SeatNumber>>,
}

impl Group {
    /// Pods; where none are known, connected sidecars.
    pub(super) fn size(&self) -> usize {
        self.pods.max(self.seats.len())
    }
}

impl Subjects {
    pub(super) fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// The groups that a policy with these anchors could select.
    pub(super) fn at(&self, anchors: &[Anchor]) -> BTreeSet<GroupId> {
        anchors.iter().filter_map(|anchor| self.by_anchor.get(anchor)).flatten().copied().collect()
    }

    fn class_of(&self, facts: &Facts) -> Option<ClassId> {
        self.by_facts.get(facts).and_then(|id| self.groups.get(id)).map(|group| group.class)
    }
}

impl Index {
    /// A sidecar connects. It has the policy of the pod of this identity, if `uid` names one that is known, and of
    /// `caller` otherwise.
    pub fn attend(&mut self, seat: SeatNumber, caller: &Caller, uid: &str) {
        let name: Name = (caller.namespace.clone(), caller.pod.clone());
        let known = self.pods.get(&name).is_some_and(|pod| !uid.is_empty() && *pod.uid == *uid);
        let own = known.then(|| self.pods.caller(&name)).flatten();
        let group = self.group_of(Facts::of(own.as_ref().unwrap_or(caller)));
        self.change_group(group, |group| {
            group.seats.insert(seat);
        });
        let pod = (!uid.is_empty()).then(|| (name, Arc::from(uid)));
        if let Some((name, _)) = &pod {
            self.subjects.seats_of_pod.entry(name.clone()).or_default().insert(seat);
        }
        self.subjects.seats.insert(seat, Seat { group, pod });
    }

    /// A sidecar is gone.
    pub fn dismiss(&mut self, seat: SeatNumber) {
        let Some(Seat { group, pod }) = self.subjects.seats.remove(&seat) else { return };
        if let Some((name, _)) = pod {
            forget(&mut self.subjects.seats_of_pod, &name, &seat);
        }
        self.changes.seats.remove(&seat);
        self.change_group(group, |group| {
            group.seats.remove(&seat);
        });
    }

    /// The effective policy of a connected sidecar.
    pub fn effective_at(&mut self, seat: SeatNumber) -> Option<Arc<Effective>> {
        let group = self.subjects.seats.get(&seat)?.group;
        let class = self.subjects.groups.get(&group)?.class;
        self.effective_of(class)
    }

    /// The class of a known subject with these facts.
    pub(super) fn known_class(&self, facts: &Facts) -> Option<ClassId> {
        self.subjects.class_of(facts)
    }

    /// The sidecars to which something may be due since this was asked last: those of classes that were touched, and
    /// those that changed class.
    pub fn take_due(&mut self) -> BTreeSet<SeatNumber> {
        let mut due = std::mem::take(&mut self.changes.seats);
        for class in std::mem::take(&mut self.changes.classes) {
            let groups = self.classes.all.get(&class).into_iter().flat_map(|entry| &entry.groups);
            due.extend(groups.filter_map(|id| self.subjects.groups.get(id)).flat_map(|group| &group.seats));
        }
        due
    }

    /// Works out anew where a pod belongs, with the sidecar that speaks for it.
    pub(super) fn place_pod(&mut self, name: &Name) {
        let placed = self.pods.caller(name).map(|caller| self.group_of(Facts::of(&caller)));
        let old = match placed {
            Some(id) => self.subjects.pods.insert(name.clone(), id),
            None => self.subjects.pods.remove(name),
        };
        if let Some(new) = placed {
            // Another pod of the same name may have the same facts and other sidecars.
            self.move_seats(name, new);
        }
        if old == placed {
            return;
        }
        if let Some(new) = placed {
            self.change_group(new, |group| group.pods += 1);
        }
        if let Some(old) = old {
            self.change_group(old, |group| group.pods -= 1);
        }
    }

    fn move_seats(&mut self, name: &Name, new: GroupId) {
        let uid = self.pods.get(name).map(|pod| pod.uid.clone()).unwrap_or_default();
        for number in self.subjects.seats_of_pod.get(name).cloned().unwrap_or_default() {
            let Some(seat) = self.subjects.seats.get_mut(&number) else { continue };
            if seat.group == new || seat.pod.as_ref().is_none_or(|(_, proven)| *proven != uid) {
                continue;
            }
            let old = std::mem::replace(&mut seat.group, new);
            self.changes.seats.insert(number);
            self.change_group(new, |group| {
                group.seats.insert(number);
            });
            self.change_group(old, |group| {
                group.seats.remove(&number);
            });
        }
    }

    /// The group of these facts; it may still be without members.
    fn group_of(&mut self, facts: Facts) -> GroupId {
        if let Some(known) = self.subjects.by_facts.get(&facts) {
            return *known;
        }
        let (id, facts, class) = (GroupId(self.subjects.next), Arc::new(facts.clone()), self.class_of(&facts));
        self.subjects.next += 1;
        let class = self.classes.join(id, class);
        for anchor in facts.anchors() {
            self.subjects.by_anchor.entry(anchor).or_default().insert(id);
        }
        self.subjects.by_facts.insert(facts.clone(), id);
        self.subjects.groups.insert(id, Group { facts, pods: 0, seats: BTreeSet::new(), class });
        id
    }

    /// Changes who is in a group; one without members is no more.
    fn change_group(&mut self, id: GroupId, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.subjects.groups.get_mut(&id) else { return };
        change(group);
        if group.size() > 0 {
            return;
        }
        let Some(Group { facts, class, .. }) = self.subjects.groups.remove(&id) else { return };
        self.subjects.by_facts.remove(&facts);
        for anchor in facts.anchors() {
            forget(&mut self.subjects.by_anchor, &anchor, &id);
        }
        self.classes.leave(id, class);
        let namespace = &facts.caller().namespace;
        if !self.subjects.by_anchor.contains_key(&Anchor::Namespace(namespace.clone())) {
            self.usable.remove(namespace);
        }
    }

    /// Works out anew which objects meet at these groups.
    pub(super) fn classify(&mut self, groups: BTreeSet<GroupId>) {
        for id in groups {
            let Some(group) = self.subjects.groups.get(&id) else { continue };
            let (facts, old) = (group.facts.clone(), group.class);
            let class = self.class_of(&facts);
            if self.classes.find(&class) == Some(old) {
                continue;
            }
            // Joined before it leaves, so that its old class cannot take its place.
            let new = self.classes.join(id, class);
            self.classes.leave(id, old);
            if let Some(group) = self.subjects.groups.get_mut(&id) {
                group.class = new;
                self.changes.seats.extend(&group.seats);
            }
        }
    }
}

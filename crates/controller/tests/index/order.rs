//! Whatever the order of applies, deletes and re-lists, the same objects give the same effective policies, the same
//! classes and the same standing.

use std::collections::BTreeMap;

use super::objects::{caller, index};
use super::things::{NAMESPACES, Thing, any_thing};
use proptest::collection::vec;
use proptest::prelude::*;
use sidegate_controller::{Index, Kind, ObjectName, Standing};
use sidegate_policy::Caller;

#[derive(Debug, Clone)]
enum Event {
    Apply(Thing),
    Delete(Thing),
    /// A re-list of one kind.
    Reset(Kind, Vec<Thing>),
    /// A sidecar comes, or goes if it is there.
    Seat(u64, usize),
}

fn event() -> impl Strategy<Value = Event> {
    let reset = (0..Kind::ALL.len(), vec(any_thing(), 0..6)).prop_map(|(kind, things)| {
        let kind = Kind::ALL[kind];
        Event::Reset(kind, things.into_iter().map(|t| Thing { kind, ..t }).collect())
    });
    let seat = (0..4_u64, 0..3_usize).prop_map(|(number, namespace)| Event::Seat(number, namespace));
    prop_oneof![
        8 => any_thing().prop_map(Event::Apply),
        2 => any_thing().prop_map(Event::Delete),
        1 => reset,
        1 => seat,
    ]
}

/// What is left of an object: its last good version, and its newest one if that was refused.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    good: Option<Thing>,
    refused: Option<Thing>,
}

impl Left {
    /// A refused version leaves the last good one of the same object; another identity is another object.
    fn apply(&mut self, thing: Thing) {
        if self.good.is_some_and(|good| good.uid() != thing.uid()) {
            self.good = None;
        }
        if thing.is_refused() || self.good.is_some_and(|good| !thing.may_follow(good)) {
            self.refused = Some(thing);
        } else {
            *self = Self { good: Some(thing), refused: None };
        }
    }
}

/// What there is after all events: objects by name, and who is connected.
#[derive(Default)]
struct World {
    objects: BTreeMap<ObjectName, Left>,
    seats: BTreeMap<u64, Caller>,
}

impl World {
    fn follow(&mut self, event: &Event) {
        match event {
            Event::Apply(thing) => self.objects.entry(thing.name()).or_default().apply(*thing),
            Event::Delete(thing) => drop(self.objects.remove(&thing.name())),
            Event::Reset(kind, things) => {
                self.objects.retain(|name, _| name.kind != *kind || things.iter().any(|t| t.name() == *name));
                for thing in things {
                    self.objects.entry(thing.name()).or_default().apply(*thing);
                }
            }
            Event::Seat(number, namespace) => {
                if self.seats.remove(number).is_none() {
                    self.seats.insert(*number, caller(NAMESPACES[*namespace]));
                }
            }
        }
    }

    /// An index that has seen nothing but what is left.
    fn fresh(&self, order: u64) -> Index {
        let mut last: Vec<Left> = self.objects.values().copied().collect();
        // Any order will do, so a cheap shuffle does.
        last.sort_by_key(|left| {
            let t = left.good.or(left.refused).expect("something is left");
            order.wrapping_mul(u64::from(t.number) * 31 + t.namespace as u64 * 7 + t.kind as u64 + 1)
        });
        let mut index = index();
        for left in last {
            for thing in [left.good, left.refused].into_iter().flatten() {
                thing.apply(&mut index);
            }
        }
        for (number, caller) in &self.seats {
            index.attend(*number, caller, "");
        }
        index
    }
}

fn follow(index: &mut Index, event: &Event, seated: &mut BTreeMap<u64, ()>) {
    match event {
        Event::Apply(thing) => thing.apply(index),
        Event::Delete(thing) => index.delete(&thing.name()),
        Event::Reset(kind, things) => {
            index.retain(*kind, &|name| things.iter().any(|t| t.name() == *name));
            things.iter().for_each(|thing| thing.apply(index));
        }
        Event::Seat(number, namespace) if seated.remove(number).is_none() => {
            seated.insert(*number, ());
            index.attend(*number, &caller(NAMESPACES[*namespace]), "");
        }
        Event::Seat(number, _) => index.dismiss(*number),
    }
}

/// How an object stands, but for the numbers of its classes, which depend on what came first.
fn without_numbers(standing: Standing) -> (usize, Standing) {
    (standing.classes.len(), Standing { classes: Default::default(), ..standing })
}

/// All that can be asked: versions of policy and keys of each caller, and how each object stands.
fn outcome(index: &mut Index, world: &World) -> Vec<String> {
    let mut all: Vec<String> = index.problems().iter().map(ToString::to_string).collect();
    let seated = world.seats.keys().filter_map(|seat| Some((seat.to_string(), index.effective_at(*seat)?)));
    let mut effective: Vec<_> = seated.collect();
    effective.extend(NAMESPACES.map(|namespace| (namespace.to_owned(), index.effective(&caller(namespace)))));
    for name in world.objects.keys() {
        all.push(format!("{name} {:?}", index.standing(name).map(without_numbers)));
        if name.kind == Kind::Pod
            && let Some(caller) = index.caller_of(&name.namespace, &name.name, "uid 0")
        {
            all.push(format!("{name} is of {:?}", caller.workload));
            effective.push((name.to_string(), index.effective(&caller)));
        }
    }
    for (who, effective) in effective {
        all.push(format!("{who} {} {}", effective.snapshot.version, effective.keys.version));
        let decoded = sidegate_wire::decode_snapshot(&effective.snapshot.version, &effective.snapshot.bytes);
        assert_eq!(decoded.expect("what is pushed can be read"), effective.snapshot.snapshot);
    }
    all.push(format!("{} classes, wanted {:?}", index.classes().len(), index.wanted()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_objects_give_the_same_policies_classes_and_standing_whatever_the_order(
        events in vec(event(), 0..60),
        looks in vec(any::<bool>(), 60),
        order in any::<u64>(),
    ) {
        let (mut lived, mut world, mut seated) = (index(), World::default(), BTreeMap::new());
        for (event, look) in events.iter().zip(&looks) {
            follow(&mut lived, event, &mut seated);
            world.follow(event);
            if *look {
                // What was asked for in between must not matter.
                outcome(&mut lived, &world);
            }
        }
        let mut fresh = world.fresh(order);
        prop_assert_eq!(outcome(&mut lived, &world), outcome(&mut fresh, &world));
    }

    #[test]
    fn whoever_has_another_policy_after_an_edit_is_told_once(
        events in vec(event(), 0..60),
        edit in any_thing(),
        delete in any::<bool>(),
    ) {
        let (mut index, mut seated) = (index(), BTreeMap::new());
        for event in &events {
            follow(&mut index, event, &mut seated);
        }
        let versions = |index: &mut Index| -> BTreeMap<u64, String> {
            let of = |index: &mut Index, seat: u64| {
                index.effective_at(seat).map(|e| format!("{} {} {:?}", e.snapshot.version, e.keys.version, e.contents))
            };
            seated.keys().filter_map(|seat| Some((*seat, of(index, *seat)?))).collect()
        };
        let before = versions(&mut index);
        index.take_due();
        let event = if delete { Event::Delete(edit) } else { Event::Apply(edit) };
        follow(&mut index, &event, &mut BTreeMap::new());
        let due = index.take_due();
        let after = versions(&mut index);
        for (seat, version) in &after {
            prop_assert!(due.contains(seat) || before.get(seat) == Some(version), "{} was not told of {:?}", seat, event);
        }
        prop_assert!(index.take_due().is_empty());
    }
}

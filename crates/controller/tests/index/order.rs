//! Whatever the order of applies, deletes and re-lists, the same objects give the same effective policies.

use std::collections::BTreeMap;

use super::objects::{caller, index, policy_aged, provider_aged, secret};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use sidegate_controller::{Index, Kind, ObjectName};

const NAMESPACES: [&str; 3] = ["sidegate-system", "shop", "bank"];

/// An object: which one, and which of its versions.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Thing {
    kind: Kind,
    namespace: usize,
    number: u8,
    version: u8,
}

#[derive(Debug, Clone)]
enum Event {
    Apply(Thing),
    Delete(Thing),
    /// A re-list of providers or policies.
    Reset(Kind, Vec<Thing>),
}

fn thing() -> impl Strategy<Value = Thing> {
    (0..Kind::ALL.len(), 0..3_usize, 0..2_u8, 0..3_u8).prop_map(|(kind, namespace, number, version)| Thing {
        kind: Kind::ALL[kind],
        namespace,
        number,
        version,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let reset = (any::<bool>(), vec(thing(), 0..5)).prop_map(|(providers, things)| {
        let kind = if providers { Kind::AiProvider } else { Kind::AiPolicy };
        Event::Reset(kind, things.into_iter().map(|t| Thing { kind, ..t }).collect())
    });
    prop_oneof![5 => thing().prop_map(Event::Apply), 2 => thing().prop_map(Event::Delete), 1 => reset]
}

impl Thing {
    fn namespace(self) -> &'static str {
        NAMESPACES[self.namespace]
    }

    fn label(self) -> String {
        format!("o{}", self.number)
    }

    fn name(self) -> ObjectName {
        match self.kind {
            Kind::Namespace => ObjectName::new(self.kind, "", self.namespace()),
            kind => ObjectName::new(kind, self.namespace(), self.label()),
        }
    }

    fn provider(self) -> sidegate_crds::AIProvider {
        let from = if self.namespace() == "sidegate-system" {
            ["Same", "All", "Selector"][usize::from(self.version)]
        } else {
            "Same"
        };
        let mut access = json!({"from": from});
        if from == "Selector" {
            access = json!({"from": from, "selector": {"matchLabels": {"v": "1"}}});
        }
        let spec = json!({
            "dialect": "OpenAI",
            "credentials": [{"name": "a", "weight": self.version, "secretRef": {"name": "o0", "key": "k"}}],
            "access": {"namespaces": access},
        });
        provider_aged(self.namespace(), &self.label(), self.number, spec)
    }

    fn policy(self) -> sidegate_crds::AIPolicy {
        let target = match self.version {
            0 => json!({}),
            1 => json!({"podSelector": {"matchLabels": {"app": "checkout"}}}),
            _ => json!({"targetRefs": [{"kind": "Deployment", "name": "checkout"}]}),
        };
        let spec = json!({
            "models": {"allow": [format!("m{}*", self.version)]},
            "routes": [{"name": "r", "matches": [{"models": ["m"]}],
                        "targets": [{"provider": "o0", "namespace": "sidegate-system"}, {"provider": "o1"}]}],
            "limits": [{"name": "l", "per": [{"type": "Pod"}], "requests": self.version + 1, "window": "1m"}],
        });
        policy_aged(self.namespace(), &self.label(), self.number, super::objects::merged(spec, target))
    }

    fn apply(self, index: &mut Index) {
        let version = self.version.to_string();
        match self.kind {
            Kind::AiProvider => index.apply_provider(self.provider()),
            Kind::AiPolicy => index.apply_policy(&self.policy()),
            Kind::Secret => index.apply_secret(secret(self.namespace(), &self.label(), None, &[("k", &version)])),
            Kind::ConfigMap => index.apply_config_map(self.namespace(), &self.label(), [("k".into(), version)].into()),
            Kind::Namespace => index.apply_namespace(self.namespace(), [("v".to_owned(), version)].into()),
            Kind::Pod | Kind::Owner => {}
        }
    }
}

/// What there is after all events, by name.
fn replay(events: &[Event]) -> BTreeMap<ObjectName, Thing> {
    let mut all = BTreeMap::new();
    for event in events {
        match event {
            Event::Apply(thing) => drop(all.insert(thing.name(), *thing)),
            Event::Delete(thing) => drop(all.remove(&thing.name())),
            Event::Reset(kind, things) => {
                all.retain(|name, _| name.kind != *kind);
                all.extend(things.iter().map(|t| (t.name(), *t)));
            }
        }
    }
    all
}

fn follow(index: &mut Index, event: &Event) {
    match event {
        Event::Apply(thing) => thing.apply(index),
        Event::Delete(thing) => index.delete(&thing.name()),
        Event::Reset(Kind::AiProvider, things) => index.reset_providers(things.iter().map(|t| t.provider()).collect()),
        Event::Reset(_, things) => {
            let policies: Vec<_> = things.iter().map(|t| t.policy()).collect();
            index.reset_policies(&policies);
        }
    }
}

/// Versions of policy and keys of each caller, and everything that is wrong.
fn outcome(index: &mut Index) -> Vec<String> {
    let mut all: Vec<String> = index.problems().iter().map(ToString::to_string).collect();
    for namespace in NAMESPACES {
        let effective = index.effective(&caller(namespace));
        all.push(format!("{namespace} {} {}", effective.snapshot.version, effective.keys.version));
        let decoded = sidegate_wire::decode_snapshot(&effective.snapshot.version, &effective.snapshot.bytes);
        assert_eq!(decoded.expect("what is pushed can be read"), effective.snapshot.snapshot);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_objects_give_the_same_policies_whatever_the_order(
        events in vec(event(), 0..40),
        looks in vec(any::<bool>(), 40),
        order in any::<u64>(),
    ) {
        let mut lived = index();
        for (event, look) in events.iter().zip(&looks) {
            follow(&mut lived, event);
            if *look {
                // What was asked for in between must not matter.
                lived.effective(&caller("shop"));
            }
        }
        let mut last: Vec<Thing> = replay(&events).into_values().collect();
        // Any order will do, so a cheap shuffle does.
        last.sort_by_key(|t| order.wrapping_mul(u64::from(t.number) * 31 + t.namespace as u64 * 7 + t.kind as u64 + 1));
        let mut fresh = index();
        for thing in last {
            thing.apply(&mut fresh);
        }
        prop_assert_eq!(outcome(&mut lived), outcome(&mut fresh));
    }
}

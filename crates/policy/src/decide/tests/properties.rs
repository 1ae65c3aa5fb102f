//! What is true of every decision under every policy.

use proptest::prelude::*;

use crate::call::Dialect;
use crate::meta::{Rank, Specificity};
use crate::plan::{Plan, Rule};
use crate::provider::Provider;
use crate::snapshot::{Mode, ModelList, ProviderSlot, Route, Target};
use crate::testing::{World, call, globs, list, provider, route, target, world};

const MODELS: [&str; 5] = ["a", "ab", "b", "fast", "x"];
const GLOBS: [&str; 7] = ["*", "a*", "*b", "a", "b", "fast", "nothing"];

fn model() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&MODELS[..])
}

fn some_globs() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(&GLOBS[..]), 0..4)
}

fn rank() -> impl Strategy<Value = Rank> {
    let specificity =
        prop::sample::select(&[Specificity::Cluster, Specificity::OwnNamespace, Specificity::Workload][..]);
    (any::<bool>(), specificity).prop_map(|(platform, specificity)| Rank { platform, specificity })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::DryRun)]
}

fn some_list() -> impl Strategy<Value = ModelList> {
    (some_globs(), rank(), mode()).prop_map(|(texts, rank, mode)| ModelList { rank, mode, ..list("l", &texts) })
}

fn some_target() -> impl Strategy<Value = Target> {
    let slot = prop_oneof![
        6 => (0..4_usize).prop_map(ProviderSlot::At),
        1 => Just(ProviderSlot::Missing { namespace: "n".into(), name: "gone".into() }),
        1 => Just(ProviderSlot::NotAccessible { namespace: "n".into(), name: "closed".into() }),
    ];
    (slot, prop_oneof![Just(""), model()], 0..3_u32, 0..3_u8).prop_map(|(slot, model, weight, priority)| Target {
        provider: slot,
        priority,
        weight,
        ..target(0, model)
    })
}

fn some_route() -> impl Strategy<Value = Route> {
    (some_globs(), prop::collection::vec(some_target(), 1..5), rank(), mode())
        .prop_map(|(texts, targets, rank, mode)| Route { rank, mode, ..route("r", &texts, targets) })
}

fn some_provider(index: usize) -> impl Strategy<Value = Provider> {
    let dialect = prop_oneof![3 => Just(Dialect::OpenAi), 1 => Just(Dialect::Gemini)];
    let namespace = prop_oneof![Just("shop"), Just("sidegate-system")];
    (dialect, namespace, prop::collection::vec(0..3_u32, 0..3)).prop_map(move |(dialect, namespace, weights)| {
        let names = ["x", "y", "z"];
        let credentials: Vec<(&str, u32)> = names.into_iter().zip(weights).collect();
        provider(&format!("p{index}")).in_namespace(namespace).speaking(dialect).with_credentials(&credentials)
    })
}

fn some_world() -> impl Strategy<Value = World> {
    let providers = (some_provider(0), some_provider(1), some_provider(2), some_provider(3));
    let routes = prop::collection::vec(some_route(), 0..4);
    let lists = (prop::collection::vec(some_list(), 0..2), prop::collection::vec(some_list(), 0..2));
    let out = prop::collection::vec((0..4_usize, prop::sample::select(&["x", "y", ""][..]), model(), 1..4_u32), 0..4);
    let keys = prop::collection::vec(any::<bool>(), 12);
    (providers, routes, lists, out, keys, prop::option::of((0..4_usize, model()))).prop_map(
        |((a, b, c, d), routes, (allow, deny), out, keys, pin)| {
            let mut world = world(vec![a, b, c, d]);
            (world.snapshot.routes, world.snapshot.allow, world.snapshot.deny) = (routes, allow, deny);
            world.keys.iter_mut().flatten().zip(keys).for_each(|(here, key)| *here = key);
            let name = |world: &World, i: usize| world.snapshot.providers[i].key.to_string();
            for (index, credential, model, strikes) in out {
                let provider = name(&world, index);
                world = world.suspend(&provider, credential, model, strikes);
            }
            match pin {
                Some((index, model)) => {
                    let provider = name(&world, index);
                    world.pinned_to(&provider, "x", model)
                }
                None => world,
            }
        },
    )
}

/// The targets of the rule that won.
fn targets(world: &World, plan: &Plan) -> Option<Vec<Target>> {
    match plan.rule {
        Rule::Route(index) => Some(world.snapshot.routes[index].targets.clone()),
        Rule::Accessible => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    /// A plan has a place to go to; every target of its rule is in it or left out with a reason, once.
    #[test]
    fn every_target_is_accounted_for(world in some_world(), model in model(), draw in any::<u64>()) {
        if let Ok(plan) = world.decide(&call(model), draw) {
            prop_assert!(!plan.candidates.is_empty());
            if let Some(targets) = targets(&world, &plan) {
                prop_assert_eq!(plan.candidates.len() + plan.left_out.len(), targets.len());
            }
        }
    }

    /// No place in a plan is forbidden, of another dialect, drained, or without its credential.
    #[test]
    fn every_candidate_can_be_used(world in some_world(), model in model(), draw in any::<u64>()) {
        let Ok(plan) = world.decide(&call(model), draw) else { return Ok(()) };
        let enforced = |l: &&ModelList| l.mode == Mode::Enforce;
        for candidate in &plan.candidates {
            let provider = &world.snapshot.providers[candidate.provider];
            prop_assert_eq!(provider.dialect, Dialect::OpenAi);
            for list in world.snapshot.deny.iter().filter(enforced) {
                prop_assert!(!list.globs.iter().any(|g| g.matches(&candidate.model) || g.matches(model)));
            }
            for list in world.snapshot.allow.iter().filter(enforced) {
                prop_assert!(list.globs.iter().any(|g| g.matches(model)));
                if let Rule::Route(route) = plan.rule {
                    let bound = list.rank.bounds(world.snapshot.routes[route].rank);
                    prop_assert!(!bound || list.globs.iter().any(|g| g.matches(&candidate.model)));
                }
            }
            prop_assert_eq!(candidate.credentials.is_empty(), provider.credentials.is_empty());
            for index in &candidate.credentials {
                prop_assert!(world.keys[candidate.provider][*index] && provider.credentials[*index].weight > 0);
            }
        }
    }

    /// Priorities never go down along a plan, but for a place that a conversation is pinned to.
    #[test]
    fn priorities_are_finished_in_order(mut world in some_world(), model in model(), draw in any::<u64>()) {
        world.pin = None;
        if let Ok(plan) = world.decide(&call(model), draw) {
            prop_assert!(plan.candidates.is_sorted_by_key(|c| c.priority));
            prop_assert!(!plan.pinned);
        }
    }

    /// A pin changes the order and nothing else.
    #[test]
    fn a_pin_admits_nothing_and_refuses_nothing(mut world in some_world(), model in model(), draw in any::<u64>()) {
        let pinned = world.decide(&call(model), draw);
        world.pin = None;
        let free = world.decide(&call(model), draw);
        match (pinned, free) {
            (Ok(pinned), Ok(free)) => {
                let places = |plan: &Plan| {
                    let mut places: Vec<_> = plan.candidates.iter().map(|c| (c.provider, c.model.clone(), c.priority)).collect();
                    places.sort();
                    places
                };
                prop_assert_eq!(places(&pinned), places(&free));
                prop_assert_eq!((pinned.rule, pinned.left_out, pinned.lost), (free.rule, free.left_out, free.lost));
            }
            (pinned, free) => prop_assert_eq!(pinned, free),
        }
    }

    /// A place that is out never refuses a call: some place is tried as long as there is one.
    #[test]
    fn circuits_refuse_nothing(mut world in some_world(), model in model(), draw in any::<u64>()) {
        let with = world.decide(&call(model), draw).is_ok();
        world.suspensions.0.clear();
        prop_assert_eq!(with, world.decide(&call(model), draw).is_ok());
    }

    /// Objects in dry run change nothing but what is told about them.
    #[test]
    fn a_dry_run_changes_nothing(mut world in some_world(), model in model(), draw in any::<u64>()) {
        let mut with = world.decide(&call(model), draw);
        for route in &mut world.snapshot.routes {
            if route.mode == Mode::DryRun {
                // Not removed, so that indices stay what they are.
                route.matches[0].models = globs(&["never-asked-for"]);
            }
        }
        world.snapshot.allow.retain(|l| l.mode == Mode::Enforce);
        world.snapshot.deny.retain(|l| l.mode == Mode::Enforce);
        let mut without = world.decide(&call(model), draw);
        for plan in [&mut with, &mut without].into_iter().filter_map(|d| d.as_mut().ok()) {
            plan.dry_run = None;
        }
        prop_assert_eq!(with, without);
    }
}

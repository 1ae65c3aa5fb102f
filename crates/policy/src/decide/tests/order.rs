//! The order in which places are tried.

use crate::testing::{World, call, provider, route, target, world};

const DRAWS: u64 = 20_000;

/// How often each of the values came, as a share of all draws.
fn shares<const N: usize>(of: impl Fn(u64) -> usize) -> [f64; N] {
    let mut counts = [0.0; N];
    (0..DRAWS).for_each(|draw| counts[of(draw)] += 1.0);
    counts.map(|c| c / DRAWS as f64)
}

#[track_caller]
fn near(shares: &[f64], expected: &[f64]) {
    for (share, expected) in shares.iter().zip(expected) {
        assert!((share - expected).abs() < 0.015, "{shares:?} instead of {expected:?}");
    }
}

fn weighted() -> World {
    let providers = vec![provider("a"), provider("b"), provider("c")];
    let targets = vec![target(0, "m").weighing(70), target(1, "m").weighing(20), target(2, "m").weighing(10)];
    world(providers).route(route("fast", &["fast"], targets))
}

fn order(world: &World, draw: u64) -> Vec<usize> {
    world.decide(&call("fast"), draw).unwrap().candidates.iter().map(|c| c.provider).collect()
}

#[test]
fn targets_of_one_priority_come_first_by_their_weights() {
    let world = weighted();
    near(&shares::<3>(|draw| order(&world, draw)[0]), &[0.7, 0.2, 0.1]);
}

#[test]
fn the_next_one_is_drawn_by_weight_among_the_rest() {
    let world = weighted();
    let after_a: Vec<u64> = (0..DRAWS).filter(|draw| order(&world, *draw)[0] == 0).collect();
    let b = after_a.iter().filter(|draw| order(&world, **draw)[1] == 1).count();
    near(&[b as f64 / after_a.len() as f64], &[2.0 / 3.0]);
}

#[test]
fn every_target_is_in_the_plan_once() {
    let world = weighted();
    for draw in 0..100 {
        let mut all = order(&world, draw);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    }
}

#[test]
fn the_same_draw_gives_the_same_plan() {
    let world = weighted();
    for draw in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
        assert_eq!(world.decide(&call("fast"), draw), world.decide(&call("fast"), draw));
    }
}

#[test]
fn a_priority_is_finished_before_the_next() {
    let targets = vec![
        target(0, "last").at_priority(9),
        target(1, "first").at_priority(0).weighing(1),
        target(2, "middle").at_priority(5).weighing(1_000_000),
        target(0, "second").at_priority(0).weighing(1_000_000),
    ];
    let world = world(vec![provider("a"), provider("b"), provider("c")]).route(route("fast", &["fast"], targets));
    for draw in 0..200 {
        let priorities: Vec<u8> =
            world.decide(&call("fast"), draw).unwrap().candidates.iter().map(|c| c.priority).collect();
        assert_eq!(priorities, [0, 0, 5, 9]);
    }
}

#[test]
fn credentials_share_the_load_by_their_weights() {
    let three = provider("a").with_credentials(&[("x", 3), ("y", 1), ("z", 6)]);
    let world = world(vec![three]);
    let first = |draw| world.decide(&call("m"), draw).unwrap().candidates[0].credentials[0];
    near(&shares::<3>(first), &[0.3, 0.1, 0.6]);
}

#[test]
fn targets_and_credentials_are_drawn_independently() {
    let two = |name| provider(name).with_credentials(&[("x", 1), ("y", 1)]);
    let targets = vec![target(0, "m"), target(1, "m")];
    let world = world(vec![two("a"), two("b")]).route(route("fast", &["fast"], targets));
    let pair = |draw| {
        let plan = world.decide(&call("fast"), draw).unwrap();
        2 * plan.candidates[0].provider + plan.candidates[0].credentials[0]
    };
    near(&shares::<4>(pair), &[0.25; 4]);
}

#[test]
fn a_conversation_stays_on_its_target_and_credential() {
    let two = |name| provider(name).with_credentials(&[("x", 1), ("y", 1)]);
    let targets = vec![target(0, "m").weighing(1_000_000), target(1, "m"), target(1, "n")];
    let world = world(vec![two("a"), two("b")]).route(route("fast", &["fast"], targets)).pinned_to(
        "sidegate-system/b",
        "y",
        "n",
    );
    for draw in 0..100 {
        let plan = world.decide(&call("fast"), draw).unwrap();
        let first = &plan.candidates[0];
        assert_eq!((first.provider, &*first.model, first.credentials[0]), (1, "n", 1));
        assert_eq!((plan.pinned, plan.candidates.len(), first.credentials.len()), (true, 3, 2));
    }
}

#[test]
fn a_conversation_that_began_at_a_fallback_stays_there() {
    let targets = vec![target(0, "m"), target(1, "m").at_priority(1)];
    let world = world(vec![provider("a"), provider("b")]).route(route("fast", &["fast"], targets)).pinned_to(
        "sidegate-system/b",
        "a",
        "m",
    );
    let plan = world.plan("fast");
    assert_eq!(plan.candidates.iter().map(|c| c.provider).collect::<Vec<_>>(), [1, 0]);
    assert!(plan.pinned);
}

#[test]
fn a_pin_moves_its_place_and_leaves_the_others_in_their_order() {
    let world = weighted();
    for draw in 0..100 {
        let mut expected = order(&world, draw);
        expected.retain(|p| *p != 2);
        expected.insert(0, 2);
        let pinned = weighted().pinned_to("sidegate-system/c", "a", "m");
        assert_eq!(order(&pinned, draw), expected);
    }
}

#[test]
fn a_place_that_is_out_or_gone_does_not_hold_its_conversation() {
    let gone = weighted().pinned_to("sidegate-system/removed", "a", "m");
    let other_model = weighted().pinned_to("sidegate-system/c", "a", "old-model");
    let out = weighted().suspend("sidegate-system/c", "a", "m", 1).pinned_to("sidegate-system/c", "a", "m");
    for world in [gone, other_model, out] {
        assert!(!world.plan("fast").pinned);
    }
}

#[test]
fn a_conversation_whose_credential_is_gone_stays_with_the_provider_and_is_not_called_pinned() {
    let world = weighted().pinned_to("sidegate-system/c", "rotated", "m");
    let plan = world.plan("fast");
    assert_eq!((plan.candidates[0].provider, plan.pinned), (2, false));
}

#[test]
fn a_conversation_at_a_provider_without_credentials_stays_there() {
    let world = world(vec![provider("a"), provider("b").with_credentials(&[])])
        .route(route("fast", &["fast"], vec![target(0, "m").weighing(1_000_000), target(1, "m")]))
        .pinned_to("sidegate-system/b", "", "m");
    let plan = world.plan("fast");
    assert_eq!((plan.candidates[0].provider, plan.pinned), (1, true));
}

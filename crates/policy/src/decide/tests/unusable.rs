//! Targets that cannot be used: why each is left out, and what is told when none is left.

use crate::call::Dialect;
use crate::plan::{LeftOut, WhyLeft};
use crate::refusal::{Class, Reason};
use crate::snapshot::{ProviderSlot, Target};
use crate::testing::{World, call, list, meta, provider, route, target, world};

/// `fast` leads to the given target, and to one at `sidegate-system/good` that can be used.
fn beside_a_good_one(world: World, tried: Target) -> World {
    let good = world.snapshot.providers.iter().position(|p| &*p.name == "good").unwrap();
    world.route(route("fast", &["fast"], vec![tried, target(good, "good-model")]))
}

fn slot(slot: ProviderSlot) -> Target {
    Target { provider: slot, ..target(0, "m") }
}

#[track_caller]
fn left_out(world: &World, why: WhyLeft, provider: &str) {
    let plan = world.plan("fast");
    assert_eq!(plan.candidates.iter().map(|c| &*c.model).collect::<Vec<_>>(), ["good-model"]);
    assert_eq!(plan.left_out, [LeftOut { provider: provider.into(), model: "m".into(), why }]);
}

#[test]
fn a_provider_that_does_not_exist() {
    let missing = slot(ProviderSlot::Missing { namespace: "shop".into(), name: "gone".into() });
    left_out(&beside_a_good_one(world(vec![provider("good")]), missing), WhyLeft::ProviderMissing, "shop/gone");
}

#[test]
fn a_provider_that_does_not_serve_the_caller() {
    let closed = slot(ProviderSlot::NotAccessible { namespace: "team".into(), name: "private".into() });
    left_out(&beside_a_good_one(world(vec![provider("good")]), closed), WhyLeft::NotAccessible, "team/private");
}

#[test]
fn a_provider_none_of_whose_credentials_is_here() {
    let world = world(vec![provider("bad"), provider("good")]).without_keys_of(0);
    left_out(&beside_a_good_one(world, target(0, "m")), WhyLeft::NoCredential, "sidegate-system/bad");
}

#[test]
fn a_provider_of_which_nothing_is_known_yet() {
    let mut world = world(vec![provider("good"), provider("bad")]);
    world.keys.truncate(1);
    left_out(&beside_a_good_one(world, target(1, "m")), WhyLeft::NoCredential, "sidegate-system/bad");
}

#[test]
fn a_target_of_weight_zero() {
    let world = world(vec![provider("bad"), provider("good")]);
    left_out(&beside_a_good_one(world, target(0, "m").weighing(0)), WhyLeft::Drained, "sidegate-system/bad");
}

#[test]
fn a_provider_whose_credentials_all_have_weight_zero() {
    let bad = provider("bad").with_credentials(&[("a", 0), ("b", 0)]);
    let world = world(vec![bad, provider("good")]);
    left_out(&beside_a_good_one(world, target(0, "m")), WhyLeft::Drained, "sidegate-system/bad");
}

#[test]
fn a_provider_of_another_dialect() {
    let world = world(vec![provider("bad").speaking(Dialect::Gemini), provider("good")]);
    left_out(&beside_a_good_one(world, target(0, "m")), WhyLeft::OtherDialect, "sidegate-system/bad");
}

#[test]
fn a_denied_model() {
    let world = world(vec![provider("bad"), provider("good")]).deny(list("shut", &["m"]));
    let why = WhyLeft::Denied(meta("shut", "spec.models"));
    left_out(&beside_a_good_one(world, target(0, "m")), why, "sidegate-system/bad");
}

#[test]
fn a_place_that_is_out() {
    let world = world(vec![provider("bad"), provider("good")]).suspend("sidegate-system/bad", "a", "m", 1);
    left_out(&beside_a_good_one(world, target(0, "m")), WhyLeft::Suspended, "sidegate-system/bad");
}

#[test]
fn a_provider_without_credentials_needs_none() {
    let world = world(vec![provider("vllm").with_credentials(&[])]);
    assert!(world.plan("llama").candidates[0].credentials.is_empty());
}

#[test]
fn credentials_that_are_missing_or_drained_are_not_tried() {
    let some = provider("openai").with_credentials(&[("a", 1), ("b", 0), ("c", 1), ("d", 1)]);
    let mut world = world(vec![some]);
    world.keys[0] = vec![true, true, false, true];
    let mut tried = world.plan("gpt-4o").candidates[0].credentials.clone();
    tried.sort_unstable();
    assert_eq!(tried, [0, 3]);
}

#[test]
fn no_credential_outweighs_every_other_reason() {
    let world = world(vec![provider("a"), provider("b"), provider("c").speaking(Dialect::Gemini)])
        .without_keys_of(0)
        .deny(list("shut", &["denied"]))
        .route(route("fast", &["fast"], vec![target(2, "x"), target(1, "denied"), target(0, "m")]));
    let refusal = world.refusal("fast");
    assert_eq!((refusal.class, refusal.reason), (Class::ProviderAuth, Some(Reason::NoCredential)));
    assert_eq!(refusal.rule, Some(meta("routes", "spec.routes[fast]")));
    assert!(refusal.message.contains("sidegate-system/a (no_credential)"), "{}", refusal.message);
}

#[test]
fn a_missing_or_drained_target_alone_is_not_ready_either() {
    let missing = slot(ProviderSlot::Missing { namespace: "shop".into(), name: "gone".into() });
    for only in [missing, target(0, "m").weighing(0)] {
        let world = world(vec![provider("a")]).route(route("fast", &["fast"], vec![only]));
        let refusal = world.refusal("fast");
        assert_eq!((refusal.class, refusal.reason), (Class::ProviderAuth, Some(Reason::NoCredential)));
    }
}

#[test]
fn a_target_that_is_closed_to_the_caller_alone_forbids_the_model() {
    let closed = slot(ProviderSlot::NotAccessible { namespace: "team".into(), name: "private".into() });
    let world = world(vec![provider("a")]).route(route("fast", &["fast"], vec![closed]));
    assert_eq!(world.refusal("fast").class, Class::ModelNotAllowed);
}

#[test]
fn a_forbidden_target_outweighs_one_of_another_dialect() {
    let world = world(vec![provider("b"), provider("c").speaking(Dialect::Gemini)])
        .deny(list("shut", &["denied"]))
        .route(route("fast", &["fast"], vec![target(1, "x"), target(0, "denied")]));
    let refusal = world.refusal("fast");
    assert_eq!((refusal.class, refusal.reason), (Class::ModelNotAllowed, None));
    assert_eq!(refusal.rule, Some(meta("routes", "spec.routes[fast]")));
}

#[test]
fn only_targets_of_another_dialect_make_the_call_itself_wrong() {
    let world =
        world(vec![provider("c").speaking(Dialect::Gemini)]).route(route("fast", &["fast"], vec![target(0, "x")]));
    let refusal = world.refusal("fast");
    assert_eq!((refusal.class, refusal.reason), (Class::RequestInvalid, Some(Reason::OtherDialect)));
    assert!(refusal.message.contains("(OpenAI)"), "{}", refusal.message);
    assert!(world.decide(&call("fast").in_dialect(Dialect::Gemini), 0).is_ok());
}

#[test]
fn the_default_provider_without_its_credential_is_told_as_such() {
    let refusal = world(vec![provider("openai")]).without_keys_of(0).refusal("gpt-4o");
    assert_eq!((refusal.class, refusal.reason), (Class::ProviderAuth, Some(Reason::NoCredential)));
    assert_eq!(refusal.rule, None);
}

#[test]
fn when_all_places_are_out_the_one_with_the_fewest_strikes_is_tried() {
    let world = world(vec![provider("a"), provider("b"), provider("c")])
        .suspend("sidegate-system/a", "a", "m", 3)
        .suspend("sidegate-system/b", "a", "m", 1)
        .suspend("sidegate-system/c", "a", "m", 2)
        .route(route("fast", &["fast"], vec![target(0, "m"), target(1, "m"), target(2, "m")]));
    let plan = world.plan("fast");
    assert_eq!(plan.candidates.len(), 1);
    assert_eq!((plan.candidates[0].provider, plan.candidates[0].suspended), (1, true));
    assert_eq!(plan.left_out.iter().filter(|l| l.why == WhyLeft::Suspended).count(), 2);
}

#[test]
fn a_healthy_fallback_is_used_before_the_least_bad_primary() {
    let world = world(vec![provider("a"), provider("b")]).suspend("sidegate-system/a", "a", "m", 1).route(route(
        "fast",
        &["fast"],
        vec![target(0, "m"), target(1, "m").at_priority(1)],
    ));
    let plan = world.plan("fast");
    assert_eq!((plan.candidates.len(), plan.candidates[0].provider, plan.candidates[0].suspended), (1, 1, false));
}

#[test]
fn a_credential_that_is_out_is_skipped_as_long_as_another_is_in() {
    let two = provider("a").with_credentials(&[("x", 1), ("y", 1)]);
    let world = world(vec![two]).suspend("sidegate-system/a", "x", "", 5);
    let plan = world.plan("m");
    assert_eq!((plan.candidates[0].credentials.as_slice(), plan.candidates[0].suspended), ([1].as_slice(), false));
    let world = world.suspend("sidegate-system/a", "y", "m", 9);
    let plan = world.plan("m");
    assert_eq!((plan.candidates[0].credentials.as_slice(), plan.candidates[0].suspended), ([0].as_slice(), true));
}

#[test]
fn a_circuit_of_one_model_leaves_the_others_in() {
    let world = world(vec![provider("a")]).suspend("sidegate-system/a", "a", "broken", 1);
    assert!(!world.plan("fine").candidates[0].suspended);
    assert!(world.plan("broken").candidates[0].suspended);
}

#[test]
fn a_provider_without_credentials_has_a_circuit_too() {
    let world = world(vec![provider("a").with_credentials(&[]), provider("b")])
        .suspend("sidegate-system/a", "", "m", 1)
        .route(route("fast", &["fast"], vec![target(0, "m"), target(1, "m")]));
    assert_eq!(world.plan("fast").candidates.iter().map(|c| c.provider).collect::<Vec<_>>(), [1]);
}

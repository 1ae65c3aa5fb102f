//! Which rule a call goes by.

use crate::call::Dialect;
use crate::plan::{Lost, LostBecause, Rule};
use crate::refusal::Class;
use crate::snapshot::Match;
use crate::testing::{call, globs, provider, route, target, world};

#[test]
fn the_first_route_that_matches_wins_and_the_others_are_told() {
    let world = world(vec![provider("openai")])
        .route(route("other", &["claude-*"], vec![target(0, "x")]))
        .route(route("first", &["gpt-*"], vec![target(0, "one")]))
        .route(route("second", &["gpt-4o"], vec![target(0, "two")]));
    let plan = world.plan("gpt-4o");
    assert_eq!(plan.rule, Rule::Route(1));
    assert_eq!(&*plan.candidates[0].model, "one");
    assert_eq!(plan.lost, [Lost { route: 2, why: LostBecause::Outranked }]);
}

#[test]
fn a_route_that_asks_for_a_header_needs_its_exact_value() {
    let world = world(vec![provider("openai")])
        .route(route("gold", &["fast"], vec![target(0, "big")]).asking("x-tier", "gold"))
        .route(route("all", &["fast"], vec![target(0, "small")]));
    let rule = |call| world.decide(&call, 0).unwrap().rule;
    assert_eq!(rule(call("fast").carrying("x-tier", "gold")), Rule::Route(0));
    assert_eq!(rule(call("fast").carrying("x-tier", "golden")), Rule::Route(1));
    assert_eq!(rule(call("fast").carrying("x-tier", "Gold")), Rule::Route(1));
    assert_eq!(rule(call("fast")), Rule::Route(1));
    assert_eq!(world.plan("fast").lost, [Lost { route: 0, why: LostBecause::HeaderMissing }]);
}

#[test]
fn all_headers_of_one_entry_are_needed_and_one_entry_is_enough() {
    let mut both = route("both", &["fast"], vec![target(0, "big")]).asking("x-a", "1").asking("x-b", "2");
    both.matches.push(Match { models: globs(&["slow"]), headers: Vec::new() });
    let world = world(vec![provider("openai")]).route(both);
    let rule = |call| world.decide(&call, 0).unwrap().rule;
    assert_eq!(rule(call("fast").carrying("x-a", "1")), Rule::Accessible);
    assert_eq!(rule(call("fast").carrying("x-a", "1").carrying("x-b", "2")), Rule::Route(0));
    assert_eq!(rule(call("slow")), Rule::Route(0));
}

#[test]
fn an_entry_without_models_means_any_model() {
    let mut any = route("any", &[], vec![target(0, "")]);
    any.matches = vec![Match::default()];
    let world = world(vec![provider("openai")]).route(any);
    assert_eq!(world.plan("whatever").rule, Rule::Route(0));
}

#[test]
fn a_target_without_a_model_is_asked_for_the_same_one() {
    let world = world(vec![provider("openai")]).route(route("gpt", &["gpt-*"], vec![target(0, "")]));
    assert_eq!(world.models("gpt-4o"), ["gpt-4o"]);
}

#[test]
fn a_route_of_another_model_has_no_part_in_it() {
    let world = world(vec![provider("openai")]).route(route("claude", &["claude-*"], vec![target(0, "x")]));
    let plan = world.plan("gpt-4o");
    assert_eq!((plan.rule, plan.lost.len()), (Rule::Accessible, 0));
}

#[test]
fn without_a_route_the_callers_own_namespace_comes_first() {
    let own = provider("own").in_namespace("shop");
    let world = world(vec![provider("shared"), own]);
    let plan = world.plan("gpt-4o");
    assert_eq!((plan.rule, plan.candidates.len(), plan.candidates[0].provider), (Rule::Accessible, 1, 1));
    assert_eq!(&*plan.candidates[0].model, "gpt-4o");
}

#[test]
fn without_a_route_the_first_provider_of_the_dialect_is_it() {
    let own = provider("own").in_namespace("shop").speaking(Dialect::Anthropic);
    let world = world(vec![own, provider("first"), provider("second")]);
    assert_eq!(world.plan("gpt-4o").candidates[0].provider, 1);
    let claude = world.decide(&call("claude").in_dialect(Dialect::Anthropic), 0).unwrap();
    assert_eq!(claude.candidates[0].provider, 0);
}

#[test]
fn without_a_route_and_a_provider_of_the_dialect_nobody_serves_the_model() {
    let world = world(vec![provider("openai")]);
    let refusal = world.decide(&call("gemini-x").in_dialect(Dialect::Gemini), 0).unwrap_err();
    assert_eq!((refusal.class, refusal.rule), (Class::ModelNotAllowed, None));
}

#[test]
fn a_call_never_goes_outside_the_route_that_won() {
    let world = world(vec![provider("openai"), provider("other")])
        .without_keys_of(0)
        .route(route("only", &["gpt-*"], vec![target(0, "")]))
        .route(route("next", &["gpt-*"], vec![target(1, "")]));
    assert_eq!(world.refusal("gpt-4o").class, Class::ProviderAuth);
}

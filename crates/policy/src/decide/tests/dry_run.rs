//! What objects in dry run would have done, which is told and never done.

use crate::plan::{DryRun, Rule};
use crate::refusal::Class;
use crate::testing::{list, meta, provider, route, target, world};

#[test]
fn without_objects_in_dry_run_nothing_is_told() {
    let world = world(vec![provider("openai")]).deny(list("shut", &["o3"]));
    assert_eq!(world.plan("gpt-4o").dry_run, None);
}

#[test]
fn a_list_in_dry_run_refuses_nothing_and_tells_that_it_would() {
    let world = world(vec![provider("openai")]).deny(list("soon", &["gpt-3*"]).in_dry_run());
    let rule = Some(meta("soon", "spec.models"));
    assert_eq!(world.plan("gpt-3.5").dry_run, Some(DryRun::Refused { class: Class::ModelNotAllowed, rule }));
    assert_eq!(world.plan("gpt-4o").dry_run, Some(DryRun::Same));
}

#[test]
fn a_list_of_allowed_models_in_dry_run_allows_everything_still() {
    let world = world(vec![provider("openai")]).allow(list("soon", &["fast"]).in_dry_run());
    assert!(matches!(world.plan("gpt-4o").dry_run, Some(DryRun::Refused { .. })));
}

#[test]
fn a_route_in_dry_run_routes_nothing_and_tells_where_it_would() {
    let world = world(vec![provider("a"), provider("b")])
        .route(route("new", &["fast"], vec![target(1, "y")]).in_dry_run())
        .route(route("old", &["fast"], vec![target(0, "x")]));
    let plan = world.plan("fast");
    assert_eq!((plan.rule, &*plan.candidates[0].model), (Rule::Route(1), "x"));
    assert!(plan.lost.is_empty(), "a route in dry run takes no part, not even as a loser");
    assert_eq!(plan.dry_run, Some(DryRun::Routed { rule: Some(meta("routes", "spec.routes[new]")) }));
}

#[test]
fn a_route_in_dry_run_without_a_usable_target_is_told_as_a_refusal() {
    let world = world(vec![provider("a"), provider("b")])
        .without_keys_of(1)
        .route(route("new", &["fast"], vec![target(1, "y")]).in_dry_run());
    let rule = Some(meta("routes", "spec.routes[new]"));
    assert_eq!(world.plan("fast").dry_run, Some(DryRun::Refused { class: Class::ProviderAuth, rule }));
}

#[test]
fn objects_in_dry_run_rescue_no_call_that_is_refused() {
    let world =
        world(vec![]).route(route("new", &["fast"], vec![target(0, "y")]).in_dry_run()).deny(list("shut", &["fast"]));
    assert_eq!(world.refusal("fast").class, Class::ModelNotAllowed);
}

//! Allowed and denied models.

use crate::call::{Call, Fallbacks};
use crate::meta::{Rank, Specificity};
use crate::plan::{Rule, WhyLeft};
use crate::refusal::Class;
use crate::testing::{call, list, meta, platform, provider, route, target, tenant, world};

#[test]
fn without_lists_every_model_is_allowed() {
    let plan = world(vec![provider("openai")]).plan("anything");
    assert_eq!((plan.rule, plan.candidates.len()), (Rule::Accessible, 1));
}

#[test]
fn a_denied_model_is_refused_by_the_rule_that_denies_it() {
    let world = world(vec![provider("openai")]).deny(list("strict", &["gpt-3*"]));
    let refusal = world.refusal("gpt-3.5-turbo");
    assert_eq!((refusal.class, refusal.reason), (Class::ModelNotAllowed, None));
    assert_eq!(refusal.rule, Some(meta("strict", "spec.models")));
    assert!(refusal.message.contains("`gpt-3.5-turbo`") && refusal.message.contains("AIPolicy/ns/strict spec.models"));
    assert_eq!(refusal.retry_after, None);
    assert!(world.decide(&crate::testing::call("gpt-4o"), 0).is_ok());
}

#[test]
fn what_the_provider_may_answer_with_instead_is_held_to_the_lists_too() {
    let world = world(vec![provider("router")]).allow(list("team", &["gpt-*"])).deny(list("strict", &["gpt-5*"]));
    let with = |others: &[&str]| {
        let named = others.iter().map(|o| (*o).into()).collect();
        Call { fallbacks: Fallbacks { named, open: false }, ..call("gpt-4o") }
    };
    assert!(world.decide(&with(&["gpt-4o-mini"]), 0).is_ok());
    for (others, rule) in [(&["gpt-4o-mini", "claude-opus"], "team"), (&["gpt-4o-mini", "gpt-5"], "strict")] {
        let refusal = world.decide(&with(others), 0).unwrap_err();
        assert_eq!((refusal.class, refusal.rule), (Class::ModelNotAllowed, Some(meta(rule, "spec.models"))));
        assert!(refusal.message.contains(others[1]), "{}", refusal.message);
    }
}

#[test]
fn a_choice_that_is_left_to_the_provider_is_allowed_where_no_list_is() {
    let open = Call { fallbacks: Fallbacks { open: true, ..Fallbacks::default() }, ..call("gpt-4o") };
    let free = || world(vec![provider("router")]);
    assert!(free().decide(&open, 0).is_ok());
    assert!(free().allow(list("tried", &["x"]).in_dry_run()).decide(&open, 0).is_ok());
    for listed in [free().allow(list("some", &["gpt-*"])), free().deny(list("some", &["o1"]))] {
        let refusal = listed.decide(&open, 0).unwrap_err();
        assert_eq!((refusal.class, refusal.rule), (Class::ModelNotAllowed, Some(meta("some", "spec.models"))));
    }
}

#[test]
fn a_model_must_be_in_every_list_of_allowed_ones() {
    let world = world(vec![provider("openai")])
        .allow(list("cluster", &["gpt-*"]))
        .allow(list("team", &["*-mini"]).of_rank(tenant()));
    assert_eq!(world.models("gpt-4o-mini"), ["gpt-4o-mini"]);
    assert_eq!(world.refusal("gpt-4o").rule, Some(meta("team", "spec.models")));
    assert_eq!(world.refusal("claude-mini").rule, Some(meta("cluster", "spec.models")));
}

#[test]
fn an_empty_list_of_allowed_models_allows_nothing() {
    let world = world(vec![provider("openai")]).allow(list("closed", &[]));
    assert_eq!(world.refusal("gpt-4o").class, Class::ModelNotAllowed);
}

#[test]
fn deny_outweighs_allow() {
    let world = world(vec![provider("openai")])
        .allow(list("open", &["gpt-4o"]))
        .deny(list("shut", &["gpt-4o"]).of_rank(tenant()));
    assert_eq!(world.refusal("gpt-4o").rule, Some(meta("shut", "spec.models")));
}

#[test]
fn a_tenants_route_cannot_reach_a_model_that_the_cluster_does_not_allow() {
    let world = world(vec![provider("openai")]).allow(list("cluster", &["fast", "gpt-4o-mini"])).route(route(
        "fast",
        &["fast"],
        vec![target(0, "gpt-4o"), target(0, "gpt-4o-mini")],
    ));
    let plan = world.plan("fast");
    assert_eq!(world.models("fast"), ["gpt-4o-mini"]);
    assert_eq!(plan.left_out.len(), 1);
    assert_eq!(&*plan.left_out[0].model, "gpt-4o");
    assert_eq!(plan.left_out[0].why, WhyLeft::NotAllowed(meta("cluster", "spec.models")));
}

#[test]
fn the_platforms_own_route_may_lead_where_callers_may_not_ask_directly() {
    let world = world(vec![provider("openai")])
        .allow(list("cluster", &["fast"]))
        .route(route("fast", &["fast"], vec![target(0, "gpt-4o")]).of_rank(platform()));
    assert_eq!(world.models("fast"), ["gpt-4o"]);
    assert_eq!(world.refusal("gpt-4o").class, Class::ModelNotAllowed);
}

#[test]
fn a_namespaces_list_does_not_bound_the_targets_of_the_platforms_route() {
    let world = world(vec![provider("openai")])
        .allow(list("team", &["fast"]).of_rank(tenant()))
        .route(route("fast", &["fast"], vec![target(0, "gpt-4o")]).of_rank(platform()));
    assert_eq!(world.models("fast"), ["gpt-4o"]);
}

#[test]
fn within_one_namespace_the_broader_list_bounds_the_closer_route() {
    let namespace = Rank { platform: false, specificity: Specificity::OwnNamespace };
    let world = world(vec![provider("openai")]).allow(list("team", &["fast"]).of_rank(namespace)).route(route(
        "fast",
        &["fast"],
        vec![target(0, "gpt-4o")],
    ));
    assert_eq!(world.refusal("fast").class, Class::ModelNotAllowed);
    let same = world.snapshot.routes[0].clone().of_rank(namespace);
    let mut world = world;
    world.snapshot.routes[0] = same;
    assert_eq!(world.models("fast"), ["gpt-4o"]);
}

#[test]
fn deny_is_held_against_every_target_whoever_routes_there() {
    let world = world(vec![provider("openai")])
        .deny(list("team", &["gpt-4o"]).of_rank(tenant()))
        .route(route("fast", &["fast"], vec![target(0, "gpt-4o"), target(0, "o3")]).of_rank(platform()));
    assert_eq!(world.models("fast"), ["o3"]);
    assert_eq!(world.plan("fast").left_out[0].why, WhyLeft::Denied(meta("team", "spec.models")));
}

#[test]
fn a_denied_alias_is_refused_whatever_its_targets() {
    let world = world(vec![provider("openai")]).deny(list("shut", &["fast"])).route(route(
        "fast",
        &["fast"],
        vec![target(0, "gpt-4o")],
    ));
    assert_eq!(world.refusal("fast").rule, Some(meta("shut", "spec.models")));
}

#[test]
fn the_refusal_names_models_that_would_work_and_routes_before_the_rest() {
    let openai = provider("openai").with_models(&["gpt-4o", "gpt-4o-mini", "o3"]);
    let world = world(vec![openai]).deny(list("shut", &["o3", "gpt-3*"])).route(route(
        "fast",
        &["zz-fast"],
        vec![target(0, "gpt-4o-mini")],
    ));
    let message = world.refusal("gpt-3.5").message;
    assert!(message.ends_with("Models that would work: zz-fast, gpt-4o, gpt-4o-mini."), "{message}");
}

#[test]
fn at_most_ten_names_are_shown() {
    let names: Vec<String> = (0..30).map(|i| format!("m{i:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = world(vec![provider("openai").with_models(&names)]).deny(list("shut", &["nope"]));
    let message = world.refusal("nope").message;
    assert!(message.ends_with("m08, m09, …."), "{message}");
    assert!(!message.contains("m10"));
}

#[test]
fn a_refusal_without_a_better_name_promises_none() {
    let message = world(vec![]).refusal("gpt-4o").message;
    assert_eq!(message, "No provider that this workload may use serves the model `gpt-4o`.");
}

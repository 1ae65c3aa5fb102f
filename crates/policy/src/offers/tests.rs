//! The names that are offered are exactly those that get a plan.

use crate::call::{Call, Dialect};
use crate::glob::Glob;
use crate::offers::names_that_work;
use crate::provider::{ModelMatch, PriceRule, Provider};
use crate::snapshot::Match;
use crate::testing::{World, call, globs, list, price, provider, route, target, tenant, world};

/// A provider with two entries and one listed price.
fn openai() -> Provider {
    let listed = PriceRule {
        model: "o3".into(),
        matches: ModelMatch::Equals("o3".into()),
        context_window: None,
        price: price(1, 1),
    };
    Provider { prices: [listed].into(), ..provider("openai").with_models(&["gpt-4o", "gpt-4o-mini", "ft:*"]) }
}

fn anthropic() -> Provider {
    provider("anthropic").speaking(Dialect::Anthropic).with_models(&["claude-x"])
}

#[test]
fn offered_are_entries_priced_models_and_the_names_of_routes() {
    let world = world(vec![openai()]).route(route("fast", &["fast", "any-*"], vec![target(0, "gpt-4o")]));
    assert_eq!(world.offered(Dialect::OpenAi), ["fast", "gpt-4o", "gpt-4o-mini", "o3"]);
    assert!(world.offers(Dialect::OpenAi).iter().all(|o| &*o.provider == "sidegate-system/openai"));
}

#[test]
fn each_dialect_is_offered_its_own() {
    let world = world(vec![openai(), anthropic()])
        .route(route("smart", &["smart"], vec![target(1, "claude-x")]))
        .route(route("both", &["both"], vec![target(0, "gpt-4o"), target(1, "claude-x").at_priority(1)]));
    assert_eq!(world.offered(Dialect::OpenAi), ["both", "gpt-4o", "gpt-4o-mini", "o3"]);
    assert_eq!(world.offered(Dialect::Anthropic), ["both", "claude-x", "smart"]);
    assert!(world.offered(Dialect::Gemini).is_empty());
}

#[test]
fn what_is_denied_or_not_allowed_is_not_offered() {
    let world = world(vec![openai()])
        .allow(list("cluster", &["gpt-*", "fast"]))
        .deny(list("team", &["gpt-4o"]).of_rank(tenant()))
        .route(route("fast", &["fast"], vec![target(0, "gpt-4o")]));
    assert_eq!(world.offered(Dialect::OpenAi), ["gpt-4o-mini"], "fast leads only to a denied model");
}

#[test]
fn nothing_is_offered_without_a_credential() {
    assert!(world(vec![openai()]).without_keys_of(0).offered(Dialect::OpenAi).is_empty());
}

#[test]
fn a_place_that_is_out_for_a_while_is_offered_still() {
    let world = world(vec![openai()]).suspend("sidegate-system/openai", "a", "", 3);
    assert_eq!(world.offered(Dialect::OpenAi).len(), 3);
}

#[test]
fn an_alias_that_needs_a_header_is_not_offered() {
    let world =
        world(vec![openai()]).route(route("gold", &["gold"], vec![target(0, "gpt-4o")]).asking("x-tier", "gold"));
    assert_eq!(world.offered(Dialect::OpenAi), ["gpt-4o", "gpt-4o-mini", "o3"]);
}

#[test]
fn an_alias_with_and_without_a_header_is_offered_once() {
    let mut either = route("either", &["fast"], vec![target(0, "gpt-4o")]).asking("x-tier", "gold");
    either.matches.push(Match { models: globs(&["fast"]), headers: Vec::new() });
    let world = world(vec![openai()]).route(either);
    assert_eq!(world.offered(Dialect::OpenAi), ["fast", "gpt-4o", "gpt-4o-mini", "o3"]);
}

#[test]
fn an_alias_of_a_route_in_dry_run_is_not_offered() {
    let world = world(vec![openai()]).route(route("soon", &["soon"], vec![target(0, "gpt-4o")]).in_dry_run());
    assert_eq!(world.offered(Dialect::OpenAi), ["gpt-4o", "gpt-4o-mini", "o3"]);
}

#[test]
fn a_name_that_only_another_provider_knows_is_offered_where_a_route_leads_there() {
    let vllm = provider("vllm").with_models(&["llama", "qwen"]);
    let without = world(vec![openai(), vllm]);
    assert_eq!(
        without.offered(Dialect::OpenAi),
        ["gpt-4o", "gpt-4o-mini", "o3"],
        "a call for llama would go to openai"
    );
    let with = without.route(route("local", &["llama*"], vec![target(1, "")]));
    assert_eq!(with.offered(Dialect::OpenAi), ["gpt-4o", "gpt-4o-mini", "llama", "o3"]);
}

#[test]
fn what_would_work_is_told_routes_first_then_entries_then_the_price_list() {
    let world = world(vec![openai()]).route(route("fast", &["zz"], vec![target(0, "gpt-4o")]));
    let names = |asked: &Call| names_that_work(&world.snapshot, asked, &world.caller, &world.conditions());
    assert_eq!(names(&call("nope")), ["zz", "gpt-4o", "gpt-4o-mini", "o3"]);
    assert!(names(&call("")).is_empty(), "a call that names no model is told nothing");
}

/// Every name that anyone might think of, asked for as an SDK would.
fn agree(world: &World) {
    for dialect in Dialect::ALL {
        let offered = world.offered(dialect);
        for name in &offered {
            let plan = world.decide(&call(name).in_dialect(dialect), 0);
            assert!(plan.is_ok(), "{name} is offered in {dialect:?} and refused");
        }
        for name in ["fast", "smart", "gpt-4o", "gpt-4o-mini", "o3", "claude-x"] {
            let known =
                world.snapshot.providers.iter().any(|p| {
                    p.dialect == dialect
                        && (p.models.iter().any(|m| m.name == Glob::Exact(name.into()))
                            || p.prices.iter().any(|r| *r.model == *name))
                }) || world.snapshot.routes.iter().any(|r| {
                    r.matches.iter().flat_map(|m| &m.models).any(|g| g.literal().is_some_and(|l| **l == *name))
                });
            let goes = world.decide(&call(name).in_dialect(dialect), 0).is_ok();
            assert_eq!(offered.iter().any(|o| o == name), known && goes, "{name} in {dialect:?}");
        }
    }
}

#[test]
fn offered_and_decided_agree() {
    let base = || {
        world(vec![openai(), anthropic()]).route(route("fast", &["fast"], vec![target(0, "gpt-4o")])).route(route(
            "smart",
            &["smart"],
            vec![target(1, "claude-x"), target(0, "o3")],
        ))
    };
    agree(&base());
    agree(&base().deny(list("d", &["gpt-4o", "smart"])));
    agree(&base().allow(list("a", &["fast", "claude-*"])));
    agree(&base().without_keys_of(0));
    agree(&base().without_keys_of(1));
    agree(&base().route(route("steal", &["gpt-*"], vec![target(1, "claude-x")])));
}

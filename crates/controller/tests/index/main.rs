//! Which effective policy a caller has: who may use what, who wins, what adds up, what is missing.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

mod classes;
mod objects;
mod order;
mod telemetry;
mod things;

use std::sync::Arc;

use objects::{caller, index, policy, provider, provider_aged, secret};
use serde_json::json;
use sidegate_controller::{Kind, ObjectName, Severity};
use sidegate_policy::{ProviderSlot, Specificity};

fn keyed(more: serde_json::Value) -> serde_json::Value {
    objects::merged(
        json!({"dialect": "OpenAI", "credentials": [{"name": "a", "secretRef": {"name": "s", "key": "k"}}]}),
        more,
    )
}

const ALL: fn() -> serde_json::Value = || json!({"access": {"namespaces": {"from": "All"}}});

#[test]
fn providers_come_own_namespace_first_then_the_oldest_then_by_name() {
    let mut index = index();
    index.apply_provider(provider_aged("sidegate-system", "young", 9, keyed(ALL())));
    index.apply_provider(provider_aged("sidegate-system", "b", 5, keyed(ALL())));
    index.apply_provider(provider_aged("sidegate-system", "a", 5, keyed(ALL())));
    index.apply_provider(provider_aged("shop", "own", 59, json!({"dialect": "OpenAI"})));
    let effective = index.effective(&caller("shop"));
    let names: Vec<&str> = effective.snapshot.snapshot.providers.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["own", "a", "b", "young"]);
}

#[test]
fn access_says_whose_pods_may_use_a_provider() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "same", json!({"dialect": "OpenAI"})));
    index.apply_provider(provider("sidegate-system", "all", keyed(ALL())));
    let selector =
        json!({"access": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"tier": "gold"}}}}});
    index.apply_provider(provider("sidegate-system", "gold", keyed(selector)));
    index.apply_provider(provider("bank", "other", json!({"dialect": "OpenAI"})));
    let names = |index: &mut sidegate_controller::Index, namespace: &str| -> Vec<String> {
        index.effective(&caller(namespace)).snapshot.snapshot.providers.iter().map(|p| p.name.to_string()).collect()
    };
    assert_eq!(names(&mut index, "shop"), ["all"]);
    index.apply_namespace("shop", [("tier".to_owned(), "gold".to_owned())].into());
    assert_eq!(names(&mut index, "shop"), ["all", "gold"]);
    assert_eq!(names(&mut index, "sidegate-system"), ["all", "same"]);
    assert_eq!(names(&mut index, "bank"), ["other", "all"]);
}

#[test]
fn lists_and_limits_add_up_and_routes_follow_by_rank() {
    let mut index = index();
    let rules = |name: &str| {
        json!({
            "models": {"allow": [name], "deny": ["x"]},
            "routes": [{"name": name, "matches": [{"models": [name]}], "targets": [{"provider": "p"}]}],
            "limits": [{"name": name, "per": [{"type": "Pod"}], "requests": 1, "window": "1m"}],
        })
    };
    index.apply_policy(&policy("sidegate-system", "cluster", rules("cluster")));
    index.apply_policy(&policy("shop", "own", rules("own")));
    index.apply_policy(&policy("bank", "foreign", rules("foreign")));
    let workload =
        objects::merged(rules("workload"), json!({"targetRefs": [{"kind": "Deployment", "name": "checkout"}]}));
    index.apply_policy(&policy("shop", "workload", workload));
    let effective = index.effective(&caller("shop"));
    let snapshot = &effective.snapshot.snapshot;
    let routes: Vec<(&str, Specificity)> = snapshot.routes.iter().map(|r| (&*r.name, r.rank.specificity)).collect();
    assert_eq!(
        routes,
        [("workload", Specificity::Workload), ("own", Specificity::OwnNamespace), ("cluster", Specificity::Cluster)]
    );
    assert_eq!((snapshot.allow.len(), snapshot.deny.len(), snapshot.limits.len()), (3, 3, 3));
    assert!(snapshot.allow[2].rank.platform && !snapshot.allow[0].rank.platform);
    assert_eq!(snapshot.routes[0].meta.to_string(), "AIPolicy/shop/workload spec.routes[workload]");
    assert_eq!(&*snapshot.limits[1].id.object, "AIPolicy/shop/own");
}

#[test]
fn the_older_then_the_first_by_name_wins_among_equals() {
    let mut index = index();
    let route = |name: &str| json!({"routes": [{"name": name, "matches": [{"models": ["m"]}], "targets": [{"provider": "p"}]}]});
    for (name, age) in [("c", 1), ("b", 2), ("a", 2)] {
        index.apply_policy(&objects::policy_aged("shop", name, age, route(name)));
    }
    let effective = index.effective(&caller("shop"));
    let routes: Vec<&str> = effective.snapshot.snapshot.routes.iter().map(|r| &*r.name).collect();
    assert_eq!(routes, ["c", "a", "b"]);
}

#[test]
fn targets_are_resolved_missing_or_not_accessible() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "open", keyed(ALL())));
    index.apply_provider(provider("sidegate-system", "closed", json!({"dialect": "OpenAI"})));
    let targets = json!([
        {"provider": "open", "namespace": "sidegate-system"},
        {"provider": "closed", "namespace": "sidegate-system"},
        {"provider": "open"},
    ]);
    let route = json!({"routes": [{"name": "r", "matches": [{"models": ["m"]}], "targets": targets}]});
    index.apply_policy(&policy("shop", "rules", route));
    let effective = index.effective(&caller("shop"));
    let slots: Vec<&ProviderSlot> = effective.snapshot.snapshot.routes[0].targets.iter().map(|t| &t.provider).collect();
    assert_eq!(
        slots,
        [
            &ProviderSlot::At(0),
            &ProviderSlot::NotAccessible { namespace: "sidegate-system".into(), name: "closed".into() },
            &ProviderSlot::Missing { namespace: "shop".into(), name: "open".into() },
        ]
    );
    let problems = index.problems();
    let reasons: Vec<String> =
        problems.iter().filter(|p| p.field.contains("routes")).map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        ["AIPolicy/shop/rules spec.routes[r].targets[2].provider: there is no AIProvider open in namespace shop"]
    );
}

#[test]
fn keys_come_from_secrets_of_the_providers_namespace_only() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "openai", keyed(ALL())));
    index.apply_secret(secret("shop", "s", None, &[("k", "sk-of-the-shop")]));
    assert!(index.effective(&caller("shop")).keys.keys.is_empty());
    index.apply_secret(secret("sidegate-system", "s", None, &[("k", "\u{feff} sk-canary\r\n")]));
    let effective = index.effective(&caller("shop"));
    let key = &effective.keys.keys[0];
    assert_eq!((&*key.namespace, &*key.provider, &*key.name), ("sidegate-system", "openai", "a"));
    assert_eq!((*key.value).as_ref(), b"sk-canary");
}

#[test]
fn a_key_that_cannot_be_had_is_named_and_its_value_is_not() {
    for (secrets, reason) in [
        (vec![], "there is no Secret s in namespace sidegate-system"),
        (vec![secret("sidegate-system", "s", None, &[("other", "x")])], "Secret s has no key k"),
        (vec![secret("sidegate-system", "s", None, &[("k", " \n")])], "its value is empty"),
        (vec![secret("sidegate-system", "s", None, &[("k", "canary with spaces")])], "its value holds white space"),
        (vec![secret("sidegate-system", "s", None, &[("k", "canary\u{7}")])], "its value holds white space, control"),
        (vec![secret("sidegate-system", "s", None, &[("k", &"c".repeat(10_000))])], "longer than 8192 bytes"),
        (
            vec![secret("sidegate-system", "s", Some("api.anthropic.com, example.com"), &[("k", "canary")])],
            "bound by its annotation to other hosts than api.openai.com",
        ),
    ] {
        let mut index = index();
        index.apply_provider(provider("sidegate-system", "openai", keyed(json!({}))));
        for secret in secrets {
            index.apply_secret(secret);
        }
        let problem = index.problems()[0].to_string();
        assert!(problem.starts_with("AIProvider/sidegate-system/openai spec.credentials[a].secretRef: "), "{problem}");
        assert!(problem.contains(reason) && !problem.contains("canary"), "{problem}");
        let effective = index.effective(&caller("sidegate-system"));
        assert!(effective.keys.keys.is_empty());
        assert_eq!(effective.snapshot.snapshot.providers.len(), 1, "nothing else stops");
    }
}

#[test]
fn a_bound_key_goes_to_its_host() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "openai", keyed(json!({}))));
    index.apply_secret(secret("sidegate-system", "s", Some("Example.com, API.openai.com"), &[("k", "x")]));
    assert_eq!(index.effective(&caller("sidegate-system")).keys.keys.len(), 1);
    assert!(index.problems().is_empty());
}

#[test]
fn a_rotated_key_changes_the_keys_version_and_leaves_the_policy_as_it_is() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "openai", keyed(ALL())));
    index.apply_secret(secret("sidegate-system", "s", None, &[("k", "one")]));
    let before = index.effective(&caller("shop"));
    index.apply_secret(secret("sidegate-system", "s", None, &[("k", "two")]));
    let after = index.effective(&caller("shop"));
    assert_ne!(before.keys.version, after.keys.version);
    assert!(Arc::ptr_eq(&before.snapshot, &after.snapshot), "the same bytes are shared");
    index.delete(&ObjectName::new(Kind::Secret, "sidegate-system", "s"));
    assert!(index.effective(&caller("shop")).keys.keys.is_empty(), "never any other key");
}

#[test]
fn without_its_own_authorities_a_provider_trusts_nobody() {
    let mut index = index();
    let tls = json!({"tls": {"caCertificateRefs": [{"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}]}});
    index.apply_provider(provider("sidegate-system", "corp", keyed(objects::merged(ALL(), tls))));
    assert!(index.effective(&caller("shop")).snapshot.snapshot.providers.is_empty());
    assert!(index.problems().iter().any(|p| p.reason == "there is no ConfigMap ca in namespace sidegate-system"));
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
    index.apply_config_map("sidegate-system", "ca", [("ca.crt".to_owned(), pem.to_owned())].into());
    let effective = index.effective(&caller("shop"));
    assert!(effective.snapshot.snapshot.providers[0].authorities.as_ref().is_some_and(|a| a.contains("AA==")));
}

#[test]
fn an_invalid_object_is_refused_alone_and_its_last_good_version_stays() {
    let mut index = index();
    index.apply_policy(&policy("shop", "good", json!({"models": {"allow": ["a"]}})));
    index.apply_policy(&policy("shop", "other", json!({"models": {"allow": ["b"]}})));
    let before = index.effective(&caller("shop"));
    index.apply_policy(&policy("shop", "good", json!({"models": {"allow": ["a*b"]}})));
    assert_eq!(before.snapshot.version, index.effective(&caller("shop")).snapshot.version);
    assert_eq!(index.problems()[0].field, "spec.models.allow[0]");
    index.delete(&ObjectName::new(Kind::AiPolicy, "shop", "good"));
    assert_eq!(index.effective(&caller("shop")).snapshot.snapshot.allow.len(), 1, "a delete always counts");
    assert!(index.problems().is_empty());
}

#[test]
fn a_refusal_is_a_revision_and_so_is_its_end() {
    let mut index = index();
    let (good, bad) = (json!({"models": {"allow": ["a"]}}), json!({"models": {"allow": ["a*b"]}}));
    index.apply_policy(&policy("shop", "p", good.clone()));
    let mut last = index.revision();
    let mut raised = |index: &sidegate_controller::Index| std::mem::replace(&mut last, index.revision()) != last;
    index.apply_policy(&policy("shop", "p", bad.clone()));
    assert!(raised(&index), "its status says so now");
    index.apply_policy(&policy("shop", "p", bad.clone()));
    assert!(!raised(&index), "it says nothing new");
    index.apply_policy(&policy("shop", "p", good));
    assert!(raised(&index), "what is in force is the newest version again");
    index.apply_policy(&policy("shop", "never-good", bad));
    assert!(raised(&index));
    index.delete(&ObjectName::new(Kind::AiPolicy, "shop", "never-good"));
    assert!(raised(&index));
}

#[test]
fn a_key_cannot_be_led_elsewhere_by_an_edit() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "openai", keyed(ALL())));
    index.apply_provider(provider(
        "sidegate-system",
        "openai",
        keyed(objects::merged(ALL(), json!({"endpoint": "https://evil.example"}))),
    ));
    let effective = index.effective(&caller("shop"));
    assert_eq!(&*effective.snapshot.snapshot.providers[0].endpoint.host, "api.openai.com");
    assert_eq!(index.problems()[0].field, "spec.endpoint");
}

#[test]
fn a_covered_route_is_named_with_its_winner() {
    let mut index = index();
    let target = json!([{"provider": "p"}]);
    let high = json!({"routes": [{"name": "all", "matches": [{"models": ["gpt-*", "o*"]}], "targets": target}]});
    let low = json!({"routes": [
        {"name": "dead", "matches": [{"models": ["gpt-4o"]}, {"models": ["o3"], "headers": [{"name": "x", "value": "y"}]}], "targets": target},
        {"name": "alive", "matches": [{"models": ["gpt-4o"]}, {"models": ["claude-*"]}], "targets": target},
    ]});
    index.apply_policy(&policy("shop", "high", high));
    index.apply_policy(&policy("sidegate-system", "low", low));
    index.effective(&caller("shop"));
    let conflicts = index.conflicts();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].severity, Severity::Warning);
    assert_eq!(
        conflicts[0].to_string(),
        "AIPolicy/sidegate-system/low spec.routes[dead]: never matches: AIPolicy/shop/high spec.routes[all] has all of its matches before it"
    );
}

#[test]
fn callers_of_one_class_share_one_policy_and_its_bytes() {
    let mut index = index();
    index.apply_provider(provider("sidegate-system", "openai", keyed(ALL())));
    let (one, two) = (index.effective(&caller("shop")), index.effective(&caller("bank")));
    assert!(Arc::ptr_eq(&one, &two));
    let decoded = sidegate_wire::decode_snapshot(&one.snapshot.version, &one.snapshot.bytes).expect("decodes");
    assert_eq!(decoded, one.snapshot.snapshot);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &one.snapshot.bytes);
    let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, &*one.snapshot.version);
}

#[test]
fn a_snapshot_of_nothing_says_that_it_is_empty() {
    let mut index = index();
    assert!(index.effective(&caller("shop")).snapshot.empty);
    index.apply_policy(&policy("shop", "p", json!({"models": {"allow": []}})));
    assert!(!index.effective(&caller("shop")).snapshot.empty);
    index.apply_policy(&policy("bank", "p", json!({"telemetry": {"content": {"capture": "None"}}})));
    assert!(!index.effective(&caller("bank")).snapshot.empty);
}

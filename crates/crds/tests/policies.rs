//! Which policies are taken, which are refused, in which words, and to whom they apply.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sidegate_crds::{AIPolicy, AcceptedPolicy, Context, accept_policy, validate_policy};
use sidegate_policy::{Caller, Mode, Specificity, Unit};

const CONTEXT: Context<'static> = Context { control_namespace: "sidegate-system" };

fn object(namespace: &str, spec: Value) -> Result<AIPolicy, serde_json::Error> {
    serde_json::from_value(json!({
        "apiVersion": "sidegate.dev/v1alpha1",
        "kind": "AIPolicy",
        "metadata": {"name": "rules", "namespace": namespace},
        "spec": spec,
    }))
}

fn accepted(namespace: &str, spec: Value) -> AcceptedPolicy {
    accept_policy(&object(namespace, spec).expect("has the shape"), &CONTEXT).expect("accepted")
}

fn refused(namespace: &str, spec: Value) -> Vec<String> {
    let object = object(namespace, spec).expect("has the shape");
    validate_policy(&object, &CONTEXT).expect_err("refused").iter().map(ToString::to_string).collect()
}

fn route(matches: Value, targets: Value) -> Value {
    json!({"routes": [{"name": "fast", "matches": matches, "targets": targets}]})
}

fn limit(fields: Value) -> Value {
    let mut limit = json!({"name": "l", "per": [{"type": "Pod"}]});
    if let (Value::Object(limit), Value::Object(fields)) = (&mut limit, fields) {
        limit.extend(fields);
    }
    json!({"limits": [limit]})
}

#[test]
fn fields_that_come_later_are_unknown() {
    for spec in [
        json!({"telemetry": {}}),
        json!({"retry": {}}),
        json!({"mode": "Shadow"}),
        json!({"models": {"allow": ["*"], "ask": []}}),
        route(json!([{"models": ["a"], "path": "/x"}]), json!([{"provider": "p"}])),
        json!({"targetRefs": [{"kind": "ReplicaSet", "name": "x"}]}),
        json!({"podSelector": {"matchLabel": {}}}),
    ] {
        object("shop", spec.clone()).map(drop).expect_err(&spec.to_string());
    }
}

#[test]
fn a_shared_limit_is_refused_with_a_sentence() {
    let said = refused("shop", json!({"limits": [{"name": "tpm", "requests": 1, "window": "1m"}]}));
    assert!(said[0].starts_with("spec.limits[tpm].per: must be [{type: Pod}]"), "{said:?}");
    let namespace = json!({"limits": [{"name": "tpm", "per": [{"type": "Namespace"}], "requests": 1, "window": "1m"}]});
    let error = object("shop", namespace).map(drop).expect_err("refused").to_string();
    assert!(error.starts_with("the only dimension is Pod"), "{error}");
    object("shop", json!({"limits": [{"name": "x", "per": [{"type": "Pod", "name": "x"}]}]}))
        .map(drop)
        .expect_err("name");
}

#[test]
fn a_limit_sets_exactly_one_unit_and_a_window_that_fits_it() {
    let policy = accepted("shop", limit(json!({"totalTokens": 2_000_000, "window": "1m"})));
    let l = &policy.limits[0];
    assert_eq!((l.unit, l.amount, l.window), (Unit::TotalTokens, 2_000_000, Duration::from_secs(60)));
    let policy = accepted("shop", limit(json!({"concurrentRequests": 20})));
    assert_eq!((policy.limits[0].unit, policy.limits[0].window), (Unit::ConcurrentRequests, Duration::ZERO));
    for (fields, words) in [
        (json!({"window": "1m"}), "spec.limits[l]: must set exactly one of"),
        (json!({"requests": 1, "inputTokens": 1, "window": "1m"}), "spec.limits[l]: must set exactly one of"),
        (json!({"requests": 0, "window": "1m"}), "spec.limits[l].requests: must be from 1 to"),
        (json!({"requests": -1, "window": "1m"}), "spec.limits[l].requests: must be from 1 to"),
        (json!({"requests": 1}), "spec.limits[l].window: must be given, from 1s to 24h"),
        (json!({"requests": 1, "window": "999ms"}), "spec.limits[l].window: must be from 1s to 24h"),
        (json!({"requests": 1, "window": "25h"}), "spec.limits[l].window: must be from 1s to 24h"),
        (json!({"concurrentRequests": 1, "window": "1m"}), "spec.limits[l].window: must not be given"),
        (json!({"requests": 1, "window": "1m", "per": [{"type": "Pod"}, {"type": "Pod"}]}), "spec.limits[l].per: must"),
    ] {
        let said = refused("shop", limit(fields));
        assert!(said[0].starts_with(words), "{said:?}");
    }
}

#[test]
fn routes_have_matches_and_a_target_that_is_not_drained() {
    let fast = json!([{"models": ["fast"]}]);
    for (spec, words) in [
        (route(json!([]), json!([{"provider": "p"}])), "spec.routes[fast].matches: must have 1 to 8 entries"),
        (route(fast.clone(), json!([])), "spec.routes[fast].targets: must have at least one target"),
        (route(fast.clone(), json!([{"provider": "p", "weight": 0}])), "spec.routes[fast].targets: must have at least"),
        (route(fast.clone(), json!([{"provider": "P"}])), "spec.routes[fast].targets[0].provider: must be a name"),
        (route(fast.clone(), json!([{"provider": "p", "model": "gpt-*"}])), "spec.routes[fast].targets[0].model: must"),
        (
            route(fast.clone(), json!([{"provider": "p", "priority": 101}])),
            "spec.routes[fast].targets[0].priority: must",
        ),
        (route(json!([{"models": ["a*b"]}]), json!([{"provider": "p"}])), "spec.routes[fast].matches[0].models[0]: "),
        (
            route(json!([{"headers": [{"name": "x y", "value": "v"}]}]), json!([{"provider": "p"}])),
            "spec.routes[fast].matches[0].headers[0].name: must be a header name",
        ),
        (
            json!({"routes": [{"name": "a", "matches": fast, "targets": [{"provider": "p"}]},
                              {"name": "a", "matches": fast, "targets": [{"provider": "p"}]}]}),
            "spec.routes[a]: names must be unique in this list",
        ),
    ] {
        let said = refused("shop", spec);
        assert!(said[0].starts_with(words), "{said:?}");
    }
}

#[test]
fn a_target_without_a_namespace_is_in_the_policys_own() {
    let targets = json!([{"provider": "p"}, {"provider": "q", "namespace": "sidegate-system", "priority": 1}]);
    let policy = accepted("shop", route(json!([{"headers": [{"name": "X-Tier", "value": "gold"}]}]), targets));
    let route = &policy.routes[0];
    assert_eq!((&*route.targets[0].namespace, route.targets[0].weight, route.targets[0].priority), ("shop", 1, 0));
    assert_eq!(&*route.targets[1].namespace, "sidegate-system");
    assert_eq!(&*route.matches[0].headers[0].name, "x-tier");
}

#[test]
fn an_empty_allow_list_is_not_an_absent_one() {
    assert_eq!(accepted("shop", json!({"models": {"allow": []}})).allow, Some(Vec::new()));
    assert_eq!(accepted("shop", json!({"models": {"deny": ["x"]}})).allow, None);
    assert_eq!(accepted("shop", json!({"mode": "DryRun"})).mode, Mode::DryRun);
}

#[test]
fn references_and_selectors_exclude_each_other() {
    let said = refused("shop", json!({"targetRefs": [{"kind": "Job", "name": "j"}], "podSelector": {}}));
    assert_eq!(said, ["spec.targetRefs: cannot be combined with podSelector or namespaceSelector"]);
    assert!(refused("shop", json!({"targetRefs": []}))[0].starts_with("spec.targetRefs: must name something"));
}

#[test]
fn a_tenant_reaches_no_further_than_its_namespace() {
    let said = refused("shop", json!({"namespaceSelector": {}}));
    assert_eq!(said, ["spec.namespaceSelector: is allowed only in the control plane's namespace"]);
    let said = refused("shop", json!({"targetRefs": [{"kind": "Namespace", "name": "bank"}]}));
    assert!(said[0].starts_with("spec.targetRefs[0].name: may name only its own namespace"), "{said:?}");
    let said = refused("shop", json!({"targetRefs": [{"kind": "Deployment", "group": "batch", "name": "x"}]}));
    assert!(said[0].starts_with("spec.targetRefs[0].group: must be \"apps\""), "{said:?}");
}

fn caller() -> Caller {
    Caller {
        namespace: "shop".into(),
        service_account: "web".into(),
        workload: "deployment/checkout".into(),
        pod: "checkout-1".into(),
        labels: BTreeMap::from([("app".into(), "checkout".into())]),
    }
}

fn closeness(namespace: &str, spec: Value) -> Option<Specificity> {
    let policy = accepted(namespace, spec);
    let labels = BTreeMap::from([("kubernetes.io/metadata.name".into(), "shop".into()), ("env".into(), "prod".into())]);
    policy.targeting.selects(&policy.origin, &caller(), &labels)
}

#[test]
fn targeting_names_callers_as_closely_as_it_says() {
    let refs = |kind: &str, name: &str| json!({"targetRefs": [{"kind": kind, "name": name}]});
    let platform = "sidegate-system";
    for (namespace, spec, expected) in [
        (platform, json!({}), Some(Specificity::Cluster)),
        ("shop", json!({}), Some(Specificity::OwnNamespace)),
        ("bank", json!({}), None),
        ("shop", refs("Namespace", "shop"), Some(Specificity::Namespace)),
        (platform, refs("Namespace", "shop"), Some(Specificity::Namespace)),
        (platform, refs("Namespace", "bank"), None),
        ("shop", refs("ServiceAccount", "web"), Some(Specificity::ServiceAccount)),
        (platform, refs("ServiceAccount", "web"), None),
        ("shop", refs("Deployment", "checkout"), Some(Specificity::Workload)),
        ("shop", refs("StatefulSet", "checkout"), None),
        (platform, refs("Deployment", "checkout"), None),
        ("shop", json!({"podSelector": {"matchLabels": {"app": "checkout"}}}), Some(Specificity::PodSelector)),
        (platform, json!({"podSelector": {"matchLabels": {"app": "checkout"}}}), Some(Specificity::PodSelector)),
        ("bank", json!({"podSelector": {"matchLabels": {"app": "checkout"}}}), None),
        ("shop", json!({"podSelector": {"matchLabels": {"app": "pay"}}}), None),
        (platform, json!({"namespaceSelector": {"matchLabels": {"env": "prod"}}}), Some(Specificity::Namespace)),
        (platform, json!({"namespaceSelector": {"matchLabels": {"env": "test"}}}), None),
        (platform, json!({"namespaceSelector": {"matchLabels": {"env": "test"}}, "podSelector": {}}), None),
        (
            platform,
            json!({"podSelector": {"matchExpressions": [
                {"key": "app", "operator": "In", "values": ["checkout", "pay"]},
                {"key": "tier", "operator": "DoesNotExist"},
                {"key": "env", "operator": "NotIn", "values": ["test"]}]}}),
            Some(Specificity::PodSelector),
        ),
    ] {
        assert_eq!(closeness(namespace, spec.clone()), expected, "{namespace} {spec}");
    }
}

#[test]
fn the_closest_of_several_references_counts() {
    let refs =
        json!({"targetRefs": [{"kind": "Namespace", "name": "shop"}, {"kind": "Deployment", "name": "checkout"}]});
    assert_eq!(closeness("shop", refs), Some(Specificity::Workload));
}

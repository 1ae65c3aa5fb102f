//! Which policies are taken, which are refused, in which words, and to whom they apply.

#![expect(clippy::expect_used, reason = "what a test needs and does not get ends it")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use sidegate_crds::{
    AIPolicy, AcceptedPolicy, AttributeSource, Context, TelemetryDraft, accept_policy, validate_policy,
};
use sidegate_policy::{Always, Caller, Content, Glob, Mode, Ratio, Specificity, Traces, Unit};

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
        json!({"telemetry": {"sampling": "0.1"}}),
        json!({"telemetry": {"traces": {"always": ["Sometimes"]}}}),
        json!({"telemetry": {"content": {"capture": "Redacted"}}}),
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

fn telemetry(fields: Value) -> Value {
    json!({"telemetry": fields})
}

#[test]
fn what_telemetry_leaves_out_is_not_said_or_has_its_default() {
    assert_eq!(accepted("shop", telemetry(json!({}))).telemetry, TelemetryDraft::default());
    let policy = accepted("shop", telemetry(json!({"traces": {}, "content": {}})));
    assert_eq!(policy.telemetry.traces, Some(Traces::default()));
    assert_eq!(policy.telemetry.content, Some(Content::default()));
}

#[test]
fn telemetry_is_read_as_it_is_written() {
    let traces =
        json!({"ratio": "0.25", "always": ["Slow"], "slowOver": "1m", "propagateTo": ["*.svc", "10.0.0.7", "*"]});
    let attributes = json!([{"name": "purpose", "header": "X-Purpose"}, {"name": "team", "label": "example.com/team"}]);
    let content = json!({"capture": "Full", "maxBytes": 100});
    let said = telemetry(json!({"traces": traces, "content": content, "attributes": attributes}));
    let told = accepted("shop", said).telemetry;
    let hosts = ["*.svc", "10.0.0.7", "*"].map(|host| Glob::parse(host).expect("a glob"));
    let expected = Traces {
        ratio: Ratio::of_billion(250_000_000).expect("a share"),
        always: Always { slow: true, ..Always::default() },
        slow_over: Duration::from_secs(60),
        propagate_to: hosts.to_vec(),
        meta: None,
    };
    assert_eq!(told.traces, Some(expected));
    assert_eq!(told.content, Some(Content { capture: true, max_bytes: 100, meta: None }));
    let sources: Vec<(&str, &AttributeSource)> = told.attributes.iter().map(|a| (&*a.name, &a.source)).collect();
    let header = AttributeSource::Header("x-purpose".into());
    assert_eq!(sources, [("purpose", &header), ("team", &AttributeSource::Label("example.com/team".into()))]);
    let never = accepted("shop", telemetry(json!({"traces": {"ratio": "0", "always": []}})));
    let Some(Traces { ratio, always, .. }) = never.telemetry.traces else { panic!("it says something of traces") };
    assert_eq!((ratio, always), (Ratio::NONE, Always::default()));
}

#[test]
fn telemetry_that_breaks_a_rule_is_refused_by_field() {
    let traces = |traces: Value| telemetry(json!({"traces": traces}));
    let attribute = |fields: Value| {
        let mut attribute = json!({"name": "a"});
        attribute.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        telemetry(json!({"attributes": [attribute]}))
    };
    for (spec, words) in [
        (traces(json!({"ratio": "1.1"})), "spec.telemetry.traces.ratio: must be a decimal text from '0' to '1'"),
        (traces(json!({"ratio": ".5"})), "spec.telemetry.traces.ratio: must be a decimal text"),
        (traces(json!({"slowOver": "0s"})), "spec.telemetry.traces.slowOver: must be from 1ms to 24h"),
        (traces(json!({"always": ["Slow", "Slow"]})), "spec.telemetry.traces.always[Slow]: names must be unique"),
        (traces(json!({"propagateTo": ["api.*"]})), "spec.telemetry.traces.propagateTo[0]: must be a host"),
        (telemetry(json!({"content": {"maxBytes": 0}})), "spec.telemetry.content.maxBytes: must be from 1 to 65536"),
        (attribute(json!({})), "spec.telemetry.attributes[a]: must set exactly one of header and label"),
        (attribute(json!({"header": "x", "label": "y"})), "spec.telemetry.attributes[a]: must set exactly one of"),
        (attribute(json!({"header": "X-Api-Key"})), "spec.telemetry.attributes[a].header: must not be a header with"),
        (attribute(json!({"header": "TE"})), "spec.telemetry.attributes[a].header: must not be a header of the conn"),
        (attribute(json!({"label": "a b"})), "spec.telemetry.attributes[a].label: must be the key of a label"),
    ] {
        let said = refused("shop", spec);
        assert!(said[0].starts_with(words), "{said:?}");
    }
}

#[test]
fn headers_that_hold_credentials_are_known_by_the_words_in_their_names() {
    use sidegate_crds::formats::{is_connection_header, is_secret_header};
    for name in [
        "Authorization",
        "proxy-authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "cookie",
        "Set-Cookie",
        "x-amz-security-token",
        "x-auth",
        "anthropic_api_key",
        "x.client.secret",
        "x-apikey",
    ] {
        assert!(is_secret_header(name), "{name}");
    }
    for name in ["x-purpose", "x-author", "x-monkey", "x-session-id", "tokens-left", "keynote", "x-user"] {
        assert!(!is_secret_header(name), "{name}");
    }
    assert!(is_connection_header("Transfer-Encoding") && !is_connection_header("x-host"));
}

#[test]
fn content_is_captured_only_for_namespaces_that_are_named() {
    let platform = "sidegate-system";
    let full = |target: Value| {
        let mut spec = telemetry(json!({"content": {"capture": "Full"}}));
        spec.as_object_mut().expect("an object").extend(target.as_object().expect("an object").clone());
        spec
    };
    let not_in = json!({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]});
    let spanning = [
        json!({}),
        json!({"podSelector": {"matchLabels": {"app": "web"}}}),
        json!({"namespaceSelector": {}}),
        json!({"namespaceSelector": not_in}),
        json!({"namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}}),
    ];
    for target in spanning {
        let said = refused(platform, full(target));
        assert!(said[0].starts_with("spec.telemetry.content.capture: may be Full only for namespaces"), "{said:?}");
    }
    let of_env = json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["test"]}]});
    for target in [
        json!({"targetRefs": [{"kind": "Namespace", "name": "shop"}]}),
        json!({"namespaceSelector": {"matchLabels": {"env": "test"}}}),
        json!({"namespaceSelector": of_env, "podSelector": {}}),
    ] {
        assert!(accepted(platform, full(target)).telemetry.content.is_some_and(|c| c.capture));
    }
    assert!(accepted("shop", full(json!({}))).telemetry.content.is_some_and(|c| c.capture));
    accepted(platform, telemetry(json!({"content": {"capture": "None"}})));
}

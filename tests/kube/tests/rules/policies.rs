//! AIPolicies.

use serde_json::{Value, json};

use super::case::Case;
use super::case::Verdict::{self, Refused, RefusedApart, Taken};
use super::{PLATFORM, SHOP};

const ENTRY: &str = "must be 1 to 63 letters, digits, -, _ or .";
const GLOB: &str = "must be a model's name, or one with * as its first or last character";
const UNIQUE: &str = "names must be unique in this list";

fn in_shop(spec: Value, verdict: Verdict) -> Case {
    Case::policy(SHOP, spec, verdict)
}

pub fn cases() -> Vec<Case> {
    [targeting(), models(), routes(), matches(), targets(), limits(), windows()].concat()
}

fn targeting() -> Vec<Case> {
    let refs = |kind: &str, name: &str| json!({"targetRefs": [{"kind": kind, "name": name}]});
    let group = |kind: &str, group: &str| json!({"targetRefs": [{"kind": kind, "group": group, "name": "x"}]});
    let many = |n: usize| json!({"targetRefs": vec![json!({"kind": "Job", "name": "j"}); n]});
    let beside = "cannot be combined with podSelector or namespaceSelector";
    vec![
        in_shop(json!({}), Taken),
        in_shop(refs("Deployment", "checkout"), Taken),
        in_shop(refs("Namespace", "shop"), Taken),
        in_shop(refs("Namespace", "bank"), Refused("may name only its own namespace")),
        Case::policy(PLATFORM, refs("Namespace", "bank"), Taken),
        in_shop(json!({"podSelector": {"matchLabels": {"app": "web"}}}), Taken),
        in_shop(json!({"namespaceSelector": {}}), Refused("is allowed only in the control plane's namespace")),
        Case::policy(PLATFORM, json!({"namespaceSelector": {}, "podSelector": {}}), Taken),
        in_shop(json!({"targetRefs": [{"kind": "Job", "name": "j"}], "podSelector": {}}), Refused(beside)),
        Case::policy(
            PLATFORM,
            json!({"targetRefs": [{"kind": "Job", "name": "j"}], "namespaceSelector": {}}),
            Refused(beside),
        ),
        in_shop(json!({"targetRefs": []}), RefusedApart("should have at least 1 items", "must name something")),
        in_shop(many(16), Taken),
        in_shop(many(17), RefusedApart("must have at most 16 items", "at most 16 are allowed")),
        in_shop(refs("ReplicaSet", "x"), RefusedApart("Unsupported value", "unknown variant `ReplicaSet`")),
        in_shop(refs("Job", "Not_a_name"), Refused("must be a name of lower-case letters")),
        in_shop(group("Deployment", "apps"), Taken),
        in_shop(group("CronJob", "batch"), Taken),
        in_shop(group("ServiceAccount", ""), Taken),
        in_shop(group("Deployment", "batch"), Refused("must be \"apps\" for this kind, or left out")),
        in_shop(group("Job", "apps"), Refused("must be \"batch\" for this kind, or left out")),
        in_shop(group("ServiceAccount", "core"), Refused("must be \"\" for this kind, or left out")),
        in_shop(json!({"mode": "DryRun"}), Taken),
        in_shop(json!({"mode": "Warn"}), RefusedApart("Unsupported value: \"Warn\"", "unknown variant `Warn`")),
        in_shop(json!({"retry": {}}), RefusedApart("field not declared in schema", "unknown field `retry`")),
    ]
}

fn models() -> Vec<Case> {
    let globs = |n: usize| json!({"models": {"allow": vec!["m"; n]}});
    vec![
        in_shop(json!({"models": {"allow": []}}), Taken),
        in_shop(json!({"models": {"allow": ["gpt-*", "*", "*-mini"], "deny": ["gpt-3.5*"]}}), Taken),
        in_shop(json!({"models": {"allow": ["a*b"]}}), Refused(GLOB)),
        in_shop(json!({"models": {"deny": ["ok", ""]}}), Refused(GLOB)),
        in_shop(globs(64), Taken),
        in_shop(globs(65), RefusedApart("must have at most 64 items", "at most 64 are allowed")),
    ]
}

fn route(more: Value) -> Value {
    let mut route = json!({"name": "r", "matches": [{"models": ["m"]}], "targets": [{"provider": "p"}]});
    let (Value::Object(fields), Value::Object(more)) = (&mut route, more) else { panic!("a route is an object") };
    fields.extend(more);
    route
}

fn routed(more: Value, verdict: Verdict) -> Case {
    in_shop(json!({"routes": [route(more)]}), verdict)
}

fn routes() -> Vec<Case> {
    let many = |n: usize| {
        let routes: Vec<_> = (0..n).map(|n| route(json!({"name": format!("r{n}")}))).collect();
        json!({"routes": routes})
    };
    vec![
        routed(json!({}), Taken),
        routed(json!({"name": "a b"}), Refused(ENTRY)),
        in_shop(json!({"routes": [route(json!({})), route(json!({}))]}), Refused(UNIQUE)),
        in_shop(many(32), Taken),
        in_shop(many(33), RefusedApart("must have at most 32 items", "at most 32 are allowed")),
    ]
}

fn matches() -> Vec<Case> {
    let header = |name: &str, value: &str, verdict| {
        routed(json!({"matches": [{"headers": [{"name": name, "value": value}]}]}), verdict)
    };
    let value = "must be 1 to 256 characters, none of them a control character";
    vec![
        routed(json!({"matches": []}), RefusedApart("should have at least 1 items", "must have 1 to 8 entries")),
        routed(json!({"matches": vec![json!({}); 8]}), Taken),
        routed(json!({"matches": vec![json!({}); 9]}), RefusedApart("at most 8 items", "at most 8 are allowed")),
        routed(json!({"matches": [{"models": ["gpt-4o*", "fast"]}]}), Taken),
        // As many globs as these lists may hold in one policy cost a rule too much: this one is a pattern.
        routed(json!({"matches": [{"models": ["a*b"]}]}), RefusedApart("should match", GLOB)),
        routed(json!({"matches": [{"models": ["a\u{a0}"]}]}), RefusedApart("should match", GLOB)),
        routed(json!({"matches": [{"models": ["é", "*"]}]}), Taken),
        header("x-tier", "gold ä", Taken),
        header("!#$%&'*+.^_`|~-", "v", Taken),
        header("x tier", "gold", Refused("must be a header name, at most 64 long")),
        header("", "gold", Refused("must be a header name, at most 64 long")),
        header("x-tier", "", Refused(value)),
        header("x-tier", "a\r\nb", Refused(value)),
        header("x-tier", &"a".repeat(257), RefusedApart("Too long", value)),
    ]
}

fn targets() -> Vec<Case> {
    let to = |targets: Value, verdict| routed(json!({"targets": targets}), verdict);
    let model = "must be one model's name, without *";
    vec![
        to(json!([]), RefusedApart("should have at least 1 items", "at least one target with a weight above 0")),
        to(json!(vec![json!({"provider": "p"}); 16]), Taken),
        to(json!(vec![json!({"provider": "p"}); 17]), RefusedApart("at most 16 items", "at most 16 are allowed")),
        to(json!([{"provider": "p", "weight": 0}]), Refused("must have at least one target with a weight above 0")),
        to(json!([{"provider": "p", "weight": 0}, {"provider": "q", "priority": 1}]), Taken),
        to(json!([{"provider": "P"}]), Refused("must be a name of lower-case letters")),
        to(json!([{"provider": "p", "namespace": "a.b"}]), Refused("must be 1 to 63 lower-case letters")),
        to(json!([{"provider": "p", "namespace": "bank", "model": "gpt-4o"}]), Taken),
        to(json!([{"provider": "p", "model": "gpt-*"}]), Refused(model)),
        to(json!([{"provider": "p", "model": ""}]), Refused(model)),
        to(
            json!([{"provider": "p", "weight": 1_000_001}]),
            RefusedApart("less than or equal to 1000000", "must be from 0 to 1000000"),
        ),
        to(
            json!([{"provider": "p", "priority": 101}]),
            RefusedApart("less than or equal to 100", "must be from 0 to 100"),
        ),
        to(json!([{"provider": "p", "priority": 100}]), Taken),
    ]
}

fn limit(more: Value) -> Value {
    let mut limit = json!({"name": "l", "per": [{"type": "Pod"}]});
    let (Value::Object(fields), Value::Object(more)) = (&mut limit, more) else { panic!("a limit is an object") };
    fields.extend(more);
    limit
}

fn limited(more: Value, verdict: Verdict) -> Case {
    in_shop(json!({"limits": [limit(more)]}), verdict)
}

fn limits() -> Vec<Case> {
    let one = "must set exactly one of requests, inputTokens, outputTokens, totalTokens, concurrentRequests";
    let requests = json!({"requests": 1, "window": "1m"});
    let per = |per: Value, verdict| limited(json!({"requests": 1, "window": "1m", "per": per}), verdict);
    let bare = json!({"limits": [{"name": "l", "requests": 1, "window": "1m"}]});
    let many = |n: usize| {
        let limits: Vec<_> =
            (0..n).map(|n| limit(json!({"name": format!("l{n}"), "requests": 1, "window": "1m"}))).collect();
        json!({"limits": limits})
    };
    let bounds = |amount: i64, there: &'static str| {
        limited(json!({"requests": amount, "window": "1m"}), RefusedApart(there, "must be from 1 to 10000000000000"))
    };
    vec![
        limited(requests.clone(), Taken),
        limited(json!({"inputTokens": 1, "window": "1m"}), Taken),
        limited(json!({"outputTokens": 1, "window": "1m"}), Taken),
        limited(json!({"totalTokens": 1_000_000_000_000_000_000_i64, "window": "1m"}), Taken),
        limited(json!({"concurrentRequests": 20}), Taken),
        limited(json!({"window": "1m"}), Refused(one)),
        limited(json!({"requests": 1, "totalTokens": 1, "window": "1m"}), Refused(one)),
        bounds(0, "greater than or equal to 1"),
        bounds(-5, "greater than or equal to 1"),
        in_shop(bare, Refused("must be [{type: Pod}]")),
        per(json!([]), Refused("must be [{type: Pod}]")),
        per(json!([{"type": "Pod"}, {"type": "Pod"}]), Refused("must name each dimension once")),
        per(json!([{"type": "Model"}]), RefusedApart("Unsupported value: \"Model\"", "the only dimension is Pod")),
        in_shop(
            json!({"limits": [limit(requests.clone()), limit(requests)]}),
            RefusedApart("duplicate entries for key [name=\"l\"]", UNIQUE),
        ),
        limited(json!({"name": "", "requests": 1, "window": "1m"}), Refused(ENTRY)),
        in_shop(many(32), Taken),
        in_shop(many(33), RefusedApart("must have at most 32 items", "at most 32 are allowed")),
    ]
}

fn windows() -> Vec<Case> {
    let window = |text: &str, verdict| limited(json!({"requests": 1, "window": text}), verdict);
    let bounds = Refused("must be from 1s to 24h");
    vec![
        window("1s", Taken),
        window("24h", Taken),
        window("1m1h", Taken),
        window("23h60m", Taken),
        window("1000ms", Taken),
        window("999ms", bounds.clone()),
        window("24h1ms", bounds.clone()),
        window("0s", bounds),
        window("1d", Refused("must be a duration such as")),
        window("1.5h", Refused("must be a duration such as")),
        limited(json!({"requests": 1}), Refused("must be given, from 1s to 24h")),
        limited(
            json!({"concurrentRequests": 1, "window": "1m"}),
            Refused("must not be given with concurrentRequests, which count what is going on now"),
        ),
    ]
}

/// As many entries of everything as there may be, and as long as an object that etcd stores lets them be.
pub fn largest() -> Case {
    let globs = |n: usize, long: usize| vec![format!("{}*", "m".repeat(long)); n];
    let header = json!({"name": "h".repeat(64), "value": "v".repeat(64)});
    let entry = json!({"models": globs(64, 40), "headers": vec![header; 8]});
    let target = json!({"provider": "p".repeat(100), "namespace": "n".repeat(63), "model": "m".repeat(100)});
    let routes: Vec<_> = (0..32)
        .map(|n| {
            json!({"name": format!("r{n}"), "matches": vec![entry.clone(); 8], "targets": vec![target.clone(); 16]})
        })
        .collect();
    let limits: Vec<_> =
        (0..32).map(|n| limit(json!({"name": format!("l{n}"), "requests": 1, "window": "1h1m1s1ms"}))).collect();
    let refs = vec![json!({"kind": "Deployment", "group": "apps", "name": "d".repeat(253)}); 16];
    let models = json!({"allow": globs(64, 255), "deny": globs(64, 255)});
    let telemetry = super::telemetry::largest();
    let spec =
        json!({"targetRefs": refs, "models": models, "routes": routes, "limits": limits, "telemetry": telemetry});
    in_shop(spec, Taken)
}

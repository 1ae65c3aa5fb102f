//! What is told of calls: `spec.telemetry` of AIPolicies.

use serde_json::{Value, json};

use super::case::Case;
use super::case::Verdict::{self, Refused, RefusedApart, Taken};
use super::{PLATFORM, SHOP};

const SECRET: &str = "must not be a header with a credential";
const CONNECTION: &str = "must not be a header of the connection";

fn in_shop(telemetry: Value, verdict: Verdict) -> Case {
    Case::policy(SHOP, json!({"telemetry": telemetry}), verdict)
}

pub fn cases() -> Vec<Case> {
    [traces(), hosts(), content(), attributes(), headers()].concat()
}

fn traces() -> Vec<Case> {
    let traces = |traces: Value, verdict| in_shop(json!({"traces": traces}), verdict);
    let ratio = |text: &str, verdict| traces(json!({"ratio": text}), verdict);
    let slow = |text: &str, verdict| traces(json!({"slowOver": text}), verdict);
    let share = Refused("must be a decimal text from '0' to '1'");
    let bounds = Refused("must be from 1ms to 24h");
    vec![
        in_shop(json!({}), Taken),
        traces(json!({}), Taken),
        traces(json!({"ratio": "0.1", "always": ["First", "Slow", "Error", "Refusal"], "slowOver": "10s"}), Taken),
        ratio("0", Taken),
        ratio("1", Taken),
        ratio("1.000000000", Taken),
        ratio("0.000000001", Taken),
        ratio("1.000000001", share.clone()),
        ratio("2", share.clone()),
        ratio("-0.1", share.clone()),
        ratio("10%", share.clone()),
        ratio("", share.clone()),
        ratio("0.0000000001", RefusedApart("Too long", "must be a decimal text from '0' to '1'")),
        traces(json!({"ratio": 1}), RefusedApart("expected string", "invalid type: integer `1`, expected a string")),
        traces(json!({"always": []}), Taken),
        traces(json!({"always": ["Cheap"]}), RefusedApart("Unsupported value: \"Cheap\"", "unknown variant `Cheap`")),
        traces(
            json!({"always": ["Slow", "Slow"]}),
            RefusedApart("duplicate entries for key [=\"Slow\"]", "names must be unique in this list"),
        ),
        slow("1ms", Taken),
        slow("24h", Taken),
        slow("0s", bounds.clone()),
        slow("24h1ms", bounds),
        slow("1d", Refused("must be a duration such as")),
    ]
}

fn hosts() -> Vec<Case> {
    let to = |hosts: Value, verdict| in_shop(json!({"traces": {"propagateTo": hosts}}), verdict);
    let host = Refused("must be a host in lower case such as vllm.shop.svc");
    vec![
        to(json!([]), Taken),
        to(json!(["*.svc.cluster.local", "vllm.shop.svc", "localhost", "10.0.0.7", "fd00::7", "my_host", "*"]), Taken),
        to(json!(["vllm.*"]), host.clone()),
        to(json!(["*vllm.svc"]), host.clone()),
        to(json!(["a*b"]), host.clone()),
        to(json!(["*."]), host.clone()),
        to(json!(["vllm.svc."]), host.clone()),
        to(json!(["VLLM.svc"]), host.clone()),
        to(json!(["https://vllm.svc"]), host.clone()),
        to(json!([""]), host.clone()),
        to(json!(["ok", "not ok"]), host),
        to(json!([format!("*.{}", "a".repeat(253))]), Taken),
        to(json!(["a".repeat(254)]), Refused("must be a host in lower case")),
        to(json!(vec!["a"; 16]), Taken),
        to(json!(vec!["a"; 17]), RefusedApart("must have at most 16 items", "at most 16 are allowed")),
    ]
}

fn content() -> Vec<Case> {
    let full = |namespace: &'static str, target: Value, verdict| {
        let mut spec = json!({"telemetry": {"content": {"capture": "Full"}}});
        let (Value::Object(fields), Value::Object(target)) = (&mut spec, target) else {
            panic!("a target is an object")
        };
        fields.extend(target);
        Case::policy(namespace, spec, verdict)
    };
    let bytes = |bytes: i64, verdict| in_shop(json!({"content": {"capture": "Full", "maxBytes": bytes}}), verdict);
    let selecting = |selector: Value| json!({"namespaceSelector": selector});
    let spanning = Refused("spec.telemetry.content.capture: may be Full only for namespaces that the policy names");
    let env = |operator: &str| json!({"matchExpressions": [{"key": "env", "operator": operator, "values": ["test"]}]});
    vec![
        in_shop(json!({"content": {}}), Taken),
        in_shop(json!({"content": {"capture": "None"}}), Taken),
        in_shop(
            json!({"content": {"capture": "Redacted"}}),
            RefusedApart("Unsupported value: \"Redacted\"", "unknown variant `Redacted`"),
        ),
        bytes(1, Taken),
        bytes(65_536, Taken),
        bytes(0, RefusedApart("greater than or equal to 1", "must be from 1 to 65536")),
        bytes(65_537, RefusedApart("less than or equal to 65536", "must be from 1 to 65536")),
        full(SHOP, json!({}), Taken),
        full(SHOP, json!({"podSelector": {}}), Taken),
        full(PLATFORM, json!({}), spanning.clone()),
        full(PLATFORM, json!({"podSelector": {"matchLabels": {"app": "web"}}}), spanning.clone()),
        full(PLATFORM, selecting(json!({})), spanning.clone()),
        full(PLATFORM, selecting(env("NotIn")), spanning.clone()),
        full(PLATFORM, selecting(json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]})), spanning),
        full(PLATFORM, selecting(env("In")), Taken),
        full(PLATFORM, selecting(json!({"matchLabels": {"env": "test"}})), Taken),
        full(PLATFORM, json!({"targetRefs": [{"kind": "Namespace", "name": "shop"}]}), Taken),
        full(PLATFORM, json!({"targetRefs": [{"kind": "Deployment", "name": "own"}]}), Taken),
        Case::policy(PLATFORM, json!({"telemetry": {"content": {"capture": "None"}}}), Taken),
    ]
}

fn attributes() -> Vec<Case> {
    let one = |attribute: Value, verdict| in_shop(json!({"attributes": [attribute]}), verdict);
    let named = |name: &str, verdict| one(json!({"name": name, "header": "x-h"}), verdict);
    let label = |key: &str, verdict| one(json!({"name": "a", "label": key}), verdict);
    let many = |n: usize| {
        let all: Vec<_> = (0..n).map(|n| json!({"name": format!("a{n}"), "label": "team"})).collect();
        json!({"attributes": all})
    };
    let source = Refused("must set exactly one of header and label");
    let key = Refused("must be the key of a label");
    vec![
        in_shop(many(16), Taken),
        in_shop(many(17), RefusedApart("must have at most 16 items", "at most 16 are allowed")),
        in_shop(
            json!({"attributes": [{"name": "a", "header": "x-a"}, {"name": "a", "label": "a"}]}),
            RefusedApart("duplicate entries for key [name=\"a\"]", "names must be unique in this list"),
        ),
        one(json!({"name": "a"}), source.clone()),
        one(json!({"name": "a", "header": "x-a", "label": "a"}), source),
        named("cost.centre_1-a", Taken),
        named("", Refused("must be 1 to 63 letters")),
        named("a b", Refused("must be 1 to 63 letters")),
        named(".a", Refused("must be 1 to 63 letters")),
        named(&"a".repeat(63), Taken),
        named(&"a".repeat(64), RefusedApart("Too long", "must be 1 to 63 letters")),
        label("team", Taken),
        label("app.kubernetes.io/name", Taken),
        label("", key.clone()),
        label("a/b/c", key.clone()),
        label("/team", key.clone()),
        label("Example.com/team", key.clone()),
        label("example.com/", key.clone()),
        label("te am", key),
        one(
            json!({"name": "a", "header": "x-a", "default": "v"}),
            RefusedApart("field not declared in schema", "unknown field `default`"),
        ),
    ]
}

fn headers() -> Vec<Case> {
    let header = |name: &str, verdict| in_shop(json!({"attributes": [{"name": "a", "header": name}]}), verdict);
    let secret = ["Authorization", "proxy-authorization", "X-Api-Key", "x-goog-api-key", "api-key", "cookie"];
    let secret = secret.into_iter().chain(["set-cookie", "x_auth_token", "x-amz-security-token", "x.client.secret"]);
    let connection = ["Connection", "keep-alive", "TE", "trailer", "transfer-encoding", "upgrade", "host"];
    let fine = ["x-purpose", "X-Purpose", "x-author", "x-monkey", "x-session-id", "x-host", "user-agent"];
    let form = "must be a header name, at most 64 long";
    let mut all = vec![
        header("", Refused(form)),
        header("x purpose", Refused(form)),
        header("x:y", Refused(form)),
        header(&"x".repeat(65), RefusedApart("Too long", form)),
    ];
    all.extend(secret.map(|name| header(name, Refused(SECRET))));
    all.extend(connection.map(|name| header(name, Refused(CONNECTION))));
    all.extend(fine.map(|name| header(name, Taken)));
    all
}

/// As many entries of everything as there may be, each as long as it may be.
pub fn largest() -> Value {
    let label = format!("{}/{}", "d".repeat(253), "l".repeat(63));
    let attribute = |n: usize| match n % 2 {
        0 => json!({"name": format!("{n:063}"), "label": label}),
        _ => json!({"name": format!("{n:063}"), "header": "h-".repeat(32)}),
    };
    let hosts = vec![format!("*.{}", "h.".repeat(126) + "h"); 16];
    let always = ["Error", "Refusal", "Slow", "First"];
    json!({
        "traces": {"ratio": "0.123456789", "always": always, "slowOver": "1h1m1s1ms", "propagateTo": hosts},
        "content": {"capture": "Full", "maxBytes": 65_536},
        "attributes": (0..16).map(attribute).collect::<Vec<_>>(),
    })
}

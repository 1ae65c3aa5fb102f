//! AIProviders, their endpoints aside.

use serde_json::{Value, json};

use super::case::Case;
use super::case::Verdict::{self, Refused, RefusedApart, Taken};
use super::{PLATFORM, SHOP};

const MONEY: &str = "must be a decimal text such as '0.15', below 18 billion, with at most 9 decimals";
const DURATION: &str = "must be a duration such as 500ms, 30s, 5m or 1h30m";
const GLOB: &str = "must be a model's name, or one with * as its first or last character";
const ENTRY: &str = "must be 1 to 63 letters, digits, -, _ or .";
const SELECTOR: &str = "must be given with from: Selector, and only then";

fn with(more: Value) -> Value {
    let (Value::Object(mut spec), Value::Object(more)) = (json!({"dialect": "OpenAI"}), more) else {
        panic!("a spec is an object");
    };
    spec.extend(more);
    Value::Object(spec)
}

fn credential(name: &str, weight: i64, secret: &str, key: &str) -> Value {
    json!({"name": name, "weight": weight, "secretRef": {"name": secret, "key": key}})
}

fn in_shop(more: Value, verdict: Verdict) -> Case {
    Case::provider(SHOP, with(more), verdict)
}

pub fn cases() -> Vec<Case> {
    [shapes(), credentials(), access(), models(), prices(), others()].concat()
}

fn shapes() -> Vec<Case> {
    let shape = |more: Value, words, here| in_shop(more, RefusedApart(words, here));
    vec![
        Case::provider(SHOP, json!({"dialect": "Anthropic"}), Taken),
        Case::provider(SHOP, json!({}), RefusedApart("spec.dialect: Required value", "missing field `dialect`")),
        shape(json!({"dialect": "Converse"}), "Unsupported value: \"Converse\"", "unknown variant `Converse`"),
        shape(json!({"platform": "Azure"}), "field not declared in schema", "unknown field `platform`"),
        shape(json!({"network": {"proxy": "x"}}), "field not declared in schema", "unknown field `proxy`"),
        shape(
            json!({"tls": {"caCertificateRefs": [{"kind": "Secret", "name": "a", "key": "b"}]}}),
            "Unsupported value: \"Secret\"",
            "unknown variant `Secret`",
        ),
    ]
}

fn credentials() -> Vec<Case> {
    let list = |list: Value, verdict| in_shop(json!({"credentials": list}), verdict);
    let many = |n: usize| json!((0..n).map(|n| credential(&format!("c{n}"), 1, "s", "k")).collect::<Vec<_>>());
    let long = "a".repeat(63);
    let upper = "must be a name of lower-case letters, digits, - and ., at most 253 long";
    vec![
        list(many(16), Taken),
        list(many(17), RefusedApart("Too many: 17: must have at most 16 items", "at most 16 are allowed")),
        list(json!([credential(&long, 0, "s.with-dots", "api_key.txt")]), Taken),
        list(
            json!([credential("a", 1, "s", "k"), credential("a", 2, "s", "k")]),
            RefusedApart("duplicate entries for key [name=\"a\"]", "names must be unique in this list"),
        ),
        list(json!([credential("-a", 1, "s", "k")]), Refused(ENTRY)),
        list(json!([credential("a b", 1, "s", "k")]), Refused(ENTRY)),
        list(json!([credential("", 1, "s", "k")]), Refused(ENTRY)),
        list(json!([credential(&(long + "a"), 1, "s", "k")]), RefusedApart("Too long", ENTRY)),
        list(
            json!([credential("a", -1, "s", "k")]),
            RefusedApart("greater than or equal to 0", "must be from 0 to 1000000"),
        ),
        list(
            json!([credential("a", 1_000_001, "s", "k")]),
            RefusedApart("less than or equal to 1000000", "must be from 0 to 1000000"),
        ),
        list(json!([credential("a", 1, "Secret", "k")]), Refused(upper)),
        list(json!([credential("a", 1, &"s".repeat(253), "k")]), Taken),
        list(json!([credential("a", 1, "s..t", "k")]), Refused(upper)),
        list(json!([credential("a", 1, "s", "k/l")]), Refused("must be 1 to 253 letters, digits, -, _ or .")),
        list(json!([{"name": "a"}]), RefusedApart("secretRef: Required value", "missing field `secretRef`")),
    ]
}

fn access() -> Vec<Case> {
    let of = |namespace, namespaces: Value, verdict| {
        Case::provider(namespace, with(json!({"access": {"namespaces": namespaces}})), verdict)
    };
    let in_set = |values: Value| {
        let expressions = json!([{"key": "env", "operator": "In", "values": values}]);
        json!({"from": "Selector", "selector": {"matchExpressions": expressions}})
    };
    let labels =
        |n: usize| -> Value { (0..n).map(|n| (format!("l{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into() };
    let listed = "must be given with In and NotIn, and only with these";
    let own = "must be Same outside of the control plane's namespace";
    vec![
        of(PLATFORM, json!({"from": "All"}), Taken),
        of(PLATFORM, json!({"from": "Selector", "selector": {}}), Taken),
        of(PLATFORM, in_set(json!(["prod", ""])), Taken),
        of(PLATFORM, in_set(json!([])), Refused(listed)),
        of(PLATFORM, json!({"from": "Selector"}), Refused(SELECTOR)),
        of(PLATFORM, json!({"selector": {}}), Refused(SELECTOR)),
        of(PLATFORM, json!({"from": "All", "selector": {}}), Refused(SELECTOR)),
        of(PLATFORM, json!({"from": "Selector", "selector": {"matchLabels": labels(16)}}), Taken),
        of(
            PLATFORM,
            json!({"from": "Selector", "selector": {"matchLabels": labels(15), "matchExpressions": [
                {"key": "a", "operator": "Exists"}, {"key": "b", "operator": "DoesNotExist"}]}}),
            Refused("may have at most 16 labels and expressions"),
        ),
        of(
            PLATFORM,
            json!({"from": "Selector", "selector": {"matchLabels": {"a": "v".repeat(64)}}}),
            RefusedApart("Too long", "must not be longer than 63"),
        ),
        of(SHOP, json!({"from": "All"}), Refused(own)),
        of(SHOP, json!({"from": "Selector", "selector": {}}), Refused(own)),
        of(SHOP, json!({"from": "Same"}), Taken),
    ]
}

fn models() -> Vec<Case> {
    let of = |model: Value, verdict| in_shop(json!({"models": [model]}), verdict);
    let mut cases: Vec<Case> = ["gpt-4o*", "*", "*-mini", "models/gemini-2.5:free", "a".repeat(256).as_str(), "é*"]
        .map(|name| of(json!({"name": name}), Taken))
        .into();
    for name in ["", "**", "*a*", "a*b", "a b", " a", "a\n", "*a b", "a*\u{a0}", "a\u{b}"] {
        cases.push(of(json!({"name": name}), Refused(GLOB)));
    }
    let bounds = |field: &str, value: i64, there: &'static str| {
        of(json!({"name": "m", field: value}), RefusedApart(there, "must be from 1 to 1000000000"))
    };
    let many = |n: usize| json!({"models": (0..n).map(|n| json!({"name": format!("m{n}")})).collect::<Vec<_>>()});
    cases.extend([
        of(json!({"name": "a".repeat(257)}), RefusedApart("Too long", "must not be longer than 256")),
        of(json!({"name": "m", "contextWindow": 1, "maxOutputTokens": 1_000_000_000}), Taken),
        bounds("contextWindow", 0, "greater than or equal to 1"),
        bounds("maxOutputTokens", 1_000_000_001, "less than or equal to 1000000000"),
        in_shop(many(256), Taken),
        in_shop(many(257), RefusedApart("must have at most 256 items", "at most 256 are allowed")),
    ]);
    cases
}

fn prices() -> Vec<Case> {
    let of = |price: Value, verdict| in_shop(json!({"models": [{"name": "m", "price": price}]}), verdict);
    let input = |text: &str, verdict| of(json!({"input": text, "output": "1"}), verdict);
    let tiers = |over: &[i64]| {
        let tiers: Vec<_> = over.iter().map(|n| json!({"contextOver": n, "input": "1", "output": "1"})).collect();
        json!({"input": "1", "output": "1", "tiers": tiers})
    };
    let mut cases: Vec<Case> =
        ["0", "0.15", "17999999999.999999999", "9999999999", "10", "0.000000001"].map(|text| input(text, Taken)).into();
    for text in ["", "1e3", "-1", ".5", "01", "1.", "1.0000000001", "1234567890123", "NaN", "1,5", "18000000000", " 1"]
    {
        cases.push(input(text, Refused(MONEY)));
    }
    for field in ["cacheRead", "cacheWrite", "cacheWrite1h", "audioInput", "audioOutput", "perRequest"] {
        cases.push(of(json!({"input": "1", "output": "1", field: "1"}), Taken));
        cases.push(of(json!({"input": "1", "output": "1", field: "x"}), Refused(MONEY)));
    }
    cases.extend([
        of(json!({"input": "1"}), RefusedApart("price.output: Required value", "missing field `output`")),
        of(json!({"input": 1, "output": "1"}), RefusedApart("expected string", "expected a string")),
        of(
            json!({"currency": "EUR", "input": "1", "output": "1"}),
            RefusedApart("Unsupported value: \"EUR\"", "unknown variant `EUR`"),
        ),
        of(tiers(&[100, 200, 300]), Taken),
        of(tiers(&[200, 100]), Refused("must be above that of the tier before")),
        of(tiers(&[100, 100]), Refused("must be above that of the tier before")),
        of(tiers(&[0]), RefusedApart("greater than or equal to 1", "must be from 1 to 1000000000")),
        of(tiers(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), RefusedApart("at most 8 items", "at most 8 are allowed")),
    ]);
    cases
}

fn others() -> Vec<Case> {
    let timeout = |text: &str, verdict| in_shop(json!({"timeouts": {"idle": text}}), verdict);
    let fact = "must be 1 to 64 characters, none of them a control character";
    let authorities = |n: usize| {
        let refs = vec![json!({"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}); n];
        json!({"tls": {"caCertificateRefs": refs}})
    };
    let lifted = "is honoured only in the control plane's namespace";
    let mut cases: Vec<Case> =
        ["250ms", "5s", "1h30m", "99999h", "1m1h", "0h1s"].map(|text| timeout(text, Taken)).into();
    for text in ["5", "s", "-5s", "1.5s", "5 s", "123456s", "1h1m1s1ms1s", "forever", ""] {
        cases.push(timeout(text, Refused(DURATION)));
    }
    for text in ["0s", "0ms", "0h0m"] {
        cases.push(timeout(text, Refused("must not be zero; nothing is done in no time")));
    }
    cases.extend([
        in_shop(json!({"region": "eu-central-1", "residency": "EU (ä)"}), Taken),
        in_shop(json!({"region": ""}), Refused(fact)),
        in_shop(json!({"residency": "a\tb"}), Refused(fact)),
        in_shop(json!({"residency": "ä".repeat(64)}), Taken),
        in_shop(json!({"residency": "a".repeat(65)}), RefusedApart("Too long", fact)),
        in_shop(authorities(8), Taken),
        in_shop(authorities(9), RefusedApart("must have at most 8 items", "at most 8 are allowed")),
        in_shop(authorities(0), RefusedApart("should have at least 1 items", "must name at least one ConfigMap")),
        in_shop(json!({"network": {"plaintext": true}}), Refused(lifted)),
        in_shop(json!({"network": {"privateAddresses": true}}), Refused(lifted)),
        in_shop(json!({"network": {"plaintext": false}}), Taken),
        Case::provider(PLATFORM, with(json!({"network": {"plaintext": true, "privateAddresses": true}})), Taken),
    ]);
    cases
}

/// As many entries of everything as there may be.
pub fn largest() -> Case {
    let rates = json!({
        "input": "17999999999.999999999", "output": "0.6", "cacheRead": "0.1", "cacheWrite": "0.2", "cacheWrite1h": "3",
        "audioInput": "4", "audioOutput": "5",
    });
    let with_rates = |more: Value| {
        let (Value::Object(mut all), Value::Object(more)) = (rates.clone(), more) else { panic!("an object") };
        all.extend(more);
        Value::Object(all)
    };
    let tiers: Vec<_> = (1..=8).map(|n| with_rates(json!({"contextOver": n * 1000}))).collect();
    let price = with_rates(json!({"perRequest": "1", "tiers": tiers}));
    let model = |n: usize| json!({"name": format!("{n}{}*", "m".repeat(200)), "contextWindow": 1, "price": price});
    let credentials: Vec<_> = (0..16)
        .map(|n| credential(&format!("{n}-{}", "c".repeat(60)), 1, &"s".repeat(253), &"k".repeat(253)))
        .collect();
    let spec = json!({
        "endpoint": format!("https://{}.example/{}", "a".repeat(63), "p".repeat(400)),
        "credentials": credentials,
        "models": (0..256).map(model).collect::<Vec<_>>(),
    });
    in_shop(spec, Taken)
}

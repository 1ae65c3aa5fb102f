//! The definitions that an API server is given: nothing in them is unbounded, nullable or without a word.

#![expect(clippy::unwrap_used, reason = "what a test needs and does not get ends it")]

use serde_json::Value;
use sidegate_crds::{definitions, manifests};
use sidegate_policy::{Telemetry, Timeouts};

/// The schema of each kind, by name.
fn schemas() -> Vec<(String, Value)> {
    let schema = |crd| {
        let crd: Value = serde_json::to_value(crd).unwrap();
        let at = |path: &str| crd.pointer(path).unwrap().clone();
        let name = at("/spec/names/kind").as_str().unwrap().to_owned();
        (name, at("/spec/versions/0/schema/openAPIV3Schema"))
    };
    definitions().unwrap().map(schema).into()
}

/// Calls `visit` with the path of every schema below and including `schema`.
fn walk(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, visit);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(below) = schema.get(key).filter(|below| below.is_object()) {
            walk(&format!("{path}{mark}"), below, visit);
        }
    }
}

fn offenders(wrong: impl Fn(&str, &Value) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (kind, schema) in schemas() {
        for part in ["spec", "status"] {
            walk(&format!("{kind}.{part}"), &schema["properties"][part], &mut |path, schema| {
                if wrong(path, schema) {
                    found.push(path.to_owned());
                }
            });
        }
    }
    found
}

#[test]
fn nothing_that_people_write_is_without_bounds() {
    let unbounded = offenders(|path, schema| {
        let needed: &[&str] = match schema["type"].as_str().unwrap() {
            "string" if schema.get("enum").is_some() => &[],
            "string" => &["maxLength"],
            "array" => &["maxItems", "x-kubernetes-list-type"],
            "integer" => &["minimum", "maximum"],
            "object" if schema.get("additionalProperties").is_some() => &["maxProperties"],
            _ => &[],
        };
        path.contains(".spec") && needed.iter().any(|bound| schema.get(*bound).is_none())
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_field_has_a_word_of_explanation() {
    let silent = offenders(|path, schema| {
        let entry = path.ends_with("[]") || path.ends_with("{}");
        !entry && schema["description"].as_str().is_none_or(|text| text.len() < 6)
    });
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn an_absent_field_is_not_a_null_one_and_texts_flow() {
    let text = serde_json::to_string(&schemas()).unwrap();
    assert!(!text.contains("nullable"));
    let broken = offenders(|_, schema| {
        schema["description"].as_str().is_some_and(|text| text.replace("\n\n", "").contains('\n'))
    });
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_timeouts_that_appear_are_those_that_hold_without_an_object() {
    let (_, provider) = &schemas()[0];
    let default = &provider["properties"]["spec"]["properties"]["timeouts"]["default"];
    let read = |name: &str| sidegate_crds::formats::duration(default[name].as_str().unwrap()).unwrap();
    let held = Timeouts::default();
    assert_eq!(read("connect"), held.connect);
    assert_eq!(read("response"), held.response);
    assert_eq!(read("firstEvent"), held.first_event);
    assert_eq!(read("idle"), held.idle);
    assert_eq!(read("stream"), held.stream);
}

#[test]
fn the_telemetry_that_appears_is_what_holds_without_an_object() {
    let (_, policy) = &schemas()[1];
    let telemetry = &policy["properties"]["spec"]["properties"]["telemetry"]["properties"];
    let (traces, content) = (&telemetry["traces"]["properties"], &telemetry["content"]["properties"]);
    let held = Telemetry::default();
    assert_eq!(traces["ratio"]["default"], held.traces.ratio.to_string());
    assert_eq!(traces["always"]["default"], serde_json::json!(["Error", "Refusal", "Slow", "First"]));
    let slow = traces["slowOver"]["default"].as_str().unwrap();
    assert_eq!(sidegate_crds::formats::duration(slow).unwrap(), held.traces.slow_over);
    assert_eq!((&content["capture"]["default"], held.content.capture), (&"None".into(), false));
    assert_eq!(content["maxBytes"]["default"], held.content.max_bytes);
}

#[test]
fn a_kind_comes_with_what_admits_it() {
    let kinds: Vec<String> = manifests("ai").unwrap().iter().map(|m| m["kind"].as_str().unwrap().to_owned()).collect();
    let expected = [
        "CustomResourceDefinition",
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ];
    assert_eq!(kinds, expected);
}

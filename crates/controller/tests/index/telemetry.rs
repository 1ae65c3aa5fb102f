//! What is told of calls: whose word holds, what adds up, and what the labels of a pod have to do with it.

use std::sync::Arc;

use serde_json::{Value, json};
use sidegate_controller::{Conflict, Index, Kind, ObjectName, Overruled, PodFacts};
use sidegate_policy::{AttributeValue, Caller, Ratio, Telemetry};

use super::objects::{caller, index, merged, policy, policy_aged};

/// The policy of one name in the shop that says this of telemetry, for whom it says it.
fn said(index: &mut Index, name: &str, telemetry: Value, target: Value) {
    index.apply_policy(&policy("shop", name, merged(json!({"telemetry": telemetry}), target)));
}

fn checkout() -> Value {
    json!({"targetRefs": [{"kind": "Deployment", "name": "checkout"}]})
}

fn told(index: &mut Index, caller: &Caller) -> Telemetry {
    index.effective(caller).snapshot.snapshot.telemetry.clone()
}

/// Field, winner and what it does, of all that has no effect for the shop's caller.
fn overruled(index: &mut Index) -> Vec<(String, String, Overruled)> {
    let of = |c: &Conflict| (format!("{} {}", c.object, c.field), format!("{} {}", c.winner, c.winner_field), c.why);
    index.effective(&caller("shop")).conflicts.iter().map(of).collect()
}

fn ratio(told: &Telemetry) -> String {
    told.traces.ratio.to_string()
}

/// Names with headers or values.
fn attributes(told: &Telemetry) -> Vec<String> {
    let one = |a: &sidegate_policy::Attribute| match &a.value {
        AttributeValue::Header(name) => format!("{} of {name}", a.name),
        AttributeValue::Known(value) => format!("{}={value}", a.name),
    };
    told.attributes.iter().map(one).collect()
}

#[test]
fn where_nobody_says_anything_the_defaults_hold() {
    let mut index = index();
    said(&mut index, "silent", json!({}), json!({}));
    assert_eq!(told(&mut index, &caller("shop")), Telemetry::default());
}

#[test]
fn of_traces_the_closest_object_says_all() {
    let mut index = index();
    index.apply_policy(&policy(
        "sidegate-system",
        "cluster",
        json!({"telemetry": {"traces": {"ratio": "0.5", "slowOver": "1s", "propagateTo": ["*"]}}}),
    ));
    said(&mut index, "own", json!({"traces": {"ratio": "0.25"}}), json!({}));
    said(&mut index, "workload", json!({"traces": {"ratio": "1", "always": ["First"]}}), checkout());
    let closest = told(&mut index, &caller("shop")).traces;
    assert_eq!((closest.ratio, closest.always.first, closest.always.slow), (Ratio::ALL, true, false));
    assert_eq!((closest.slow_over.as_secs(), closest.propagate_to.len()), (10, 0), "nothing is taken from the others");
    assert_eq!(
        closest.meta.expect("it came from somewhere").to_string(),
        "AIPolicy/shop/workload spec.telemetry.traces"
    );
    assert_eq!(overruled(&mut index), [], "to be overridden by a closer object is no conflict");
    assert_eq!(ratio(&told(&mut index, &caller("bank"))), "0.5");
    index.delete(&ObjectName::new(Kind::AiPolicy, "shop", "workload"));
    assert_eq!(ratio(&told(&mut index, &caller("shop"))), "0.25");
}

#[test]
fn among_equals_the_older_one_says_all_of_traces_and_the_other_is_told_so() {
    let mut index = index();
    for (name, age, ratio) in [("young", 2, "1"), ("old", 1, "0.5")] {
        index.apply_policy(&policy_aged("shop", name, age, json!({"telemetry": {"traces": {"ratio": ratio}}})));
    }
    assert_eq!(ratio(&told(&mut index, &caller("shop"))), "0.5");
    let field = "spec.telemetry.traces";
    let lost = (format!("AIPolicy/shop/young {field}"), format!("AIPolicy/shop/old {field}"), Overruled::Outranked);
    assert_eq!(overruled(&mut index), [lost]);
    let problems: Vec<String> = index.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [format!("AIPolicy/shop/young {field}: has no effect: AIPolicy/shop/old {field} comes before it")]
    );
}

#[test]
fn of_content_the_least_holds_that_any_object_allows() {
    let mut index = index();
    let full = |bytes: u32| json!({"content": {"capture": "Full", "maxBytes": bytes}});
    said(&mut index, "own", full(500), json!({}));
    assert!(told(&mut index, &caller("shop")).content.capture);
    assert!(!told(&mut index, &caller("bank")).content.capture);
    said(&mut index, "workload", full(9000), checkout());
    let least = told(&mut index, &caller("shop")).content;
    assert_eq!((least.capture, least.max_bytes), (true, 500));
    assert_eq!(least.meta.expect("it came from somewhere").to_string(), "AIPolicy/shop/own spec.telemetry.content");
    assert_eq!(overruled(&mut index), []);

    index.apply_policy(&policy("sidegate-system", "cluster", json!({"telemetry": {"content": {"capture": "None"}}})));
    let none = told(&mut index, &caller("shop")).content;
    assert!(!none.capture, "the farthest object is enough to withhold it");
    let winner = "AIPolicy/sidegate-system/cluster spec.telemetry.content";
    assert_eq!(none.meta.expect("it came from somewhere").to_string(), winner);
    let lost =
        |name: &str| (format!("AIPolicy/shop/{name} spec.telemetry.content"), winner.to_owned(), Overruled::Withheld);
    assert_eq!(overruled(&mut index), [lost("workload"), lost("own")]);
}

#[test]
fn content_of_everybody_is_refused_at_the_object_and_nothing_of_it_is_in_force() {
    let mut index = index();
    let full = json!({"telemetry": {"content": {"capture": "Full"}, "traces": {"ratio": "1"}}});
    index.apply_policy(&policy("sidegate-system", "cluster", full));
    assert_eq!(told(&mut index, &caller("shop")), Telemetry::default());
    let standing = index.standing(&ObjectName::new(Kind::AiPolicy, "sidegate-system", "cluster")).expect("refused");
    assert_eq!((standing.in_force, &*standing.refusals[0].field), (None, "spec.telemetry.content.capture"));
    let named = json!({"telemetry": {"content": {"capture": "Full"}}, "namespaceSelector": {"matchLabels": {"content": "yes"}}});
    index.apply_policy(&policy("sidegate-system", "cluster", named));
    assert!(!told(&mut index, &caller("shop")).content.capture);
    index.apply_namespace("shop", [("content".to_owned(), "yes".to_owned())].into());
    assert!(told(&mut index, &caller("shop")).content.capture);
    assert!(!told(&mut index, &caller("bank")).content.capture);
}

#[test]
fn a_policy_in_dry_run_says_nothing_of_telemetry() {
    let mut index = index();
    let all = json!({"traces": {"ratio": "1"}, "content": {"capture": "None"}, "attributes": [{"name": "app", "label": "app"}]});
    said(&mut index, "dry", all.clone(), json!({"mode": "DryRun"}));
    assert_eq!(told(&mut index, &caller("shop")), Telemetry::default());
    said(&mut index, "dry", all, json!({}));
    assert_eq!(attributes(&told(&mut index, &caller("shop"))), ["app=checkout"]);
}

#[test]
fn attributes_add_up_and_of_one_name_the_closest_counts() {
    let mut index = index();
    let header = |name: &str, header: &str| json!({"name": name, "header": header});
    index.apply_policy(&policy(
        "sidegate-system",
        "cluster",
        json!({"telemetry": {"attributes": [header("purpose", "x-why"), header("user", "X-User")]}}),
    ));
    said(&mut index, "workload", json!({"attributes": [header("purpose", "x-purpose")]}), checkout());
    let told = told(&mut index, &caller("shop"));
    assert_eq!(attributes(&told), ["purpose of x-purpose", "user of x-user"]);
    assert_eq!(told.attributes[1].meta.to_string(), "AIPolicy/sidegate-system/cluster spec.telemetry.attributes[user]");
    assert_eq!(overruled(&mut index), []);

    said(&mut index, "later", json!({"attributes": [header("purpose", "x-other")]}), checkout());
    let field = "spec.telemetry.attributes[purpose]";
    // Of equal age, the first by name.
    let lost =
        (format!("AIPolicy/shop/workload {field}"), format!("AIPolicy/shop/later {field}"), Overruled::Outranked);
    assert_eq!(overruled(&mut index), [lost]);
}

#[test]
fn more_attributes_than_may_be_told_are_left_out_from_the_far_end_and_told_so() {
    let mut index = index();
    let many = |what: &str, n: usize| {
        let all: Vec<Value> = (0..n).map(|n| json!({"name": format!("{what}{n}"), "header": "x-h"})).collect();
        json!({"attributes": all})
    };
    said(&mut index, "workload", many("w", 15), checkout());
    said(&mut index, "own", many("o", 2), json!({}));
    let told = told(&mut index, &caller("shop"));
    assert_eq!((told.attributes.len(), &*told.attributes[15].name), (Telemetry::MOST_ATTRIBUTES, "o0"));
    let field = |n: usize| format!("AIPolicy/shop/own spec.telemetry.attributes[o{n}]");
    assert_eq!(overruled(&mut index), [(field(1), field(0), Overruled::Crowded)]);
}

fn pod(name: &str, labels: &[(&str, &str)]) -> PodFacts {
    PodFacts {
        namespace: "shop".into(),
        name: name.into(),
        uid: name.into(),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        service_account: "default".into(),
        owner: None,
    }
}

#[test]
fn a_label_that_is_told_tells_classes_apart_and_no_other_does() {
    let mut index = index();
    let team = json!({"attributes": [{"name": "team", "label": "team"}]});
    said(&mut index, "own", json!({}), json!({}));
    for (name, labels) in [
        ("a", [("team", "web"), ("hash", "1")]),
        ("b", [("team", "web"), ("hash", "2")]),
        ("c", [("team", "data"), ("hash", "3")]),
        ("d", [("none", ""), ("hash", "4")]),
    ] {
        index.apply_pod(pod(name, &labels));
    }
    let of = |index: &Index, name: &str| index.caller_of("shop", name, name).expect("it is there");
    let told_of = |index: &mut Index, name: &str| attributes(&told(index, &of(index, name)));
    assert_eq!(index.classes().len(), 1);

    said(&mut index, "own", team, json!({}));
    assert_eq!(index.classes().len(), 3, "web, data, and those without");
    assert_eq!(
        (told_of(&mut index, "a"), told_of(&mut index, "c")),
        (vec!["team=web".into()], vec!["team=data".into()])
    );
    assert_eq!(told_of(&mut index, "d"), Vec::<String>::new());
    let bytes = |index: &mut Index, name: &str| index.effective(&of(index, name)).snapshot.clone();
    assert!(Arc::ptr_eq(&bytes(&mut index, "a"), &bytes(&mut index, "b")), "the same bytes are shared");

    index.attend(1, &Caller { namespace: "shop".into(), pod: "b".into(), ..Caller::default() }, "b");
    index.take_due();
    index.apply_pod(pod("b", &[("team", "data"), ("hash", "2")]));
    assert_eq!(index.take_due().into_iter().collect::<Vec<_>>(), [1]);
    assert_eq!(told_of(&mut index, "b"), ["team=data"]);
    said(&mut index, "own", json!({}), json!({}));
    assert_eq!(index.classes().len(), 1);
    assert_eq!(index.take_due().into_iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_label_that_is_told_is_no_longer_than_it_may_be() {
    let mut index = index();
    said(&mut index, "own", json!({"attributes": [{"name": "app", "label": "app"}]}), json!({}));
    let long = Caller { labels: [("app".to_owned(), "x\n".repeat(200))].into(), ..caller("shop") };
    assert_eq!(attributes(&told(&mut index, &long)), [format!("app={}", "x".repeat(128))]);
}

#[test]
fn what_says_something_of_telemetry_stands_like_the_rest() {
    let mut index = index();
    said(&mut index, "own", json!({"content": {"capture": "Full"}}), json!({}));
    said(&mut index, "strict", json!({"content": {}}), checkout());
    index.apply_pod(pod("a", &[]));
    let standing = index.standing(&ObjectName::new(Kind::AiPolicy, "shop", "own")).expect("it is there");
    assert_eq!((standing.selected, standing.conflicts.len()), (1, 0), "no known pod is of the Deployment");
    let effective = index.effective(&caller("shop"));
    assert_eq!(effective.conflicts[0].why, Overruled::Withheld);
}

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::DynamicObject;
use serde_json::json;

use super::*;
use crate::source::kube::objects;

fn seen(name: &str, version: u64, generation: i64) -> Seen {
    of("uid", name, version, generation)
}

fn of(uid: &str, name: &str, version: u64, generation: i64) -> Seen {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("shop".to_owned()),
        uid: Some(uid.to_owned()),
        resource_version: Some(version.to_string()),
        generation: Some(generation),
        ..ObjectMeta::default()
    };
    objects::policy(DynamicObject { types: None, metadata, data: json!({"spec": {"mode": "Enforce"}}) })
}

/// `+name` for what is there, `-name` for what is gone, `?name` for what does not decode.
fn words(changes: impl IntoIterator<Item = Change>) -> Vec<String> {
    let word = |change| match change {
        Change::Put(name, _) => format!("+{}", name.name),
        Change::Gone(name) => format!("-{}", name.name),
        Change::Undecodable(name, ..) => format!("?{}", name.name),
    };
    changes.into_iter().map(word).collect()
}

#[test]
fn a_list_says_only_what_is_different() {
    let mut known = Known::default();
    assert_eq!(words(known.listed(vec![seen("a", 5, 1), seen("b", 6, 1)], "7").unwrap()), ["+a", "+b"]);
    assert_eq!(words(known.listed(vec![seen("b", 6, 1), seen("c", 8, 1)], "9").unwrap()), ["-a", "+c"]);
    assert_eq!(words(known.listed(vec![seen("b", 6, 1), seen("c", 8, 1)], "9").unwrap()), Vec::<String>::new());
    assert_eq!(known.count(), 2);
}

#[test]
fn an_older_list_changes_nothing_at_all() {
    let mut known = Known::default();
    known.listed(vec![seen("a", 5, 1)], "7").unwrap();
    known.passed("20");
    assert!(known.listed(vec![], "19").is_err());
    assert_eq!(known.count(), 1);
    assert_eq!(words(known.listed(vec![], "20").unwrap()), ["-a"]);
}

#[test]
fn an_older_version_of_an_object_never_replaces_a_newer_one() {
    let mut known = Known::default();
    known.listed(vec![seen("a", 5, 4)], "7").unwrap();
    assert_eq!(words(known.listed(vec![seen("a", 4, 3)], "8").unwrap()), Vec::<String>::new());
    // A lower generation of the same object is older, whatever its version says.
    assert_eq!(words(known.listed(vec![seen("a", 9, 3)], "9").unwrap()), Vec::<String>::new());
    assert_eq!(words(known.applied(of("another", "a", 10, 1))), ["+a"]);
}

#[test]
fn an_echo_from_before_neither_changes_nor_brings_back_anything() {
    let mut known = Known::default();
    known.listed(vec![seen("a", 5, 1)], "7").unwrap();
    assert_eq!(words(known.deleted(&seen("a", 8, 1))), ["-a"]);
    assert_eq!(words(known.applied(seen("a", 6, 1))), Vec::<String>::new());
    assert_eq!(words(known.applied(of("another", "a", 9, 1))), ["+a"]);
    assert_eq!(words(known.deleted(&seen("a", 8, 1))), Vec::<String>::new());
}

#[test]
fn what_does_not_decode_is_known_and_told_until_it_does_or_is_gone() {
    let mut known = Known::default();
    let broken = |version| Seen { taken: Err("odd".to_owned()), ..seen("a", version, 1) };
    assert_eq!(words(known.listed(vec![broken(5)], "7").unwrap()), ["?a"]);
    assert_eq!(known.undecodable().len(), 1);
    assert_eq!(words(known.applied(seen("a", 8, 1))), ["+a"]);
    assert_eq!(known.undecodable().len(), 0);
    assert_eq!(words(known.applied(broken(9))), ["?a"]);
    assert_eq!(words(known.deleted(&seen("a", 10, 1))), ["-a"]);
    assert_eq!((known.undecodable().len(), known.count()), (0, 0));
}

#[test]
fn of_managed_fields_only_who_wrote_the_object_how_and_when_are_kept() {
    let mut metadata = *seen("a", 5, 1).metadata;
    metadata.managed_fields = Some(vec![
        serde_json::from_value(json!({"manager": "kubectl", "operation": "Apply", "apiVersion": "v1",
            "time": "2026-11-21T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}))
        .unwrap(),
        serde_json::from_value(
            json!({"manager": "sidegate-controller", "operation": "Apply", "subresource": "status"}),
        )
        .unwrap(),
    ]);
    let seen = objects::policy(DynamicObject { types: None, metadata, data: json!({"spec": {}}) });
    let kept = serde_json::to_value(&seen.metadata.managed_fields).unwrap();
    assert_eq!(kept, json!([{"manager": "kubectl", "operation": "Apply", "time": "2026-11-21T10:00:00Z"}]));
}

//! What is sent.

use serde_json::{Value, json};

use super::*;
use crate::status::patch::{apply, without_foreign};
use crate::status::shown::Shown;

fn shown() -> Shown {
    Shown { uid: "u-1".into(), generation: 7, version: "42".into(), status: "".into() }
}

#[test]
fn a_status_is_applied_to_this_object_at_this_version_and_to_nothing_else_of_it() {
    let body = apply(&policy_name(), &shown(), &json!({"observedGeneration": 7}));
    let metadata = json!({"name": "checkout", "namespace": "shop", "uid": "u-1", "resourceVersion": "42"});
    let expected = json!({"apiVersion": "sidegate.dev/v1alpha1", "kind": "AIPolicy", "metadata": metadata,
                          "status": {"observedGeneration": 7}});
    assert_eq!(body, expected);
}

#[test]
fn what_others_added_is_taken_out_from_the_end_on_condition_of_the_version() {
    let shown = json!({
        "observedGeneration": 7,
        "conditions": [{"type": "Evil"}, {"type": "Accepted"}, {"type": "Worse"}],
        "credentials": [{"name": "a"}, {"name": "ghost"}],
        "conflicts": [],
    });
    let wanted = json!({"observedGeneration": 7, "conditions": [{"type": "Accepted"}], "credentials": [{"name": "a"}]});
    let expected = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": "42"},
        {"op": "remove", "path": "/status/conditions/2"},
        {"op": "remove", "path": "/status/conditions/0"},
        {"op": "remove", "path": "/status/conflicts"},
        {"op": "remove", "path": "/status/credentials/1"},
    ]);
    assert_eq!(without_foreign(&shown, "42", &wanted), Some(expected));
}

#[test]
fn where_nobody_added_anything_nothing_is_taken_out() {
    let status = json!({"conditions": [{"type": "Accepted"}], "observedGeneration": 7});
    assert_eq!(without_foreign(&status, "42", &status), None);
    assert_eq!(without_foreign(&Value::Null, "42", &status), None);
}

#[test]
fn an_empty_list_is_no_field_so_that_nothing_is_left_of_it() {
    let value = serde_json::to_value(policy(&standing(0), &[])).unwrap();
    assert!(value.get("conflicts").is_none(), "{value}");
}

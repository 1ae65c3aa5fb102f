//! What is sent to the API server to make a status what it should be. Pure.
//!
//! Server-side apply owns what we say, and leaves alone what others add to the lists that merge by key. What they
//! added is taken out by name and place, on condition of the version that was looked at.

use serde_json::{Value, json};

use super::shown::{Shown, resource};
use crate::problem::ObjectName;

/// The lists of a status that merge by key.
const MERGED: [(&str, &str); 2] = [("conditions", "type"), ("credentials", "name")];

/// What is applied: nothing but the status, for this object and this version of it alone.
pub(super) fn apply(name: &ObjectName, shown: &Shown, status: &Value) -> Value {
    let resource = resource(name.kind);
    json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": &*name.name,
            "namespace": &*name.namespace,
            "uid": &*shown.uid,
            "resourceVersion": &*shown.version,
        },
        "status": status,
    })
}

/// A JSON patch that takes out of `shown` what `wanted` does not have; `None` if there is nothing.
pub(super) fn without_foreign(shown: &Value, version: &str, wanted: &Value) -> Option<Value> {
    let mut operations = vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})];
    for (field, value) in shown.as_object()? {
        let Some(kept) = wanted.get(field) else {
            operations.push(json!({"op": "remove", "path": format!("/status/{}", escaped(field))}));
            continue;
        };
        let Some((_, key)) = MERGED.iter().find(|(list, _)| list == field) else { continue };
        let (Some(entries), Some(kept)) = (value.as_array(), kept.as_array()) else { continue };
        // From the end, so that the places of those before stay what they are.
        for (at, entry) in entries.iter().enumerate().rev() {
            if !kept.iter().any(|k| k.get(key) == entry.get(key)) {
                operations.push(json!({"op": "remove", "path": format!("/status/{field}/{at}")}));
            }
        }
    }
    (operations.len() > 1).then_some(Value::Array(operations))
}

fn escaped(field: &str) -> String {
    field.replace('~', "~0").replace('/', "~1")
}

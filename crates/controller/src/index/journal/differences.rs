//! Where two specifications differ: paths as objects' problems and rules name them, and never a value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The paths that differ between two specifications, as JSON; sorted, in the order of the fields' names.
pub(super) fn between(before: &str, after: &str) -> Vec<String> {
    let read = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut paths = Vec::new();
    compare("spec", &read(before), &read(after), &mut paths);
    paths
}

fn compare(path: &str, before: &Value, after: &Value, into: &mut Vec<String>) {
    if before == after {
        return;
    }
    let found = into.len();
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => members(path, before, after, into),
        (Value::Array(before), Value::Array(after)) => {
            if let (Some(before), Some(after)) = (by_name(before), by_name(after)) {
                entries(path, &before, &after, into);
            }
        }
        _ => {}
    }
    // Nothing in it differs that has a name, as where only the order does.
    if into.len() == found {
        into.push(path.to_owned());
    }
}

fn members(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, into: &mut Vec<String>) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        either(&format!("{path}.{name}"), before.get(name), after.get(name), into);
    }
}

fn entries(path: &str, before: &[(&str, &Value)], after: &[(&str, &Value)], into: &mut Vec<String>) {
    let names: BTreeSet<&str> = before.iter().chain(after).map(|(name, _)| *name).collect();
    for name in names {
        either(&format!("{path}[{name}]"), entry(before, name), entry(after, name), into);
    }
}

fn entry<'a>(list: &[(&str, &'a Value)], name: &str) -> Option<&'a Value> {
    list.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

fn either(path: &str, before: Option<&Value>, after: Option<&Value>, into: &mut Vec<String>) {
    match (before, after) {
        (Some(before), Some(after)) => compare(path, before, after, into),
        _ => into.push(path.to_owned()),
    }
}

/// The entries of a list in which each has a name of its own.
fn by_name(list: &[Value]) -> Option<Vec<(&str, &Value)>> {
    let named: Option<Vec<(&str, &Value)>> =
        list.iter().map(|entry| Some((entry.get("name")?.as_str()?, entry))).collect();
    named.filter(|named| named.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == named.len())
}

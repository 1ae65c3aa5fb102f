//! Changes to answers that are already rendered: their JSON, wherever it lies.
//!
//! A whole body is JSON; an event is lines of which one starts with `data: `;
//! an element of a JSON array has a bracket or a comma before it.

use bytes::Bytes;
use serde_json::{Value, json};

use super::fault::UsageAs;

/// Applies `change` to the JSON in `bytes`; what holds none stays as it is.
pub(crate) fn json_in(bytes: &Bytes, change: impl FnOnce(&mut Value)) -> Bytes {
    let text = String::from_utf8_lossy(bytes);
    let Some(start) = text.find('{') else {
        return bytes.clone();
    };
    let Some(end) = text.rfind('}') else {
        return bytes.clone();
    };
    let (Some(before), Some(inner), Some(after)) = (text.get(..start), text.get(start..=end), text.get(end + 1..))
    else {
        return bytes.clone();
    };
    let Ok(mut value) = serde_json::from_str(inner) else {
        return bytes.clone();
    };
    change(&mut value);
    Bytes::from(format!("{before}{value}{after}"))
}

/// The JSON in `bytes`, if any.
pub(crate) fn read(bytes: &Bytes) -> Option<Value> {
    let mut found = None;
    json_in(bytes, |value| found = Some(value.clone()));
    found
}

/// Spoils every usage in `value`.
pub(crate) fn usage(value: &mut Value, spoilt: UsageAs) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for name in ["usage", "usageMetadata"] {
        match (fields.get_mut(name), spoilt) {
            (None | Some(Value::Null), _) => {}
            (Some(_), UsageAs::Missing) => drop(fields.remove(name)),
            (Some(usage), UsageAs::Null) => *usage = Value::Null,
            (Some(usage), UsageAs::Words) => numbers(usage, &|_| json!("many")),
            (Some(usage), UsageAs::Negative) => numbers(usage, &|_| json!(-7)),
            (Some(usage), UsageAs::Huge) => numbers(usage, &|_| json!(1e30)),
        }
    }
    for name in ["message", "response"] {
        if let Some(inner) = fields.get_mut(name) {
            usage(inner, spoilt);
        }
    }
}

/// Adds output tokens to every usage in `value`.
pub(crate) fn overbill(value: &mut Value, more: u64) {
    let add = |count: &mut Value| *count = json!(count.as_u64().unwrap_or_default() + more);
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for usage in ["usage", "usageMetadata"] {
        let counts = ["completion_tokens", "output_tokens", "candidatesTokenCount"];
        let sums = ["total_tokens", "totalTokenCount"];
        for name in counts.iter().chain(&sums) {
            if let Some(count) = fields.get_mut(usage).and_then(|usage| usage.get_mut(*name)) {
                add(count);
            }
        }
    }
    for name in ["message", "response"] {
        if let Some(inner) = fields.get_mut(name) {
            overbill(inner, more);
        }
    }
}

/// Empties what an answer says.
pub(crate) fn silence(value: &mut Value) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    for name in ["choices", "candidates", "content", "output"] {
        if let Some(said) = fields.get_mut(name) {
            *said = json!([]);
        }
    }
    if let Some(inner) = fields.get_mut("response") {
        silence(inner);
    }
}

/// Sets the field at a JSON pointer, where its object exists, or takes it out.
pub(crate) fn patch(value: &mut Value, at: &str, to: Option<&Value>) {
    let Some((path, name)) = at.rsplit_once('/') else { return };
    let Some(fields) = value.pointer_mut(path).and_then(Value::as_object_mut) else { return };
    match to {
        Some(to) => drop(fields.insert(name.to_owned(), to.clone())),
        None => drop(fields.remove(name)),
    }
}

fn numbers(value: &mut Value, to: &impl Fn(&Value) -> Value) {
    match value {
        Value::Number(_) => *value = to(value),
        Value::Object(fields) => fields.values_mut().for_each(|field| numbers(field, to)),
        Value::Array(items) => items.iter_mut().for_each(|item| numbers(item, to)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

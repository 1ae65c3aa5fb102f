//! The smallest deterministic instance of a JSON schema.
//!
//! Tool arguments and structured answers must pass the client's own
//! validation, so the simulator answers with an instance: the first of an
//! enum, every property of an object, one element of an array. It reads the
//! part of JSON Schema (and of Gemini's OpenAPI subset, with its upper-case
//! types) that SDKs generate; numeric bounds other than `minimum` are not read.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

/// Levels of schema followed, `$ref` included.
const DEPTH: usize = 32;

/// An instance of `schema`.
pub(crate) fn of(schema: &Value) -> Value {
    instance(schema, schema, DEPTH)
}

fn instance(root: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const").or(schema.pointer("/enum/0")) {
        return fixed.clone();
    }
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let target = path.strip_prefix('#').and_then(|path| root.pointer(path));
        return target.map_or(Value::Null, |target| instance(root, target, depth - 1));
    }
    for union in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(union).and_then(|options| options.get(0)) {
            return instance(root, first, depth - 1);
        }
    }
    match type_of(schema).as_str() {
        "string" => json!("sim"),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "number" => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
        "boolean" => json!(true),
        "array" => {
            let item = schema.get("items").map(|items| instance(root, items, depth - 1));
            Value::Array(item.into_iter().collect())
        }
        "object" => Value::Object(properties(root, schema, depth)),
        _ => Value::Null,
    }
}

fn properties(root: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let fields = schema.get("properties").and_then(Value::as_object);
    let fields = fields.into_iter().flatten();
    fields.map(|(name, field)| (name.clone(), instance(root, field, depth - 1))).collect()
}

fn type_of(schema: &Value) -> String {
    let named = match schema.get("type") {
        Some(Value::Array(types)) => types.first(),
        other => other,
    };
    match named.and_then(Value::as_str) {
        Some(name) => name.to_ascii_lowercase(),
        None if schema.get("properties").is_some() => "object".to_owned(),
        None => "string".to_owned(),
    }
}

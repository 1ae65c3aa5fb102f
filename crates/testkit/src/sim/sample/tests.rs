//! Instances of the schemas that SDKs generate.

use serde_json::json;

use super::of;

#[test]
fn every_property_of_an_object_is_given() {
    let schema = json!({"type": "object", "properties": {
        "name": {"type": "string"}, "count": {"type": "integer", "minimum": 3},
        "tags": {"type": "array", "items": {"enum": ["x", "y"]}}, "sure": {"type": "boolean"},
    }});
    let expected = json!({"name": "sim", "count": 3, "tags": ["x"], "sure": true});
    assert_eq!(of(&schema), expected);
}

#[test]
fn references_and_unions_are_followed() {
    let schema = json!({
        "$ref": "#/$defs/Place",
        "$defs": {"Place": {"properties": {"at": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}},
    });
    assert_eq!(of(&schema), json!({"at": 1.5}));
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let schema = json!({"type": "array", "items": {"$ref": "#"}});
    let mut depth = 0;
    let mut value = &of(&schema);
    while let Some(inner) = value.get(0) {
        (depth, value) = (depth + 1, inner);
    }
    assert!(depth < 32, "{depth}");
}

#[test]
fn types_in_capitals_are_geminis() {
    let schema = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}});
    assert_eq!(of(&schema), json!({"city": "sim"}));
}

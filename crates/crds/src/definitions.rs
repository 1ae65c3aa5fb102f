//! The kinds as a Kubernetes API server takes them.
//!
//! What the types say, with two things put right: a field that may be absent is not one that may be null, and a
//! description is flowing text, whatever the width of the source.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value};

use crate::admission::admission;
use crate::columns::{self, Column};
use crate::policy::AIPolicy;
use crate::provider::AIProvider;

/// The definitions of AIProvider and AIPolicy.
///
/// # Errors
/// Never, as long as a definition is JSON.
pub fn definitions() -> Result<[CustomResourceDefinition; 2], serde_json::Error> {
    Ok([whole(AIProvider::crd(), &columns::OF_PROVIDERS)?, whole(AIPolicy::crd(), &columns::OF_POLICIES)?])
}

/// All that an API server has to be given before it takes the objects: the definitions, and what only the control
/// plane's `namespace` may say.
///
/// # Errors
/// Never, as long as a definition is JSON.
pub fn manifests(namespace: &str) -> Result<Vec<Value>, serde_json::Error> {
    let mut manifests = Vec::new();
    for definition in definitions()? {
        let mut value = serde_json::to_value(definition)?;
        whole_numbers(&mut value);
        manifests.push(value);
    }
    manifests.extend(admission(namespace));
    Ok(manifests)
}

fn whole(
    mut definition: CustomResourceDefinition,
    columns: &[Column],
) -> Result<CustomResourceDefinition, serde_json::Error> {
    for version in &mut definition.spec.versions {
        version.additional_printer_columns = Some(columns.iter().map(Column::definition).collect());
    }
    let mut value = serde_json::to_value(definition)?;
    put_right(&mut value);
    serde_json::from_value(value)
}

fn put_right(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            without_null(fields);
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = flowing(text);
            }
            fields.values_mut().for_each(put_right);
        }
        Value::Array(entries) => entries.iter_mut().for_each(put_right),
        _ => {}
    }
}

/// A null is then pruned, and means what absence means.
fn without_null(schema: &mut Map<String, Value>) {
    if schema.get("nullable").is_some_and(Value::is_boolean) {
        schema.remove("nullable");
    }
}

/// Lines into paragraphs.
fn flowing(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Bounds are kept as floats and read as what they are.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Array(entries) => entries.iter_mut().for_each(whole_numbers),
        Value::Number(number) => {
            // Display writes a whole float without exponent, and with nothing behind the point.
            let whole = number.as_f64().and_then(|float| float.to_string().parse::<i64>().ok());
            if let Some(whole) = whole {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

//! Audit lines held against the schema that is published, by a validator that is not ours.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

/// What is published.
static PUBLISHED: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../docs/audit.schema.json");
    serde_json::from_str(text).unwrap_or_else(|e| panic!("docs/audit.schema.json: {e}"))
});

static SCHEMA: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    let added = compiler.add_resource("audit.schema.json", PUBLISHED.clone());
    added.unwrap_or_else(|e| panic!("docs/audit.schema.json: {e:#}"));
    let compiled = compiler.compile("audit.schema.json", &mut schemas);
    (schemas, compiled.unwrap_or_else(|e| panic!("docs/audit.schema.json: {e:#}")))
});

/// What is wrong with a line; none if it is as published.
#[must_use]
pub fn wrong(line: &Value) -> Option<String> {
    let (schemas, index) = &*SCHEMA;
    schemas.validate(line, *index).err().map(|error| format!("{error:#}"))
}

/// The lines of a text, each of them as published.
///
/// # Panics
/// When one is not.
#[must_use]
pub fn lines(text: &str) -> Vec<Value> {
    text.lines().map(line).collect()
}

fn line(text: &str) -> Value {
    let line = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    if let Some(wrong) = wrong(&line) {
        panic!("{wrong}: {text}");
    }
    line
}

/// The names of all fields that an object of that kind may have, as published.
///
/// # Panics
/// When there is no such kind of object.
#[must_use]
pub fn fields(of: &str) -> BTreeSet<String> {
    let properties = PUBLISHED["$defs"][of]["properties"].as_object();
    properties.unwrap_or_else(|| panic!("no `{of}` is published")).keys().cloned().collect()
}

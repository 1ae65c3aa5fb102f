//! What audit lines say, field by field: the one description that `docs/audit.schema.json` and the tables of
//! `docs/audit.md` are written from, and that every line of the tests is held against.
//!
//! `SIDEGATE_WRITE_DOCS=1 cargo test -p sidegate-telemetry --lib audit` writes both anew.

mod fields;
mod pages;

use serde_json::{Map, Value, json};
use sidegate_policy::{Class, Dialect, Reason};

use super::MAX_ENTRIES;
use crate::json::MAX_TEXT;
use crate::names::AUDIT_SCHEMA;
use crate::record::{Anomaly, ChangeKind};

/// An object of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Call,
    Attempt,
    Lost,
    LeftOut,
    DryRun,
    Change,
}

impl Part {
    const ALL: [Self; 6] = [Self::Call, Self::Attempt, Self::Lost, Self::LeftOut, Self::DryRun, Self::Change];

    fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Attempt => "attempt",
            Self::Lost => "lost",
            Self::LeftOut => "left_out",
            Self::DryRun => "dry_run",
            Self::Change => "change",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Call => "One call, told when it settled.",
            Self::Attempt => "One request to a provider.",
            Self::Lost => "A route that names the model and did not win.",
            Self::LeftOut => "A target of the winning route that could not be used.",
            Self::DryRun => "What objects in dry run would have done.",
            Self::Change => "One change of an object, told by the control plane.",
        }
    }
}

/// What a value looks like.
enum Shape {
    Version,
    Time,
    Flag,
    Number,
    /// A number that may be below zero.
    Signed,
    Text,
    /// So many hexadecimal digits.
    Digits(usize),
    Words(&'static [&'static str]),
    Classes,
    Reasons,
    Dialects,
    Anomalies,
    Changes,
    Texts,
    Object(Part),
    Objects(Part),
    /// Texts by names that policy chose.
    Named,
}

impl Shape {
    /// As JSON Schema says it.
    fn schema(&self) -> Value {
        let words = |all: &[&str]| json!({"enum": all});
        // A text is cut to so many bytes, and the cut is a sign of its own.
        let text = || json!({"type": "string", "maxLength": MAX_TEXT + 1});
        let list = |items: Value| json!({"type": "array", "maxItems": MAX_ENTRIES, "items": items});
        match self {
            Self::Version => json!({"const": AUDIT_SCHEMA}),
            Self::Time => {
                json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$"})
            }
            Self::Flag => json!({"type": "boolean"}),
            Self::Number => json!({"type": "integer", "minimum": 0}),
            Self::Signed => json!({"type": "integer"}),
            Self::Text => text(),
            Self::Digits(count) => json!({"type": "string", "pattern": format!("^[0-9a-f]{{{count}}}$")}),
            Self::Words(all) => words(all),
            Self::Classes => words(&Class::ALL.map(Class::as_str)),
            Self::Reasons => words(&Reason::ALL.map(Reason::as_str)),
            Self::Dialects => words(&Dialect::ALL.map(Dialect::as_str)),
            Self::Anomalies => list(words(&Anomaly::ALL.map(Anomaly::as_str))),
            Self::Changes => words(&ChangeKind::ALL.map(ChangeKind::as_str)),
            Self::Texts => list(text()),
            Self::Object(part) => json!({"$ref": format!("#/$defs/{}", part.name())}),
            Self::Objects(part) => list(json!({"$ref": format!("#/$defs/{}", part.name())})),
            Self::Named => json!({"type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": text()}),
        }
    }

    /// In a word, for people.
    fn word(&self) -> &'static str {
        match self {
            Self::Version | Self::Number | Self::Signed => "number",
            Self::Flag => "bool",
            Self::Time | Self::Text | Self::Digits(_) | Self::Words(_) => "string",
            Self::Classes | Self::Reasons | Self::Dialects | Self::Changes => "string",
            Self::Anomalies | Self::Texts | Self::Objects(_) => "list",
            Self::Object(_) | Self::Named => "object",
        }
    }
}

/// One field.
struct Field {
    name: &'static str,
    shape: Shape,
    /// The objects that always have it.
    always: &'static [Part],
    /// The objects that have it where it has a value.
    at_times: &'static [Part],
    text: &'static str,
}

/// Fields that are described together.
struct Section {
    title: &'static str,
    fields: Vec<Field>,
}

/// The JSON Schema (2020-12) of a line.
fn schema() -> Value {
    let objects: Map<String, Value> = Part::ALL.iter().map(|part| (part.name().to_owned(), object(*part))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("https://sidegate.dev/schemas/audit-{AUDIT_SCHEMA}.json"),
        "title": "A line of Sidegate's audit trail",
        "description": "A call as the sidecar tells it, or a change of an object as the control plane does.",
        "oneOf": [{"$ref": "#/$defs/call"}, {"$ref": "#/$defs/change"}],
        "$defs": objects,
    })
}

fn object(part: Part) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields::sections().into_iter().flat_map(|section| section.fields) {
        let always = field.always.contains(&part);
        if !always && !field.at_times.contains(&part) {
            continue;
        }
        let mut shape = field.shape.schema();
        shape["description"] = field.text.into();
        let twice = properties.insert(field.name.to_owned(), shape);
        assert!(twice.is_none(), "`{}` is described twice for `{}`", field.name, part.name());
        if always {
            required.push(field.name);
        }
    }
    json!({
        "type": "object",
        "description": part.text(),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

//! Label selectors, as Kubernetes has them; unlike its own type this one refuses unknown fields.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::invalid::Report;

/// Most labels and expressions of one selector.
const MOST: usize = 16;
/// Longest value that a label may have.
const LONGEST_VALUE: usize = 63;
/// Longest key: a domain of 253, a slash, and 63.
const LONGEST_KEY: usize = 317;

const PARTS: &str = "may have at most 16 labels and expressions";
const LISTED: &str = "must be given with In and NotIn, and only with these";

/// Which labels something must have; all parts must hold, and an empty selector selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = parts())]
pub struct Selector {
    /// Labels that must be there with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub match_expressions: Vec<Expression>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = listed())]
pub struct Expression {
    /// The label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// What must hold of it: In (it has one of the values), NotIn (it is absent or has another value), Exists or
    /// DoesNotExist.
    pub operator: Operator,
    /// Values for In and NotIn; none for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub values: Vec<String>,
}

fn parts() -> Rule {
    let size = |list: &str| format!("(has(self.{list}) ? self.{list}.size() : 0)");
    Rule::new(format!("{} + {} <= {MOST}", size("matchLabels"), size("matchExpressions"))).message(PARTS)
}

fn listed() -> Rule {
    let given = "(has(self.values) && self.values.size() > 0)";
    Rule::new(format!("(self.operator in ['In', 'NotIn']) == {given}")).message(LISTED).field_path(".values")
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MOST,
        "additionalProperties": {"type": "string", "maxLength": LONGEST_VALUE},
    })
}

/// What must hold of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// It has one of the values.
    In,
    /// It is absent or has another value.
    NotIn,
    /// It is present.
    Exists,
    /// It is absent.
    DoesNotExist,
}

impl Selector {
    /// Whether something with `labels` is selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|e| e.holds(labels.get(&e.key)))
    }

    /// Whether it asks for the value of some label, so that what it selects was labelled for it. Without, it may
    /// select everything, and what comes later too.
    pub(crate) fn names_a_value(&self) -> bool {
        !self.match_labels.is_empty() || self.match_expressions.iter().any(|e| e.operator == Operator::In)
    }

    pub(crate) fn check(&self, field: &str, report: &mut Report) {
        report.check(self.match_labels.len() + self.match_expressions.len() <= MOST, field, PARTS);
        for (key, value) in &self.match_labels {
            let field = format!("{field}.matchLabels.{key}");
            report.check(value.chars().count() <= LONGEST_VALUE, field, "must not be longer than 63");
        }
        for (at, e) in self.match_expressions.iter().enumerate() {
            let key = (1..=LONGEST_KEY).contains(&e.key.chars().count());
            report.check(key, format!("{field}.matchExpressions[{at}].key"), "must be 1 to 317 characters");
            let listed = matches!(e.operator, Operator::In | Operator::NotIn);
            let field = format!("{field}.matchExpressions[{at}].values");
            report.check(listed != e.values.is_empty(), &field, LISTED);
            report.at_most(&field, &e.values, MOST);
            let short = e.values.iter().all(|value| value.chars().count() <= LONGEST_VALUE);
            report.check(short, &field, "must not be longer than 63 each");
        }
    }
}

impl Expression {
    fn holds(&self, value: Option<&String>) -> bool {
        let listed = value.is_some_and(|v| self.values.contains(v));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

//! Label selectors, as Kubernetes has them; unlike its own type this one refuses unknown fields.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Report;

/// Most labels and expressions of one selector.
const MOST: usize = 16;

/// Which labels something must have; all parts must hold, and an empty selector selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels that must have these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Expression>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expression {
    /// The label.
    pub key: String,
    /// What must hold of it.
    pub operator: Operator,
    /// Values for `In` and `NotIn`; none for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
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

    pub(crate) fn check(&self, field: &str, report: &mut Report) {
        let parts = self.match_labels.len() + self.match_expressions.len();
        report.check(parts <= MOST, field, format!("may have at most {MOST} labels and expressions"));
        for (at, e) in self.match_expressions.iter().enumerate() {
            let listed = matches!(e.operator, Operator::In | Operator::NotIn);
            let field = format!("{field}.matchExpressions[{at}].values");
            report.check(listed != e.values.is_empty(), &field, "must be given with In and NotIn, and only with these");
            report.at_most(&field, &e.values, MOST);
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

//! Where a value came from, as it is printed: the object, its generation, and the path of the field.

use std::fmt;

use serde::Serialize;
use sidegate_policy::{Meta, Mode, Rank, Specificity};

/// An object and a field of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `AIProvider` or `AIPolicy`.
    pub kind: &'static str,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// `metadata.generation` of the object; from files always 1.
    pub generation: i64,
    /// Path of the field.
    pub field: String,
}

impl From<&Meta> for Source {
    fn from(meta: &Meta) -> Self {
        Self {
            kind: meta.kind.as_str(),
            namespace: meta.namespace.to_string(),
            name: meta.name.to_string(),
            generation: meta.generation,
            field: meta.field.to_string(),
        }
    }
}

impl Source {
    /// The same object, and a field inside this one.
    pub fn inside(&self, more: &str) -> Self {
        Self { field: format!("{}{more}", self.field), ..self.clone() }
    }

    /// Whether both are the same object.
    pub fn same_object(&self, other: &Self) -> bool {
        (self.kind, &self.namespace, &self.name) == (other.kind, &other.namespace, &other.name)
    }
}

impl fmt::Display for Source {
    /// `AIPolicy/shop/checkout spec.routes[fast] (generation 3)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{} {} (generation {})", self.kind, self.namespace, self.name, self.field, self.generation)
    }
}

/// The mode as it stands in a policy.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::DryRun => "DryRun",
    }
}

/// How closely an object names the pod, as a word of the documentation.
pub fn closeness(rank: Rank) -> &'static str {
    match rank.specificity {
        Specificity::Cluster => "the whole cluster",
        Specificity::OwnNamespace => "its own namespace",
        Specificity::Namespace => "a namespace by reference or label",
        Specificity::PodSelector => "pods by label",
        Specificity::ServiceAccount => "a ServiceAccount by reference",
        Specificity::Workload => "a workload by reference",
    }
}

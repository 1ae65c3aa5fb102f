//! Where a value of policy came from, and what outranks what.
//!
//! Every rule keeps its [`Meta`], so that a refusal, an explanation and an audit line can name the object
//! and field that decided. Who wins is a property of the objects, fixed by documentation, not of their order.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

/// The kinds of object that policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ObjectKind {
    /// Where calls may go, and with which keys.
    AiProvider,
    /// Who may call what, and how it is routed.
    AiPolicy,
}

impl ObjectKind {
    /// The kind as it stands in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiProvider => "AIProvider",
            Self::AiPolicy => "AIPolicy",
        }
    }
}

/// The object and field that a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Meta {
    /// Kind of the object.
    pub kind: ObjectKind,
    /// Namespace of the object.
    pub namespace: Arc<str>,
    /// Name of the object.
    pub name: Arc<str>,
    /// `metadata.generation` of the object; 0 where its source has none.
    pub generation: i64,
    /// Path of the field, for example `spec.routes[fast]`.
    pub field: Arc<str>,
}

impl fmt::Display for Meta {
    /// `AIPolicy/shop/checkout spec.routes[fast]`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.as_str(), self.namespace, self.name)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        Ok(())
    }
}

/// How closely an object names the workloads it applies to; a later variant is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Specificity {
    /// Neither references nor selectors, in the control plane's namespace: the whole cluster.
    Cluster,
    /// Neither references nor selectors: the object's own namespace.
    OwnNamespace,
    /// A reference to a Namespace, or a namespace selector.
    Namespace,
    /// A pod selector.
    PodSelector,
    /// A reference to a ServiceAccount.
    ServiceAccount,
    /// A reference to a workload.
    Workload,
}

/// The standing of an object among the others that apply to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rank {
    /// The object is in the control plane's namespace: a ceiling that no tenant's object lifts.
    pub platform: bool,
    /// How closely it names its workloads.
    pub specificity: Specificity,
}

impl Rank {
    /// Whether what this object allows also bounds what an object of rank `other` routes to: the platform
    /// bounds tenants, and within one of the two the broader object bounds the closer one.
    #[must_use]
    pub fn bounds(self, other: Self) -> bool {
        match (self.platform, other.platform) {
            (true, false) => true,
            (false, true) => false,
            _ => self.specificity < other.specificity,
        }
    }
}

//! What is wrong with the objects that the control plane was given: printed, kept, and never a reason to stop.

use std::fmt;
use std::sync::Arc;

/// The kinds of object that the control plane reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Where calls may go.
    AiProvider,
    /// Who may call what.
    AiPolicy,
    /// Keys.
    Secret,
    /// Certificates.
    ConfigMap,
    /// Labels of a namespace.
    Namespace,
    /// A pod with a sidecar.
    Pod,
    /// What leads from a pod to its workload: a ReplicaSet, Deployment, StatefulSet, DaemonSet, Job or CronJob. Its
    /// kind is part of the name.
    Owner,
}

impl Kind {
    /// Every kind, in a fixed order.
    pub const ALL: [Self; 7] =
        [Self::AiProvider, Self::AiPolicy, Self::Secret, Self::ConfigMap, Self::Namespace, Self::Pod, Self::Owner];

    /// The kind as it stands in Kubernetes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiProvider => "AIProvider",
            Self::AiPolicy => "AIPolicy",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Namespace => "Namespace",
            Self::Pod => "Pod",
            Self::Owner => "Owner",
        }
    }
}

/// Names an object; the namespace of a Namespace is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// The object of that name.
    #[must_use]
    pub fn new(kind: Kind, namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    /// `AIPolicy/shop/checkout`, `Namespace/shop`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if !self.namespace.is_empty() {
            write!(f, "/{}", self.namespace)?;
        }
        write!(f, "/{}", self.name)
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as its directory was given.
    pub file: Arc<str>,
    /// Counted from 1; 0 means the file as a whole.
    pub line: usize,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something that was asked for is not done.
    Error,
    /// It is done, but perhaps not as meant.
    Warning,
}

/// One thing that is wrong. It never holds the value of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands, when it came from a file.
    pub place: Option<Place>,
    /// The object, when it is known.
    pub object: Option<ObjectName>,
    /// Path of the field; empty for the whole.
    pub field: String,
    /// What is wrong, as a sentence.
    pub reason: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Problem {
    /// An error of a field of `object`.
    #[must_use]
    pub fn of(object: ObjectName, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            place: None,
            object: Some(object),
            field: field.into(),
            reason: reason.into(),
            severity: Severity::Error,
        }
    }

    /// An error of a line of a file.
    #[must_use]
    pub fn at(file: impl Into<Arc<str>>, line: usize, reason: impl Into<String>) -> Self {
        let place = Some(Place { file: file.into(), line });
        Self { place, object: None, field: String::new(), reason: reason.into(), severity: Severity::Error }
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

impl fmt::Display for Problem {
    /// `dir/a.yaml:12: AIProvider/shop/vllm spec.endpoint: must be …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            f.write_str(&place.file)?;
            if place.line > 0 {
                write!(f, ":{}", place.line)?;
            }
            f.write_str(": ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}")?;
            if !self.field.is_empty() {
                write!(f, " {}", self.field)?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

//! What every object has: name, identity, age; and what its validation has to know of its surroundings.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sidegate_policy::{Meta, ObjectKind};

use crate::formats;
use crate::invalid::Report;

/// What validation has to know besides the object.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The control plane's namespace.
    pub control_namespace: &'a str,
}

/// Where an accepted object came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Namespace of the object.
    pub namespace: Arc<str>,
    /// Name of the object.
    pub name: Arc<str>,
    /// `metadata.uid`.
    pub uid: Arc<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`, in nanoseconds since 1970; older objects come first.
    pub created: i128,
    /// It is in the control plane's namespace.
    pub platform: bool,
}

impl Origin {
    pub(crate) fn read(metadata: &ObjectMeta, context: &Context<'_>, report: &mut Report) -> Self {
        let text = |t: &Option<String>| Arc::<str>::from(t.as_deref().unwrap_or_default());
        let (namespace, name) = (text(&metadata.namespace), text(&metadata.name));
        report.take("metadata.name", formats::object_name(&name));
        report.take("metadata.namespace", formats::label(&namespace));
        Self {
            platform: *namespace == *context.control_namespace,
            namespace,
            name,
            uid: text(&metadata.uid),
            generation: metadata.generation.unwrap_or(0),
            created: metadata.creation_timestamp.as_ref().map_or(0, |t| t.0.as_nanosecond()),
        }
    }

    /// The source of one value of this object.
    #[must_use]
    pub fn meta(&self, kind: ObjectKind, field: impl Into<Arc<str>>) -> Meta {
        Meta {
            kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            generation: self.generation,
            field: field.into(),
        }
    }
}

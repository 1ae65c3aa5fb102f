//! What `kubectl get` shows of the objects, a line for each.
//!
//! A column is one path, so "41 of 42" takes two of them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition as Definition;

/// One column.
pub(crate) struct Column {
    name: &'static str,
    kind: &'static str,
    path: &'static str,
    description: &'static str,
    /// Shown by `-o wide` only.
    wide: bool,
}

const fn column(name: &'static str, kind: &'static str, path: &'static str, description: &'static str) -> Column {
    Column { name, kind, path, description, wide: false }
}

const ACCEPTED: &str = ".status.conditions[?(@.type==\"Accepted\")].status";
const PROGRAMMED: &str = ".status.conditions[?(@.type==\"Programmed\")].status";
const CONFLICTED: &str = ".status.conditions[?(@.type==\"Conflicted\")].status";
const AGE: Column = column("Age", "date", ".metadata.creationTimestamp", "");

pub(crate) const OF_PROVIDERS: [Column; 7] = [
    column("Dialect", "string", ".spec.dialect", "The language that it speaks."),
    Column { wide: true, ..column("Endpoint", "string", ".spec.endpoint", "Its base URL, if not its dialect's.") },
    column("Accepted", "string", ACCEPTED, "Whether the control plane takes it."),
    column("Programmed", "string", PROGRAMMED, "Whether every sidecar that may use it knows this generation."),
    column("Sidecars", "integer", ".status.sidecars.selected", "How many sidecars may use it."),
    column("Current", "integer", ".status.sidecars.programmed", "How many of them know this generation."),
    AGE,
];

pub(crate) const OF_POLICIES: [Column; 7] = [
    column("Mode", "string", ".spec.mode", "Enforce, or DryRun, which changes no call."),
    column("Accepted", "string", ACCEPTED, "Whether the control plane takes it."),
    column("Programmed", "string", PROGRAMMED, "Whether every sidecar that it selects enforces this generation."),
    Column { wide: true, ..column("Conflicted", "string", CONFLICTED, "Whether a part is without effect.") },
    column("Sidecars", "integer", ".status.sidecars.selected", "How many sidecars it selects."),
    column("Current", "integer", ".status.sidecars.programmed", "How many of them enforce this generation."),
    AGE,
];

impl Column {
    pub(crate) fn definition(&self) -> Definition {
        Definition {
            name: self.name.to_owned(),
            type_: self.kind.to_owned(),
            json_path: self.path.to_owned(),
            description: (!self.description.is_empty()).then(|| self.description.to_owned()),
            priority: self.wide.then_some(1),
            format: None,
        }
    }
}

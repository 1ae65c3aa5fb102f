//! `sidegate crds`: what an API server has to be given before it takes the project's objects, as YAML for
//! `kubectl apply --server-side -f -`. It asks no cluster.

use std::io::{self, Write};

use thiserror::Error;

/// Flags of `sidegate crds`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Namespace of the control plane: only objects there may lift network rules and reach beyond their namespace.
    #[arg(long, default_value = "sidegate-system", value_parser = namespace)]
    namespace: String,
}

/// Why nothing is printed.
#[derive(Debug, Error)]
pub enum CrdsError {
    /// A definition has no form in JSON.
    #[error("cannot describe the objects: {0}")]
    Json(#[from] serde_json::Error),
    /// Nor in YAML.
    #[error("cannot describe the objects: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// Nobody reads it.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

fn namespace(text: &str) -> Result<String, &'static str> {
    sidegate_crds::formats::label(text).map(|()| text.to_owned())
}

/// Prints the definitions and the admission policies.
pub fn run(arguments: &Arguments) -> Result<(), CrdsError> {
    let mut out = io::stdout().lock();
    writeln!(out, "# Printed by `sidegate crds --namespace {}`; do not edit.", arguments.namespace)?;
    for manifest in sidegate_crds::manifests(&arguments.namespace)? {
        write!(out, "---\n{}", serde_yaml::to_string(&manifest)?)?;
    }
    Ok(())
}
